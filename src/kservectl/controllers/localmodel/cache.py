"""A LocalModelCache or LocalModelNamespaceCache as decisions read it: the same but for a namespace.

Reading never fails: what a person wrote wrong reads as absent, and the cache's own controller tells of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from kservectl.api.kinds import LOCAL_MODEL_CACHE, LOCAL_MODEL_NAMESPACE_CACHE
from kservectl.modelstorage.local_model import storage_key
from kservectl.objects import metadata, quantity
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View


@dataclass(frozen=True, slots=True)
class Cache:
    """One cache. `namespace` is empty for one of the cluster; `size` is in bytes."""

    obj: Object
    name: str
    namespace: str
    source: str
    groups: tuple[str, ...]
    size: Fraction

    @property
    def key(self) -> str:
        """What the model is called in the status of nodes."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def folder(self) -> str:
        """The folder that it shares with every cache of the same source."""
        return storage_key(self.source)

    @property
    def max_parallel(self) -> int | None:
        """How many nodes may download it at once; None for all of them."""
        limit = (self.obj.get("spec") or {}).get("maxParallelDownloads")
        return limit if isinstance(limit, int) and limit > 0 else None

    @property
    def is_leaving(self) -> bool:
        return metadata.is_deleting(self.obj)

    @property
    def status(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.obj.get("status") or {}
        return found

    @property
    def is_used(self) -> bool:
        """Whether its status lists a service."""
        return bool(self.status.get("inferenceServices") or self.status.get("llmInferenceServices"))

    @property
    def last_used(self) -> str:
        """When it was last used, or made: RFC 3339, which sorts as text."""
        return str(self.status.get("lastUsedTime") or self.created)

    @property
    def created(self) -> str:
        return str(metadata.metadata(self.obj).get("creationTimestamp") or "")

    def entry(self, node_group: str) -> Object:
        """What a node that is to keep the model is told."""
        spec = self.obj.get("spec") or {}
        told = {
            "modelName": self.name,
            "namespace": self.namespace,
            "sourceModelUri": self.source,
            "nodeGroup": node_group,
            "modelSize": spec.get("modelSize"),
            **{name: spec.get(name) for name in ("serviceAccountName", "storage", "checksums")},
        }
        return {name: value for name, value in told.items() if value}


def read(obj: Object) -> Cache:
    spec = obj.get("spec") or {}
    groups = spec.get("nodeGroups")
    return Cache(
        obj,
        metadata.name(obj),
        metadata.namespace(obj),
        str(spec.get("sourceModelUri") or ""),
        tuple(str(group) for group in groups) if isinstance(groups, list) else (),
        bytes_of(spec.get("modelSize")),
    )


def caches(view: View) -> list[Cache]:
    """Every cache of the cluster and of its namespaces."""
    kinds = (LOCAL_MODEL_CACHE, LOCAL_MODEL_NAMESPACE_CACHE)
    return [read(obj) for kind in kinds if view.served(kind) for obj in view.list(kind)]


def bytes_of(value: object) -> Fraction:
    """A quantity of bytes; 0 for what is none."""
    try:
        return quantity.parse(value)
    except quantity.InvalidQuantity:
        return Fraction(0)


def key_of(entry: Mapping[str, Any]) -> str:
    """The status key of an entry in `localModels` or `waitingModels`."""
    name, namespace = str(entry.get("modelName") or ""), entry.get("namespace")
    return f"{namespace}/{name}" if namespace else name


def models_of(order: Object | None, part: str = "localModels") -> Iterable[Mapping[str, Any]]:
    """The entries of a LocalModelNode."""
    found: Iterable[Mapping[str, Any]] = ((order or {}).get("spec") or {}).get(part) or ()
    return found
