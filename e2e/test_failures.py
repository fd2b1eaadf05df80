"""What does not become Ready says why: in its status, and in a sentence of `kservectl why`."""

import asyncio
import json
from typing import Any

import pytest

from e2e.api import Api, condition
from e2e.process import kservectl
from e2e.services import FAULT, custom, ready, service
from e2e.target import Target
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects.kind import DEPLOYMENT, EVENT, HORIZONTAL_POD_AUTOSCALER, POD, SERVICE
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.usefixtures("manager")

PULL_PROBLEMS = ("ErrImagePull", "ImagePullBackOff")
REFUSALS = ("NotAllowedByListeners", "NoMatchingParent")
"""Why a gateway does not accept a route, in the words of the devcluster and of the real one."""


async def why(cluster: Target, namespace: str, name: str) -> tuple[int, Any]:
    """Exit code and answer of `kservectl why`."""
    arguments = (f"--kubeconfig={cluster.kubeconfig}", "--namespace", namespace, "-o", "json")
    done = await asyncio.to_thread(kservectl, "why", f"isvc/{name}", *arguments)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def problems(answer: Any) -> str:
    """All that stands in the way, in one text."""
    return " ".join(
        f"{each['about']} {each['message']} {each['nextStep']}" for each in answer["explanations"] if not each["ok"]
    )


def waits(pod: Object) -> str:
    """Why the main container waits."""
    states = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((each["state"]["waiting"]["reason"] for each in states if "waiting" in each["state"]), "")


def last_failure(found: Object) -> Object:
    failure: Object = (found.get("status") or {}).get("modelStatus", {}).get("lastFailureInfo") or {}
    return failure


async def test_unknown_runtime_is_named(api: Api, namespace: str, cluster: Target) -> None:
    await api.create(INFERENCE_SERVICE, service("lost", namespace, runtime="no-such-runtime"))

    found = await api.until(
        INFERENCE_SERVICE,
        "lost",
        namespace,
        lambda each: last_failure(each).get("reason") == "RuntimeNotRecognized",
        "it says that the runtime is unknown",
    )

    assert condition(found, "Ready")["status"] == "False"
    assert "no-such-runtime" in condition(found, "PredictorReady")["message"]
    code, answer = await why(cluster, namespace, "lost")
    assert code == 1
    assert "no-such-runtime" in problems(answer)
    events = await api.until_all(
        EVENT,
        namespace,
        lambda all_: any("no-such-runtime" in each.get("note", "") for each in all_),
        "an event says it",
    )
    assert {each["type"] for each in events if "no-such-runtime" in each.get("note", "")} == {"Warning"}
    assert await api.find(DEPLOYMENT, "lost-predictor", namespace) is None


async def test_refused_deployment_is_named_has_no_scaler_and_recovers(
    api: Api, namespace: str, cluster: Target
) -> None:
    await api.create(INFERENCE_SERVICE, service("bad", namespace, livenessProbe={"httpGet": {"path": "/", "port": 0}}))

    found = await api.until(
        INFERENCE_SERVICE,
        "bad",
        namespace,
        lambda each: condition(each, "PredictorReady").get("reason") == "ReconcileFailed",
        "it says that its Deployment was refused",
    )
    said = condition(found, "PredictorReady")["message"]
    assert said.startswith('fails to reconcile predictor: Deployment.apps "bad-predictor" is invalid: ')
    assert "livenessProbe.httpGet.port" in said
    assert condition(found, "Ready")["message"] == said
    assert await api.find(SERVICE, "bad-predictor", namespace) is not None
    assert await api.find(HORIZONTAL_POD_AUTOSCALER, "bad-predictor", namespace) is None

    mended = {"spec": {"predictor": {"model": {"livenessProbe": {"httpGet": {"port": 8080}}}}}}
    await api.merge(INFERENCE_SERVICE, "bad", namespace, mended)
    await ready(api, namespace, "bad")
    assert await api.find(HORIZONTAL_POD_AUTOSCALER, "bad-predictor", namespace) is not None


