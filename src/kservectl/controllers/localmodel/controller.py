"""The controllers of model caches, as the runtime takes them.

Two for the two kinds of caches, one that says what each node keeps, and one that says how full the groups are. No two of
them write the same object.
"""

from functools import partial

from kservectl.api.kinds import (
    INFERENCE_SERVICE,
    LLM_INFERENCE_SERVICE,
    LOCAL_MODEL_CACHE,
    LOCAL_MODEL_NAMESPACE_CACHE,
    LOCAL_MODEL_NODE,
    LOCAL_MODEL_NODE_GROUP,
)
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.localmodel import node, node_group, placement, turns, watching
from kservectl.controllers.localmodel.reconcile import reconcile
from kservectl.controllers.localmodel.refusal import amended
from kservectl.controllers.localmodel.scope import CLUSTER, NAMESPACE, Scope
from kservectl.modelstorage.local_model import CACHE_LABEL
from kservectl.objects.kind import CONFIG_MAP, NODE, PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM
from kservectl.runtime.controller import Controller, Owned, Watched
from kservectl.runtime.predicates import more_than_status_changed, not_only_status

_GATHER = 1.0
"""Hundreds of nodes tell of the same cache at the same time, and of each group."""


def build_cluster_caches(settings: Settings, *, workers: int = 4) -> Controller:
    """LocalModelCaches: volumes and status."""
    return _build("localmodelcache", CLUSTER, settings, workers)


def build_namespace_caches(settings: Settings, *, workers: int = 4) -> Controller:
    """LocalModelNamespaceCaches: volumes and status."""
    return _build("localmodelnamespacecache", NAMESPACE, settings, workers)


def build_placement(settings: Settings, *, workers: int = 8) -> Controller:
    """What each node keeps: the one writer of LocalModelNodes, which follow their nodes."""
    return Controller(
        name="localmodelplacement",
        kind=NODE,
        reconcile=partial(placement.reconcile, settings=settings),
        owns=(
            Owned(
                LOCAL_MODEL_NODE,
                optional=True,
                adopts=True,
                predicate=watching.order_tells,
                shared_by=turns.next_of_order,
            ),
        ),
        watches=(
            Watched(LOCAL_MODEL_CACHE, watching.nodes_of_cache, optional=True),
            Watched(LOCAL_MODEL_NAMESPACE_CACHE, watching.nodes_of_cache, optional=True),
            Watched(LOCAL_MODEL_NODE_GROUP, watching.nodes_of_group, optional=True),
            Watched(NODE, turns.next_of_node, transform=node.trimmed),
            Watched(CONFIG_MAP, watching.all_of(NODE), namespace=settings.system_namespace),
        ),
        predicate=node.tells,
        transform=node.trimmed,
        workers=workers,
    )


def build_node_groups(settings: Settings, *, workers: int = 1) -> Controller:
    """How full the node groups are."""
    return Controller(
        name="localmodelnodegroup",
        kind=LOCAL_MODEL_NODE_GROUP,
        reconcile=node_group.reconcile,
        watches=(
            Watched(NODE, watching.groups_of_node, transform=node.trimmed, gather=_GATHER),
            Watched(LOCAL_MODEL_NODE, watching.groups_of_order, optional=True, gather=_GATHER),
        ),
        predicate=not_only_status,
        workers=workers,
        optional=True,
    )


def _build(name: str, scope: Scope, settings: Settings, workers: int) -> Controller:
    volumes = watching.caches_of_volume(scope)
    services = watching.caches_of_service(scope)
    return Controller(
        name=name,
        kind=scope.kind,
        reconcile=partial(reconcile, scope=scope, settings=settings),
        finalizer=scope.finalizer,
        owns=tuple(
            Owned(kind, label_selector=CACHE_LABEL, predicate=more_than_status_changed, shared_by=volumes)
            for kind in (PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM)
        ),
        watches=(
            Watched(LOCAL_MODEL_NODE_GROUP, watching.caches_of_group(scope), optional=True),
            Watched(NODE, watching.caches_of_node(scope), transform=node.trimmed, gather=_GATHER),
            Watched(LOCAL_MODEL_NODE, watching.caches_of_order(scope), optional=True, gather=_GATHER),
            Watched(INFERENCE_SERVICE, services, label_selector=CACHE_LABEL, metadata_only=True),
            Watched(LLM_INFERENCE_SERVICE, services, label_selector=CACHE_LABEL, metadata_only=True, optional=True),
            Watched(CONFIG_MAP, watching.all_of(scope.kind), namespace=settings.system_namespace),
        ),
        predicate=not_only_status,
        on_failure=amended,
        workers=workers,
        optional=True,
    )
