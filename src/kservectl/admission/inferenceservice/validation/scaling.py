"""Autoscaling settings, judged by the autoscaler that will read them: HPA, KEDA, or Knative's own (KPA)."""

from collections.abc import Iterator
from typing import Literal

from kservectl.admission.inferenceservice.implementations import block, blocks, number, text
from kservectl.admission.inferenceservice.validation.subject import AUTOSCALER_CLASS, Component, Subject, given
from kservectl.admission.review import FieldError
from kservectl.api.config_keys import STANDARD
from kservectl.objects import quantity
from kservectl.objects.metadata import Object

_KNATIVE_CLASS = "autoscaling.knative.dev/class"
_KNATIVE_HPA = "hpa.autoscaling.knative.dev"
_PERCENT = "the target utilization percentage should be a [1-100] integer"
_ONE_MEBIBYTE = quantity.parse("1Mi")

Scaler = Literal["hpa", "keda", "kpa", ""]


def scaling_errors(subject: Subject, component: Component) -> Iterator[FieldError]:
    """What the chosen autoscaler cannot do."""
    match _scaler(subject):
        case "hpa":
            yield from _hpa_errors(component)
        case "keda":
            yield from _keda_errors(component)
        case "kpa":
            yield from _kpa_errors(component)


def default_scaling_errors(subject: Subject, component: Component) -> Iterator[FieldError]:
    """What the HPA that the controller falls back to would act on, and could not."""
    if _falls_back(subject):
        yield from _target_errors(component)


def default_scaling_warnings(subject: Subject, component: Component) -> Iterator[str]:
    """What the HPA that the controller falls back to leaves without effect."""
    if not _falls_back(subject):
        return
    refused = set(_target_errors(component))
    for error in _hpa_errors(component):
        if error not in refused:
            yield f"{error.field} has no effect with the default autoscaler (hpa): {error.message}"


def _falls_back(subject: Subject) -> bool:
    return subject.mode == STANDARD and AUTOSCALER_CLASS not in subject.annotations


def _scaler(subject: Subject) -> Scaler:
    if subject.mode == STANDARD:
        match subject.annotations.get(AUTOSCALER_CLASS):
            case "hpa":
                return "hpa"
            case "keda":
                return "keda"
        return ""
    return "hpa" if subject.annotations.get(_KNATIVE_CLASS) == _KNATIVE_HPA else "kpa"


def _hpa_errors(component: Component) -> Iterator[FieldError]:
    metric = text(component.spec, "scaleMetric") or "cpu"
    if metric not in {"cpu", "memory"}:
        yield _unsupported_metric(component, metric, "cpu or memory")
    yield from _target_errors(component)
    for path, entry in _metrics(component):
        kind = text(entry, "type")
        if kind != "Resource":
            message = f"invalid HPA metric source type with value [{kind}],valid metric source types are Resource"
            yield FieldError(f"{path}.type", message, "FieldValueNotSupported")
        elif block(entry, "resource") is None:
            yield _unset_source(path, "Resource", "resource")


def _target_errors(component: Component) -> Iterator[FieldError]:
    target = number(component.spec, "scaleTarget")
    if target is None:
        return
    field = f"{component.path}.scaleTarget"
    metric = text(component.spec, "scaleMetric") or "cpu"
    if metric == "cpu" and not 1 <= target <= 100:
        yield FieldError(field, f"{_PERCENT}, not {target}")
    if metric == "memory" and target < 1:
        yield FieldError(field, f"the target memory should be greater than 1 MiB or equal to it, not {target}")


def _keda_errors(component: Component) -> Iterator[FieldError]:
    metric = text(component.spec, "scaleMetric") or "cpu"
    if metric not in {"cpu", "memory"}:
        yield _unsupported_metric(component, metric, "cpu, memory or autoScaling.metrics")
    yield from _target_errors(component)
    for path, entry in _metrics(component):
        match text(entry, "type"):
            case "Resource":
                yield from _keda_resource_errors(path, entry)
            case "External":
                yield from _keda_query_errors(path, entry, "External", "external")
            case "PodMetric":
                yield from _keda_query_errors(path, entry, "PodMetric", "podmetric")
            case other:
                message = f"unknown KEDA metric type with value [{other}].Valid types are Resource,External,PodMetric"
                yield FieldError(f"{path}.type", message, "FieldValueNotSupported")


