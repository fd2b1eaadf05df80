"""LocalModelNodeGroups: which nodes belong to one, and how much of a node's disk it may take."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from kservectl.api.kinds import LOCAL_MODEL_NODE_GROUP
from kservectl.controllers.localmodel import affinity
from kservectl.controllers.localmodel.cache import bytes_of
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

LEAST_RECENTLY_USED = "LeastRecentlyUsed"


@dataclass(frozen=True, slots=True)
class Group:
    """One group. `limit` is in bytes for each node; None where the spec has none that can be read."""

    name: str
    limit: Fraction | None
    evicts: bool
    max_parallel_downloads: int | None
    volume: Mapping[str, Any]
    claim: Mapping[str, Any]

    def has(self, node: Object) -> bool:
        return affinity.matches(self.volume.get("nodeAffinity"), node)


def read(obj: Object) -> Group:
    spec = obj.get("spec") or {}
    limit = bytes_of(spec.get("storageLimit"))
    return Group(
        metadata.name(obj),
        limit if limit > 0 else None,
        spec.get("evictionPolicy") == LEAST_RECENTLY_USED,
        spec.get("maxParallelDownloads"),
        spec.get("persistentVolumeSpec") or {},
        spec.get("persistentVolumeClaimSpec") or {},
    )


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups that a cache names, in its order, and the names of those that do not exist."""

    found: tuple[Group, ...]
    missing: tuple[str, ...]

    def of_node(self, node: Object) -> Group | None:
        """The group through which the node gets the model: the first that it belongs to."""
        return next((group for group in self.found if group.has(node)), None)


def named(names: Iterable[str], view: View) -> Groups:
    objects = {name: view.get(LOCAL_MODEL_NODE_GROUP, name) for name in dict.fromkeys(names)}
    return Groups(
        tuple(read(obj) for obj in objects.values() if obj is not None),
        tuple(name for name, obj in objects.items() if obj is None),
    )


def every(view: View) -> Sequence[Group]:
    """All groups of the cluster."""
    if not view.served(LOCAL_MODEL_NODE_GROUP):
        return ()
    return [read(obj) for obj in view.list(LOCAL_MODEL_NODE_GROUP)]
