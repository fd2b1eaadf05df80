"""The controller of a node agent, as the runtime takes it: its own LocalModelNode, its own Jobs, its own disk."""

from collections.abc import Iterable
from functools import partial

from kservectl.api.config import CONFIG_MAP_NAME
from kservectl.api.kinds import CLUSTER_STORAGE_CONTAINER, LOCAL_MODEL_NODE, LOCAL_MODEL_NODE_GROUP
from kservectl.controllers.localmodelnode.jobs import NODE_LABEL
from kservectl.controllers.localmodelnode.observing import Observer
from kservectl.controllers.localmodelnode.reconcile import reconcile
from kservectl.controllers.localmodelnode.refusal import amended
from kservectl.controllers.localmodelnode.settings import NodeSettings
from kservectl.informers import Change, Informer, InformerFactory
from kservectl.objects.kind import CONFIG_MAP, JOB, NODE
from kservectl.objects.metadata import ObjectKey
from kservectl.runtime.controller import Controller, Owned, Watched
from kservectl.runtime.predicates import not_only_status
from kservectl.runtime.view import View

_CONFIGURATION = f"metadata.name={CONFIG_MAP_NAME}"


def configuration(factory: InformerFactory, settings: NodeSettings) -> Informer:
    """The informer through which the controller sees KServe's configuration."""
    return factory.informer(CONFIG_MAP, namespaces=(settings.system_namespace,), field_selector=_CONFIGURATION)


def build(settings: NodeSettings, observer: Observer) -> Controller:
    """The controller, for a Manager whose only namespace is that of the Jobs. It watches what is of this node, or small."""

    def this_node(change: Change, view: View) -> Iterable[ObjectKey]:
        return () if change.initial else (ObjectKey("", settings.node),)

    def nobody(change: Change, view: View) -> Iterable[ObjectKey]:
        return ()

    by_name = f"metadata.name={settings.node}"
    return Controller(
        name="localmodelnode",
        kind=LOCAL_MODEL_NODE,
        reconcile=partial(reconcile, settings=settings),
        field_selector=by_name,
        # Jobs without an owner, or with another, count too: they take up turns.
        owns=(Owned(JOB, label_selector=f"{NODE_LABEL}={settings.node}", shared_by=this_node),),
        watches=(
            Watched(CONFIG_MAP, this_node, field_selector=_CONFIGURATION, namespace=settings.system_namespace),
            Watched(CLUSTER_STORAGE_CONTAINER, this_node, optional=True),
            Watched(LOCAL_MODEL_NODE_GROUP, this_node, optional=True),
            Watched(NODE, nobody, field_selector=by_name),
        ),
        predicate=not_only_status,
        on_failure=amended,
        workers=1,
        optional=True,
        observe=observer.observe,
        carry_out=observer.carry_out,
    )
