"""The InferenceService controller, as the runtime takes it: what it reconciles, owns and watches."""

from functools import partial

from kservectl.api.kinds import (
    CLUSTER_SERVING_RUNTIME,
    CLUSTER_STORAGE_CONTAINER,
    GATEWAY,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    KNATIVE_SERVICE,
    OPEN_TELEMETRY_COLLECTOR,
    SCALED_OBJECT,
    SERVING_RUNTIME,
    TRAINED_MODEL,
    VIRTUAL_SERVICE,
)
from kservectl.controllers.inferenceservice import ca_bundle, gateway, watching
from kservectl.controllers.inferenceservice.component_metadata import SERVICE_LABEL
from kservectl.controllers.inferenceservice.deletion import FINALIZER
from kservectl.controllers.inferenceservice.reconcile import reconcile
from kservectl.controllers.inferenceservice.refusal import amended
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.objects.kind import (
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    NETWORK_POLICY,
    POD,
    SERVICE,
)
from kservectl.runtime.controller import Controller, Owned, Watched
from kservectl.runtime.predicates import more_than_status_changed, not_only_status


def build(settings: Settings, *, workers: int = 32) -> Controller:
    """The controller. Kinds of third parties may come and go while it runs."""
    return Controller(
        name="inferenceservice",
        kind=INFERENCE_SERVICE,
        reconcile=partial(reconcile, settings=settings),
        finalizer=FINALIZER,
        owns=(
            Owned(DEPLOYMENT, label_selector=SERVICE_LABEL, predicate=watching.deployment_tells),
            Owned(SERVICE, label_selector=SERVICE_LABEL, predicate=more_than_status_changed),
            Owned(
                HORIZONTAL_POD_AUTOSCALER, label_selector=SERVICE_LABEL, predicate=more_than_status_changed, quiet=True
            ),
            Owned(CONTROLLER_REVISION, label_selector=SERVICE_LABEL, quiet=True),
            Owned(SCALED_OBJECT, label_selector=SERVICE_LABEL, optional=True),
            Owned(OPEN_TELEMETRY_COLLECTOR, optional=True),
            Owned(HTTP_ROUTE, optional=True, adopts=True),
            Owned(INGRESS, optional=True),
            Owned(KNATIVE_SERVICE, label_selector=SERVICE_LABEL, optional=True, adopts=True),
            Owned(VIRTUAL_SERVICE, optional=True),
            # The name that a service in Knative mode has in the cluster: KServe puts no label on it.
            Owned(SERVICE, field_selector="spec.type=ExternalName", predicate=more_than_status_changed),
            Owned(NETWORK_POLICY, label_selector=SERVICE_LABEL, predicate=more_than_status_changed, quiet=True),
            Owned(CONFIG_MAP, label_selector=SERVICE_LABEL),
            Owned(CONFIG_MAP, field_selector=f"metadata.name={ca_bundle.COPY}", shared_by=watching.of_copied_bundle),
        ),
        watches=(
            Watched(POD, watching.of_pod, label_selector=SERVICE_LABEL, transform=watching.essence_of_pod),
            Watched(SERVING_RUNTIME, watching.of_runtime, optional=True),
            Watched(CLUSTER_SERVING_RUNTIME, watching.of_cluster_runtime, optional=True),
            Watched(CLUSTER_STORAGE_CONTAINER, watching.of_storage_container, optional=True),
            # Which other ConfigMap beside the configuration counts is written in the configuration.
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
            Watched(GATEWAY, watching.of_gateway, optional=True, transform=gateway.essence),
            Watched(TRAINED_MODEL, watching.of_nothing, optional=True),
        ),
        predicate=not_only_status,
        on_failure=amended,
        workers=workers,
    )
