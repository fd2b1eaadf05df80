"""InferenceGraphs on a cluster: reached through a route of their own, following their router and their services, or refused."""

import json
from typing import Any

import pytest

from e2e.api import Api
from e2e.services import ready, service
from kservectl.api.kinds import HTTP_ROUTE, INFERENCE_GRAPH, INFERENCE_SERVICE
from kservectl.client.errors import ApiError
from kservectl.objects.kind import DEPLOYMENT, SERVICE
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.usefixtures("manager")


def graph(name: str, namespace: str, **nodes: Any) -> Object:
    return {
        "apiVersion": INFERENCE_GRAPH.api_version,
        "kind": "InferenceGraph",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"nodes": nodes},
    }


def node(type_: str, *steps: Object) -> Object:
    return {"routerType": type_, "steps": list(steps)}


async def until_ready(api: Api, namespace: str, name: str, status: str, reason: str = "") -> Object:
    def says(found: Object) -> bool:
        conditions = (found.get("status") or {}).get("conditions") or ()
        return any(
            each["type"] == "Ready" and each["status"] == status and each.get("reason", "") == reason
            for each in conditions
        )

    return await api.until(INFERENCE_GRAPH, name, namespace, says, f"Ready is {status} {reason}")


async def test_a_graph_waits_for_its_services_and_is_reached_by_its_route(api: Api, namespace: str) -> None:
    steps = ({"serviceName": "first"}, {"serviceName": "second", "data": "$response"})
    await api.create(INFERENCE_GRAPH, graph("chain", namespace, root=node("Sequence", *steps)))
    await until_ready(api, namespace, "chain", "False", "ServiceNotFound")
    for name in ("first", "second"):
        await api.create(INFERENCE_SERVICE, service(name, namespace))
    for name in ("first", "second"):
        await ready(api, namespace, name)

    found = await until_ready(api, namespace, "chain", "True")
    host = f"chain-{namespace}.example.com"
    assert found["status"]["url"] == f"http://{host}"
    assert found["status"]["deploymentMode"] == "Standard"
    route = await api.get(HTTP_ROUTE, "chain", namespace)
    assert route["spec"]["hostnames"] == [host]
    (rule,) = route["spec"]["rules"]
    assert [(each["name"], each["port"]) for each in rule["backendRefs"]] == [("chain", 80)]
    assert (await api.get(SERVICE, "chain", namespace))["spec"]["ports"][0]["targetPort"] == 8080
    deployment = await api.get(DEPLOYMENT, "chain", namespace)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    urls = [each["serviceUrl"] for each in json.loads(container["args"][1])["nodes"]["root"]["steps"]]
    assert urls == [
        f"http://{name}-predictor.{namespace}.svc.cluster.local/v1/models/{name}:predict"
        for name in ("first", "second")
    ]


async def test_a_graph_follows_the_readiness_of_its_services(api: Api, namespace: str) -> None:
    await api.create(INFERENCE_SERVICE, service("only", namespace))
    await api.create(INFERENCE_GRAPH, graph("one", namespace, root=node("Sequence", {"serviceName": "only"})))
    await until_ready(api, namespace, "one", "True")

    await api.delete(INFERENCE_SERVICE, "only", namespace)
    await until_ready(api, namespace, "one", "False", "ServiceNotFound")
    assert await api.get(DEPLOYMENT, "one", namespace), "the router goes on with what it has"

    await api.create(INFERENCE_SERVICE, service("only", namespace))
    await until_ready(api, namespace, "one", "True")


async def test_a_stopped_graph_has_no_objects_and_comes_back(api: Api, namespace: str) -> None:
    root = node("Sequence", {"serviceUrl": "http://elsewhere.example.com"})
    await api.create(INFERENCE_GRAPH, graph("idle", namespace, root=root))
    await until_ready(api, namespace, "idle", "True")
    stop = {"metadata": {"annotations": {"serving.kserve.io/stop": "true"}}}
    await api.merge(INFERENCE_GRAPH, "idle", namespace, stop)
    for kind in (DEPLOYMENT, SERVICE, HTTP_ROUTE):
        await api.until_gone(kind, "idle", namespace)
    await until_ready(api, namespace, "idle", "False", "Stopped")
    await api.merge(INFERENCE_GRAPH, "idle", namespace, {"metadata": {"annotations": {"serving.kserve.io/stop": None}}})
    await until_ready(api, namespace, "idle", "True")


URL = {"serviceUrl": "http://elsewhere.example.com"}


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        (
            {"root": node("Sequence", {"nodeName": "b"}), "b": node("Switch", {"nodeName": "root", "condition": "x"})},
            "lead in a circle",
        ),
        ({"root": node("Ensemble", {"nodeName": "nowhere"})}, 'there is no node "nowhere" in the graph'),
        ({"root": node("Splitter", {**URL, "weight": 60}, {**URL, "weight": 30})}, "the sum of traffic weights"),
        (
            {"root": node("Splitter", {**URL, "weight": 120}, {**URL, "weight": -20})},
            "must be between 0 and 100 percent",
        ),
        ({"root": node("Splitter", {**URL, "weight": 100}, URL)}, "missing the 'Weight'"),
        ({"other": node("Sequence", URL)}, "root node not found"),
        ({"root": node("Switch", {**URL, "condition": "{.kind}"})}, "always holds"),
        ({"root": node("Sequence", {**URL, "timeout": 0})}, "must be a number of seconds above 0"),
    ],
)
async def test_a_graph_that_cannot_work_is_refused(api: Api, namespace: str, nodes: dict[str, Any], said: str) -> None:
    with pytest.raises(ApiError, match=said):
        await api.create(INFERENCE_GRAPH, graph("wrong", namespace, **nodes))
