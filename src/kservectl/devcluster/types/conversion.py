"""Objects under another version of their kind.

Custom kinds convert by their apiVersion alone (conversion strategy None). Of the built-in kinds only
HorizontalPodAutoscaler has two versions here; what v1 cannot say travels in annotations, as the API server does it.
"""

from typing import Any

import orjson

from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

_METRICS = "autoscaling.alpha.kubernetes.io/metrics"
_BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"


def convert(obj: Object, to: Kind) -> Object:
    """`obj` as version `to.version` of its kind; the same object if it is that already."""
    if obj.get("apiVersion") == to.api_version:
        return obj
    if to.group == "autoscaling" and to.kind == "HorizontalPodAutoscaler":
        convert_spec = _to_v1 if to.version == "v1" else _to_v2
        obj = convert_spec(obj)
    return {**obj, "apiVersion": to.api_version}


def _to_v1(obj: Object) -> Object:
    spec: Object = dict(obj.get("spec") or {})
    carried: dict[str, Any] = {}
    others = []
    for metric in spec.pop("metrics", None) or ():
        target = (metric.get("resource") or {}).get("target") or {}
        is_cpu = (metric.get("resource") or {}).get("name") == "cpu" and "averageUtilization" in target
        if is_cpu and "targetCPUUtilizationPercentage" not in spec:
            spec["targetCPUUtilizationPercentage"] = target["averageUtilization"]
        else:
            others.append(metric)
    if others:
        carried[_METRICS] = others
    if behavior := spec.pop("behavior", None):
        carried[_BEHAVIOR] = behavior
    return _with(obj, spec, {name: orjson.dumps(value).decode() for name, value in carried.items()})


def _to_v2(obj: Object) -> Object:
    spec: Object = dict(obj.get("spec") or {})
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    metrics = orjson.loads(annotations.get(_METRICS) or "[]")
    utilization = spec.pop("targetCPUUtilizationPercentage", None)
    if utilization is not None:
        target = {"type": "Utilization", "averageUtilization": utilization}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    if metrics:
        spec["metrics"] = metrics
    if _BEHAVIOR in annotations:
        spec["behavior"] = orjson.loads(annotations[_BEHAVIOR])
    return _with(obj, spec, {})


def _with(obj: Object, spec: Object, carried: dict[str, str]) -> Object:
    metadata = dict(obj.get("metadata") or {})
    annotations = {
        name: value
        for name, value in (metadata.pop("annotations", None) or {}).items()
        if name not in (_METRICS, _BEHAVIOR)
    }
    if annotations or carried:
        metadata["annotations"] = {**annotations, **carried}
    return {**obj, "metadata": metadata, "spec": spec}
