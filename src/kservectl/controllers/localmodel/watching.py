"""Which caches, groups and nodes a change of something else concerns.

What the caches held at the start concerns nobody by itself: every key is decided then anyway.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from kservectl.api.config import CONFIG_MAP_NAME
from kservectl.api.kinds import LOCAL_MODEL_NODE_GROUP
from kservectl.controllers.localmodel import cache as caches
from kservectl.controllers.localmodel import group as groups
from kservectl.controllers.localmodel import node
from kservectl.controllers.localmodel.cache import key_of, models_of
from kservectl.controllers.localmodel.scope import Scope
from kservectl.informers import Change
from kservectl.modelstorage.local_model import CACHE_LABEL, CACHE_NAMESPACE_LABEL, NODE_GROUP_ANNOTATION
from kservectl.objects import metadata
from kservectl.objects.kind import NODE, Kind
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.controller import ToKeys
from kservectl.runtime.predicates import more_than_status_changed
from kservectl.runtime.view import View


def caches_of_node(scope: Scope) -> ToKeys:
    """The caches one of whose groups a node belongs to, or did, when it comes, goes, or changes in what counts."""

    def to_keys(change: Change, view: View) -> Iterable[ObjectKey]:
        if change.initial or not node.tells(change):
            return ()
        known = [known for known in (change.old, change.new) if known is not None]
        of_node = {group.name for group in groups.every(view) if any(group.has(each) for each in known)}
        return _caches_naming(of_node, scope, view)

    return to_keys


def caches_of_group(scope: Scope) -> ToKeys:
    """The caches that name a group."""

    def to_keys(change: Change, view: View) -> Iterable[ObjectKey]:
        if change.initial or not more_than_status_changed(change):
            return ()
        return _caches_naming({metadata.name(change.object)}, scope, view)

    return to_keys


def caches_of_order(scope: Scope) -> ToKeys:
    """The caches for which a LocalModelNode says something else now."""

    def to_keys(change: Change, view: View) -> Iterable[ObjectKey]:
        if change.initial:
            return ()
        old, new = _by_key(change.old), _by_key(change.new)
        changed = (key for key in {**old, **new} if old.get(key) != new.get(key))
        keys = (ObjectKey(namespace, name) for namespace, _, name in (key.rpartition("/") for key in changed))
        return [key for key in keys if bool(key.namespace) == scope.kind.namespaced]

    return to_keys


def caches_of_volume(scope: Scope) -> ToKeys:
    """The cache whose labels a volume or claim carries: its owner, where it can have one."""

    def to_keys(change: Change, view: View) -> Iterable[ObjectKey]:
        return () if change.initial else _named_by_labels(change, scope)

    return to_keys


def caches_of_service(scope: Scope) -> ToKeys:
    """The caches that a service uses, or used."""

    def to_keys(change: Change, view: View) -> Iterable[ObjectKey]:
        if change.initial or _use(change.old) == _use(change.new):
            return ()
        return _named_by_labels(change, scope)

    return to_keys


def all_of(kind: Kind) -> ToKeys:
    """Every object of `kind`, when the key `localModel` of the configuration says something else."""

    def to_keys(change: Change, view: View) -> Iterable[ObjectKey]:
        if change.initial or metadata.name(change.object) != CONFIG_MAP_NAME:
            return ()
        if _setting(change.old) == _setting(change.new):
            return ()
        return [metadata.key(obj) for obj in view.list(kind)]

    return to_keys


def nodes_of_cache(change: Change, view: View) -> Iterable[ObjectKey]:
    """The nodes on which a cache belongs, or did, when it asks for something else or is used otherwise."""
    if change.initial or _asks(change.old) == _asks(change.new):
        return ()
    if not more_than_status_changed(change) and not any(group.evicts for group in groups.every(view)):
        return ()
    known = [known for known in (change.old, change.new) if known is not None]
    names = {name for each in known for name in caches.read(each).groups}
    found = groups.named(sorted(names), view).found
    return [metadata.key(each) for each in view.list(NODE) if any(group.has(each) for group in found)]


def nodes_of_group(change: Change, view: View) -> Iterable[ObjectKey]:
    """The nodes that belong to a group, or did, and those that caches wait for because it was missing."""
    if change.initial or not more_than_status_changed(change):
        return ()
    known = [groups.read(known) for known in (change.old, change.new) if known is not None]
    named = {metadata.name(change.object)}
    for cache in caches.caches(view):
        if named & set(cache.groups):
            known += groups.named(cache.groups, view).found
    return [metadata.key(each) for each in view.list(NODE) if any(group.has(each) for group in known)]


def groups_of_node(change: Change, view: View) -> Iterable[ObjectKey]:
    """The groups that a node belongs to, or did."""
    if change.initial or not node.tells(change):
        return ()
    known = [known for known in (change.old, change.new) if known is not None]
    return [ObjectKey("", group.name) for group in groups.every(view) if any(group.has(each) for each in known)]


def groups_of_order(change: Change, view: View) -> Iterable[ObjectKey]:
    """The groups of the models that a LocalModelNode lists, or listed."""
    orders = (change.old, change.new)
    if change.initial or _spec(change.old) == _spec(change.new):
        return ()
    return [
        ObjectKey("", name)
        for name in sorted({str(entry.get("nodeGroup")) for order in orders for entry in models_of(order)})
        if view.get(LOCAL_MODEL_NODE_GROUP, name) is not None
    ]


def order_tells(change: Change) -> bool:
    """Whether a change of a LocalModelNode is looked at: edits, what became of a model, which may be the next node's turn to
    download it, and a disk with other room that models wait for."""
    before, now = _status(change.old), _status(change.new)
    if more_than_status_changed(change) or (before.get("modelStatus") or {}) != (now.get("modelStatus") or {}):
        return True
    waits = any(True for _ in models_of(change.new, "waitingModels"))
    return waits and before.get("storage") != now.get("storage")


def _caches_naming(names: set[str], scope: Scope, view: View) -> list[ObjectKey]:
    if not names or not view.served(scope.kind):
        return []
    return [metadata.key(obj) for obj in view.list(scope.kind) if names & set(caches.read(obj).groups)]


def _named_by_labels(change: Change, scope: Scope) -> list[ObjectKey]:
    found: dict[ObjectKey, None] = {}
    for obj in (change.old, change.new):
        labels = metadata.labels(obj or {})
        name, namespace = labels.get(CACHE_LABEL), labels.get(CACHE_NAMESPACE_LABEL, "")
        if name and bool(namespace) == scope.kind.namespaced:
            found[ObjectKey(namespace, name)] = None
    return list(found)


def _by_key(order: Object | None) -> Mapping[str, Any]:
    """What a LocalModelNode says of each model."""
    if order is None:
        return {}
    status = _status(order)
    states, models = status.get("modelStatus") or {}, status.get("models") or {}
    said: dict[str, Any] = {key: [None, state, models.get(key)] for key, state in states.items()}
    for part in ("localModels", "waitingModels"):
        for entry in models_of(order, part):
            said.setdefault(key_of(entry), [None, None, None])[0] = (part, entry.get("reason"), entry.get("message"))
    return said


def _use(service: Object | None) -> object:
    if service is None:
        return None
    labels = metadata.labels(service)
    asked = metadata.annotations(service).get(NODE_GROUP_ANNOTATION)
    return labels.get(CACHE_LABEL), labels.get(CACHE_NAMESPACE_LABEL), asked


def _asks(obj: Object | None) -> object:
    if obj is None:
        return None
    cache = caches.read(obj)
    return obj.get("spec"), cache.is_leaving, cache.is_used, cache.last_used


def _setting(config_map: Object | None) -> object:
    return ((config_map or {}).get("data") or {}).get("localModel")


def _spec(order: Object | None) -> object:
    return None if order is None else order.get("spec")


def _status(order: Object | None) -> Mapping[str, Any]:
    status: Mapping[str, Any] = (order or {}).get("status") or {}
    return status
