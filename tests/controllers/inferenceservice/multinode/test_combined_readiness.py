"""The readiness of a head and its workers, from the conditions of their two Deployments."""

import pytest

from kservectl.controllers.inferenceservice.component_status import Readiness, readiness
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.world import says

UP = says("Available", "True", "Min", "up")
DOWN = says("Available", "False", "Min", "down")
DONE = says("Progressing", "True", "NewReplicaSetAvailable", "done")
ROLLING = says("Progressing", "True", "ReplicaSetUpdated", "rolling")
LATE = says("Progressing", "False", "ProgressDeadlineExceeded", "late")
REFUSED = says("ReplicaFailure", "True", "FailedCreate", "quota")


def deployment(*conditions: Object) -> Object:
    return {"status": {"conditions": list(conditions)}}


@pytest.mark.parametrize(
    ("head", "worker", "expected"),
    [
        ([UP], [UP], Readiness("True", "Min", "predictor-container: up, worker-container: up")),
        ([UP], [DOWN], Readiness("False", "Min", "predictor-container: up, worker-container: down")),
        ([DOWN], [UP], Readiness("False", "Min", "predictor-container: down, worker-container: up")),
        (
            [UP, DONE],
            [UP, DONE],
            Readiness("True", "NewReplicaSetAvailable", "predictor-container: done, worker-container: done"),
        ),
        (
            [UP, DONE],
            [UP, ROLLING],
            Readiness("True", "Min", "predictor-container: up, worker-container: up"),
        ),
        (
            [DONE],
            [ROLLING],
            Readiness(
                "Unknown",
                "predictor-container: NewReplicaSetAvailable, worker-container: ReplicaSetUpdated",
                "predictor-container: done, worker-container: rolling",
            ),
        ),
        (
            [UP, DONE],
            [UP, LATE],
            Readiness(
                "False",
                "predictor-container: NewReplicaSetAvailable, worker-container: ProgressDeadlineExceeded",
                "predictor-container: done, worker-container: late",
            ),
        ),
        ([UP, DONE], [], Readiness("False")),
        ([], [UP, DONE], Readiness("False")),
        (
            [UP, DONE],
            [DOWN, ROLLING, REFUSED],
            Readiness("False", "FailedCreate", "worker-container: quota"),
        ),
        (
            [UP, REFUSED],
            [UP, REFUSED],
            Readiness("False", "FailedCreate", "predictor-container: quota, worker-container: quota"),
        ),
        (
            [UP, says("ReplicaFailure", "False", "x", "y")],
            [UP],
            Readiness("True", "Min", "predictor-container: up, worker-container: up"),
        ),
    ],
    ids=[
        "both up",
        "worker down",
        "head down",
        "both rolled out",
        "workers are rolled out",
        "neither says more than that it progresses",
        "workers are late",
        "workers say nothing yet",
        "head says nothing yet",
        "workers are refused",
        "both are refused",
        "a refusal that is over",
    ],
)
def test_both_have_to_be_ready(head: list[Object], worker: list[Object], expected: Readiness) -> None:
    assert readiness(deployment(*head), deployment(*worker)) == expected


def test_no_deployment_at_all_is_not_ready() -> None:
    assert readiness() == Readiness("False")
    assert readiness(None, None) == Readiness("False")
    assert readiness(deployment(UP, DONE), None) == Readiness("False")
