"""Marks an InferenceService whose model is cached on nodes, so that its pods read the cache and download nothing.

The mark is two labels and two annotations that only this module writes: without a cache that fits, all four go. A cache
fits when its `sourceModelUri` is the service's storage URI or a folder above it; of several the closest one wins, and one
of the service's own namespace wins over one of the cluster.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kservectl.admission.inferenceservice.implementations import block, text
from kservectl.api.kinds import LOCAL_MODEL_CACHE, LOCAL_MODEL_NAMESPACE_CACHE
from kservectl.modelstorage.local_model import (
    CACHE_LABEL,
    CACHE_NAMESPACE_LABEL,
    CLAIM_ANNOTATION,
    LONGEST_CACHE_NAME,
    SOURCE_ANNOTATION,
    serving_claim,
)
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View


@dataclass(frozen=True, slots=True)
class LocalModelCaches:
    """The caches an InferenceService may use: those of its namespace, and those of the cluster."""

    namespaced: Sequence[Object] = ()
    cluster: Sequence[Object] = ()


@dataclass(frozen=True, slots=True)
class CachedModel:
    """A cache that fits, and the node group of it whose volume the pods mount."""

    cache: Object
    node_group: str

    @property
    def claim(self) -> str:
        return serving_claim(metadata.name(self.cache), self.node_group)


def caches_in(view: View, namespace: str) -> LocalModelCaches:
    """What the caches hold now; nothing while the cluster does not serve the kinds."""
    return LocalModelCaches(
        namespaced=view.list(LOCAL_MODEL_NAMESPACE_CACHE, namespace)
        if view.served(LOCAL_MODEL_NAMESPACE_CACHE)
        else (),
        cluster=view.list(LOCAL_MODEL_CACHE) if view.served(LOCAL_MODEL_CACHE) else (),
    )


def cached_model(storage_uri: str | None, node_group: str, caches: LocalModelCaches) -> CachedModel | None:
    """The cache to use for `storage_uri`, in `node_group` if that is not empty."""
    if not storage_uri:
        return None
    return _closest(storage_uri, node_group, caches.namespaced) or _closest(storage_uri, node_group, caches.cluster)


def mark(meta: Object, found: CachedModel | None) -> None:
    """Make labels and annotations of `meta` (a private copy) say which cache is used, or that none is."""
    annotations: dict[str, str | None] = {SOURCE_ANNOTATION: None, CLAIM_ANNOTATION: None}
    labels: dict[str, str | None] = {CACHE_LABEL: None, CACHE_NAMESPACE_LABEL: None}
    if found is not None:
        labels[CACHE_LABEL] = metadata.name(found.cache)
        labels[CACHE_NAMESPACE_LABEL] = metadata.namespace(found.cache) or None
        annotations[SOURCE_ANNOTATION] = text(block(found.cache, "spec"), "sourceModelUri")
        annotations[CLAIM_ANNOTATION] = found.claim
    _write(meta, "labels", labels)
    _write(meta, "annotations", annotations)


def _closest(storage_uri: str, node_group: str, caches: Iterable[Object]) -> CachedModel | None:
    best: CachedModel | None = None
    best_length = -1
    for cache in caches:
        source = text(block(cache, "spec"), "sourceModelUri").rstrip("/")
        group = _group(cache, node_group)
        wanted = storage_uri.rstrip("/")
        if metadata.is_deleting(cache) or len(metadata.name(cache)) > LONGEST_CACHE_NAME:
            continue  # on its way out, or not to be named in a label
        if group and source and (wanted == source or wanted.startswith(source + "/")) and len(source) > best_length:
            best, best_length = CachedModel(cache, group), len(source)
    return best


def _group(cache: Object, wanted: str) -> str:
    groups: Any = (block(cache, "spec") or {}).get("nodeGroups")
    names = [group for group in groups if isinstance(group, str)] if isinstance(groups, list) else []
    if wanted:
        return wanted if wanted in names else ""
    return names[0] if names else ""


def _write(meta: Object, field: str, values: dict[str, str | None]) -> None:
    current = block(meta, field) or {}
    changed = {key: value for key, value in current.items() if values.get(key, value) is not None}
    changed |= {key: value for key, value in values.items() if value is not None}
    if changed != current:
        meta[field] = changed
