"""How the manager of this process shows in its cluster: a Deployment as an installation has it, whose pod writes this log.

It is a picture. Whoever scales the Deployment changes the picture, and not the process.
"""

from collections.abc import Sequence

from kservectl.assembly import LEASE_NAME
from kservectl.devcluster.subresources import LogOf, no_log
from kservectl.manifests.layout import folders
from kservectl.manifests.names import MANAGER_LABELS, METRICS_PORT, METRICS_PORT_NAME, METRICS_SERVICE, NAMESPACE
from kservectl.objects import metadata
from kservectl.objects.kind import LEASE
from kservectl.objects.metadata import Object
from kservectl.runtime.recording import Recorder

METRICS_PATHS = (
    "/metrics",
    *(
        f"/api/v1/namespaces/{NAMESPACE}/services/{METRICS_SERVICE}:{port}/proxy/metrics"
        for port in (METRICS_PORT, METRICS_PORT_NAME)
    ),
)
"""Where the API server shows the manager's metrics (`kubectl get --raw`): as its own, and as those behind the Service."""


def shown() -> Sequence[Object]:
    """The objects that tell of a manager."""
    return folders()["manager"]


def lease() -> Object:
    """Which manager works."""
    meta = {"name": LEASE_NAME, "namespace": NAMESPACE}
    return {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": meta}


def log_of(recorder: Recorder) -> LogOf:
    """The logs of pods: the manager's is what `recorder` heard, others have nothing to say."""

    def log(pod: Object, container: str) -> str:
        is_manager = metadata.namespace(pod) == NAMESPACE and MANAGER_LABELS.items() <= metadata.labels(pod).items()
        return recorder.text() if is_manager else no_log(pod, container)

    return log
