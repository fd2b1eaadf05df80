"""Rules of HorizontalPodAutoscalers and PodDisruptionBudgets."""

from collections.abc import Iterable, Sequence

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.types import causes as say
from kservectl.devcluster.types.validation import numbers
from kservectl.devcluster.types.validation.selectors import check_selector
from kservectl.objects.metadata import Object

_SOURCES = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}


def check_autoscaler(new: Object, old: Object | None) -> list[Cause]:
    spec = new["spec"]
    found: list[Cause] = []
    minimum, maximum = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    found.extend(numbers.at_least("spec.minReplicas", minimum, 1))
    if maximum < 1:
        found.append(say.invalid("spec.maxReplicas", maximum, "must be greater than 0"))
    if minimum is not None and maximum < minimum:
        found.append(say.invalid("spec.maxReplicas", maximum, "must be greater than or equal to `minReplicas`"))
    target = spec.get("scaleTargetRef") or {}
    if "/" not in target.get("apiVersion", ""):
        detail = "apiVersion must specify API group"
        found.append(say.invalid("spec.scaleTargetRef.apiVersion", target.get("apiVersion", ""), detail))
    found.extend(_check_metrics(spec.get("metrics", ())))
    behavior = spec.get("behavior") or {}
    for direction in ("scaleUp", "scaleDown"):
        found.extend(_check_rules(behavior.get(direction) or {}, f"spec.behavior.{direction}"))
    return found


def check_disruption_budget(new: Object, old: Object | None) -> list[Cause]:
    spec = new["spec"]
    found: list[Cause] = []
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        found.append(say.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set"))
    for field in ("minAvailable", "maxUnavailable"):
        if spec.get(field) is not None:
            found.extend(numbers.int_or_percent(f"spec.{field}", spec[field]))
    if spec.get("selector"):
        found.extend(check_selector(spec["selector"], "spec.selector"))
    return found


def _check_metrics(metrics: Sequence[Object]) -> Iterable[Cause]:
    for position, metric in enumerate(metrics):
        path = f"spec.metrics[{position}]"
        type_ = metric.get("type")
        if not type_:
            continue
        if type_ not in _SOURCES:
            yield say.unsupported(f"{path}.type", type_, sorted(_SOURCES))
            continue
        given = [source for source in _SOURCES.values() if source in metric]
        source = _SOURCES[type_]
        if source not in metric:
            yield say.required(f"{path}.{source}", "must populate information for the given metric source")
            continue
        for extra in given:
            if extra != source:
                yield say.forbidden(f"{path}.{extra}", "must populate the given metric source only")
        yield from _check_target(metric[source].get("target") or {}, f"{path}.{source}.target")


def _check_target(target: Object, path: str) -> Iterable[Cause]:
    types = ("AverageValue", "Utilization", "Value")
    yield from numbers.one_of(f"{path}.type", target.get("type"), types)
    yield from numbers.positive(f"{path}.averageUtilization", target.get("averageUtilization"))
    if not any(target.get(field) is not None for field in ("averageUtilization", "averageValue", "value")):
        yield say.required(f"{path}.averageUtilization", "must set either a target raw value or a target utilization")


def _check_rules(rules: Object, path: str) -> Iterable[Cause]:
    window = rules.get("stabilizationWindowSeconds")
    yield from numbers.at_least(f"{path}.stabilizationWindowSeconds", window, 0)
    if isinstance(window, int) and window > 3600:
        yield say.invalid(f"{path}.stabilizationWindowSeconds", window, "must be less than or equal to 3600")
    yield from numbers.one_of(f"{path}.selectPolicy", rules.get("selectPolicy"), ("Disabled", "Max", "Min"))
    for position, policy in enumerate(rules.get("policies", ())):
        where = f"{path}.policies[{position}]"
        yield from numbers.one_of(f"{where}.type", policy.get("type"), ("Percent", "Pods"))
        period = policy.get("periodSeconds", 0)
        for field, value in (("value", policy.get("value", 0)), ("periodSeconds", period)):
            if value <= 0:
                yield say.invalid(f"{where}.{field}", value, "must be greater than zero")
        if period > 1800:
            yield say.invalid(f"{where}.periodSeconds", period, "must be less than or equal to 1800")
