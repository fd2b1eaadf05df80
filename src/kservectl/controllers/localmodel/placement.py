"""Decide what one node keeps: its LocalModelNode, from all caches, the groups that the node belongs to, and its disk.

It decides for the Node, because many caches meet in one LocalModelNode and an object has one writer. The LocalModelNode is
owned by its Node and goes with it. A node that is not ready is told nothing new and keeps what it was told.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kservectl.api.kinds import LOCAL_MODEL_NODE
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.localmodel import group as groups
from kservectl.controllers.localmodel import room, turns
from kservectl.controllers.localmodel.cache import Cache, caches, key_of, models_of
from kservectl.controllers.localmodel.configuration import Unconfigured, local_model
from kservectl.controllers.localmodel.group import Group
from kservectl.controllers.localmodel.node import is_ready
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import View


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is written into the spec of a LocalModelNode."""

    models: Sequence[Object]
    waiting: Sequence[Object]


def reconcile(node: Object, view: View, *, settings: Settings) -> Outcome:
    """The Outcome for `node`: its LocalModelNode, where a model belongs on it or it has one already."""
    if metadata.is_deleting(node) or not view.served(LOCAL_MODEL_NODE):
        return Outcome(complete=False)
    live = view.get(LOCAL_MODEL_NODE, metadata.name(node))
    of_node = {group.name: group for group in groups.every(view) if group.has(node)}
    plan = _plan(node, live, of_node, view, evicts=_may_evict(view, settings))
    if live is None and not plan.models and not plan.waiting:
        return Outcome(complete=False)
    return Outcome(desired=(_order(node, plan, of_node),), complete=False)


def _plan(node: Object, live: Object | None, of_node: Mapping[str, Group], view: View, *, evicts: bool) -> _Plan:
    told = {key_of(entry): entry for entry in models_of(live)}
    staying = {cache.key: cache for cache in caches(view) if not cache.is_leaving}
    belonging: dict[str, list[Cache]] = defaultdict(list)
    kept: list[Object] = []
    for key, cache in staying.items():
        if any(name not in of_node for name in cache.groups) and groups.named(cache.groups, view).missing:
            kept += [dict(told[key])] if key in told else []  # nothing is decided about it until its groups are there
        elif (first := next((name for name in cache.groups if name in of_node), None)) is not None and (
            key in told or is_ready(node)
        ):
            belonging[first].append(cache)
    free = room.free_bytes(live, [staying[key] for key in told if key in staying])
    waiting: list[Object] = []
    for name, wanted in sorted(belonging.items()):
        group = of_node[name]
        filling = room.fill(group, wanted, frozenset(told), free=free, evicts=evicts and group.evicts)
        if free is not None:
            free -= sum(cache.size for cache in filling.kept if cache.key not in told)
        queued = [cache for cache in filling.kept if cache.key not in told and not turns.may_begin(cache, node, view)]
        kept += [cache.entry(name) for cache in filling.kept if cache not in queued]
        waiting += [_waiting(cache, group, turns.QUEUED, turns.why_not(cache)) for cache in queued]
        waiting += [_waiting(each.cache, each.group, each.reason, each.message) for each in filling.refused]
    return _Plan(sorted(kept, key=key_of), sorted(waiting, key=key_of))


def _waiting(cache: Cache, group: Group, reason: str, message: str) -> Object:
    return {
        "modelName": cache.name,
        **({"namespace": cache.namespace} if cache.namespace else {}),
        "nodeGroup": group.name,
        "reason": reason,
        "message": message,
    }


def _order(node: Object, plan: _Plan, of_node: Mapping[str, Group]) -> Object:
    spec: dict[str, Any] = {"localModels": list(plan.models)}
    if plan.waiting:
        spec["waitingModels"] = list(plan.waiting)
    limits = [group.max_parallel_downloads for group in of_node.values() if group.max_parallel_downloads]
    if limits:
        spec["maxParallelDownloads"] = min(limits)
    return {
        "apiVersion": LOCAL_MODEL_NODE.api_version,
        "kind": LOCAL_MODEL_NODE.kind,
        "metadata": {"name": metadata.name(node)},
        "spec": spec,
    }


def _may_evict(view: View, settings: Settings) -> bool:
    """Whether it is known which models services use: with volume management off nobody looks."""
    try:
        return not local_model(view, settings).disable_volume_management
    except Unconfigured:
        return False
