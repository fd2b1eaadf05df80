"""Components that KEDA scales: the ScaledObject, and the collector that feeds it."""

from typing import Any

import pytest

from kservectl.api.kinds import OPEN_TELEMETRY_COLLECTOR, SCALED_OBJECT
from kservectl.objects.kind import HORIZONTAL_POD_AUTOSCALER
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.world import KINDS, World, configuration, model, runtime, service

COLLECTOR = {
    "scrapeInterval": "5s",
    "metricReceiverEndpoint": "receiver:4317",
    "metricScalerEndpoint": "scaler:4318",
    "resource": {"cpuLimit": "1"},
}


def world(extension: Object, class_: str = "keda", **keys: Any) -> World:
    obj = service({**model(), **extension}, annotations={"serving.kserve.io/autoscalerClass": class_})
    kinds = (*KINDS, SCALED_OBJECT, OPEN_TELEMETRY_COLLECTOR)
    made = World(obj, runtime(), config=configuration(opentelemetryCollector=COLLECTOR, **keys), kinds=kinds)
    made.settle()
    return made


def scaled(extension: Object, **keys: Any) -> Object:
    found: Object = world(extension, **keys).child(SCALED_OBJECT, "iris-predictor")["spec"]
    return found


def metrics(*entries: Object) -> Object:
    return {"autoScaling": {"metrics": list(entries)}}


def pod_metric(*names: str, **fields: Any) -> Object:
    metric = {"backend": "opentelemetry", "metricNames": list(names), "query": "q", **fields}
    return {"type": "PodMetric", "podmetric": {"metric": metric, "target": {"type": "Value", "value": "0.50"}}}


def test_class_keda_makes_a_scaledobject_and_no_hpa() -> None:
    made = world({"minReplicas": 2, "maxReplicas": 4})

    assert made.names(HORIZONTAL_POD_AUTOSCALER) == []
    assert made.child(SCALED_OBJECT, "iris-predictor")["spec"] == {
        "scaleTargetRef": {"name": "iris-predictor"},
        "minReplicaCount": 2,
        "maxReplicaCount": 4,
        "triggers": [{"type": "cpu", "metricType": "Utilization", "metadata": {"value": "80"}}],
    }


def test_keda_scales_to_zero_where_a_metric_from_outside_can_wake_the_component() -> None:
    outside = {"type": "External", "external": {"metric": {"backend": "prometheus", "query": "q"}, "target": {}}}
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}

    def least(*entries: Object) -> tuple[int, int]:
        found = scaled({"minReplicas": 0, **(metrics(*entries) if entries else {})})
        return found["minReplicaCount"], found["maxReplicaCount"]

    assert least(outside) == least(cpu, outside) == least(pod_metric("m")) == (0, 0)
    assert least() == least(cpu) == (1, 1)


@pytest.mark.parametrize(
    ("extension", "trigger"),
    [
        ({"scaleTarget": 55}, {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "55"}}),
        (
            {"scaleMetric": "memory", "scaleTarget": 70},
            {"type": "memory", "metricType": "Utilization", "metadata": {"value": "70"}},
        ),
        (
            metrics({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}),
            {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "80"}},
        ),
        (
            metrics({"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization"}}}),
            {"type": "memory", "metricType": "Utilization", "metadata": {"value": "0"}},
        ),
        (
            metrics(
                {
                    "type": "Resource",
                    "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "10Gi"}},
                }
            ),
            {"type": "memory", "metricType": "AverageValue", "metadata": {"value": "10Gi"}},
        ),
        (
            metrics({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Value", "value": 100}}}),
            {"type": "cpu", "metricType": "Value", "metadata": {"value": "100"}},
        ),
        (
            metrics(
                {
                    "type": "External",
                    "external": {
                        "metric": {
                            "backend": "prometheus",
                            "serverAddress": "http://p",
                            "query": "up",
                            "namespace": "n",
                        },
                        "authenticationRef": {"authenticationRef": {"name": "auth"}, "authModes": "basic"},
                        "target": {"type": "Value", "value": "100m"},
                    },
                }
            ),
            {
                "type": "prometheus",
                "metadata": {
                    "serverAddress": "http://p",
                    "query": "up",
                    "threshold": "100m",
                    "namespace": "n",
                    "authModes": "basic",
                },
                "authenticationRef": {"name": "auth"},
            },
        ),
        (
            metrics(
                {
                    "type": "External",
                    "external": {
                        "metric": {"backend": "graphite", "serverAddress": "http://g", "query": "q", "namespace": "n"},
                        "target": {},
                    },
                }
            ),
            {"type": "graphite", "metadata": {"serverAddress": "http://g", "query": "q", "threshold": "0"}},
        ),
        (
            metrics(pod_metric("m", operationOverTime="avg")),
            {
                "type": "external",
                "metadata": {
                    "metricQuery": 'sum(q{namespace="ml", deployment="iris-predictor"})',
                    "targetValue": "0.50",
                    "scalerAddress": "scaler:4318",
                    "operationOverTime": "avg",
                },
            },
        ),
    ],
)
def test_metrics_become_triggers(extension: Object, trigger: Object) -> None:
    assert scaled(extension)["triggers"] == [trigger]


