"""Stopping a service: the annotation `serving.kserve.io/stop` takes everything away that runs, and nothing else.

A stopped service keeps its spec, its finalizer, its deployment mode and the name of its runtime. It is stopped first and
looked at afterwards, so that a spec that cannot be built can still be stopped.
"""

from collections.abc import Iterable, Mapping

from kservectl.controllers.inferenceservice import model_status
from kservectl.controllers.inferenceservice.component import Role
from kservectl.controllers.inferenceservice.runtime_selection import Runtime
from kservectl.controllers.inferenceservice.status import (
    CANARY_READY,
    COMPONENT_READY,
    INGRESS_READY,
    STOPPED,
    StatusDraft,
)

STOP_ANNOTATION = "serving.kserve.io/stop"

_REASON = "Stopped"


def is_stopped(annotations: Mapping[str, str]) -> bool:
    return annotations.get(STOP_ANNOTATION, "").lower() == "true"


def mark_stopped(
    draft: StatusDraft, roles: Iterable[Role], runtime: Runtime | None, *, with_canary: bool = False
) -> None:
    """Turn the draft into the status of a stopped service with components of these `roles`."""
    draft.forget()
    for role in roles:
        draft.conditions.mark_false(COMPONENT_READY[role], _REASON)
    if with_canary:
        draft.conditions.mark_false(CANARY_READY, _REASON)
    draft.conditions.mark_false(INGRESS_READY, _REASON)
    draft.conditions.mark_true(STOPPED)
    draft.model_status = model_status.EMPTY
    draft.set_runtime(runtime)


def mark_running(draft: StatusDraft) -> None:
    """Say that the service is not stopped; the steps that follow say everything else anew."""
    draft.conditions.mark_false(STOPPED)
