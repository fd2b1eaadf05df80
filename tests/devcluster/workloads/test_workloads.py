"""ReplicaSets, Jobs, autoscalers and routes of the devcluster."""

from datetime import UTC, datetime, timedelta
from typing import Any

from kservectl.devcluster.workloads import autoscaler, gateway, job, replicaset
from kservectl.devcluster.workloads.node import NODE_NAME, misfit, node
from kservectl.objects.kind import DEPLOYMENT, NODE, POD, SERVICE
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.outcome import Failure
from kservectl.runtime.view import StaticView

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def view(*objects: Object, now: datetime = NOW) -> StaticView:
    kinds = [NODE, POD, SERVICE, DEPLOYMENT, gateway.GATEWAY]
    return StaticView(objects, kinds=kinds, now=now)


def replica_set(replicas: int = 2) -> Object:
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "main"}]}}
    return {
        "metadata": {"name": "rs", "namespace": "n", "uid": "u", "generation": 1},
        "spec": {"replicas": replicas, "template": template},
    }


def pod_of(uid: str, name: str, **status: Any) -> Object:
    owner = {"uid": uid, "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "n", "ownerReferences": [owner]},
        "status": status,
    }


def test_a_replica_set_wants_the_same_pods_each_time() -> None:
    first, second = (replicaset.reconcile(replica_set(), view(node(NOW))) for _ in range(2))
    assert first == second
    names = [pod["metadata"]["name"] for pod in first.desired]
    assert len(set(names)) == 2
    assert {pod["spec"]["nodeName"] for pod in first.desired} == {NODE_NAME}


def test_a_pod_too_large_for_the_node_is_left_unassigned() -> None:
    big = replica_set()
    big["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": "99"}}
    (pod, _) = replicaset.reconcile(big, view(node(NOW))).desired
    assert "nodeName" not in pod["spec"]
    assert misfit(pod, [node(NOW)]) == "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."


def test_a_replica_set_counts_its_ready_pods() -> None:
    ready = pod_of("u", "a", conditions=[{"type": "Ready", "status": "True"}])
    status = replicaset.reconcile(replica_set(), view(ready, pod_of("u", "b"))).status
    assert status is not None
    assert (status["replicas"], status["readyReplicas"]) == (2, 1)


def test_pods_that_admission_refuses_show_as_replica_failure() -> None:
    outcome = replicaset.reconcile(replica_set(), view())
    told = replicaset.refused(replica_set(), outcome, [Failure(POD, ObjectKey("n", "rs-a"), "denied")], view())
    assert told.status is not None
    assert told.status["conditions"][0]["message"] == "denied"


def a_job(**spec: Any) -> Object:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main"}]}}
    return {"metadata": {"name": "j", "namespace": "n", "uid": "u"}, "spec": {"template": template, **spec}}


def test_a_job_completes_when_its_pod_succeeded() -> None:
    assert len(job.reconcile(a_job(), view()).desired) == 1
    status = job.reconcile(a_job(), view(pod_of("u", "a", phase="Succeeded"))).status
    assert status is not None
    assert {entry["type"] for entry in status["conditions"]} == {"SuccessCriteriaMet", "Complete"}


def test_a_job_tries_again_and_fails_at_its_limit() -> None:
    failed = pod_of("u", "a", phase="Failed")
    assert len(job.reconcile(a_job(backoffLimit=1), view(failed)).desired) == 2
    status = job.reconcile(a_job(backoffLimit=0), view(failed)).status
    assert status is not None
    assert status["conditions"][1]["type"] == "Failed"


def test_a_finished_job_goes_after_its_time() -> None:
    done = a_job(ttlSecondsAfterFinished=60)
    done["status"] = {"completionTime": "2026-01-01T00:00:00Z", "conditions": [{"type": "Complete", "status": "True"}]}
    assert job.reconcile(done, view()).requeue_after == 60
    (gone,) = job.reconcile(done, view(now=NOW + timedelta(seconds=60))).delete
    assert gone.name == "j"


def hpa(low: int, high: int) -> Object:
    spec = {"minReplicas": low, "maxReplicas": high, "scaleTargetRef": {"kind": "Deployment", "name": "d"}}
    return {"metadata": {"name": "h", "namespace": "n"}, "spec": spec}


def test_an_autoscaler_applies_only_the_replicas_of_its_target() -> None:
    target: Object = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n"},
        "spec": {"replicas": 1},
    }
    outcome = autoscaler.reconcile(hpa(3, 5), view(target))
    assert outcome.desired[0]["spec"] == {"replicas": 3}
    assert outcome.shared == {0}
    assert autoscaler.reconcile(hpa(1, 5), view(target)).desired == ()
    assert autoscaler.reconcile(hpa(1, 5), view()).desired == ()


def route(**annotations: str) -> Object:
    rules = [{"backendRefs": [{"name": "s", "port": 80}]}]
    spec = {"parentRefs": [{"name": "g", "namespace": "k"}], "rules": rules}
    return {"metadata": {"name": "r", "namespace": "n", "generation": 2, "annotations": annotations}, "spec": spec}


GATEWAY: Object = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "g", "namespace": "k"},
}
BACKEND: Object = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "n"}}


def statuses(obj: Object, *objects: Object) -> list[str]:
    status = gateway.reconcile_route(obj, view(*objects)).status
    assert status is not None
    return [f"{entry['type']}={entry['status']}" for parent in status["parents"] for entry in parent["conditions"]]


def test_a_route_is_accepted_by_a_gateway_that_exists() -> None:
    assert statuses(route(), GATEWAY, BACKEND) == ["Accepted=True", "ResolvedRefs=True"]
    assert statuses(route(), BACKEND) == []


def test_a_route_without_its_backend_has_unresolved_references() -> None:
    assert statuses(route(), GATEWAY) == ["Accepted=True", "ResolvedRefs=False"]


def test_a_route_can_be_refused() -> None:
    assert statuses(route(**{"kservectl.dev/fault": "route-refused"}), GATEWAY, BACKEND) == [
        "Accepted=False",
        "ResolvedRefs=True",
    ]


def test_a_route_keeps_its_status_when_decided_again() -> None:
    obj = route()
    obj["status"] = gateway.reconcile_route(obj, view(GATEWAY, BACKEND)).status
    assert gateway.reconcile_route(obj, view(GATEWAY, BACKEND, now=NOW + timedelta(days=1))).status == obj["status"]
