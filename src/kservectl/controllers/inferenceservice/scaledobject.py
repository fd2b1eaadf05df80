"""The ScaledObject of a component that KEDA scales: the component's metrics as KEDA's triggers.

Quantities keep the spelling that the user gave them, because KEDA reads them as text.
"""

from collections.abc import Sequence

from kservectl.api.component import ExternalMetricSource, MetricsSpec, PodMetricSource, ResourceMetricSource
from kservectl.api.config import Config
from kservectl.api.kinds import SCALED_OBJECT
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects.metadata import Object

_DEFAULT_UTILIZATION = 80
_RESOURCES = ("cpu", "memory")


def build(workload: Workload, config: Config) -> Object:
    """The ScaledObject; raises ConfigError when a key of the configuration that it needs is broken."""
    spec = workload.component.spec
    triggers = _triggers(workload, config)
    least = _least(spec.min_replicas, triggers)
    built: Object = {
        "scaleTargetRef": {"name": workload.metadata.name},
        "minReplicaCount": least,
        "maxReplicaCount": max(spec.max_replicas or 0, least),
        "triggers": triggers,
    }
    behavior = _behavior(workload, config)
    if behavior:
        built["advanced"] = {"horizontalPodAutoscalerConfig": {"behavior": behavior}}
    return {
        "apiVersion": SCALED_OBJECT.api_version,
        "kind": SCALED_OBJECT.kind,
        "metadata": workload.metadata.to_wire(),
        "spec": built,
    }


def _least(asked: int | None, triggers: Sequence[Object]) -> int:
    """Zero only where KEDA can wake the component again: pods that do not run use no CPU and no memory."""
    least = 1 if asked is None else asked
    return least if any(trigger["type"] not in _RESOURCES for trigger in triggers) else max(1, least)


def _triggers(workload: Workload, config: Config) -> list[Object]:
    scaling = workload.component.spec.auto_scaling
    metrics = (scaling.metrics or ()) if scaling is not None else ()
    found = [trigger for metric in metrics if (trigger := _trigger(metric, workload, config)) is not None]
    return found or [_short_form(workload)]


def _short_form(workload: Workload) -> Object:
    """`scaleMetric` and `scaleTarget`; CPU where they give KEDA nothing to measure, since it needs a trigger."""
    spec = workload.component.spec
    if spec.scale_metric == "memory" and spec.scale_target is not None:
        return _resource_trigger("memory", "Utilization", str(spec.scale_target))
    target = spec.scale_target if spec.scale_metric in (None, "cpu") else None
    return _resource_trigger("cpu", "Utilization", str(target if target is not None else _DEFAULT_UTILIZATION))


def _trigger(metric: MetricsSpec, workload: Workload, config: Config) -> Object | None:
    if metric.type == "Resource" and metric.resource is not None:
        return _resource(metric.resource)
    if metric.type == "External" and metric.external is not None:
        return _external(metric.external)
    if (
        metric.type == "PodMetric"
        and metric.podmetric is not None
        and metric.podmetric.metric.backend == "opentelemetry"
    ):
        return _pod_metric(metric.podmetric, workload, config)
    return None


def _resource(source: ResourceMetricSource) -> Object:
    target = source.target
    match target.type:
        case "Utilization":
            default = _DEFAULT_UTILIZATION if source.name == "cpu" else 0
            value = str(target.average_utilization if target.average_utilization is not None else default)
        case "AverageValue":
            value = _spelled(target.average_value)
        case "Value":
            value = _spelled(target.value)
        case _:
            value = "0"
    return _resource_trigger(source.name, target.type or "", value)


def _resource_trigger(name: str, metric_type: str, value: str) -> Object:
    trigger: Object = {"type": name, "metadata": {"value": value}}
    if metric_type:
        trigger["metricType"] = metric_type
    return trigger


def _external(source: ExternalMetricSource) -> Object:
    metric = source.metric
    settings = {
        "serverAddress": metric.server_address or "",
        "query": metric.query or "",
        "threshold": _spelled(source.target.value),
    }
    if metric.backend == "prometheus" and metric.namespace:
        settings["namespace"] = metric.namespace
    trigger: Object = {"type": metric.backend or "", "metadata": settings}
    authentication = source.authentication_ref
    if authentication is not None:
        if authentication.auth_modes:
            settings["authModes"] = authentication.auth_modes
        if authentication.authentication_ref.name:
            trigger["authenticationRef"] = {"name": authentication.authentication_ref.name}
    return trigger


def _pod_metric(source: PodMetricSource, workload: Workload, config: Config) -> Object:
    metric = source.metric
    scope = f'namespace="{workload.metadata.namespace}", deployment="{workload.metadata.name}"'
    settings = {
        "metricQuery": f"sum({metric.query or ''}{{{scope}}})",
        "targetValue": _spelled(source.target.value),
        "scalerAddress": metric.server_address or config.opentelemetry_collector.metric_scaler_endpoint,
    }
    if metric.operation_over_time:
        settings["operationOverTime"] = metric.operation_over_time
    return {"type": "external", "metadata": settings}


def _spelled(value: float | str | None) -> str:
    return "0" if value is None else str(value)


def _behavior(workload: Workload, config: Config) -> Object:
    """The user's behavior, its missing stabilisation windows from the configuration where that has a number."""
    scaling = workload.component.spec.auto_scaling
    own: Object = (scaling.behavior if scaling is not None else None) or {}
    found: Object = dict(own)
    for side, member in (
        ("scaleUp", "scale_up_stabilization_window_seconds"),
        ("scaleDown", "scale_down_stabilization_window_seconds"),
    ):
        if (own.get(side) or {}).get("stabilizationWindowSeconds") is None:
            configured = str(getattr(config.autoscaler, member)).strip()
            if configured.isascii() and configured.isdigit():
                found[side] = {**(own.get(side) or {}), "stabilizationWindowSeconds": int(configured)}
    return found
