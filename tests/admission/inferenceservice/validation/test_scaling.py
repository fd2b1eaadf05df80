"""Autoscaling, judged by the autoscaler in force."""

from typing import Any

import pytest

from kservectl.admission.review import Verdict
from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import MODE, model, service
from tests.admission.inferenceservice.validation.verdicts import CLASS, STANDARD, allowed, only, verdict

HPA = STANDARD | {CLASS: "hpa"}
KNATIVE_HPA = {"autoscaling.knative.dev/class": "hpa.autoscaling.knative.dev"}


def metrics(*entries: Object) -> Object:
    return {"autoScaling": {"metrics": list(entries)}}


def scaled(notes: Object, **settings: Any) -> Object:
    return service(model() | settings, annotations=notes)


@pytest.mark.parametrize("notes", [HPA, KNATIVE_HPA])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scaleMetric": "rps"}, "[rps] is not a supported metric"),
        ({"scaleMetric": "cpu", "scaleTarget": 120}, "the target utilization percentage should be a [1-100] integer"),
        ({"scaleTarget": 0}, "the target utilization percentage should be a [1-100] integer"),
        ({"scaleMetric": "memory", "scaleTarget": 0}, "the target memory should be greater than 1 MiB"),
        (metrics({"type": "Resource"}), "metricSpec.Resource is not set for resource metric source type"),
        (
            metrics({"type": "External", "external": {"metric": {}, "target": {}}}),
            "invalid HPA metric source type with value [External],valid metric source types are Resource",
        ),
    ],
)
def test_what_an_hpa_cannot_do_is_refused(notes: Object, settings: Object, message: str) -> None:
    assert message in only(scaled(notes, **settings))


def resource(name: str, **target: Any) -> Object:
    return {"type": "Resource", "resource": {"name": name, "target": target}}


@pytest.mark.parametrize(
    "settings",
    [
        {"scaleMetric": "cpu", "scaleTarget": 80},
        {"scaleMetric": "memory", "scaleTarget": 1024},
        metrics(resource("cpu", type="Utilization", averageUtilization=80), resource("memory", averageValue="1Gi")),
    ],
)
def test_what_an_hpa_can_do_is_allowed(settings: Object) -> None:
    assert allowed(scaled(HPA, **settings))


def test_without_a_class_the_hpa_refuses_targets_and_warns_of_what_it_ignores() -> None:
    assert "[1-100] integer, not 140" in only(scaled(STANDARD, scaleTarget=140))
    answer = verdict(scaled(STANDARD, scaleMetric="concurrency"))
    assert answer.errors == ()
    assert answer.warnings == (
        "spec.predictor.scaleMetric has no effect with the default autoscaler (hpa): [concurrency] is not a supported metric;"
        " use cpu or memory",
    )
    assert verdict(scaled(STANDARD | {CLASS: "external"}, scaleMetric="rps", scaleTarget=500)) == Verdict()


KEDA = STANDARD | {CLASS: "keda"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scaleMetric": "rps"}, "[rps] is not a supported metric; use cpu, memory or autoScaling.metrics"),
        ({"scaleMetric": "cpu", "scaleTarget": 120}, "the target utilization percentage should be a [1-100] integer"),
        (metrics({"type": "Resource"}), "metricSpec.Resource is not set for resource metric source type"),
        (
            metrics(resource("cpu", type="AverageValue", averageValue="1")),
            "the cpu target value type should be Utilization",
        ),
        (
            metrics(resource("memory", type="Value", value="1Gi")),
            "the memory target value type should be AverageValue or Utilization",
        ),
        (metrics(resource("memory", type="AverageValue", averageValue="512Ki")), "should be greater than 1 MiB"),
        (metrics(resource("memory", type="AverageValue", averageValue="much")), "is not a quantity"),
        (metrics(resource("memory", type="AverageValue")), "the AverageValue type should be set"),
        (metrics(resource("disk", type="Utilization", averageUtilization=5)), "resource type disk is not supported"),
        (metrics(resource("cpu", type="Utilization")), "the AverageUtilization type should be set"),
        (
            metrics(resource("cpu", type="Utilization", averageUtilization=101)),
            "the target utilization percentage should be a [1-100] integer",
        ),
        (metrics({"type": "External"}), "metricSpec.External is not set for external metric source type"),
        (metrics({"type": "PodMetric"}), "metricSpec.PodMetric is not set for pod metric source type"),
        (
            metrics({"type": "External", "external": {"metric": {}, "target": {"type": "Value", "value": "1"}}}),
            "the query should not be empty",
        ),
        (
            metrics({"type": "PodMetric", "podmetric": {"metric": {"query": ""}, "target": {"value": "1"}}}),
            "the query should not be empty",
        ),
        (
            metrics({"type": "External", "external": {"metric": {"query": "q"}, "target": {"type": "Value"}}}),
            "the target threshold value should not be empty",
        ),
        (
            metrics({"type": "UnknownType"}),
            "unknown KEDA metric type with value [UnknownType].Valid types are Resource,External,PodMetric",
        ),
    ],
)
def test_what_keda_cannot_do_is_refused(settings: Object, message: str) -> None:
    assert message in only(scaled(KEDA, **settings))


@pytest.mark.parametrize(
    "settings",
    [{"scaleMetric": "cpu"}, {"scaleMetric": "memory", "scaleTarget": 70}, {"scaleTarget": 60}],
)
def test_keda_takes_the_short_form_because_the_controller_makes_a_trigger_of_it(settings: Object) -> None:
    assert allowed(scaled(KEDA, **settings))


@pytest.mark.parametrize(
    "entry",
    [
        resource("cpu", type="Utilization", averageUtilization=80),
        resource("memory", type="AverageValue", averageValue="1Gi"),
        resource("memory", type="AverageValue", averageValue="1Mi"),
        {"type": "External", "external": {"metric": {"query": "q"}, "target": {"type": "Value", "value": "10"}}},
        {"type": "PodMetric", "podmetric": {"metric": {"query": "q"}, "target": {"type": "Value", "value": 5}}},
    ],
)
def test_what_keda_can_do_is_allowed(entry: Object) -> None:
    assert allowed(scaled(KEDA, **metrics(entry)))


@pytest.mark.parametrize("notes", [{}, {MODE: "Knative"}, {MODE: "Serverless"}, {MODE: "ModelMesh"}])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"deploymentStrategy": {"type": "Recreate"}},
            "customizing deploymentStrategy is only supported for raw deployment mode",
        ),
        ({"scaleMetric": "cpu"}, "[cpu] is not a supported metric; use concurrency or rps"),
        ({"scaleMetric": "rps", "scaleTarget": 0}, "the target for rps should be greater than 1"),
    ],
)
def test_what_knatives_autoscaler_cannot_do_is_refused(notes: Object, settings: Object, message: str) -> None:
    assert message in only(scaled(notes, **settings))


def test_a_raw_service_may_choose_its_strategy_and_knative_any_concurrency() -> None:
    assert allowed(scaled(STANDARD, deploymentStrategy={"type": "Recreate"}))
    assert allowed(service(model() | {"deploymentStrategy": {}}, status={"deploymentMode": "Standard"}))
    assert allowed(scaled({}, scaleMetric="concurrency", scaleTarget=5000))
