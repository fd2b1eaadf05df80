"""The Gateway that the shipped configuration names, for clusters that have none yet, in two variants of which one is applied.

It is not part of the base installation: which GatewayClass there is, only the cluster's owner knows. Envoy Gateway's is
assumed, as in KServe's chart. Listeners are open to the routes of all namespaces; routes name none of them, so that every
listener serves every route whose kind and host it takes.
"""

from kservectl.api.kinds import GATEWAY as KIND
from kservectl.api.kinds import HTTP_ROUTE
from kservectl.manifests.names import GATEWAY, NAMESPACE, PART_OF
from kservectl.objects.metadata import Object

TLS_SECRET = f"{GATEWAY}-tls"
"""The Secret (type kubernetes.io/tls) in the Gateway's namespace that whoever installs `gateway_with_tls` provides."""

_HTTP_PORT = 80
_HTTPS_PORT = 443
_GRPC_PORT = 9000


def gateway() -> Object:
    """One HTTP listener on port 80."""
    return _gateway([_listener("http", "HTTP", _HTTP_PORT)])


def gateway_with_tls() -> Object:
    """HTTP on port 80, HTTPS on 443, and gRPC over TLS on 9000 with the same certificate."""
    tls = {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "name": TLS_SECRET}]}
    # gRPC requests come in by HTTPRoutes of services that speak both protocols, or by GRPCRoutes that users write.
    kinds = [{"group": HTTP_ROUTE.group, "kind": kind} for kind in (HTTP_ROUTE.kind, "GRPCRoute")]
    return _gateway(
        [
            _listener("http", "HTTP", _HTTP_PORT),
            _listener("https", "HTTPS", _HTTPS_PORT, tls=tls),
            _listener("grpc", "HTTPS", _GRPC_PORT, tls=tls, kinds=kinds),
        ]
    )


def _gateway(listeners: list[Object]) -> Object:
    return {
        "apiVersion": KIND.api_version,
        "kind": KIND.kind,
        "metadata": {"name": GATEWAY, "namespace": NAMESPACE, "labels": dict(PART_OF)},
        "spec": {
            "gatewayClassName": "envoy",
            "listeners": listeners,
            "infrastructure": {"labels": {"serving.kserve.io/gateway": GATEWAY}},
        },
    }


def _listener(
    name: str, protocol: str, port: int, *, tls: Object | None = None, kinds: list[Object] | None = None
) -> Object:
    allowed: Object = {"namespaces": {"from": "All"}}
    if kinds is not None:
        allowed["kinds"] = kinds
    listener: Object = {"name": name, "protocol": protocol, "port": port, "allowedRoutes": allowed}
    if tls is not None:
        listener["tls"] = tls
    return listener
