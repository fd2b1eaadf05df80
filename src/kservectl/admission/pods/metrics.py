"""Metrics of a pod's containers: whether Knative's queue-proxy collects them, and where Prometheus finds them."""

from kservectl.admission.inferenceservice.implementations import SERVER
from kservectl.admission.pods.context import PodContext
from kservectl.modelstorage.podspec import container, containers, with_annotations, with_changed, with_env
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

AGGREGATION = "serving.kserve.io/enable-metric-aggregation"
SCRAPING = "serving.kserve.io/enable-prometheus-scraping"
SERVER_PORT = "prometheus.kserve.io/port"
SERVER_PATH = "prometheus.kserve.io/path"

_QUEUE_PROXY = "queue-proxy"
_AGGREGATED_PORT = "9088"
_QUEUE_PROXY_PORT = "9091"
_DEFAULT_PORT = "8080"
_DEFAULT_PATH = "/metrics"


def inject_metrics(pod: Object, context: PodContext) -> Object:
    """Write down what is configured where the pod says nothing, then do what is written down."""
    settings = context.config.metrics_aggregator
    notes = metadata.annotations(pod)
    defaults = {AGGREGATION: settings.enable_metric_aggregation, SCRAPING: settings.enable_prometheus_scraping}
    missing = {name: value for name, value in defaults.items() if name not in notes}
    if missing:
        pod = with_annotations(pod, missing)
    notes = metadata.annotations(pod)
    aggregated = notes[AGGREGATION] == "true"
    if aggregated and container(pod, _QUEUE_PROXY) is not None:
        pod = with_changed(pod, _QUEUE_PROXY, lambda proxy: _aggregating(proxy, pod))
    if notes[SCRAPING] == "true":
        port, path = _scraped(pod, aggregated)
        pod = with_annotations(pod, {"prometheus.io/port": port, "prometheus.io/path": path})
    return pod


def _aggregating(proxy: Object, pod: Object) -> Object:
    notes = metadata.annotations(pod)
    proxy = with_env(proxy, "KSERVE_CONTAINER_PROMETHEUS_METRICS_PORT", notes.get(SERVER_PORT, _DEFAULT_PORT))
    proxy = with_env(proxy, "KSERVE_CONTAINER_PROMETHEUS_METRICS_PATH", notes.get(SERVER_PATH, _DEFAULT_PATH))
    proxy = with_env(proxy, "AGGREGATE_PROMETHEUS_METRICS_PORT", _AGGREGATED_PORT)
    ports = proxy.get("ports") or []
    if any(port.get("name") == "aggr-metric" for port in ports):
        return proxy
    added = {"name": "aggr-metric", "containerPort": int(_AGGREGATED_PORT), "protocol": "TCP"}
    return proxy | {"ports": [*ports, added]}


def _scraped(pod: Object, aggregated: bool) -> tuple[str, str]:
    """Port and path of the metrics: those of queue-proxy if there is one, else those of the server itself."""
    if container(pod, _QUEUE_PROXY) is not None:
        return _AGGREGATED_PORT if aggregated else _QUEUE_PROXY_PORT, _DEFAULT_PATH
    notes = metadata.annotations(pod)
    return notes.get(SERVER_PORT) or _first_port(pod), notes.get(SERVER_PATH) or _DEFAULT_PATH


def _first_port(pod: Object) -> str:
    server = container(pod, SERVER) or next(iter(containers(pod)), {})
    return next(
        (str(port["containerPort"]) for port in server.get("ports") or [] if "containerPort" in port), _DEFAULT_PORT
    )
