"""Where Prometheus finds a pod's metrics."""

import pytest

from kservectl.objects.metadata import Object
from tests.admission.pods.samples import annotated, container, context, done, pod

AGGREGATION, SCRAPING = "serving.kserve.io/enable-metric-aggregation", "serving.kserve.io/enable-prometheus-scraping"


def metrics(original: Object, aggregation: str = "false", scraping: str = "false") -> Object:
    settings = {"enableMetricAggregation": aggregation, "enablePrometheusScraping": scraping}
    return done(original, context(metricsAggregator=settings))


def test_what_is_configured_is_written_down_where_the_pod_says_nothing() -> None:
    assert metrics(pod())["metadata"]["annotations"] == {AGGREGATION: "false", SCRAPING: "false"}
    own = annotated(pod(), **{AGGREGATION: "mine", SCRAPING: "false"})
    assert metrics(own, "true", "true")["metadata"]["annotations"] == {AGGREGATION: "mine", SCRAPING: "false"}
    assert done(pod())["metadata"]["annotations"] == {AGGREGATION: "", SCRAPING: ""}


QUEUE_PROXY = container("queue-proxy", env=[{"name": "AGGREGATE_PROMETHEUS_METRICS_PORT", "value": "1"}])


def test_queue_proxy_collects_the_metrics_of_the_server() -> None:
    ports = {"prometheus.kserve.io/port": "8888", "prometheus.kserve.io/path": "/stats"}
    answer = metrics(annotated(pod(container(), QUEUE_PROXY), **ports), "true")
    assert answer["spec"]["containers"][1]["env"] == [
        {"name": "AGGREGATE_PROMETHEUS_METRICS_PORT", "value": "9088"},
        {"name": "KSERVE_CONTAINER_PROMETHEUS_METRICS_PORT", "value": "8888"},
        {"name": "KSERVE_CONTAINER_PROMETHEUS_METRICS_PATH", "value": "/stats"},
    ]
    port = {"name": "aggr-metric", "containerPort": 9088, "protocol": "TCP"}
    assert answer["spec"]["containers"][1]["ports"] == [port]
    assert metrics(pod(), "true")["spec"] == pod()["spec"]


@pytest.mark.parametrize(
    ("original", "aggregation", "port", "path"),
    [
        (pod(container(), QUEUE_PROXY), "true", "9088", "/metrics"),
        (pod(container(), QUEUE_PROXY), "false", "9091", "/metrics"),
        (pod(container(ports=[{"containerPort": 8085}])), "true", "8085", "/metrics"),
        (pod(), "false", "8080", "/metrics"),
        (
            annotated(pod(), **{"prometheus.kserve.io/port": "8082", "prometheus.kserve.io/path": "/stats"}),
            "false",
            "8082",
            "/stats",
        ),
    ],
)
def test_prometheus_is_sent_to_where_something_listens(
    original: Object, aggregation: str, port: str, path: str
) -> None:
    notes = metrics(original, aggregation, "true")["metadata"]["annotations"]
    assert (notes["prometheus.io/port"], notes["prometheus.io/path"]) == (port, path)
