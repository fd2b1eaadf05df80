"""An object with everything it owns, and how each part is doing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kservectl.inspection import model_cache
from kservectl.inspection.state import State, state
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

_ORDER = (
    "Deployment",
    "ReplicaSet",
    "Pod",
    "Service",
    "HorizontalPodAutoscaler",
    "ScaledObject",
    "HTTPRoute",
    "Ingress",
)


@dataclass(frozen=True, slots=True)
class Node:
    """One object of the tree; `children` are those whose controller it is, in a fixed order."""

    obj: Object
    state: State
    children: tuple["Node", ...] = ()

    def document(self) -> Object:
        """The tree as JSON-ready data, for `-o json`."""
        return {
            "kind": self.obj.get("kind"),
            "namespace": metadata.namespace(self.obj),
            "name": metadata.name(self.obj),
            "ready": self.state.ready,
            "state": self.state.text,
            "detail": self.state.detail,
            "children": [child.document() for child in self.children],
        }


def tree(root: Object, objects: Iterable[Object]) -> Node:
    """The tree below `root` within `objects`; ownership is the controller ownerReference.

    A model cache has more below it: its copies on nodes, and the volumes that it cannot own.
    """
    objects = list(objects)
    by_owner: dict[str, list[Object]] = {}
    for obj in objects:
        reference = metadata.controller_of(obj)
        if reference is not None:
            by_owner.setdefault(str(reference.get("uid")), []).append(obj)
    found = _node(root, by_owner, frozenset())
    volumes = tuple(Node(obj, state(obj)) for obj in sorted(model_cache.unowned(root, objects), key=_rank))
    copies = tuple(Node(obj, told) for obj, told in model_cache.copies(root, objects))
    return replace(found, children=(*found.children, *volumes, *copies))


def _node(obj: Object, by_owner: Mapping[str, Sequence[Object]], above: frozenset[str]) -> Node:
    uid = metadata.uid(obj)
    children = () if uid in above else sorted(by_owner.get(uid, ()), key=_rank)
    return Node(obj, state(obj), tuple(_node(child, by_owner, above | {uid}) for child in children))


def _rank(obj: Object) -> tuple[int, str, str]:
    kind = str(obj.get("kind"))
    return (_ORDER.index(kind) if kind in _ORDER else len(_ORDER), kind, metadata.name(obj))
