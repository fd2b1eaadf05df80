"""Where Prometheus finds a pod's metrics."""

from itertools import product

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
    assert metrics(pod(), "true")["spec"] == pod()["spec"]


def test_a_server_that_says_nothing_is_asked_at_the_default_address() -> None:
    (_, proxy) = metrics(pod(container(), container("queue-proxy")), "true")["spec"]["containers"]
    assert proxy["env"] == [
        {"name": "KSERVE_CONTAINER_PROMETHEUS_METRICS_PORT", "value": "8080"},
        {"name": "KSERVE_CONTAINER_PROMETHEUS_METRICS_PATH", "value": "/metrics"},
        {"name": "AGGREGATE_PROMETHEUS_METRICS_PORT", "value": "9088"},
    ]


def test_the_port_of_the_collected_metrics_comes_after_queue_proxys_own() -> None:
    own, added = {"name": "queue-port", "containerPort": 8012}, {"name": "aggr-metric", "containerPort": 9088}
    answer = metrics(pod(container(), container("queue-proxy", ports=[own])), "true")
    assert answer["spec"]["containers"][1]["ports"] == [own, added | {"protocol": "TCP"}]
    taken = [{"name": "aggr-metric", "containerPort": 1}]
    answer = metrics(pod(container(), container("queue-proxy", ports=taken)), "true")
    assert answer["spec"]["containers"][1]["ports"] == taken


@pytest.mark.parametrize("with_proxy", [True, False])
@pytest.mark.parametrize("scraping", [None, "true", "false", "True"])
@pytest.mark.parametrize("aggregation", [None, "true", "false", "True"])
@pytest.mark.parametrize("configured", list(product(["true", "false"], repeat=2)))
def test_the_annotations_of_the_pod_go_before_the_configuration(
    configured: tuple[str, str], aggregation: str | None, scraping: str | None, with_proxy: bool
) -> None:
    own = {name: value for name, value in ((AGGREGATION, aggregation), (SCRAPING, scraping)) if value is not None}
    containers = [container(), container("queue-proxy")] if with_proxy else [container()]
    answer = metrics(annotated(pod(*containers), **own), *configured)
    written = {AGGREGATION: configured[0], SCRAPING: configured[1]} | own
    aggregated, scraped = written[AGGREGATION] == "true", written[SCRAPING] == "true"
    port = ("9088" if aggregated else "9091") if with_proxy else "8080"
    found = {"prometheus.io/port": port, "prometheus.io/path": "/metrics"} if scraped else {}
    assert answer["metadata"]["annotations"] == written | found
    assert ("env" in answer["spec"]["containers"][-1]) is (aggregated and with_proxy)


def test_where_prometheus_looked_before_is_written_over() -> None:
    old = annotated(pod(), **{"prometheus.io/port": "1", "prometheus.io/path": "/old"})
    notes = metrics(old, "false", "true")["metadata"]["annotations"]
    assert (notes["prometheus.io/port"], notes["prometheus.io/path"]) == ("8080", "/metrics")


@pytest.mark.parametrize(
    ("original", "aggregation", "port", "path"),
    [
        (pod(container(), QUEUE_PROXY), "true", "9088", "/metrics"),
        (pod(container(), QUEUE_PROXY), "false", "9091", "/metrics"),
        (pod(container(ports=[{"containerPort": 8085}])), "true", "8085", "/metrics"),
        (
            pod(container("first", ports=[{"containerPort": 1}]), container(ports=[{"containerPort": 2}])),
            "",
            "2",
            "/metrics",
        ),
        (pod(container("mine", ports=[{"containerPort": 7000}])), "false", "7000", "/metrics"),
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
