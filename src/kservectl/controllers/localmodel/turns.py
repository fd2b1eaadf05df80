"""Whose turn it is to download a model that only so many nodes may download at once (`maxParallelDownloads` of a cache).

Every node is decided by itself, and all come to the same answer: of the nodes that still have to be told of the model, as many
of the first by name may begin as are left of the limit. What is under way is read from what nodes are told and answer.
"""

from collections.abc import Iterable, Mapping

from kservectl.api.kinds import LOCAL_MODEL_NODE
from kservectl.controllers.localmodel import group as groups
from kservectl.controllers.localmodel.cache import Cache, caches, key_of, models_of
from kservectl.controllers.localmodel.node import is_ready, tells
from kservectl.informers import Change
from kservectl.objects import metadata
from kservectl.objects.kind import NODE
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.view import View

QUEUED = "Queued"

_ENDED = ("ModelDownloaded", "ModelDownloadError")
_UNDER_WAY = "under way"
_NOTHING = ""


def may_begin(cache: Cache, node: Object, view: View) -> bool:
    """Whether `node`, which is to be told of `cache` now, may download it beside those that do."""
    limit = cache.max_parallel
    if limit is None:
        return True
    name, before, under_way = metadata.name(node), 0, 0
    for other, stand in _stands(cache, view):
        under_way += stand == _UNDER_WAY
        before += stand in (_NOTHING, QUEUED) and other < name
    return before < limit - under_way


def why_not(cache: Cache) -> str:
    """What a node is told that has to wait."""
    return f"at most {cache.max_parallel} node(s) download {cache.key} at once (maxParallelDownloads), and others are first"


def next_of_order(change: Change, view: View) -> Iterable[ObjectKey]:
    """The nodes whose turn it is when one has ended its download, or lost its place."""
    if change.initial:
        return ()
    return _next([cache for cache in caches(view) if cache.max_parallel and _makes_room(change, cache.key)], view)


def next_of_node(change: Change, view: View) -> Iterable[ObjectKey]:
    """The nodes whose turn it is when one came, went, or is ready otherwise than before."""
    if change.initial or not tells(change):
        return ()
    return _next([cache for cache in caches(view) if cache.max_parallel], view)


def _next(wanted: Iterable[Cache], view: View) -> list[ObjectKey]:
    found: dict[ObjectKey, None] = {}
    for cache in wanted:
        queued = sorted(name for name, stand in _stands(cache, view) if stand == QUEUED)
        found |= {ObjectKey("", name): None for name in queued[: cache.max_parallel]}
    return list(found)


def _makes_room(change: Change, key: str) -> bool:
    before, now = (_NOTHING if order is None else _stand(order, key) for order in (change.old, change.new))
    return before != now and before in (_NOTHING, _UNDER_WAY) and now not in (_UNDER_WAY, QUEUED)


def _stands(cache: Cache, view: View) -> Iterable[tuple[str, str]]:
    """Every ready node on which `cache` belongs, and how far it is with it."""
    of = groups.named(cache.groups, view)
    for node in view.list(NODE):
        if is_ready(node) and of.of_node(node) is not None:
            order = view.get(LOCAL_MODEL_NODE, metadata.name(node))
            yield metadata.name(node), _NOTHING if order is None else _stand(order, cache.key)


def _stand(order: Object, key: str) -> str:
    """`under way`, the state in which a download ended, the reason why the node waits, or nothing."""
    if _entry(order, "localModels", key) is not None:
        state = str(((order.get("status") or {}).get("modelStatus") or {}).get(key) or "")
        return state if state in _ENDED else _UNDER_WAY
    return str((_entry(order, "waitingModels", key) or {}).get("reason") or _NOTHING)


def _entry(order: Object, part: str, key: str) -> Mapping[str, object] | None:
    return next((entry for entry in models_of(order, part) if key_of(entry) == key), None)
