"""The state of an object in a few words."""

from typing import Any

import pytest

from kservectl.inspection.state import State, state
from kservectl.objects.metadata import Object


def thing(kind: str, *, spec: Object | None = None, **status: Any) -> Object:
    return {"kind": kind, "metadata": {"name": "a"}, "spec": spec or {}, "status": status}


def test_a_deployment_is_ready_when_all_it_wants_is_available() -> None:
    available = [{"type": "Available", "status": "True"}]
    assert state(thing("Deployment", spec={"replicas": 2}, availableReplicas=2, conditions=available)) == State(
        True, "2/2 available"
    )
    assert state(thing("Deployment", spec={"replicas": 2}, availableReplicas=1, conditions=available)).ready is False


def test_a_deployment_that_gave_up_says_why() -> None:
    conditions = [{"type": "Progressing", "status": "False", "message": "timed out progressing"}]
    assert state(thing("Deployment", conditions=conditions)) == State(False, "0/1 available", "timed out progressing")


def test_a_pod_names_the_container_that_waits() -> None:
    statuses = [{"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]
    assert state(thing("Pod", containerStatuses=statuses)) == State(
        False, "ImagePullBackOff", "container main: no such image"
    )


def test_a_pod_that_fits_nowhere_says_so() -> None:
    conditions = [{"type": "PodScheduled", "status": "False", "message": "0/2 nodes"}]
    assert state(thing("Pod", conditions=conditions)) == State(False, "unschedulable", "0/2 nodes")


def test_a_route_is_ready_when_no_gateway_objects() -> None:
    accepted = {"conditions": [{"type": "Accepted", "status": "True"}]}
    refused = {
        "conditions": [{"type": "Accepted", "status": "False", "reason": "NotAllowedByListeners", "message": "m"}]
    }
    assert state(thing("HTTPRoute", parents=[accepted])).ready is True
    assert state(thing("HTTPRoute", parents=[accepted, refused])) == State(False, "NotAllowedByListeners", "m")
    assert state(thing("HTTPRoute")).ready is False


@pytest.mark.parametrize("kind", ["Service", "ConfigMap", "HorizontalPodAutoscaler", "Whatever"])
def test_what_has_no_readiness_is_neither_ready_nor_not(kind: str) -> None:
    assert state(thing(kind)).ready is None


def test_what_is_going_names_what_holds_it() -> None:
    obj = {"kind": "Pod", "metadata": {"deletionTimestamp": "t", "finalizers": ["a", "b"]}}
    assert state(obj) == State(False, "terminating", "waits for a, b")


def test_any_kind_with_a_ready_condition_is_judged_by_it() -> None:
    conditions = [{"type": "Ready", "status": "False", "reason": "R", "message": "m"}]
    assert state(thing("InferenceService", conditions=conditions)) == State(False, "R", "m")


def test_what_serves_says_where() -> None:
    conditions = [{"type": "Ready", "status": "True"}]
    assert state(thing("InferenceService", conditions=conditions, url="http://x")) == State(True, "ready at http://x")
