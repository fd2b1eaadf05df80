"""The versions of a service's spec that were Ready, as ControllerRevisions (apps/v1) that the service owns.

They are kept as StatefulSets keep theirs: the content never changes, a version that becomes Ready once more gets the highest
number instead of a second copy, and only so many are kept.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kservectl.controllers.inferenceservice.component_metadata import SERVICE_LABEL
from kservectl.objects import metadata
from kservectl.objects.kind import CONTROLLER_REVISION
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

LIMIT = 10
"""How many versions are kept."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One version that was Ready: the name of its object, its number (the newest has the highest), and the spec."""

    name: str
    number: int
    spec: Object


def history_of(service: Object, view: View) -> list[Revision]:
    """The versions of `service`, oldest first."""
    found = []
    for obj in view.owned(CONTROLLER_REVISION, metadata.uid(service)):
        spec = (obj.get("data") or {}).get("spec")
        if isinstance(spec, dict) and not metadata.is_deleting(obj):
            found.append(Revision(metadata.name(obj), int(obj.get("revision") or 0), spec))
    return sorted(found, key=lambda revision: (revision.number, revision.name))


def with_present(service: Object, history: Sequence[Revision]) -> list[Revision]:
    """`history` with the spec that `service` has now as its newest version, cut to the limit."""
    spec: Object = service.get("spec") or {}
    if history and history[-1].spec == spec:
        return list(history)
    number = history[-1].number + 1 if history else 1
    others = [revision for revision in history if revision.spec != spec]
    return [*others, Revision(revision_name(service, spec), number, spec)][-LIMIT:]


def objects(service: Object, history: Sequence[Revision]) -> list[Object]:
    """The ControllerRevisions of `history`."""
    return [
        {
            "apiVersion": CONTROLLER_REVISION.api_version,
            "kind": CONTROLLER_REVISION.kind,
            "metadata": {
                "name": revision.name,
                "namespace": metadata.namespace(service),
                "labels": {SERVICE_LABEL: metadata.name(service)},
            },
            "data": {"spec": revision.spec},
            "revision": revision.number,
        }
        for revision in history
    ]


def revision_name(service: Object, spec: Any) -> str:
    """What the ControllerRevision of this version of `service` is called: its content decides."""
    canonical = json.dumps(spec, sort_keys=True, separators=(",", ":"))
    return f"{metadata.name(service)}-{hashlib.sha256(canonical.encode()).hexdigest()[:10]}"
