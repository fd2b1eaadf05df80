"""Under Knative Serving's own controller: a canary from 0 to 15 %, to all of the traffic, and back; and nothing twice."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from e2e.api import Api, connect
from e2e.knative import installation
from e2e.knative.stand_ins import answer
from e2e.process import Process
from e2e.target import Target
from kservectl.api.kinds import INFERENCE_GRAPH, INFERENCE_SERVICE, KNATIVE_SERVICE, VIRTUAL_SERVICE
from kservectl.objects import metadata
from kservectl.objects.kind import SERVICE
from kservectl.objects.metadata import Object

pytestmark = [pytest.mark.knative, pytest.mark.real, pytest.mark.timeout(2400), pytest.mark.usefixtures("manager")]

V1, V2 = "iris-predictor-00001", "iris-predictor-00002"
STOP = "serving.kserve.io/stop"


@pytest.fixture(scope="module")
def serving(cluster: Target) -> Iterator[Process]:
    """Knative Serving, for all tests of this file."""
    program = installation.controller()
    asyncio.run(_install(cluster.kubeconfig))
    log = cluster.folder / "knative-controller.log"
    arguments = ["-kubeconfig", str(cluster.kubeconfig)]
    process = Process(arguments, log, installation.ENVIRONMENT, [str(program)])
    process.start()
    yield process
    assert process.alive, process.tail()
    process.kill9()  # on SIGTERM it waits for load balancers to notice


async def _install(kubeconfig: Path) -> None:
    async with connect(kubeconfig, "e2e-installer") as api:
        await installation.install(api)


@pytest.fixture
async def knative(serving: Process, api: Api, namespace: str) -> AsyncIterator[None]:
    """Knative Serving, with an autoscaler and an ingress in the test's namespace."""
    assert serving.alive, serving.tail()
    answering = asyncio.create_task(answer(api, namespace))
    yield
    answering.cancel()
    with suppress(asyncio.CancelledError):
        await answering


def service(namespace: str, version: int, annotations: Object | None = None, **predictor: Any) -> Object:
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": f"gs://kservectl-samples/sklearn/v{version}"}
    own = {"serving.kserve.io/deploymentMode": "Knative", **(annotations or {})}
    return {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": INFERENCE_SERVICE.kind,
        "metadata": {"name": "iris", "namespace": namespace, "annotations": own},
        "spec": {"predictor": {"model": model, **predictor}},
    }


def ready(obj: Object) -> bool:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def serves(shares: dict[str, int]) -> Callable[[Object], bool]:
    """Whether the service is Ready and its revisions have these shares."""

    def holds(obj: Object) -> bool:
        component = ((obj.get("status") or {}).get("components") or {}).get("predictor") or {}
        found = {entry.get("revisionName"): entry.get("percent") or 0 for entry in component.get("traffic") or ()}
        return ready(obj) and found == shares

    return holds


async def put(api: Api, obj: Object, shares: dict[str, int]) -> Object:
    namespace = metadata.namespace(obj)
    await api.client.apply(INFERENCE_SERVICE, obj)
    return await api.until(INFERENCE_SERVICE, "iris", namespace, serves(shares), f"it serves {shares}")


@pytest.mark.usefixtures("knative")
async def test_canary_goes_from_nothing_to_everything_and_back(api: Api, namespace: str) -> None:
    await put(api, service(namespace, 1), {V1: 100})
    assert await api.find(VIRTUAL_SERVICE, "iris", namespace)

    canary = await put(api, service(namespace, 2, canaryTrafficPercent=15), {V1: 85, V2: 15})
    assert canary["status"]["components"]["predictor"]["latestRolledoutRevision"] == V1
    promoted = await put(api, service(namespace, 2), {V2: 100})
    assert promoted["status"]["components"]["predictor"]["previousRolledoutRevision"] == V1
    back = await put(api, service(namespace, 2, canaryTrafficPercent=0), {V1: 100, V2: 0})
    assert back["status"]["components"]["predictor"]["latestRolledoutRevision"] == V1

    before = await api.get(KNATIVE_SERVICE, "iris-predictor", namespace)
    await asyncio.sleep(2)  # long enough for a fight to show
    after = await api.get(KNATIVE_SERVICE, "iris-predictor", namespace)
    assert metadata.resource_version(after) == metadata.resource_version(before)


@pytest.mark.usefixtures("knative")
async def test_canary_after_a_stop_gets_its_share_and_no_more(api: Api, namespace: str) -> None:
    await put(api, service(namespace, 1), {V1: 100})
    await api.client.apply(INFERENCE_SERVICE, service(namespace, 1, {STOP: "true"}))
    for kind, name in ((KNATIVE_SERVICE, "iris-predictor"), (VIRTUAL_SERVICE, "iris"), (SERVICE, "iris")):
        await api.until_gone(kind, name, namespace)

    await put(api, service(namespace, 2, {STOP: "false"}, canaryTrafficPercent=20), {V1: 80, V2: 20})


@pytest.mark.usefixtures("knative")
async def test_graph_runs_as_a_knative_service(api: Api, namespace: str) -> None:
    await put(api, service(namespace, 1), {V1: 100})
    graph = {
        "apiVersion": INFERENCE_GRAPH.api_version,
        "kind": INFERENCE_GRAPH.kind,
        "metadata": {
            "name": "flow",
            "namespace": namespace,
            "annotations": {"serving.kserve.io/deploymentMode": "Knative"},
        },
        "spec": {"nodes": {"root": {"routerType": "Sequence", "steps": [{"serviceName": "iris"}]}}},
    }
    await api.client.apply(INFERENCE_GRAPH, graph)
    found = await api.until(INFERENCE_GRAPH, "flow", namespace, ready, "it is Ready")

    assert found["status"]["url"] == f"http://flow.{namespace}.example.com"
