"""Scraping by the Prometheus operator."""

from kservectl.manifests.components.component import Component
from kservectl.manifests.names import MANAGER, METRICS_PORT_NAME, METRICS_SERVICE, NAMESPACE, PART_OF


def service_monitor() -> Component:
    """Selects by the label that the metrics Service gets for it: the webhook Service has the labels of the manager too."""
    return Component(
        "service-monitor",
        "The Prometheus operator, which must be there, has the manager's metrics scraped.",
        adds=(
            {
                "apiVersion": "monitoring.coreos.com/v1",
                "kind": "ServiceMonitor",
                "metadata": {"name": MANAGER, "namespace": NAMESPACE, "labels": dict(PART_OF)},
                "spec": {
                    "selector": {"matchLabels": {"app.kubernetes.io/component": METRICS_SERVICE}},
                    "endpoints": [{"port": METRICS_PORT_NAME, "path": "/metrics", "honorLabels": True}],
                },
            },
        ),
    )
