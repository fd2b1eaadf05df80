"""What a component's and a model's status say, from conditions and pods."""

from typing import Any

import pytest

from kservectl.controllers.inferenceservice import model_status
from kservectl.controllers.inferenceservice.component_status import Readiness, readiness
from kservectl.controllers.inferenceservice.failure import ModelFailure
from kservectl.controllers.inferenceservice.pod_state import pods_of
from kservectl.controllers.inferenceservice.route_status import RouteProblem, WantedRoute, first_problem
from kservectl.objects.kind import POD
from kservectl.objects.metadata import Object
from kservectl.runtime.view import StaticView
from tests.controllers.inferenceservice.world import START, pod, says

COMPLETE = says("Progressing", "True", "NewReplicaSetAvailable", "done")
LOADED: Object = {
    "transitionStatus": "UpToDate",
    "states": {"activeModelState": "Loaded", "targetModelState": "Loaded"},
    "copies": {"failedCopies": 0, "totalCopies": 1},
}
ERROR: Object = {"reason": "Error", "message": "boom", "exitCode": 1, "finishedAt": "2026-01-01T00:00:01Z"}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], Readiness("False")),
        ([says("Available", "True", "Yes", "m")], Readiness("True", "Yes", "m")),
        ([says("Available", "True"), COMPLETE], Readiness("True", "NewReplicaSetAvailable", "done")),
        (
            [says("Available", "True"), says("Progressing", "False", "ProgressDeadlineExceeded", "late")],
            Readiness("False", "ProgressDeadlineExceeded", "late"),
        ),
        ([says("Available", "True", "Yes"), says("Progressing", "False", "X", "")], Readiness("True", "Yes")),
        ([says("Progressing", "True", "ReplicaSetUpdated", "m")], Readiness("Unknown", "ReplicaSetUpdated", "m")),
        (
            [says("Available", "True", "Yes"), says("Progressing", "True", "ReplicaSetUpdated", "m")],
            Readiness("True", "Yes"),
        ),
        ([says("Available", "False", "No", "m"), COMPLETE], Readiness("False", "No", "m")),
        (
            [says("Available", "True"), COMPLETE, says("ReplicaFailure", "True", "FailedCreate", "denied")],
            Readiness("False", "FailedCreate", "denied"),
        ),
        ([says("ReplicaFailure", "False", "x", "y"), COMPLETE], Readiness("True", "NewReplicaSetAvailable", "done")),
    ],
)
def test_component_is_as_ready_as_its_deployment_says(conditions: list[Object], expected: Readiness) -> None:
    assert readiness({"status": {"conditions": conditions}}) == expected


def test_component_without_a_deployment_is_not_ready() -> None:
    assert readiness(None) == Readiness("False")
    assert readiness({}) == Readiness("False")


def test_new_model_without_pods_is_pending() -> None:
    assert model_status.evaluate({}, [], service_ready=False) == {
        "transitionStatus": "InProgress",
        "states": {"activeModelState": "", "targetModelState": "Pending"},
        "copies": {"failedCopies": 0},
    }


def target(pods: list[Object], *, ready: bool = False, before: Object | None = None) -> str:
    found = model_status.evaluate(before or {}, pods, service_ready=ready)
    return str((found.get("states") or {}).get("targetModelState", ""))


