"""Whose decision a change of something else concerns."""

from typing import Any

import pytest

from kservectl.controllers.inferenceservice import watching
from kservectl.informers import Change
from kservectl.objects.metadata import Object
from kservectl.runtime.view import StaticView
from tests.controllers.inferenceservice.world import KINDS, START, configuration, pod, runtime, says, service

READY = {"conditions": [{"type": "Ready", "status": "True"}]}


def named(name: str, status: Object | None = None, namespace: str = "ml", **annotations: str) -> Object:
    meta = {"annotations": {key.replace("_", "/", 1).replace("_", "-"): value for key, value in annotations.items()}}
    return {**service(name=name, namespace=namespace, **meta), "status": status or {}}


def view(*services: Object) -> StaticView:
    return StaticView(services, kinds=KINDS, now=START)


def names(keys: Any) -> list[str]:
    return [str(key) for key in keys]


CRASHED = pod(server={"state": {"waiting": {"reason": "CrashLoopBackOff"}}})


def relabelled(found: Object, **labels: str) -> Object:
    keys = {"service": "serving.kserve.io/inferenceservice", "component": "component"}
    changed = {keys[name]: value for name, value in labels.items()}
    return {**found, "metadata": {**found["metadata"], "labels": {**found["metadata"]["labels"], **changed}}}


def test_pod_concerns_the_service_of_its_label() -> None:
    assert names(watching.of_pod(Change(pod(), CRASHED), view())) == ["ml/iris"]
    assert names(watching.of_pod(Change(pod(), relabelled(CRASHED, service="")), view())) == []
    assert names(watching.of_pod(Change(pod(), relabelled(CRASHED, component="transformer")), view())) == []
    assert names(watching.of_pod(Change(pod(), {**CRASHED, "metadata": {"name": "x"}}), view())) == []


def test_only_the_service_that_owns_a_pod_is_concerned() -> None:
    services = view(named("iris"), named("other"), named("iris", namespace="elsewhere"))

    assert names(watching.of_pod(Change(pod(), CRASHED), services)) == ["ml/iris"]
    theirs = relabelled(CRASHED, service="other")
    assert names(watching.of_pod(Change(relabelled(pod(), service="other"), theirs), services)) == ["ml/other"]


@pytest.mark.parametrize(
    "after",
    [
        pod(download={"state": {"waiting": {"reason": "PodInitializing"}}}),
        pod(download={"state": {"running": {}}}),
        pod(download={"state": {"terminated": {"reason": "Error"}}}),
        pod(server={"state": {"terminated": {"reason": "Error"}}}),
        CRASHED,
    ],
)
def test_pod_that_moves_the_models_status_is_looked_at(after: Object) -> None:
    assert names(watching.of_pod(Change(pod(), after), view())) == ["ml/iris"]
    assert names(watching.of_pod(Change(None, after), view())) == ["ml/iris"]
    assert names(watching.of_pod(Change(after, None), view())) == ["ml/iris"]


def test_pod_that_tells_nothing_new_is_not_looked_at() -> None:
    moved = pod(server={"state": {"waiting": {"reason": "ContainerCreating"}}})
    moved["status"]["podIP"] = "10.0.0.1"

    assert names(watching.of_pod(Change(pod(), moved), view())) == []
    assert names(watching.of_pod(Change(None, pod()), view())) == []
    assert names(watching.of_pod(Change(None, CRASHED, initial=True), view())) == []


def _waiting(reason: str) -> Object:
    return pod(server={"state": {"waiting": {"reason": reason}}})


def test_pod_that_cannot_start_is_looked_at_once_however_often_the_kubelet_tries() -> None:
    creating, failing, waiting = (_waiting(each) for each in ("ContainerCreating", "ErrImagePull", "ImagePullBackOff"))

    assert names(watching.of_pod(Change(creating, failing), view())) == ["ml/iris"]
    assert names(watching.of_pod(Change(failing, waiting), view())) == []
    assert names(watching.of_pod(Change(waiting, creating), view())) == ["ml/iris"]
    assert names(watching.of_pod(Change(creating, _waiting("CreateContainerConfigError")), view())) == ["ml/iris"]


def test_pod_that_no_node_takes_is_looked_at() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}

    assert names(watching.of_pod(Change(pod(), pod(conditions=[condition])), view())) == ["ml/iris"]


@pytest.mark.parametrize(("counted", "looked_at"), [(0, []), (1, ["ml/iris"])])
def test_pod_that_became_ready_is_looked_at_once_its_deployment_counted_it(counted: int, looked_at: list[str]) -> None:
    ready = pod(ready=True)
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "iris-predictor", "namespace": "ml"},
        "status": {"readyReplicas": counted},
    }

    assert names(watching.of_pod(Change(pod(), ready), view(deployment, ready))) == looked_at


def _deployed(*conditions: Object, annotations: Object | None = None, **status: int) -> Object:
    told = {"conditions": list(conditions)} if conditions else {}
    noted = {"annotations": annotations} if annotations else {}
    meta = {"name": "iris-predictor", "namespace": "ml", "generation": 1, **noted}
    return {"metadata": meta, "spec": {}, "status": {**told, **status}}


