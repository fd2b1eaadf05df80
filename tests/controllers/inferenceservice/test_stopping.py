"""The annotation `serving.kserve.io/stop`: on every set of components, with every kind of scaler and of route."""

from typing import Any

import pytest

from kservectl.api.kinds import HTTP_ROUTE, OPEN_TELEMETRY_COLLECTOR, SCALED_OBJECT
from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, INGRESS, SERVICE
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.world import KINDS, World, configuration, model, runtime, service

STOP = "serving.kserve.io/stop"
CUSTOM: Object = {"containers": [{"name": "kserve-container", "image": "example/mine:1"}]}
POD_METRIC: Object = {
    "type": "PodMetric",
    "podmetric": {
        "metric": {"backend": "opentelemetry", "metricNames": ["m"], "query": "q"},
        "target": {"type": "Value", "value": "1"},
    },
}
BY_HPA_AND_ROUTES = (False, configuration())
BY_KEDA_AND_INGRESS = (True, configuration(ingress={"ingressGateway": "istio/main"}, opentelemetryCollector={}))

every_variant = pytest.mark.parametrize(
    "variant", [BY_HPA_AND_ROUTES, BY_KEDA_AND_INGRESS], ids=["hpa and routes", "keda, collector and ingress"]
)
every_component = pytest.mark.parametrize(
    "extra", [(), ("transformer",), ("explainer",), ("transformer", "explainer")], ids="+".join
)


def world(variant: tuple[bool, Object], extra: tuple[str, ...], stop: str = "") -> World:
    by_keda, config = variant
    scaling: Object = {"autoScaling": {"metrics": [POD_METRIC]}} if by_keda else {}
    annotations = {"serving.kserve.io/autoscalerClass": "keda"} if by_keda else {}
    made = service({**model(), **scaling}, annotations={**annotations, **({STOP: stop} if stop else {})})
    made["spec"].update({role: {**CUSTOM, **scaling} for role in extra})
    kinds = (*KINDS, SCALED_OBJECT, OPEN_TELEMETRY_COLLECTOR)
    return World(made, runtime(), config=config, kinds=kinds)


def everything(variant: tuple[bool, Object], extra: tuple[str, ...]) -> Any:
    """What a running service owns: the names, by kind."""
    names = sorted(f"iris-{role}" for role in ("predictor", *extra))
    if variant is BY_KEDA_AND_INGRESS:
        scalers: Any = {SCALED_OBJECT: names, OPEN_TELEMETRY_COLLECTOR: names, INGRESS: ["iris"]}
    else:
        scalers = {HORIZONTAL_POD_AUTOSCALER: names, HTTP_ROUTE: ["iris", *names]}
    return {DEPLOYMENT: names, SERVICE: names, **scalers}


def owned(made: World) -> Any:
    kinds = (DEPLOYMENT, SERVICE, HORIZONTAL_POD_AUTOSCALER, SCALED_OBJECT, OPEN_TELEMETRY_COLLECTOR)
    found = {kind: made.names(kind) for kind in (*kinds, HTTP_ROUTE, INGRESS)}
    assert sum(map(len, found.values())) == len(made.children)
    return {kind: names for kind, names in found.items() if names}


def conditions(extra: tuple[str, ...]) -> list[str]:
    return ["PredictorReady", "IngressReady", "Ready", *(f"{role.capitalize()}Ready" for role in extra)]


@every_variant
@every_component
@pytest.mark.parametrize("value", ["false", "no", "1"])
def test_any_other_value_than_true_stops_nothing(
    variant: tuple[bool, Object], extra: tuple[str, ...], value: str
) -> None:
    made = world(variant, extra, value).become_ready()

    assert owned(made) == everything(variant, extra)
    assert made.said("Stopped") == ("False", "", "")


@every_variant
@every_component
@pytest.mark.parametrize("value", ["true", "True"])
def test_service_that_is_stopped_from_the_start_creates_nothing(
    variant: tuple[bool, Object], extra: tuple[str, ...], value: str
) -> None:
    made = world(variant, extra, value)
    made.settle()

    assert owned(made) == {}
    assert made.said("Stopped") == ("True", "", "")
    for condition in conditions(extra):
        assert made.said(condition) == ("False", "Stopped", "")


@every_variant
@every_component
def test_stop_takes_everything_away_in_one_pass_and_start_brings_it_back(
    variant: tuple[bool, Object], extra: tuple[str, ...]
) -> None:
    made = world(variant, extra).become_ready()
    assert owned(made) == everything(variant, extra)

    made.annotate(stop="true")
    made.step()
    assert owned(made) == {}
    made.settle()
    assert made.said("Stopped") == ("True", "", "")
    for condition in conditions(extra):
        assert made.said(condition) == ("False", "Stopped", "")
    assert not {"url", "address", "components"} & set(made.status)

    made.annotate(stop="false")
    made.become_ready()
    assert owned(made) == everything(variant, extra)
    assert made.said("Stopped") == ("False", "", "")
    for condition in conditions(extra):
        assert made.said(condition)[0] == "True"