@pytest.mark.parametrize(
    ("download", "server", "ready", "expected"),
    [
        ({"state": {"running": {}}}, {}, False, "Loading"),
        ({"state": {"running": {}}}, {}, True, "Loading"),
        ({"state": {"terminated": ERROR}}, {}, False, "FailedToLoad"),
        ({"state": {"terminated": {**ERROR, "reason": "OOMKilled"}}}, {}, False, "FailedToLoad"),
        (
            {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": ERROR}},
            {},
            False,
            "FailedToLoad",
        ),
        ({"state": {"waiting": {"reason": "CrashLoopBackOff"}}}, {}, False, "FailedToLoad"),
        ({"state": {"terminated": {"reason": "Completed"}}}, {"state": {"running": {}}}, False, "Pending"),
        ({"state": {"terminated": {"reason": "Completed"}}}, {"state": {"running": {}}}, True, "Loaded"),
        ({"state": {"waiting": {"reason": "PodInitializing"}}}, {"state": {"running": {}}}, False, "Pending"),
        (None, {"state": {"terminated": ERROR}}, False, "FailedToLoad"),
        (None, {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}, False, "FailedToLoad"),
        (None, {"state": {"waiting": {"reason": "ImagePullBackOff"}}}, False, "Pending"),
    ],
)
def test_newest_pod_tells_how_far_the_model_is(download: Any, server: Object, ready: bool, expected: str) -> None:
    assert target([pod(download=download, server=server or None)], ready=ready) == expected


def test_of_two_pods_of_one_second_the_same_one_speaks_in_whatever_order_they_are_found() -> None:
    failing = pod("iris-predictor-a", server={"state": {"terminated": ERROR}})
    loading = pod("iris-predictor-b", download={"state": {"running": {}}})

    for found in ([failing, loading], [loading, failing]):
        pods = pods_of("iris-predictor", "ml", StaticView(found, kinds=[POD], now=START))
        assert target(pods) == "FailedToLoad"


def test_download_between_two_attempts_changes_nothing() -> None:
    unsettled = pod(download={"state": {"running": {}}, "lastState": {"terminated": ERROR}})
    failed = model_status.evaluate({}, [pod(download={"state": {"terminated": ERROR}})], service_ready=False)

    again = model_status.evaluate(failed, [unsettled], service_ready=False)
    assert {**again, "copies": failed["copies"]} == failed


def test_active_model_stays_while_the_next_one_loads() -> None:
    found = model_status.evaluate(LOADED, [pod(download={"state": {"running": {}}})], service_ready=True)

    assert found["states"] == {"activeModelState": "Loaded", "targetModelState": "Loading"}
    assert found["transitionStatus"] == "InProgress"


def test_failure_says_where_when_and_why() -> None:
    found = model_status.evaluate({}, [pod(server={"state": {"terminated": ERROR}})], service_ready=False)

    assert found["lastFailureInfo"] == {
        "location": "iris-predictor-1",
        "reason": "ModelLoadFailed",
        "message": "boom",
        "exitCode": 1,
        "time": "2026-01-01T00:00:01Z",
    }
    assert found["copies"] == {"failedCopies": 1}


KILLED = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-01-01T00:00:01Z"}


@pytest.mark.parametrize(
    ("trouble", "name"),
    [
        ({"download": {"state": {"terminated": KILLED}}}, "storage-initializer"),
        ({"server": {"state": {"terminated": KILLED}}}, "kserve-container"),
        (
            {"server": {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": KILLED}}},
            "kserve-container",
        ),
    ],
    ids=["downloader", "server", "server between two attempts"],
)
def test_container_that_was_killed_for_its_memory_is_named(trouble: Any, name: str) -> None:
    found = model_status.evaluate({}, [pod(**trouble)], service_ready=False)

    assert found["transitionStatus"] == "BlockedByFailedLoad"
    assert found["lastFailureInfo"] == {
        "location": "iris-predictor-1",
        "reason": "ModelLoadFailed",
        "message": f"{name} was killed because it used more memory than its limit (OOMKilled)",
        "exitCode": 137,
        "time": "2026-01-01T00:00:01Z",
    }


def test_last_words_before_a_kill_are_kept() -> None:
    killed = {**KILLED, "message": "loading shard 3"}

    found = model_status.evaluate({}, [pod(server={"state": {"terminated": killed}})], service_ready=False)

    assert found["lastFailureInfo"]["message"].endswith("(OOMKilled): loading shard 3")


@pytest.mark.parametrize(
    ("server", "message"),
    [
        ({"state": {"terminated": {"reason": "Error", "exitCode": 2}}}, "kserve-container ended with exit code 2"),
        ({"state": {"waiting": {"reason": "CrashLoopBackOff"}}}, "kserve-container keeps failing"),
    ],
)
def test_container_without_last_words_is_named(server: Object, message: str) -> None:
    found = model_status.evaluate({}, [pod(server=server)], service_ready=False)

    assert found["lastFailureInfo"]["message"] == message


def test_failure_is_forgotten_once_the_model_is_loaded() -> None:
    failed = model_status.evaluate({}, [pod(server={"state": {"terminated": ERROR}})], service_ready=False)

    assert "lastFailureInfo" not in model_status.evaluate(failed, [pod(ready=True)], service_ready=True)


def test_failure_stays_while_the_next_attempt_is_pending() -> None:
    failed = model_status.evaluate({}, [pod(server={"state": {"terminated": ERROR}})], service_ready=False)

    assert "lastFailureInfo" in model_status.evaluate(failed, [pod()], service_ready=False)


def test_only_pods_that_are_ready_are_copies() -> None:
    pods = [pod("a", ready=True), pod("b", ready=True), pod("c")]

    assert model_status.evaluate({}, pods, service_ready=True)["copies"] == {"failedCopies": 0, "totalCopies": 2}


def test_invalid_spec_keeps_the_model_that_is_active() -> None:
    failure = ModelFailure("RuntimeDisabled", "Specified runtime is disabled")

    assert model_status.invalid(LOADED, failure) == {
        **LOADED,
        "transitionStatus": "InvalidSpec",
        "states": {"activeModelState": "Loaded", "targetModelState": "FailedToLoad"},
        "lastFailureInfo": {"reason": "RuntimeDisabled", "message": "Specified runtime is disabled"},
    }
    assert model_status.invalid({}, failure)["states"]["activeModelState"] == ""


def route(*conditions: Object) -> Object:
    return {"status": {"parents": [{"conditions": [condition]} for condition in conditions]}}


@pytest.mark.parametrize(
    ("live", "desired", "expected"),
    [
        (None, False, RouteProblem("Predictor Deployment NotReady", "Predictor HTTPRoute not created", "waiting")),
        (None, True, RouteProblem("ParentStatusNotAvailable", "Predictor HttpRouteNotReady", "unclaimed")),
        (route(), True, RouteProblem("ParentStatusNotAvailable", "Predictor HttpRouteNotReady", "unclaimed")),
        (route(says("Accepted", "True")), True, None),
        (route(says("Accepted", "Unknown")), True, None),
        (
            route(says("Accepted", "True"), says("ResolvedRefs", "False", "R", "m")),
            True,
            RouteProblem("R", "Predictor m", "unresolved"),
        ),
        (
            route(says("Accepted", "False", "A", "a"), says("ResolvedRefs", "False", "R", "m")),
            True,
            RouteProblem("A", "Predictor a", "refused"),
        ),
    ],
)
def test_route_is_as_good_as_its_gateways_say(
    live: Object | None, desired: bool, expected: RouteProblem | None
) -> None:
    assert first_problem([WantedRoute("Predictor", live, desired)]) == expected


def test_first_route_with_a_problem_is_told() -> None:
    good, bad = route(says("Accepted", "True")), route(says("Accepted", "False", "A", "a"))
    routes = [WantedRoute("Predictor", good, True), WantedRoute("InferenceService", bad, True)]

    assert first_problem(routes) == RouteProblem("A", "InferenceService a", "refused")
