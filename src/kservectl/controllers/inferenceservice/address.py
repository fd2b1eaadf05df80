"""Where a service is reached: the public URL and the address inside the cluster."""

from collections.abc import Sequence

from kservectl.controllers.inferenceservice.component import in_cluster_host
from kservectl.controllers.inferenceservice.deployment import DEFAULT_PORT
from kservectl.controllers.inferenceservice.service import HEADLESS, is_grpc
from kservectl.objects import metadata
from kservectl.objects.metadata import Object


def in_cluster_url(entry: Object, cluster_domain: str) -> str:
    """The URL of the Service `entry` inside the cluster, always http.

    A headless Service maps no ports, so that its container's port must be in the URL.
    """
    url = f"http://{in_cluster_host(metadata.name(entry), metadata.namespace(entry), cluster_domain)}"
    spec = entry.get("spec") or {}
    return f"{url}:{_container_port(spec.get('ports') or ())}" if spec.get("clusterIP") == HEADLESS else url


def _container_port(ports: Sequence[Object]) -> int:
    for port in ports:
        target = port.get("targetPort")
        number = int(target) if isinstance(target, int) or (isinstance(target, str) and target.isdigit()) else 0
        if number > 0 and not is_grpc(port):
            return number
    return DEFAULT_PORT
