"""A simulated Deployment rolls its ReplicaSets as a real one does."""

from datetime import UTC, datetime, timedelta
from typing import Any

from kservectl.clock import rfc3339
from kservectl.devcluster.workloads.deployment import HASH_LABEL, REVISION, reconcile, template_hash
from kservectl.objects.kind import REPLICA_SET
from kservectl.objects.metadata import Object
from kservectl.runtime.view import StaticView

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def deployment(image: str = "a", replicas: int = 1, **extra: Any) -> Object:
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "main", "image": image}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "x"}}, "template": template, **extra}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n", "uid": "u", "generation": 3},
        "spec": spec,
    }


def replica_set(image: str, size: int, available: int, revision: int, pods: int | None = None) -> Object:
    name = f"d-{template_hash(deployment(image)['spec']['template'])}"
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": "n",
            "uid": name,
            "annotations": {REVISION: str(revision)},
            "ownerReferences": [{"uid": "u", "controller": True}],
        },
        "spec": {"replicas": size, "selector": {}, "template": {}},
        "status": {
            "replicas": size if pods is None else pods,
            "availableReplicas": available,
            "readyReplicas": available,
        },
    }


def view(*objects: Object, now: datetime = NOW) -> StaticView:
    return StaticView(objects, kinds=[REPLICA_SET], now=now)


def sizes(obj: Object, *present: Object) -> list[int]:
    return [child["spec"]["replicas"] for child in reconcile(obj, view(*present)).desired]


def condition(status: Object | None, type_: str) -> Object:
    assert status is not None
    found: Object = next(entry for entry in status["conditions"] if entry["type"] == type_)
    return found


def test_a_new_deployment_gets_one_replica_set_with_its_hash() -> None:
    outcome = reconcile(deployment(replicas=3), view())
    (child,) = outcome.desired
    hash_ = child["metadata"]["labels"][HASH_LABEL]
    assert child["metadata"]["name"] == f"d-{hash_}"
    assert child["spec"]["selector"]["matchLabels"] == {"app": "x", HASH_LABEL: hash_}
    assert child["spec"]["replicas"] == 3
    assert outcome.annotations == {REVISION: "1"}


def test_a_rolling_update_never_drops_below_what_must_be_available() -> None:
    extra: dict[str, Any] = {
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    }
    assert sizes(deployment("b", 2, **extra), replica_set("a", 2, 2, 1)) == [1, 2]
    assert sizes(deployment("b", 2, **extra), replica_set("b", 1, 0, 2), replica_set("a", 2, 2, 1)) == [1, 2]
    assert sizes(deployment("b", 2, **extra), replica_set("b", 1, 1, 2), replica_set("a", 2, 2, 1)) == [1, 1]
    assert sizes(deployment("b", 2, **extra), replica_set("b", 2, 2, 2), replica_set("a", 1, 1, 1)) == [2, 0]


def test_pods_of_the_old_template_that_serve_nobody_go_at_once() -> None:
    assert sizes(deployment("b"), replica_set("a", 1, 0, 1)) == [1, 0]


def test_recreate_waits_until_the_old_pods_are_gone() -> None:
    extra: dict[str, Any] = {"strategy": {"type": "Recreate"}}
    assert sizes(deployment("b", **extra), replica_set("a", 1, 1, 1)) == [0, 0]
    assert sizes(deployment("b", **extra), replica_set("a", 0, 0, 1)) == [1, 0]


def test_a_template_that_comes_back_is_the_newest_revision() -> None:
    outcome = reconcile(deployment("a"), view(replica_set("a", 0, 0, 1), replica_set("b", 1, 1, 2)))
    assert outcome.annotations == {REVISION: "3"}


def test_old_replica_sets_beyond_the_history_limit_are_not_kept() -> None:
    old = [replica_set(image, 0, 0, number) for number, image in enumerate("bcd", start=1)]
    outcome = reconcile(deployment("a", revisionHistoryLimit=1), view(*old, replica_set("a", 1, 1, 4)))
    assert [child["metadata"]["annotations"][REVISION] for child in outcome.desired] == ["4", "3"]


def test_status_tells_when_the_rollout_is_done() -> None:
    outcome = reconcile(deployment("a"), view(replica_set("a", 1, 1, 1)))
    assert condition(outcome.status, "Available")["reason"] == "MinimumReplicasAvailable"
    progressing = condition(outcome.status, "Progressing")
    assert progressing["reason"] == "NewReplicaSetAvailable"
    assert "has successfully progressed" in progressing["message"]
    assert outcome.status is not None
    assert outcome.status["observedGeneration"] == 3


def test_a_rollout_past_its_deadline_is_not_progressing() -> None:
    obj = deployment("a", progressDeadlineSeconds=60)
    obj["status"] = reconcile(obj, view(replica_set("a", 1, 0, 1))).status
    assert condition(obj["status"], "Progressing")["lastUpdateTime"] == rfc3339(NOW)
    late = view(replica_set("a", 1, 0, 1), now=NOW + timedelta(seconds=60))
    progressing = condition(reconcile(obj, late).status, "Progressing")
    assert (progressing["status"], progressing["reason"]) == ("False", "ProgressDeadlineExceeded")


def test_deciding_again_changes_nothing() -> None:
    obj = deployment("a")
    present = replica_set("a", 1, 1, 1)
    obj["status"] = reconcile(obj, view(present)).status
    later = view(present, now=NOW + timedelta(hours=1))
    assert reconcile(obj, later).status == obj["status"]


def test_a_replica_set_that_cannot_create_pods_shows_on_the_deployment() -> None:
    failing = replica_set("a", 1, 0, 1)
    failing["status"]["conditions"] = [
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "no"}
    ]
    outcome = reconcile(deployment("a"), view(failing))
    assert condition(outcome.status, "ReplicaFailure")["message"] == "no"


def test_a_status_older_than_the_last_scaling_does_not_make_the_rollout_hurry() -> None:
    extra: dict[str, Any] = {
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    }
    scaled_down = replica_set("a", 2, 3, 1)
    assert sizes(deployment("b", 3, **extra), replica_set("b", 1, 1, 2), scaled_down) == [2, 2]
