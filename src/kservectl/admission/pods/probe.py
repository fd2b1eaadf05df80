"""A readiness probe as the agent reads it: JSON in an environment variable, members in the order of Kubernetes' types."""

from collections.abc import Mapping, Sequence
from typing import Any

from kservectl.modelstorage import gojson
from kservectl.objects.metadata import Object

_HTTP = ("path", "port", "host", "scheme", "httpHeaders")
_TCP = ("port", "host")
_TIMES = (
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
    "terminationGracePeriodSeconds",
)


def probe_json(probe: Object) -> str:
    """`probe` as JSON; "" for one that the agent cannot carry out (exec, grpc, or none at all)."""
    found: Object = {}
    if probe.get("httpGet"):
        found["httpGet"] = _members(probe["httpGet"], _HTTP)
    elif probe.get("tcpSocket"):
        found["tcpSocket"] = _members(probe["tcpSocket"], _TCP)
    else:
        return ""
    return gojson.compact(found | _members(probe, _TIMES))


def _members(source: Mapping[str, Any], names: Sequence[str]) -> Object:
    return {name: source[name] for name in names if source.get(name) or (name == "port" and name in source)}
