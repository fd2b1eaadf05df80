"""What an Outcome asks of the API server, before anything is written: pure, and shared by `apply` and by whoever announces it."""

from collections.abc import Collection, Iterable, Sequence

from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Child, Outcome
from kservectl.runtime.view import View


def child_body(owner: Object, desired: Object, kind: Kind, *, shared: bool) -> Object:
    """`desired` as it is applied: in its namespace, and controlled by `owner` unless it is shared."""
    inner = dict(desired["metadata"])
    if kind.namespaced and not inner.get("namespace"):
        inner["namespace"] = metadata.namespace(owner)
    if not shared:
        inner["ownerReferences"] = [metadata.controller_reference(owner)]
    return {**desired, "metadata": inner}


def stranger(owner: Object, body: Object, kind: Kind, live: Object, *, adopts: bool) -> str:
    """Why `live`, which has the name of the child `body`, may not be written, in a sentence; empty when it may.

    `adopts` says whether an object of the kind without any controller may be taken over.
    """
    if "ownerReferences" not in body["metadata"] or metadata.is_controlled_by(live, metadata.uid(owner)):
        return ""
    controller = metadata.controller_of(live)
    if controller is None and adopts:
        return ""
    whose = f"is controlled by {controller['kind']} {controller['name']}" if controller else "has no controller"
    return (
        f"{kind.kind} {metadata.key(live)} exists and is not owned by {metadata.describe(owner)} (it {whose}); it was left "
        f"untouched. Rename or delete one of the two"
    )


def leftovers(
    owner: Object, owns: Iterable[Kind], wanted: Collection[Child], view: View
) -> Sequence[tuple[Kind, Object]]:
    """What `owner` controls and nobody wants: it is deleted when the outcome is complete."""
    return [
        (kind, obj)
        for kind in owns
        for obj in view.owned(kind, metadata.uid(owner))
        if (kind, metadata.key(obj)) not in wanted and not metadata.is_deleting(obj)
    ]


def owner_patch(owner: Object, outcome: Outcome) -> Object | None:
    """The merge patch that brings finalizers, annotations and labels of `owner` to what is asked for; None for none."""
    patch: Object = {}
    present = list(metadata.metadata(owner).get("finalizers") or ())
    missing = [name for name in outcome.finalizers or () if name not in present]
    if missing and not metadata.is_deleting(owner):
        patch["finalizers"] = present + missing
    for part, wanted, found in (
        ("annotations", outcome.annotations, metadata.annotations(owner)),
        ("labels", outcome.labels, metadata.labels(owner)),
    ):
        changed = {name: value for name, value in wanted.items() if found.get(name) != value}
        if changed:
            patch[part] = changed
    return {"metadata": patch} if patch else None
