"""Who may talk to the manager, and to whom it may talk.

The API server and kubelets are no pods and have no labels; so what they call is open to everybody, and what the manager calls of
them is named by port. A model registry at another port than 443 needs a policy of its own.
"""

from kservectl.manifests.components.component import Component
from kservectl.manifests.names import MANAGER, MANAGER_LABELS, METRICS_PORT_NAME, NAMESPACE, PART_OF, WEBHOOK_PORT_NAME
from kservectl.objects.metadata import Object

_SCRAPERS = {"metrics": "enabled"}
"""The label of namespaces from which metrics may be scraped, as kubebuilder's projects have it."""

_API_SERVER_PORTS = (443, 6443)
_DNS_PORT = 53


def network_policies() -> Component:
    return Component(
        "network-policies",
        "Webhooks are open to the API server, metrics to namespaces labelled metrics=enabled, nothing else.",
        adds=(_policy(),),
    )


def _policy() -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": MANAGER, "namespace": NAMESPACE, "labels": dict(PART_OF)},
        "spec": {
            "podSelector": {"matchLabels": dict(MANAGER_LABELS)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"ports": [_port(WEBHOOK_PORT_NAME)]},
                {
                    "ports": [_port(METRICS_PORT_NAME)],
                    "from": [{"namespaceSelector": {"matchLabels": dict(_SCRAPERS)}}],
                },
            ],
            "egress": [
                {"ports": [_port(port) for port in _API_SERVER_PORTS]},
                {"ports": [_port(_DNS_PORT), _port(_DNS_PORT, "UDP")]},
            ],
        },
    }


def _port(port: int | str, protocol: str = "TCP") -> Object:
    return {"port": port, "protocol": protocol}
