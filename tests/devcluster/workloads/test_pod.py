"""A simulated pod lives through the states that a kubelet reports."""

from datetime import UTC, datetime, timedelta

from kservectl.clock import rfc3339
from kservectl.devcluster.workloads.faults import ANNOTATION
from kservectl.devcluster.workloads.node import NODE_NAME, node
from kservectl.devcluster.workloads.pod import Pace, reconciler
from kservectl.objects.kind import NODE
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import StaticView

BORN = datetime(2026, 1, 1, tzinfo=UTC)


def pod(fault: str = "", *, init: bool = False, image: str = "i", spec: Object | None = None) -> Object:
    containers = [{"name": "main", "image": image}]
    extra = {"initContainers": [{"name": "download", "image": "d"}]} if init else {}
    return {
        "kind": "Pod",
        "metadata": {
            "name": "p",
            "uid": "u",
            "creationTimestamp": rfc3339(BORN),
            "annotations": {ANNOTATION: fault} if fault else {},
        },
        "spec": {"nodeName": NODE_NAME, "containers": containers, **extra, **(spec or {})},
    }


def at(obj: Object, seconds: float, pace: Pace | None = None) -> Outcome:
    now = BORN + timedelta(seconds=seconds)
    return reconciler(pace or Pace())(obj, StaticView([{"apiVersion": "v1", **node(now)}], kinds=[NODE], now=now))


def ready(outcome: Outcome) -> str:
    assert outcome.status is not None
    return next(str(entry["status"]) for entry in outcome.status["conditions"] if entry["type"] == "Ready")


def waiting(outcome: Outcome, where: str = "containerStatuses") -> Object:
    assert outcome.status is not None
    found: Object = outcome.status[where][0]["state"]["waiting"]
    return found


def test_a_pod_turns_ready_after_its_pace() -> None:
    pace = Pace(init=2, start=3)
    early = at(pod(init=True), 0, pace)
    assert (ready(early), early.requeue_after) == ("False", 2.01)
    assert early.status is not None
    assert "running" in early.status["initContainerStatuses"][0]["state"]
    assert ready(at(pod(init=True), 4, pace)) == "False"
    done = at(pod(init=True), 5, pace)
    assert (ready(done), done.requeue_after) == ("True", None)
    assert done.status is not None
    assert done.status["phase"] == "Running"


def test_deciding_again_later_changes_nothing() -> None:
    obj = pod(init=True)
    obj["status"] = at(obj, 1).status
    assert at(obj, 1000).status == obj["status"]


def test_an_image_that_cannot_be_pulled_names_its_container() -> None:
    for obj in (pod("image-pull-error"), pod(image="registry.invalid/model:1")):
        outcome = at(obj, 100)
        assert ready(outcome) == "False"
        assert waiting(outcome)["reason"] == "ImagePullBackOff"
        assert outcome.requeue_after is None


def test_a_container_that_crashes_waits_in_back_off_with_its_last_end() -> None:
    outcome = at(pod("crash-loop"), 100)
    assert waiting(outcome)["reason"] == "CrashLoopBackOff"
    assert outcome.status is not None
    assert outcome.status["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 1


def test_a_pod_that_no_node_takes_is_unschedulable() -> None:
    asks: Object = {"containers": [{"name": "main", "resources": {"requests": {"cpu": "1000"}}}], "nodeName": ""}
    outcome = at(pod(spec=asks), 100)
    assert outcome.status is not None
    (scheduled,) = outcome.status["conditions"]
    assert scheduled["reason"] == "Unschedulable"
    assert "Insufficient cpu" in scheduled["message"]


def test_a_pod_of_a_job_ends() -> None:
    pace = Pace(work=2)
    obj = pod(spec={"restartPolicy": "Never"})
    running = at(obj, 1, pace)
    assert running.status is not None
    assert (running.status["phase"], running.requeue_after) == ("Running", 1.01)
    ended = at(obj, 2, pace)
    assert ended.status is not None
    assert ended.status["phase"] == "Succeeded"
    failed = at(pod("crash-loop", spec={"restartPolicy": "Never"}), 2, pace)
    assert failed.status is not None
    assert failed.status["phase"] == "Failed"


def test_a_pod_that_is_deleted_ends_at_once() -> None:
    obj = pod()
    obj["metadata"]["deletionTimestamp"] = rfc3339(BORN)
    (gone,) = at(obj, 1).delete
    assert (gone.name, gone.grace_seconds) == ("p", 0)
