"""The Service in front of a component: its public port is 80, whatever port the container listens on."""

from collections.abc import Sequence

from kservectl.controllers.inferenceservice.deployment import DEFAULT_PORT
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects.kind import SERVICE
from kservectl.objects.metadata import Object

PUBLIC_PORT = 80
AGENT_PORT = 9081
HTTP2 = "kubernetes.io/h2c"
HEADLESS = "None"


def build(workload: Workload, *, headless: bool) -> Object:
    """The main Service of a component; `headless` gives it no cluster IP."""
    spec: Object = {"selector": workload.metadata.selector}
    ports = _ports(workload)
    if ports:
        spec["ports"] = ports
    if headless:
        spec["clusterIP"] = HEADLESS
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": workload.metadata.to_wire(),
        "spec": spec,
    }


def is_headless(live: Object | None, configured: bool) -> bool:
    """Whether the Service is to be headless: as configured for a new one, as it is for one that exists.

    A Service cannot change its cluster IP; only a new one follows a changed configuration.
    """
    if live is None:
        return configured
    return (live.get("spec") or {}).get("clusterIP") == HEADLESS


def is_grpc(port: Object) -> bool:
    """Whether a Service port speaks gRPC, by its protocol or its name."""
    name = str(port.get("name") or "").lower()
    return port.get("appProtocol") == HTTP2 or "grpc" in name or "h2c" in name


def _ports(workload: Workload) -> list[Object]:
    container = workload.port_container
    if container is None:
        return []
    declared: Sequence[Object] = container.get("ports") or ()
    ports = [_port(port, PUBLIC_PORT if position == 0 else None) for position, port in enumerate(declared)]
    if not ports:
        ports = [{"name": workload.metadata.name, "port": PUBLIC_PORT, "targetPort": DEFAULT_PORT, "protocol": "TCP"}]
    if workload.component.logger is not None or workload.component.batcher is not None:
        ports[0]["targetPort"] = AGENT_PORT
    return ports


def _port(declared: Object, public: int | None) -> Object:
    number = declared.get("containerPort")
    port: Object = {"port": public or number, "targetPort": number, "protocol": declared.get("protocol") or "TCP"}
    name = declared.get("name")
    if name:
        port["name"] = name
        if "grpc" in name or "h2c" in name:
            port["appProtocol"] = HTTP2
    return port
