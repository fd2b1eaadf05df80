"""HTTPRoutes of the Gateway API, and the rules in them.

A route only says where requests go; which routes there are, and since when, is decided by `exposure`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kservectl.api.config_ingress import Ingress
from kservectl.api.kinds import GATEWAY, HTTP_ROUTE
from kservectl.api.networking_choices import NO_TIMEOUT
from kservectl.controllers.inferenceservice.service import PUBLIC_PORT, is_grpc
from kservectl.controllers.inferenceservice.workload import Deployed
from kservectl.objects.metadata import Object

_EVERYTHING = "^/.*$"
_EXPLANATIONS = r"^/v1/models/[\w-]+:explain$"
_GRPC_PATH = r"^/inference\.GRPCInferenceService/.*$"
_GRPC_CONTENT = "^application/grpc.*"
_DEFAULT_TIMEOUT = 60


@dataclass(frozen=True, slots=True)
class RouteMetadata:
    """What every route of one InferenceService carries: the service's name, labels and annotations, blocked ones left out."""

    service: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class RouteBuilder:
    """Makes the routes of one InferenceService, which differ in hosts and rules only."""

    def __init__(self, meta: RouteMetadata, config: Ingress, timeout: str | None = None) -> None:
        """`timeout` is the service's own choice for all requests, above component and configuration."""
        self._meta = meta
        self._config = config
        self._timeout = timeout

    def route(self, name: str, hosts: Sequence[str], rules: Sequence[Object]) -> Object:
        """The route `name` for `hosts`, attached to the configured gateway."""
        gateway = self._config.gateway
        own: Object = {"name": name, "namespace": self._meta.namespace}
        if self._meta.labels:
            own["labels"] = dict(self._meta.labels)
        if self._meta.annotations:
            own["annotations"] = dict(self._meta.annotations)
        parent = {
            "group": GATEWAY.group,
            "kind": GATEWAY.kind,
            "namespace": gateway.namespace if gateway else "",
            "name": gateway.name if gateway else "",
        }
        return {
            "apiVersion": HTTP_ROUTE.api_version,
            "kind": HTTP_ROUTE.kind,
            "metadata": own,
            "spec": {"hostnames": list(hosts), "parentRefs": [parent], "rules": list(rules)},
        }

    def everything_to(self, target: Deployed) -> list[Object]:
        """Rules that send all requests to `target`, gRPC to its gRPC port where it speaks both."""
        ports = _ports(target)
        grpc = next((port for port in ports if is_grpc(port)), None)
        rest = next((port for port in ports if not is_grpc(port)), None)
        everything = _path("RegularExpression", _EVERYTHING)
        if grpc is None or rest is None:
            return [self._rule(everything, target, PUBLIC_PORT)]
        content_type = {"type": "RegularExpression", "name": "content-type", "value": _GRPC_CONTENT}
        is_grpc_request = {**_path("RegularExpression", _GRPC_PATH), "headers": [content_type]}
        return [self._rule(is_grpc_request, target, grpc["port"]), self._rule(everything, target, rest["port"])]

    def explanations_to(self, explainer: Deployed) -> Object:
        """The rule that sends requests for an explanation to the explainer."""
        return self._rule(_path("RegularExpression", _EXPLANATIONS), explainer, PUBLIC_PORT)

    def below_path(self, path: str, target: Deployed) -> Object:
        """The rule that sends what is below `path` to `target`, the path cut off."""
        ports = _ports(target)
        rest = next((port["port"] for port in ports if not is_grpc(port)), PUBLIC_PORT)
        both = any(is_grpc(port) for port in ports)
        rule = self._rule(_path("PathPrefix", path), target, rest if both else PUBLIC_PORT)
        rewrite = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}
        rule["filters"].append({"type": "URLRewrite", "urlRewrite": rewrite})
        return rule

    def explanations_below_path(self, path: str, explainer: Deployed) -> Object:
        """The same for explanations of the model that is named like the service: a path to be cut must be known whole."""
        whole = f"/v1/models/{self._meta.service}:explain"
        rule = self._rule(_path("Exact", path + whole), explainer, PUBLIC_PORT)
        rewrite = {"path": {"type": "ReplaceFullPath", "replaceFullPath": whole}}
        rule["filters"].append({"type": "URLRewrite", "urlRewrite": rewrite})
        return rule

    def _rule(self, match: Object, target: Deployed, port: int) -> Object:
        headers = [
            {"name": "KServe-Isvc-Name", "value": self._meta.service},
            {"name": "KServe-Isvc-Namespace", "value": self._meta.namespace},
        ]
        backend = {
            "kind": "Service",
            "name": target.workload.metadata.name,
            "namespace": self._meta.namespace,
            "port": port,
        }
        rule: Object = {
            "matches": [match],
            "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": headers}}],
            "backendRefs": [backend],
        }
        timeout = self._timeout_of(target)
        if timeout is not None:
            rule["timeouts"] = {"request": timeout}
        return rule

    def _timeout_of(self, target: Deployed) -> str | None:
        if self._timeout is not None:
            return None if self._timeout == NO_TIMEOUT else self._timeout
        if self._config.disable_http_route_timeout:
            return None
        seconds = target.workload.component.spec.timeout
        return f"{_DEFAULT_TIMEOUT if seconds is None else seconds}s"


def _ports(target: Deployed) -> Sequence[Object]:
    return (target.service.get("spec") or {}).get("ports") or ()


def _path(type_: str, value: str) -> Object:
    return {"path": {"type": type_, "value": value}}