def _keda_resource_errors(path: str, entry: Object) -> Iterator[FieldError]:
    resource = block(entry, "resource")
    if resource is None:
        yield _unset_source(path, "Resource", "resource")
        return
    name, target = text(resource, "name"), block(resource, "target") or {}
    field, kind = f"{path}.resource.target", text(target, "type")
    match name:
        case "cpu" if kind != "Utilization":
            yield FieldError(f"{field}.type", f"the cpu target value type should be Utilization, not {given(kind)}")
        case "memory" if kind not in {"AverageValue", "Utilization"}:
            message = f"the memory target value type should be AverageValue or Utilization, not {given(kind)}"
            yield FieldError(f"{field}.type", message)
        case "memory" if kind == "AverageValue" and target.get("averageValue") is not None:
            yield from _mebibyte_errors(field, target["averageValue"])
        case "cpu" | "memory":
            pass
        case _:
            message = f"resource type {name} is not supported; use cpu or memory"
            yield FieldError(f"{path}.resource.name", message, "FieldValueNotSupported")
    yield from _keda_target_errors(field, target)


def _mebibyte_errors(field: str, value: object) -> Iterator[FieldError]:
    try:
        enough = quantity.parse(value) >= _ONE_MEBIBYTE
    except quantity.InvalidQuantity as problem:
        yield FieldError(f"{field}.averageValue", str(problem))
        return
    if not enough:
        message = f"the memory target value should be greater than 1 MiB or equal to it, not {value}"
        yield FieldError(f"{field}.averageValue", message)


def _keda_query_errors(path: str, entry: Object, kind: str, field: str) -> Iterator[FieldError]:
    source = block(entry, field)
    if source is None:
        yield _unset_source(path, kind, field)
        return
    if not text(block(source, "metric"), "query"):
        yield FieldError(f"{path}.{field}.metric.query", "the query should not be empty", "FieldValueRequired")
    target = block(source, "target") or {}
    if target.get("value") is None:
        message = "the target threshold value should not be empty"
        yield FieldError(f"{path}.{field}.target.value", message, "FieldValueRequired")
    elif text(target, "type") != "Value":
        yield from _keda_target_errors(f"{path}.{field}.target", target)


def _keda_target_errors(field: str, target: Object) -> Iterator[FieldError]:
    match text(target, "type"):
        case "Utilization":
            utilization = number(target, "averageUtilization")
            if utilization is None:
                message = "the AverageUtilization type should be set: give averageUtilization"
                yield FieldError(f"{field}.averageUtilization", message, "FieldValueRequired")
            elif not 1 <= utilization <= 100:
                yield FieldError(f"{field}.averageUtilization", f"{_PERCENT}, not {utilization}")
        case "AverageValue" if target.get("averageValue") is None:
            message = "the AverageValue type should be set: give averageValue"
            yield FieldError(f"{field}.averageValue", message, "FieldValueRequired")
        case "Value" if target.get("value") is None:
            yield FieldError(f"{field}.value", "the Value type should be set: give value", "FieldValueRequired")


def _kpa_errors(component: Component) -> Iterator[FieldError]:
    if component.spec.get("deploymentStrategy") is not None:
        yield FieldError(
            f"{component.path}.deploymentStrategy",
            "customizing deploymentStrategy is only supported for raw deployment mode",
            "FieldValueForbidden",
        )
    metric = text(component.spec, "scaleMetric") or "concurrency"
    if metric not in {"concurrency", "rps"}:
        yield _unsupported_metric(component, metric, "concurrency or rps")
    target = number(component.spec, "scaleTarget")
    if metric == "rps" and target is not None and target < 1:
        message = f"the target for rps should be greater than 1 or equal to it, not {target}"
        yield FieldError(f"{component.path}.scaleTarget", message)


def _metrics(component: Component) -> Iterator[tuple[str, Object]]:
    for index, entry in enumerate(blocks(block(component.spec, "autoScaling"), "metrics")):
        yield f"{component.path}.autoScaling.metrics[{index}]", entry


def _unsupported_metric(component: Component, metric: str, accepted: str) -> FieldError:
    message = f"[{metric}] is not a supported metric; use {accepted}"
    return FieldError(f"{component.path}.scaleMetric", message, "FieldValueNotSupported")


def _unset_source(path: str, kind: str, field: str) -> FieldError:
    label = {"Resource": "resource metric", "External": "external metric", "PodMetric": "pod metric"}[kind]
    shown = {"PodMetric": "PodMetric"}.get(kind, kind)
    return FieldError(f"{path}.{field}", f"metricSpec.{shown} is not set for {label} source type", "FieldValueRequired")
