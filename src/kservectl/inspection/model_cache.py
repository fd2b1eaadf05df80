"""What belongs to a model cache beside what it owns: its copy on each node, and volumes that it cannot own."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kservectl.inspection.state import State
from kservectl.modelstorage.local_model import CACHE_LABEL, CACHE_NAMESPACE_LABEL
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

_CACHES = frozenset({"LocalModelCache", "LocalModelNamespaceCache"})
_VOLUMES = frozenset({"PersistentVolume", "PersistentVolumeClaim"})


def copies(cache: Object, objects: Iterable[Object]) -> Iterator[tuple[Object, State]]:
    """The LocalModelNodes that name the cache, each with the state of this one model."""
    if cache.get("kind") not in _CACHES:
        return
    key = str(metadata.key(cache))
    for obj in objects:
        if obj.get("kind") == "LocalModelNode":
            spec = obj.get("spec") or {}
            waiting = _entry(spec.get("waitingModels"), key)
            if waiting is not None:
                yield obj, State(False, "no room", str(waiting.get("message") or waiting.get("reason") or ""))
            elif _entry(spec.get("localModels"), key) is not None:
                yield obj, _state(obj.get("status") or {}, key)


def unowned(cache: Object, objects: Iterable[Object]) -> Iterator[Object]:
    """The volumes and claims with the labels of a namespaced cache that have no owner."""
    if cache.get("kind") != "LocalModelNamespaceCache":
        return
    wanted = {CACHE_LABEL: metadata.name(cache), CACHE_NAMESPACE_LABEL: metadata.namespace(cache)}.items()
    for obj in objects:
        if (
            obj.get("kind") in _VOLUMES
            and metadata.controller_of(obj) is None
            and wanted <= metadata.labels(obj).items()
        ):
            yield obj


def _state(status: Mapping[str, Any], key: str) -> State:
    state = str((status.get("modelStatus") or {}).get(key) or "")
    known = (status.get("models") or {}).get(key) or {}
    if state == "ModelDownloaded":
        return State(True, "downloaded")
    text = {"ModelDownloading": "downloading", "ModelDownloadError": "failed"}.get(state, "pending")
    if "percent" in known and state == "ModelDownloading":
        text += f", {known['percent']} %"
    return State(False, text, str(known.get("message") or ""))


def _entry(entries: Iterable[Mapping[str, Any]] | None, key: str) -> Mapping[str, Any] | None:
    for entry in entries or ():
        if "/".join(part for part in (entry.get("namespace"), entry.get("modelName")) if part) == key:
            return entry
    return None
