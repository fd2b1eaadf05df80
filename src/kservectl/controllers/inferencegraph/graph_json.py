"""The graph as the router gets it: one argument of JSON.

The text is spelled as KServe spells it, byte for byte (order of keys, what is left out, quantities in canonical form), so
that a cluster that changes over from KServe keeps the pods of its graphs.
"""

from collections.abc import Callable
from typing import Any

from kservectl.modelstorage import gojson
from kservectl.objects import quantity
from kservectl.objects.metadata import Object

_Shape = Callable[[Any], Any]


def graph_json(spec: Object) -> str:
    """`spec` of an InferenceGraph, its steps with the URLs that were found for them; raises InvalidQuantity."""
    said = {name: value for name, value in spec.items() if not (name == "maxReplicas" and value == 0)}
    return gojson.compact(_SPEC({**said, "resources": spec.get("resources") or {}}))


class _Struct:
    """Known fields in this order. Absent and empty ones are left out; numbers stay, also 0, and empty structs do."""

    def __init__(self, **fields: _Shape) -> None:
        self._fields = fields

    def __call__(self, value: Object) -> Object:
        return {
            name: shape(value[name])
            for name, shape in self._fields.items()
            if not _is_left_out(value.get(name), is_struct=isinstance(shape, _Struct))
        }


def _is_left_out(value: Any, *, is_struct: bool) -> bool:
    if is_struct:
        return value is None
    return value is None or value is False or value in ("", [], {})


def _as_is(value: Any) -> Any:
    return value


def _each(shape: _Shape) -> _Shape:
    return lambda items: [shape(item) for item in items]


def _by_key(shape: _Shape = _as_is) -> _Shape:
    return lambda entries: {key: shape(entries[key]) for key in sorted(entries)}


_expression = _Struct(key=_as_is, operator=_as_is, values=_as_is)
_selector = _Struct(matchLabels=_by_key(), matchExpressions=_each(_expression))
_node_term = _Struct(matchExpressions=_each(_expression), matchFields=_each(_expression))
_pod_term = _Struct(
    labelSelector=_selector,
    namespaces=_as_is,
    topologyKey=_as_is,
    namespaceSelector=_selector,
    matchLabelKeys=_as_is,
    mismatchLabelKeys=_as_is,
)
_pod_affinity = _Struct(
    requiredDuringSchedulingIgnoredDuringExecution=_each(_pod_term),
    preferredDuringSchedulingIgnoredDuringExecution=_each(_Struct(weight=_as_is, podAffinityTerm=_pod_term)),
)
_affinity = _Struct(
    nodeAffinity=_Struct(
        requiredDuringSchedulingIgnoredDuringExecution=_Struct(nodeSelectorTerms=_each(_node_term)),
        preferredDuringSchedulingIgnoredDuringExecution=_each(_Struct(weight=_as_is, preference=_node_term)),
    ),
    podAffinity=_pod_affinity,
    podAntiAffinity=_pod_affinity,
)
_step = _Struct(
    name=_as_is,
    nodeName=_as_is,
    serviceName=_as_is,
    serviceUrl=_as_is,
    data=_as_is,
    mapPredictionsToInstances=_as_is,
    weight=_as_is,
    condition=_as_is,
    dependency=_as_is,
    timeout=_as_is,
    retries=_as_is,
)
_SPEC = _Struct(
    nodes=_by_key(_Struct(routerType=_as_is, steps=_each(_step))),
    resources=_Struct(
        limits=_by_key(quantity.canonical),
        requests=_by_key(quantity.canonical),
        claims=_each(_Struct(name=_as_is, request=_as_is)),
    ),
    affinity=_affinity,
    timeout=_as_is,
    routerTimeouts=_Struct(serverRead=_as_is, serverWrite=_as_is, serverIdle=_as_is, serviceClient=_as_is),
    minReplicas=_as_is,
    maxReplicas=_as_is,
    scaleTarget=_as_is,
    scaleMetric=_as_is,
    tolerations=_each(_Struct(key=_as_is, operator=_as_is, value=_as_is, effect=_as_is, tolerationSeconds=_as_is)),
    nodeSelector=_by_key(),
    nodeName=_as_is,
    serviceAccountName=_as_is,
)
