"""HTTPRoutes of the Gateway API: one for each component under its own host, one for the service itself.

A route only says where requests go; whether it should exist yet is decided by `exposure`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kservectl.api.config_ingress import Ingress
from kservectl.api.kinds import GATEWAY, HTTP_ROUTE
from kservectl.controllers.inferenceservice.service import PUBLIC_PORT, is_grpc
from kservectl.objects.metadata import Object

_EVERYTHING = "^/.*$"
_GRPC_PATH = r"^/inference\.GRPCInferenceService/.*$"
_GRPC_CONTENT = "^application/grpc.*"
_DEFAULT_TIMEOUT = 60


@dataclass(frozen=True, slots=True)
class Backend:
    """A component behind a route: its Service's name and ports, and the seconds that a request may take there."""

    service: str
    ports: Sequence[Object]
    timeout: int | None = None


@dataclass(frozen=True, slots=True)
class RouteMetadata:
    """What every route of one InferenceService carries: the service's name, labels and annotations, blocked ones left out."""

    service: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def build(name: str, hosts: Sequence[str], backend: Backend, meta: RouteMetadata, ingress: Ingress) -> Object:
    """A route `name` for `hosts` that sends everything to `backend`, gRPC to its gRPC port where it has both."""
    return _route(name, hosts, _rules(backend, meta, ingress), meta, ingress)


def build_path(name: str, path: str, backend: Backend, meta: RouteMetadata, ingress: Ingress) -> Object:
    """A route `name` that publishes `backend` under `path` of the domain that all services share, the path cut off."""
    rule = _rule({"path": {"type": "PathPrefix", "value": path}}, backend, _rest_port(backend), meta, ingress)
    rewrite = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}
    rule["filters"].append({"type": "URLRewrite", "urlRewrite": rewrite})
    return _route(name, [ingress.ingress_domain], [rule], meta, ingress)


def _route(name: str, hosts: Sequence[str], rules: list[Object], meta: RouteMetadata, ingress: Ingress) -> Object:
    gateway = ingress.gateway
    own: Object = {"name": name, "namespace": meta.namespace}
    if meta.labels:
        own["labels"] = dict(meta.labels)
    if meta.annotations:
        own["annotations"] = dict(meta.annotations)
    return {
        "apiVersion": HTTP_ROUTE.api_version,
        "kind": HTTP_ROUTE.kind,
        "metadata": own,
        "spec": {
            "hostnames": list(hosts),
            "parentRefs": [
                {
                    "group": GATEWAY.group,
                    "kind": GATEWAY.kind,
                    "namespace": gateway.namespace if gateway else "",
                    "name": gateway.name if gateway else "",
                }
            ],
            "rules": rules,
        },
    }


def _rest_port(backend: Backend) -> int:
    if not any(is_grpc(port) for port in backend.ports):
        return PUBLIC_PORT
    return next((port["port"] for port in backend.ports if not is_grpc(port)), PUBLIC_PORT)


def _rules(backend: Backend, meta: RouteMetadata, ingress: Ingress) -> list[Object]:
    grpc = next((port for port in backend.ports if is_grpc(port)), None)
    rest = next((port for port in backend.ports if not is_grpc(port)), None)
    everything: Object = {"path": {"type": "RegularExpression", "value": _EVERYTHING}}
    if grpc is None or rest is None:
        return [_rule(everything, backend, PUBLIC_PORT, meta, ingress)]
    is_grpc_request: Object = {
        "path": {"type": "RegularExpression", "value": _GRPC_PATH},
        "headers": [{"type": "RegularExpression", "name": "content-type", "value": _GRPC_CONTENT}],
    }
    return [
        _rule(is_grpc_request, backend, grpc["port"], meta, ingress),
        _rule(everything, backend, rest["port"], meta, ingress),
    ]


def _rule(match: Object, backend: Backend, port: int, meta: RouteMetadata, ingress: Ingress) -> Object:
    rule: Object = {
        "matches": [match],
        "filters": [
            {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {
                    "set": [
                        {"name": "KServe-Isvc-Name", "value": meta.service},
                        {"name": "KServe-Isvc-Namespace", "value": meta.namespace},
                    ]
                },
            }
        ],
        "backendRefs": [
            {"kind": "Service", "name": backend.service, "namespace": meta.namespace, "port": port},
        ],
    }
    if not ingress.disable_http_route_timeout:
        seconds = backend.timeout if backend.timeout is not None else _DEFAULT_TIMEOUT
        rule["timeouts"] = {"request": f"{seconds}s"}
    return rule
