"""The InferenceGraph controller, as the runtime takes it: what it reconciles, owns and watches."""

from functools import partial

from kservectl.api.kinds import (
    CLUSTER_SERVING_RUNTIME,
    HTTP_ROUTE,
    INFERENCE_GRAPH,
    INFERENCE_SERVICE,
    KNATIVE_SERVICE,
    SCALED_OBJECT,
    SERVING_RUNTIME,
)
from kservectl.controllers.inferencegraph import watching
from kservectl.controllers.inferencegraph.reconcile import reconcile
from kservectl.controllers.inferencegraph.refusal import amended
from kservectl.controllers.inferencegraph.workload import GRAPH_LABEL
from kservectl.controllers.inferenceservice.component_metadata import SERVICE_LABEL
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.inferenceservice.watching import deployment_tells
from kservectl.objects.kind import CONFIG_MAP, DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, INGRESS, SERVICE
from kservectl.runtime.controller import Controller, Owned, Watched
from kservectl.runtime.predicates import more_than_status_changed, not_only_status


def build(settings: Settings, *, workers: int = 4) -> Controller:
    """The controller. Kinds of third parties may come and go while it runs."""
    return Controller(
        name="inferencegraph",
        kind=INFERENCE_GRAPH,
        reconcile=partial(reconcile, settings=settings),
        owns=(
            Owned(DEPLOYMENT, label_selector=GRAPH_LABEL, predicate=deployment_tells),
            Owned(SERVICE, label_selector=GRAPH_LABEL, predicate=more_than_status_changed),
            Owned(HORIZONTAL_POD_AUTOSCALER, label_selector=GRAPH_LABEL, predicate=more_than_status_changed),
            Owned(SCALED_OBJECT, label_selector=GRAPH_LABEL, optional=True),
            Owned(HTTP_ROUTE, optional=True),
            Owned(INGRESS, optional=True),
            # KServe puts no label of its own on the router's; those of services have one.
            Owned(KNATIVE_SERVICE, label_selector=f"!{SERVICE_LABEL}", optional=True, adopts=True),
        ),
        watches=(
            Watched(INFERENCE_SERVICE, watching.of_service),
            Watched(SERVING_RUNTIME, watching.of_runtime, optional=True),
            Watched(CLUSTER_SERVING_RUNTIME, watching.of_runtime, optional=True),
            Watched(CONFIG_MAP, watching.of_configuration, namespace=settings.system_namespace),
            *(
                Watched(
                    CONFIG_MAP,
                    watching.of_knative_configuration,
                    field_selector=f"metadata.name={name}",
                    namespace=where,
                )
                for name, where in settings.knative_config_maps
            ),
        ),
        predicate=not_only_status,
        on_failure=amended,
        workers=workers,
        optional=True,
    )
