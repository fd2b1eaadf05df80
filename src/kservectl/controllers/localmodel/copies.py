"""The copy of one model on each node that should have it: its state, how far it has come, and what is in the way."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from kservectl.api.kinds import LOCAL_MODEL_NODE
from kservectl.controllers.localmodel.cache import Cache, key_of, models_of
from kservectl.controllers.localmodel.group import Groups
from kservectl.controllers.localmodel.node import is_ready
from kservectl.controllers.localmodel.room import EVICTED
from kservectl.controllers.localmodel.turns import QUEUED
from kservectl.objects import metadata
from kservectl.objects.kind import NODE
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

NOT_READY = "NodeNotReady"
PENDING = "NodeDownloadPending"
DOWNLOADING = "NodeDownloading"
DOWNLOADED = "NodeDownloaded"
ERROR = "NodeDownloadError"

_STATES = {
    "ModelDownloadPending": PENDING,
    "ModelDownloading": DOWNLOADING,
    "ModelDownloaded": DOWNLOADED,
    "ModelDownloadError": ERROR,
}


@dataclass(frozen=True, slots=True)
class Copy:
    """The model on one node.

    `waits` is why it has no room there, if that is so; `answered` is whether the node's agent has seen the order for it;
    sizes are in bytes; `estimate` is when the download ends, RFC 3339, where that is known.
    """

    node: str
    state: str
    reason: str = ""
    message: str = ""
    waits: str = ""
    answered: bool = True
    downloaded: int = 0
    total: int = 0
    estimate: str = ""


def copies(cache: Cache, of: Groups, view: View) -> list[Copy]:
    """The copies of `cache`, by node: one for each node that belongs to one of its groups."""
    return list(_copies(cache, of, view))


def nodes_told(cache: Cache, view: View) -> list[Object]:
    """The LocalModelNodes that still name the cache."""
    return [order for order in view.list(LOCAL_MODEL_NODE) if _entry(order, cache.key) or _waiting(order, cache.key)]


def _copies(cache: Cache, of: Groups, view: View) -> Iterator[Copy]:
    before: Mapping[str, Any] = cache.status.get("nodeStatus") or {}
    size = int(cache.size)
    for node in view.list(NODE):
        if of.of_node(node) is None:
            continue
        name = metadata.name(node)
        order = view.get(LOCAL_MODEL_NODE, name)
        if order is not None and (waiting := _waiting(order, cache.key)) is not None:
            reason = str(waiting.get("reason") or "")
            if reason == QUEUED:
                yield Copy(name, PENDING, reason, str(waiting.get("message") or ""), total=size)
                continue
            state = PENDING if reason == EVICTED else ERROR
            yield Copy(name, state, reason, str(waiting.get("message") or ""), waits=reason, total=size)
        elif order is not None and _is_listed(order, cache.key):
            yield _copy(name, order, cache)
        elif is_ready(node):
            yield Copy(name, PENDING, answered=False, total=size)
        else:
            yield Copy(name, str(before.get(name) or NOT_READY), total=size)


def _copy(node: str, order: Object, cache: Cache) -> Copy:
    status = order.get("status") or {}
    state = _STATES.get(str((status.get("modelStatus") or {}).get(cache.key)), PENDING)
    known: Mapping[str, Any] = (status.get("models") or {}).get(cache.key) or {}
    total = _number(known.get("totalBytes")) or int(cache.size)
    downloaded = total if state == DOWNLOADED else min(_number(known.get("downloadedBytes")), total)
    return Copy(
        node,
        state,
        str(known.get("reason") or ""),
        str(known.get("message") or ""),
        answered=cache.key in (status.get("modelStatus") or {}),
        downloaded=downloaded,
        total=total,
        estimate=str(known.get("estimatedCompletionTime") or "") if state == DOWNLOADING else "",
    )


def _is_listed(order: Object, key: str) -> bool:
    status = order.get("status") or {}
    if status.get("observedGeneration") == metadata.generation(order):
        return key in (status.get("modelStatus") or {})  # exactly the listed ones
    return _entry(order, key) is not None


def _entry(order: Object, key: str) -> Mapping[str, Any] | None:
    return next((entry for entry in models_of(order) if key_of(entry) == key), None)


def _waiting(order: Object, key: str) -> Mapping[str, Any] | None:
    return next((entry for entry in models_of(order, "waitingModels") if key_of(entry) == key), None)


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def average(done: int, total: int) -> int:
    """The percentage, rounded down: 100 only when nothing is missing."""
    return int(Fraction(100 * done, total)) if total else 0
