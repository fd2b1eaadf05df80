"""What the cluster does with the objects that are created on it. Needs the real thing: `pytest e2e/cluster`."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster import RequestError, RunningCluster, start_cluster
from e2e.cluster.connection import Connection
from e2e.cluster.objects import FAULT_ANNOTATION

pytestmark = pytest.mark.timeout(3600)  # the first run builds the programs

_PODS = "/api/v1/namespaces/default/pods"
_DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
_ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes"
_SIDECAR = {"name": "sidecar", "image": "sidecar:1", "restartPolicy": "Always"}

Json = dict[str, Any]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    with start_cluster(tmp_path_factory.mktemp("cluster") / "run") as running:
        yield running


@pytest.fixture
def api(cluster: RunningCluster) -> Connection:
    return cluster.connection()


def eventually(get: Callable[[], Json], holds: Callable[[Json], bool], seconds: float = 20.0) -> Json:
    deadline = time.monotonic() + seconds
    while True:
        found = get()
        if holds(found):
            return found
        assert time.monotonic() < deadline, f"after {seconds} s: {found}"
        time.sleep(0.1)


def pod(name: str, fault: str | None = None, **spec: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": {FAULT_ANNOTATION: fault} if fault else {}},
        "spec": {"containers": [{"name": "main", "image": "main:1"}], **spec},
    }


def conditions(found: Json) -> dict[str, str]:
    return {condition["type"]: condition["status"] for condition in found["status"].get("conditions", [])}


def is_ready(found: Json) -> bool:
    return conditions(found).get("Ready") == "True"


def waiting_reasons(found: Json, field: str = "containerStatuses") -> list[str]:
    return [status["state"].get("waiting", {}).get("reason") for status in found["status"].get(field, [])]


def test_pods_of_a_deployment_turn_ready_and_go_with_it(api: Connection) -> None:
    template = {"metadata": {"labels": {"app": "d"}}, "spec": pod("")["spec"]}
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "d"}}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}
    api.request("POST", _DEPLOYMENTS, body)

    eventually(lambda: api.request("GET", f"{_DEPLOYMENTS}/d"), lambda d: d["status"].get("readyReplicas") == 3)
    pods = api.request("GET", f"{_PODS}?labelSelector=app=d")["items"]
    assert len({found["status"]["podIP"] for found in pods}) == 3

    api.request("DELETE", f"{_DEPLOYMENTS}/d?propagationPolicy=Foreground")
    eventually(lambda: api.request("GET", f"{_PODS}?labelSelector=app=d"), lambda listed: not listed["items"])


def test_init_containers_end_and_sidecars_keep_running(api: Connection) -> None:
    created = pod("with-init", initContainers=[{"name": "init", "image": "init:1"}, _SIDECAR])
    api.request("POST", _PODS, created)

    found = eventually(lambda: api.request("GET", f"{_PODS}/with-init"), is_ready)

    init, sidecar = found["status"]["initContainerStatuses"]
    assert init["state"]["terminated"]["exitCode"] == 0
    assert "running" in sidecar["state"]
    assert set(conditions(found).values()) == {"True"}
    assert found["status"]["phase"] == "Running"


def test_image_pull_error_keeps_the_pod_pending_until_it_is_taken_away(api: Connection) -> None:
    api.request("POST", _PODS, pod("pull", "image-pull-error"))

    path = f"{_PODS}/pull"
    found = eventually(lambda: api.request("GET", path), lambda p: waiting_reasons(p) == ["ImagePullBackOff"])
    assert found["status"]["phase"] == "Pending"
    assert conditions(found)["Ready"] == "False"

    _take_fault_away(api, path)
    eventually(lambda: api.request("GET", path), is_ready)


def test_crash_loop_ends_a_ready_pod(api: Connection) -> None:
    path = f"{_PODS}/crash"
    api.request("POST", _PODS, pod("crash"))
    eventually(lambda: api.request("GET", path), is_ready)

    patch = {"metadata": {"annotations": {FAULT_ANNOTATION: "crash-loop"}}}
    api.request("PATCH", path, patch, content_type="application/merge-patch+json")

    found = eventually(lambda: api.request("GET", path), lambda p: waiting_reasons(p) == ["CrashLoopBackOff"])
    (status,) = found["status"]["containerStatuses"]
    assert status["lastState"]["terminated"]["reason"] == "Error"
    assert status["lastState"]["terminated"]["exitCode"] == 1
    assert conditions(found)["Ready"] == "False"


def test_crash_loop_of_init_containers_is_told_in_their_last_state(api: Connection) -> None:
    path = f"{_PODS}/init-crash"
    api.request("POST", _PODS, pod("init-crash", "init-crash-loop", initContainers=[{"name": "init", "image": "i:1"}]))

    found = eventually(
        lambda: api.request("GET", path),
        lambda p: waiting_reasons(p, "initContainerStatuses") == ["CrashLoopBackOff"],
    )
    assert found["status"]["initContainerStatuses"][0]["lastState"]["terminated"]["reason"] == "Error"
    assert waiting_reasons(found) == ["PodInitializing"]
    assert conditions(found)["Initialized"] == "False"

    _take_fault_away(api, path)
    eventually(lambda: api.request("GET", path), is_ready)


def test_never_scheduled_is_said_by_the_scheduler(api: Connection) -> None:
    path = f"{_PODS}/nowhere"
    api.request("POST", _PODS, pod("nowhere", "never-scheduled", nodeSelector={"kubernetes.io/os": "linux"}))

    found = eventually(lambda: api.request("GET", path), lambda p: conditions(p).get("PodScheduled") == "False")
    (condition,) = found["status"]["conditions"]
    assert condition["reason"] == "Unschedulable"
    assert found["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux", FAULT_ANNOTATION: "never-scheduled"}


@pytest.mark.parametrize(("fault", "outcome"), [(None, "succeeded"), ("crash-loop", "failed")])
def test_a_job_ends_as_its_fault_says(api: Connection, fault: str | None, outcome: str) -> None:
    path = f"/apis/batch/v1/namespaces/default/jobs/{outcome}"
    template = pod("", fault, restartPolicy="Never")
    del template["metadata"]["name"]
    spec = {"backoffLimit": 0, "template": {"metadata": template["metadata"], "spec": template["spec"]}}
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": outcome}, "spec": spec}
    api.request("POST", path.rpartition("/")[0], body)

    eventually(lambda: api.request("GET", path), lambda job: job["status"].get(outcome) == 1)


def test_gpus_are_there(api: Connection) -> None:
    resources = {"limits": {"nvidia.com/gpu": "2"}}
    containers = [{"name": "main", "image": "main:1", "resources": resources}]
    api.request("POST", _PODS, pod("gpu", containers=containers))

    found = eventually(lambda: api.request("GET", f"{_PODS}/gpu"), is_ready)
    assert found["spec"]["nodeName"] == "node-gpu"


def test_a_node_that_a_test_adds_joins(api: Connection) -> None:
    api.request("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "added"}})

    found = eventually(lambda: api.request("GET", "/api/v1/nodes/added"), is_ready)
    assert found["status"]["allocatable"]["cpu"] == "64"
    api.request("DELETE", "/api/v1/nodes/added")


def test_a_route_is_accepted_for_each_parent_and_again_after_a_change(api: Connection) -> None:
    path = f"{_ROUTES}/r"
    api.request("POST", _ROUTES, _route("r", "one", "two"))

    found = eventually(lambda: api.request("GET", path), lambda r: _accepted(r) == {"one": "True", "two": "True"})
    assert found["metadata"]["generation"] == 1

    patch = {"spec": {"parentRefs": [{"name": "one"}]}}
    api.request("PATCH", path, patch, content_type="application/merge-patch+json")
    eventually(lambda: api.request("GET", path), lambda r: _accepted(r) == {"one": "True"})


def test_a_route_is_refused_while_its_fault_lasts(api: Connection) -> None:
    path = f"{_ROUTES}/refused"
    route = _route("refused", "one")
    route["metadata"]["annotations"] = {FAULT_ANNOTATION: "route-refused"}
    api.request("POST", _ROUTES, route)

    found = eventually(lambda: api.request("GET", path), lambda r: _accepted(r) == {"one": "False"})
    accepted = found["status"]["parents"][0]["conditions"][0]
    assert accepted["reason"] == "NoMatchingParent"
    assert accepted["message"]

    _take_fault_away(api, path)
    eventually(lambda: api.request("GET", path), lambda r: _accepted(r) == {"one": "True"})


def test_third_party_kinds_are_served(api: Connection) -> None:
    for path in (
        "/apis/gateway.networking.k8s.io/v1/gateways",
        "/apis/keda.sh/v1alpha1/scaledobjects",
        "/apis/serving.knative.dev/v1/services",
        "/apis/networking.istio.io/v1/virtualservices",
    ):
        assert api.request("GET", path)["items"] == []


def test_rbac_is_on(cluster: RunningCluster, api: Connection) -> None:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": "system:serviceaccount:default:default",
            "resourceAttributes": {"verb": "get", "resource": "secrets", "namespace": "default"},
        },
    }
    answer = api.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    assert answer["status"]["allowed"] is False


@pytest.mark.parametrize("name", ["kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "kwok"])
def test_a_killed_component_comes_back_with_everything_it_knew(cluster: RunningCluster, name: str) -> None:
    api = cluster.connection()
    api.request("POST", _PODS, pod(f"before-{name}"))
    eventually(lambda: api.request("GET", f"{_PODS}/before-{name}"), is_ready)

    component = cluster.component(name)
    component.kill()
    assert component.pid is None
    assert not component.is_ready()
    component.restart()
    cluster.component("kube-apiserver").wait_ready()

    assert is_ready(api.request("GET", f"{_PODS}/before-{name}"))
    _create_when_possible(api, pod(f"after-{name}"))
    eventually(lambda: api.request("GET", f"{_PODS}/after-{name}"), is_ready, seconds=60)


def test_another_process_can_take_hold_of_it(cluster: RunningCluster) -> None:
    other = RunningCluster.attach(Path(cluster.folder))

    assert other.is_ready()
    assert other.component("etcd").pid == cluster.component("etcd").pid


def _take_fault_away(api: Connection, path: str) -> None:
    patch = {"metadata": {"annotations": {FAULT_ANNOTATION: None}}}
    api.request("PATCH", path, patch, content_type="application/merge-patch+json")


def _create_when_possible(api: Connection, body: Json) -> None:
    """Create a pod; for a moment after its start, the API server's admission plugins may still be reading."""
    deadline = time.monotonic() + 20.0
    while True:
        try:
            api.request("POST", _PODS, body)
        except RequestError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return


def _route(name: str, *parents: str) -> Json:
    rules = [{"backendRefs": [{"name": "backend", "port": 80}]}]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name},
        "spec": {"parentRefs": [{"name": parent} for parent in parents], "rules": rules},
    }


def _accepted(route: Json) -> dict[str, str]:
    generation = route["metadata"]["generation"]
    return {
        parent["parentRef"]["name"]: condition["status"]
        for parent in route.get("status", {}).get("parents", [])
        for condition in parent["conditions"]
        if condition["type"] == "Accepted" and condition["observedGeneration"] == generation
    }