_STARTED = says("Progressing", "True", "ReplicaSetUpdated")


@pytest.mark.parametrize(
    ("before", "after", "tells"),
    [
        (_deployed(), _deployed(annotations={"deployment.kubernetes.io/revision": "1"}), False),
        (_deployed(), _deployed(observedGeneration=1, unavailableReplicas=1), False),
        (_deployed(), _deployed(_STARTED), True),
        (_deployed(_STARTED), _deployed(_STARTED, observedGeneration=1), True),
        (_deployed(_STARTED), _deployed(_STARTED, availableReplicas=1), True),
        (_deployed(_STARTED), _deployed(_STARTED, updatedReplicas=1), False),
        (_deployed(), _deployed(annotations={"theirs": "1"}), True),
        (_deployed(), {**_deployed(), "spec": {"replicas": 3}}, True),
    ],
    ids=[
        "its number",
        "nothing said yet",
        "first word",
        "seen as it is now",
        "a pod more",
        "another counter",
        "an annotation",
        "its spec",
    ],
)
def test_deployment_is_looked_at_when_it_says_something_of_itself(before: Object, after: Object, tells: bool) -> None:
    assert watching.deployment_tells(Change(before, after)) is tells


def test_pods_are_cut_down_to_what_decisions_read() -> None:
    full = pod(ready=True)
    full["metadata"]["annotations"] = {"big": "x" * 1000}
    full["metadata"]["managedFields"] = [{}]
    full["spec"] = {"containers": [{"name": "kserve-container", "image": "i"}], "nodeName": "n"}
    full["status"]["podIP"] = "10.0.0.1"
    slim = watching.essence_of_pod(full)

    assert slim == {**pod(ready=True), "apiVersion": "v1", "kind": "Pod"}
    assert watching.essence_of_pod(slim) == slim


USER = named("user", {"clusterServingRuntimeName": "kserve-sklearnserver"})
OTHER = named("other", {"clusterServingRuntimeName": "another"})
WAITING = named("waiting", {})
BROKEN = named("broken", {"servingRuntimeName": "x", "modelStatus": {"transitionStatus": "InvalidSpec"}})
HELD = named(
    "held",
    {"clusterServingRuntimeName": "kserve-sklearnserver", **READY},
    **{"serving.kserve.io_disable_auto_update": "true"},
)


def test_changed_runtime_concerns_its_users_and_those_who_wait() -> None:
    changed = Change(runtime(), runtime(disabled=True))

    found = watching.of_cluster_runtime(changed, view(USER, OTHER, WAITING, BROKEN, HELD))
    assert names(found) == ["ml/broken", "ml/user", "ml/waiting"]


def test_new_runtime_concerns_those_who_wait_for_one() -> None:
    found = watching.of_cluster_runtime(Change(None, runtime("new")), view(USER, WAITING, BROKEN))

    assert names(found) == ["ml/broken", "ml/waiting"]


@pytest.mark.parametrize(
    "change",
    [
        Change(runtime(), None),
        Change(runtime(), runtime(meta={"labels": {"a": "b"}})),
        Change(None, runtime(), initial=True),
    ],
)
def test_runtime_that_vanishes_or_says_the_same_concerns_nobody(change: Change) -> None:
    assert names(watching.of_cluster_runtime(change, view(USER, WAITING))) == []


def test_runtime_of_a_namespace_concerns_only_that_namespace() -> None:
    change = Change(None, runtime("new", namespace="ml"))

    assert names(watching.of_runtime(change, view(WAITING, named("far", {}, namespace="other")))) == ["ml/waiting"]


def test_configuration_concerns_everybody_when_it_says_something_else() -> None:
    services = view(USER, OTHER)
    changed = Change(configuration(), configuration(ingress="{"))
    same = Change(configuration(), {**configuration(), "metadata": {"name": "x", "annotations": {"a": "b"}}})

    assert names(watching.of_configuration(changed, services)) == ["ml/other", "ml/user"]
    assert names(watching.of_configuration(Change(configuration(), None), services)) == ["ml/other", "ml/user"]
    assert names(watching.of_configuration(same, services)) == []


@pytest.mark.parametrize("role", ["predictor", "transformer", "explainer"])
def test_storage_container_concerns_services_with_several_sources(role: str) -> None:
    container = {"metadata": {"name": "c"}, "spec": {"supportedUriFormats": []}}
    several = {**named("several", READY), "spec": {role: {"storageUris": [{"uri": "s3://b/m"}]}}}

    found = watching.of_storage_container(Change(None, container), view(several, named("fine", READY)))

    assert names(found) == ["ml/several"]


def test_storage_container_concerns_services_that_are_not_ready() -> None:
    container = {"metadata": {"name": "c"}, "spec": {"supportedUriFormats": []}}

    found = watching.of_storage_container(Change(None, container), view(WAITING, named("fine", READY)))
    assert names(found) == ["ml/waiting"]