@pytest.mark.parametrize(
    ("behavior", "configured", "expected"),
    [
        (None, {}, None),
        (None, {"scaleDownStabilizationWindowSeconds": "300"}, {"scaleDown": {"stabilizationWindowSeconds": 300}}),
        (None, {"scaleUpStabilizationWindowSeconds": "soon"}, None),
        (
            {"scaleUp": {"stabilizationWindowSeconds": 5}},
            {"scaleUpStabilizationWindowSeconds": "0", "scaleDownStabilizationWindowSeconds": "9"},
            {"scaleUp": {"stabilizationWindowSeconds": 5}, "scaleDown": {"stabilizationWindowSeconds": 9}},
        ),
        (
            {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 9}]}},
            {},
            {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 9}]}},
        ),
    ],
)
def test_behavior_is_the_services_then_the_configurations(behavior: Any, configured: Object, expected: Any) -> None:
    spec = scaled({"autoScaling": {"behavior": behavior}} if behavior else {}, autoscaler=configured)

    found = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("behavior")
    assert found == expected


@pytest.mark.parametrize("class_", ["keda", "hpa"])
def test_metrics_of_pods_need_a_collector_whatever_scales(class_: str) -> None:
    made = world(metrics(pod_metric("a"), pod_metric("b", "c")), class_)

    collector = made.child(OPEN_TELEMETRY_COLLECTOR, "iris-predictor")
    assert "labels" not in collector["metadata"]
    config = collector["spec"]["config"]
    assert config["processors"]["filter/metrics"]["metrics"]["include"]["metric_names"] == ["a", "b", "c"]
    assert config["receivers"]["prometheus"]["config"]["scrape_configs"] == [
        {
            "job_name": "otel-collector",
            "scrape_interval": "5s",
            "static_configs": [{"targets": ["localhost:8080"]}],
        }
    ]
    assert config["exporters"]["otlp"]["endpoint"] == "receiver:4317"
    assert collector["spec"]["resources"] == {"limits": {"cpu": "1"}}


def test_collector_scrapes_the_port_that_the_component_names() -> None:
    obj = service({**model(), **metrics(pod_metric("a"))}, annotations={"prometheus.kserve.io/port": "8082"})
    made = World(obj, runtime(), kinds=(*KINDS, OPEN_TELEMETRY_COLLECTOR))
    made.step()

    config = made.child(OPEN_TELEMETRY_COLLECTOR, "iris-predictor")["spec"]["config"]
    (scraped,) = config["receivers"]["prometheus"]["config"]["scrape_configs"]
    assert scraped["static_configs"] == [{"targets": ["localhost:8082"]}]


@pytest.mark.parametrize(
    ("configured", "resources"),
    [
        ({}, None),
        ({"memoryRequest": "1Gi"}, {"requests": {"memory": "1Gi"}}),
        (
            {"cpuRequest": "1", "cpuLimit": "2", "memoryRequest": "1Gi", "memoryLimit": "2Gi"},
            {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}},
        ),
    ],
    ids=["none", "one", "all"],
)
def test_collector_has_the_resources_that_are_configured(configured: Object, resources: Object | None) -> None:
    config = configuration(opentelemetryCollector={"resource": configured})
    obj = service({**model(), **metrics(pod_metric("a"))})
    made = World(obj, runtime(), config=config, kinds=(*KINDS, OPEN_TELEMETRY_COLLECTOR))
    made.step()

    assert made.child(OPEN_TELEMETRY_COLLECTOR, "iris-predictor")["spec"].get("resources") == resources


def test_collector_follows_the_metrics() -> None:
    made = world(metrics(pod_metric("a")))
    made.edit({**model(), **metrics(pod_metric("b"))})
    made.step()

    config = made.child(OPEN_TELEMETRY_COLLECTOR, "iris-predictor")["spec"]["config"]
    assert config["processors"]["filter/metrics"]["metrics"]["include"]["metric_names"] == ["b"]
    assert made.child(SCALED_OBJECT, "iris-predictor")["spec"]["triggers"][0]["type"] == "external"


def test_collector_and_scaledobject_go_with_the_need_for_them() -> None:
    made = world(metrics(pod_metric("a")))
    made.edit(model())
    made.annotate(scaler="hpa")
    made.step()

    assert (made.names(OPEN_TELEMETRY_COLLECTOR), made.names(SCALED_OBJECT)) == ([], [])
    assert made.names(HORIZONTAL_POD_AUTOSCALER) == ["iris-predictor"]


def test_stop_takes_scaledobject_and_collector_along() -> None:
    made = world(metrics(pod_metric("a")))
    made.annotate(stop="true")
    made.step()

    assert made.children == {}


@pytest.mark.parametrize(
    ("extension", "class_", "missing"),
    [({}, "keda", "ScaledObject (keda.sh/v1alpha1)"), (metrics(pod_metric("a")), "hpa", "OpenTelemetryCollector")],
)
def test_third_party_that_is_not_installed_is_named(extension: Object, class_: str, missing: str) -> None:
    obj = service({**model(), **extension}, annotations={"serving.kserve.io/autoscalerClass": class_})
    made = World(obj, runtime())
    made.step()

    assert missing in made.said("PredictorReady")[2]


@pytest.mark.parametrize("key", ["autoscaler", "opentelemetryCollector"])
def test_broken_key_matters_only_to_those_who_need_it(key: str) -> None:
    World(service(), runtime(), config=configuration(**{key: "{"})).become_ready()

    obj = service({**model(), **metrics(pod_metric("a"))}, annotations={"serving.kserve.io/autoscalerClass": "keda"})
    kinds = (*KINDS, SCALED_OBJECT, OPEN_TELEMETRY_COLLECTOR)
    made = World(obj, runtime(), config=configuration(**{key: "{"}), kinds=kinds)
    made.step()
    assert made.said("PredictorReady")[1] == "ConfigurationInvalid"
