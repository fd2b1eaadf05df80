"""The predictor: which runtime, which pod, which metadata.

`build` needs nothing but the service, the caches and the configuration; whatever keeps it from building is a CannotDecide.
"""

from collections.abc import Mapping

from kservectl.api.config import Config
from kservectl.api.inferenceservice import ModelSpec
from kservectl.controllers.inferenceservice import pod, runtime_defaults, runtime_selection, storage_uri
from kservectl.controllers.inferenceservice.component import (
    MAIN_CONTAINER,
    Component,
    component_name,
)
from kservectl.controllers.inferenceservice.component_metadata import (
    ComponentMetadata,
    component_annotations,
    component_labels,
    webhook_annotations,
)
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.multinode import spread as multinode
from kservectl.controllers.inferenceservice.runtime_defaults import Defaulted
from kservectl.controllers.inferenceservice.runtime_selection import Runtime
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

SERVICE_NAME_ENV = "INFERENCE_SERVICE_NAME"


def build(service: Object, component: Component, view: View, config: Config) -> Workload:
    """What `component`, the predictor of `service`, is to run; raises CannotDecide, or ConfigError for a broken key."""
    name = component_name(metadata.name(service), "predictor", component.own_name)
    if component.storage_uri is not None:
        storage_uri.check(component.storage_uri, view)
    derived = webhook_annotations(component, metadata.name(service))
    labels = metadata.labels(service)
    if component.model is None:
        if component.is_multi_node:
            raise multinode.not_possible()
        return Workload(
            component=component,
            metadata=_metadata(service, component, name, labels, derived, None, config),
            pod=_with_service_name(_custom_pod(component), metadata.name(service)),
            service_labels=labels,
        )
    runtime = runtime_of(service, component, component.model, view)
    defaulted = runtime_defaults.apply_defaults(component.model, labels, runtime, metadata.name(service))
    meta = _placeholder_metadata(service, defaulted)
    workload = Workload(
        component=component,
        metadata=_metadata(service, component, name, defaulted.labels, derived, runtime, config),
        pod=_with_service_name(pod.build(component, defaulted.model, runtime, meta), metadata.name(service)),
        service_labels=defaulted.labels,
        runtime=runtime,
    )
    return multinode.spread(workload, service, defaulted.model, meta, config) if component.is_multi_node else workload


def runtime_of(service: Object, component: Component, model: ModelSpec, view: View) -> Runtime:
    """The runtime that serves `model`, the predictor's; raises CannotDecide."""
    return runtime_selection.select(model, metadata.namespace(service), view, multi_node=component.is_multi_node)


def _placeholder_metadata(service: Object, defaulted: Defaulted) -> Object:
    """The service's metadata with what the runtime added, and the annotation that the defaulting webhook sets."""
    annotations = {"modelFormat": defaulted.model.model_format.name, **metadata.annotations(service)}
    return {**metadata.metadata(service), "labels": defaulted.labels, "annotations": annotations}


def _custom_pod(component: Component) -> Object:
    if not component.containers:
        raise CannotDecide(
            "the predictor has neither a model nor containers",
            next_step=f"Set spec.predictor.model, or spec.predictor.containers with a {MAIN_CONTAINER}.",
        )
    return component.pod


def _metadata(
    service: Object,
    component: Component,
    name: str,
    labels: Mapping[str, str],
    derived: Mapping[str, str],
    runtime: Runtime | None,
    config: Config,
) -> ComponentMetadata:
    recipe = runtime.spec if runtime is not None else {}
    return ComponentMetadata(
        name=name,
        namespace=metadata.namespace(service),
        labels=component_labels(
            name,
            metadata.name(service),
            component.role,
            runtime=recipe.get("labels") or {},
            own=labels,
            component=component,
        ),
        annotations=component_annotations(
            runtime=recipe.get("annotations") or {},
            own=metadata.annotations(service),
            derived=derived,
            component=component,
            blocked=config.inference_service.blocked_annotations,
        ),
    )


def _with_service_name(spec: Object, service: str) -> Object:
    return {
        **spec,
        "containers": [pod.set_env(container, SERVICE_NAME_ENV, service) for container in spec["containers"]],
    }
