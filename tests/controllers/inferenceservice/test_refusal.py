"""What a service says when the API server refuses some of its objects."""

from datetime import timedelta

import pytest

from kservectl.api.kinds import HTTP_ROUTE, KNATIVE_SERVICE, OPEN_TELEMETRY_COLLECTOR, SCALED_OBJECT
from kservectl.controllers.inferenceservice.refusal import amended
from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, Kind
from kservectl.objects.metadata import ObjectKey
from kservectl.runtime.outcome import Failure
from kservectl.runtime.view import StaticView
from tests.controllers.inferenceservice.world import KINDS, START, World, service


def view() -> StaticView:
    return StaticView([], kinds=KINDS, now=START)


def test_refused_deployment_shows_as_predictor_not_ready_with_one_event() -> None:
    world = World(service())
    outcome = world.decide()
    failure = Failure(
        DEPLOYMENT, ObjectKey("ml", "iris-predictor"), 'Deployment.apps "iris-predictor" is invalid: port: 0'
    )
    told = amended(world.service, outcome, [failure], view())

    assert told.desired == outcome.desired
    assert told.status is not None
    condition = next(entry for entry in told.status["conditions"] if entry["type"] == "PredictorReady")
    assert condition["reason"] == "ReconcileFailed"
    assert condition["message"] == f"fails to reconcile predictor: {failure.message}"
    assert [event.reason for event in told.events] == ["InternalError"]

    world.service["status"] = told.status
    world.now += timedelta(hours=1)
    later = StaticView([], kinds=KINDS, now=world.now)
    again = amended(world.service, world.decide(), [failure], later)
    assert again.events == ()
    assert again.status == told.status


def test_refused_route_shows_as_ingress_not_ready() -> None:
    world = World(service()).become_ready()
    failure = Failure(HTTP_ROUTE, ObjectKey("ml", "iris"), "HTTPRoute ml/iris exists and is not owned by us")
    told = amended(world.service, world.decide(), [failure], view())

    assert told.status is not None
    found = {entry["type"]: entry["status"] for entry in told.status["conditions"]}
    assert (found["IngressReady"], found["PredictorReady"], found["Ready"]) == ("False", "True", "False")


def test_refused_object_of_a_transformer_shows_at_the_transformer() -> None:
    obj = service()
    obj["spec"]["transformer"] = {"containers": [{"name": "kserve-container", "image": "i"}]}
    world = World(obj)
    failure = Failure(DEPLOYMENT, ObjectKey("ml", "iris-transformer"), "refused")
    told = amended(world.service, world.decide(), [failure], view())

    assert told.status is not None
    found = {entry["type"]: entry.get("message") for entry in told.status["conditions"]}
    assert found["TransformerReady"] == "fails to reconcile transformer: refused"


@pytest.mark.parametrize("kind", [SCALED_OBJECT, OPEN_TELEMETRY_COLLECTOR, KNATIVE_SERVICE])
def test_refused_object_of_a_third_party_is_no_secret(kind: Kind) -> None:
    world = World(service())
    failure = Failure(kind, ObjectKey("ml", "iris-predictor"), f"{kind.kind} is refused")
    told = amended(world.service, world.decide(), [failure], view())

    assert told.status is not None
    found = {entry["type"]: entry.get("message") for entry in told.status["conditions"]}
    assert found["PredictorReady"] == f"fails to reconcile predictor: {kind.kind} is refused"
    assert {entry["reason"] for entry in told.status["conditions"] if entry["type"] == "PredictorReady"} == {
        "ReconcileFailed"
    }
    assert [event.message for event in told.events] == [found["PredictorReady"]]


def test_autoscaler_of_a_user_is_left_alone_and_the_way_to_keep_it_is_told() -> None:
    world = World(service())
    failure = Failure(
        HORIZONTAL_POD_AUTOSCALER, ObjectKey("ml", "iris-predictor"), "HorizontalPodAutoscaler ml/iris-predictor exists"
    )
    told = amended(world.service, world.decide(), [failure], view())

    (explained,) = [each for each in told.explanations if each.about == "HorizontalPodAutoscaler/iris-predictor"]
    assert "serving.kserve.io/autoscalerClass: external" in explained.next_step