# Only the devcluster knows that no registry can be under .invalid.
@pytest.mark.parametrize("how", ["fault", pytest.param("image", marks=pytest.mark.devcluster)])
async def test_image_that_cannot_be_pulled_is_named(api: Api, namespace: str, cluster: Target, how: str) -> None:
    if how == "image":
        predictor = {"containers": [{"name": "kserve-container", "image": "registry.invalid/models/iris:1"}]}
        await api.create(INFERENCE_SERVICE, custom("pulling", namespace, predictor))
    else:
        await api.create(INFERENCE_SERVICE, service("pulling", namespace, fault="image-pull-error"))
    await api.until_all(
        POD, namespace, lambda pods: any(waits(pod) in PULL_PROBLEMS for pod in pods), "the pod waits for its image"
    )

    found = await api.until(
        INFERENCE_SERVICE,
        "pulling",
        namespace,
        lambda each: condition(each, "PredictorReady").get("status") == "False",
        "the predictor is not ready",
    )

    assert condition(found, "Ready")["status"] == "False"
    assert condition(found, "PredictorReady")["reason"] == "MinimumReplicasUnavailable"
    code, answer = await why(cluster, namespace, "pulling")
    assert code == 1
    assert "image" in problems(answer).lower()
    assert ("registry.invalid" in problems(answer)) == (how == "image")


async def test_crashing_model_server_is_told_and_recovers(api: Api, namespace: str, cluster: Target) -> None:
    await api.create(INFERENCE_SERVICE, service("crashing", namespace, fault="crash-loop"))

    def failed(found: Object) -> bool:
        states = (found.get("status") or {}).get("modelStatus", {}).get("states", {})
        return bool(states.get("targetModelState") == "FailedToLoad")

    found = await api.until(INFERENCE_SERVICE, "crashing", namespace, failed, "its model failed to load")

    assert last_failure(found)["reason"] == "ModelLoadFailed"
    assert condition(found, "Ready")["status"] == "False"
    code, answer = await why(cluster, namespace, "crashing")
    assert code == 1
    assert "crash" in problems(answer).lower()
    await api.merge(INFERENCE_SERVICE, "crashing", namespace, {"metadata": {"annotations": {FAULT: None}}})
    await ready(api, namespace, "crashing")


async def test_pod_that_fits_nowhere_is_told(api: Api, namespace: str, cluster: Target) -> None:
    await api.create(INFERENCE_SERVICE, service("homeless", namespace, fault="never-scheduled"))
    await api.until_all(
        POD,
        namespace,
        lambda pods: any(condition(pod, "PodScheduled").get("reason") == "Unschedulable" for pod in pods),
        "the pod is unschedulable",
    )

    found = await api.until(
        INFERENCE_SERVICE,
        "homeless",
        namespace,
        lambda each: condition(each, "PredictorReady").get("status") == "False",
        "the predictor is not ready",
    )

    assert condition(found, "Ready")["status"] == "False"
    code, answer = await why(cluster, namespace, "homeless")
    assert code == 1
    assert "schedul" in problems(answer).lower() or "node" in problems(answer).lower()


async def test_refused_route_keeps_the_service_from_being_ready(api: Api, namespace: str, cluster: Target) -> None:
    await api.create(INFERENCE_SERVICE, service("shut", namespace, fault="route-refused"))

    def refused(found: Object) -> bool:
        told = condition(found, "IngressReady")
        return any(reason in f"{told.get('reason')} {told.get('message')}" for reason in REFUSALS)

    found = await api.until(INFERENCE_SERVICE, "shut", namespace, refused, "it says that its route was refused")

    assert condition(found, "Ready")["status"] == "False"
    assert condition(found, "PredictorReady")["status"] == "True"
    code, answer = await why(cluster, namespace, "shut")
    assert code == 1
    assert "route" in problems(answer).lower()


async def test_ready_service_has_nothing_in_its_way(api: Api, namespace: str, cluster: Target) -> None:
    await api.create(INFERENCE_SERVICE, service("fine", namespace))
    await ready(api, namespace, "fine")

    code, answer = await why(cluster, namespace, "fine")

    assert code == 0
    assert problems(answer) == ""
