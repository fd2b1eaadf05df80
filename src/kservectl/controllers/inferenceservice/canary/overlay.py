"""The effective predictor of a canary: its own fields over those of the stable predictor.

What the canary sets wins, nested structures and maps are merged per key, lists replace whole. An empty value (`0`, `false`,
`""`, an empty list or map) sets nothing, as in KServe. Three things are alternatives rather than fields, and the canary's
choice takes the stable one's away: what kind of server it is (a model or containers), the model's format with the runtime
that belongs to it, and where the model comes from.
"""

from typing import Any

from kservectl.api.inferenceservice import PredictorSpec
from kservectl.controllers.inferenceservice.component import Component, predictor_component
from kservectl.objects.metadata import Object

_SCALING = ("minReplicas", "maxReplicas", "scaleTarget", "scaleMetric", "scaleMetricType", "autoScaling")
_OF_RUNTIME = ("runtime", "runtimeVersion")
_SOURCES = ("storageUri", "storage")


def effective_predictor(stable: Component, canary: PredictorSpec, *, runtime: str, replicas: int) -> Component:
    """The predictor that a canary runs, of a fixed size.

    `runtime` is the one that was chosen for the stable model (empty for none); a canary of the same format uses it unless
    it names another. One of a different format has its runtime selected afresh.
    """
    base, over = _normal(stable), _normal(predictor_component(canary))
    model, own = base.get("model"), over.get("model")
    if own is None and over.get("containers"):
        base.pop("model", None)
    elif own is not None and model is None:
        base.pop("containers", None)
    elif own is not None and model is not None:
        base["model"] = _of_format(model, own, runtime)
    elif model is not None and runtime:
        base["model"] = {**model, "runtime": runtime}
    if _names_source(over):
        base.pop("storageUris", None)
        if "model" in base:
            base["model"] = {name: value for name, value in base["model"].items() if name not in _SOURCES}
    merged = merge({name: value for name, value in base.items() if name not in _SCALING}, over)
    fixed = {name: value for name, value in merged.items() if name not in _SCALING}
    return predictor_component(PredictorSpec.parse({**fixed, "minReplicas": replicas}))


def merge(base: Object, over: Object) -> Object:
    """`base` with the non-empty values of `over` put over it, key by key; neither is changed."""
    merged = dict(base)
    for name, value in over.items():
        if not value:
            continue
        below: Any = merged.get(name)
        merged[name] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _normal(component: Component) -> Object:
    """The predictor's spec with a legacy framework field as the `model` that it stands for."""
    spec: Object = {name: value for name, value in component.spec.to_object().items() if value is not None}
    if component.model is None or not isinstance(component.spec, PredictorSpec):
        return spec
    for framework in component.spec.frameworks():
        spec.pop(framework, None)
    model = component.model.to_object()
    return {**spec, "model": {name: value for name, value in model.items() if value is not None}}


def _of_format(model: Object, own: Object, runtime: str) -> Object:
    """The stable `model` as far as it holds for the format of the canary's `own`."""
    if (own.get("modelFormat") or {}).get("name") == (model.get("modelFormat") or {}).get("name"):
        return {**model, "runtime": runtime} if runtime else model
    return {name: value for name, value in model.items() if name not in (*_OF_RUNTIME, "modelFormat")}


def _names_source(over: Object) -> bool:
    model = over.get("model") or {}
    return bool(over.get("storageUris") or any(model.get(name) for name in _SOURCES))
