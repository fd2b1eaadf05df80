"""The HorizontalPodAutoscaler of a component, and who scales it.

The annotation `serving.kserve.io/autoscalerClass` decides: an HPA (the default), somebody else (`external`), or nobody
(`none`, where the component's `minReplicas` is its size). What is no longer wanted is not desired, and so goes.
"""

from collections.abc import Mapping
from typing import Literal

from kservectl.api.component import ResourceMetricSource
from kservectl.controllers.inferenceservice.component import Component
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER
from kservectl.objects.metadata import Object

CLASS_ANNOTATION = "serving.kserve.io/autoscalerClass"

AutoscalerClass = Literal["hpa", "external", "none", "keda"]

_DEFAULT_UTILIZATION = 80


def class_of(annotations: Mapping[str, str]) -> AutoscalerClass:
    """Who scales, by the annotations of the generated objects; raises CannotDecide for a class that does not exist."""
    match annotations.get(CLASS_ANNOTATION, "hpa"):
        case "hpa" | "external" | "none" | "keda" as known:
            return known
        case other:
            raise CannotDecide(
                f"unknown autoscaler class type: {other}",
                next_step=f"Set the annotation {CLASS_ANNOTATION} to hpa, keda, external or none.",
            )


def fixed_replicas(component: Component, scaled_by: AutoscalerClass) -> int | None:
    """The size of a component that nobody scales; None leaves the number to whoever scales it."""
    return component.spec.min_replicas if scaled_by == "none" else None


def least_replicas(component: Component) -> int:
    """The least that an HPA keeps: it cannot scale to zero."""
    return max(1, component.spec.min_replicas if component.spec.min_replicas is not None else 1)


def build_hpa(workload: Workload) -> Object:
    """The HorizontalPodAutoscaler of a component of class `hpa`."""
    component = workload.component
    scaling = component.spec.auto_scaling
    least = least_replicas(component)
    spec: Object = {
        "scaleTargetRef": {
            "apiVersion": DEPLOYMENT.api_version,
            "kind": DEPLOYMENT.kind,
            "name": workload.metadata.name,
        },
        "minReplicas": least,
        "maxReplicas": max(component.spec.max_replicas or 0, least),
        "behavior": (scaling.behavior if scaling is not None else None) or {},
    }
    metrics = _metrics(component)
    if metrics:
        spec["metrics"] = metrics
    return {
        "apiVersion": HORIZONTAL_POD_AUTOSCALER.api_version,
        "kind": HORIZONTAL_POD_AUTOSCALER.kind,
        "metadata": workload.metadata.to_wire(),
        "spec": spec,
    }


def _metrics(component: Component) -> list[Object]:
    scaling = component.spec.auto_scaling
    if scaling is None:
        return _short_form(component)
    # External and pod metrics are KEDA's: an HPA of ours has no adapter to read them from.
    resources = [entry.resource for entry in scaling.metrics or () if entry.type == "Resource" and entry.resource]
    return [_resource(resource.name, _target(resource)) for resource in resources]


def _short_form(component: Component) -> list[Object]:
    """`scaleMetric` and `scaleTarget`; the two request metrics of Knative give an HPA nothing to measure."""
    target = component.spec.scale_target
    match component.spec.scale_metric or "cpu":
        case "cpu":
            return [_resource("cpu", _utilization(target if target is not None else _DEFAULT_UTILIZATION))]
        case "memory" if target is not None:
            return [_resource("memory", _utilization(target))]
    return []


def _target(resource: ResourceMetricSource) -> Object:
    target = resource.target
    utilization = target.average_utilization
    if resource.name == "cpu":
        return _utilization(utilization if utilization is not None else _DEFAULT_UTILIZATION)
    match target.type:
        case "AverageValue":
            return {"type": "AverageValue", "averageValue": _quantity(target.average_value)}
        case "Value":  # an HPA measures a resource per pod only, so the value is meant for each pod
            return {"type": "AverageValue", "averageValue": _quantity(target.value)}
    return _utilization(utilization)


def _quantity(value: float | str | None) -> str:
    return "0" if value is None else str(value)


def _utilization(percent: int | None) -> Object:
    return {"type": "Utilization"} if percent is None else {"type": "Utilization", "averageUtilization": percent}


def _resource(name: str, target: Object) -> Object:
    return {"type": "Resource", "resource": {"name": name, "target": target}}
