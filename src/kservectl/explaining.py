"""Why an object is, or is not, Ready: the decision that the manager makes, made again on what a cluster holds now.

The cluster is only read. The answer is what `reconcile` itself says, so it can never disagree with what the manager does.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kservectl.api.kinds import (
    GATEWAY,
    INFERENCE_GRAPH,
    INFERENCE_SERVICE,
    LOCAL_MODEL_CACHE,
    LOCAL_MODEL_NAMESPACE_CACHE,
    TRAINED_MODEL,
)
from kservectl.api.reasons import next_step
from kservectl.assembly import CONTROLLERS
from kservectl.client.client import Client
from kservectl.client.errors import NotFound
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.controller import Controller
from kservectl.runtime.outcome import Explanation
from kservectl.runtime.view import StaticView

_CONTROLLER_OF: Mapping[Kind, str] = {
    INFERENCE_SERVICE: "inferenceservice",
    INFERENCE_GRAPH: "inferencegraph",
    TRAINED_MODEL: "trainedmodel",
    LOCAL_MODEL_CACHE: "localmodelcache",
    LOCAL_MODEL_NAMESPACE_CACHE: "localmodelnamespacecache",
}

_SHARED_BY_NAMESPACES = frozenset({GATEWAY})
"""Namespaced kinds whose objects serve those of other namespaces."""


class Unexplained(Exception):
    """No controller of kservectl decides objects of this kind."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`ready` by the object's own status; what stands in the way comes first in `explanations`."""

    obj: Object
    ready: bool
    explanations: tuple[Explanation, ...]

    def document(self) -> Object:
        """For `-o json`."""
        return {
            "ready": self.ready,
            "explanations": [
                {
                    "about": each.about,
                    "message": each.message,
                    "reason": each.reason,
                    "ok": each.ok,
                    "nextStep": each.next_step,
                }
                for each in self.explanations
            ],
        }


def controller_for(kind: Kind, settings: Settings) -> Controller:
    """The controller that decides objects of `kind`; raises Unexplained."""
    if kind not in _CONTROLLER_OF:
        raise Unexplained(f"kservectl makes no decisions about {kind.plural}; try: kubectl describe {kind.plural}")
    return CONTROLLERS[_CONTROLLER_OF[kind]](settings)


async def explain(
    client: Client, kind: Kind, name: str, namespace: str, *, settings: Settings, now: datetime
) -> Answer:
    """Look and decide; raises Unexplained, NotFound, and other ClientErrors."""
    controller = controller_for(kind, settings)
    obj = await client.get(kind, name, namespace)
    view = await snapshot(client, controller, namespace, now=now)
    outcome = controller.reconcile(obj, view)
    conditions = (obj.get("status") or {}).get("conditions") or ()
    ready = any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
    # What a person can do something about is nearest to the cause; conditions that merely follow from it come after.
    ordered = sorted(outcome.explanations, key=lambda each: (each.ok, not each.next_step))
    return Answer(obj, ready, tuple(map(_with_step, ordered)))


def _with_step(said: Explanation) -> Explanation:
    """What can be done about the reason in general, where the decision knows of nothing that fits the object better."""
    return said if said.ok or said.next_step else replace(said, next_step=next_step(said.reason))


async def snapshot(client: Client, controller: Controller, namespace: str, *, now: datetime) -> StaticView:
    """What the controller's caches would hold of one namespace, and of the cluster."""
    selections = [
        (controller.kind, namespace, "", ""),
        *((owned.kind, namespace, owned.label_selector, owned.field_selector) for owned in controller.owns),
    ]
    for watched in controller.watches:
        shared = not watched.kind.namespaced or watched.kind in _SHARED_BY_NAMESPACES
        where = watched.namespace or ("" if shared else namespace)
        selections.append((watched.kind, where, watched.label_selector, watched.field_selector))

    async def read(kind: Kind, where: str, labels: str, fields: str) -> tuple[Kind, Sequence[Object]] | None:
        try:
            answer = await client.list(kind, where, label_selector=labels, field_selector=fields)
        except NotFound:
            return None  # a third party's kind that is not installed
        return kind, [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in answer["items"]]

    found = await asyncio.gather(*(read(*selection) for selection in selections))
    served = [each for each in found if each is not None]
    return StaticView([obj for _, objects in served for obj in objects], kinds={kind for kind, _ in served}, now=now)
