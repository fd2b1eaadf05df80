"""The Gateway that the shipped configuration names, for clusters that have none yet.

It is not part of the base installation: which GatewayClass there is, only the cluster's owner knows. Envoy Gateway's is
assumed, as in KServe's chart.
"""

from kservectl.api.kinds import GATEWAY as KIND
from kservectl.manifests.names import GATEWAY, NAMESPACE, PART_OF
from kservectl.objects.metadata import Object


def gateway() -> Object:
    """One HTTP listener on port 80, open to the routes of all namespaces."""
    return {
        "apiVersion": KIND.api_version,
        "kind": KIND.kind,
        "metadata": {"name": GATEWAY, "namespace": NAMESPACE, "labels": dict(PART_OF)},
        "spec": {
            "gatewayClassName": "envoy",
            "listeners": [
                {
                    "name": "http",
                    "protocol": "HTTP",
                    "port": 80,
                    "allowedRoutes": {"namespaces": {"from": "All"}},
                }
            ],
            "infrastructure": {"labels": {"serving.kserve.io/gateway": GATEWAY}},
        },
    }
