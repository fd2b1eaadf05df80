"""The samples of graphs and models on a whole cluster: from YAML to Ready, to an answer, and away again."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from kservectl.api.inferencegraph import InferenceGraphSpec
from kservectl.api.kinds import HTTP_ROUTE, INFERENCE_GRAPH, INFERENCE_SERVICE, TRAINED_MODEL
from kservectl.cli.files import read_objects
from kservectl.cli.target import resolve
from kservectl.client.errors import ApiError, NotFound
from kservectl.clock import SystemClock
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.development.environment import Environment, EnvironmentOptions, running
from kservectl.explaining import explain
from kservectl.objects.kind import CONFIG_MAP, DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, SERVICE, Kind
from kservectl.objects.metadata import Object
from kservectl.router.metrics import RouterMetrics
from kservectl.router.server import RouterOptions, RouterServer

SAMPLES = Path(__file__).parents[2] / "manifests" / "samples"
SERVICES = ("sklearn-iris", "xgboost-churn", "lightgbm-prices")
GRAPHS = ("iris-then-churn", "churn-trial", "second-opinion", "by-customer")
LIST = "modelconfig-sklearn-garden-0"
CHILDREN = (DEPLOYMENT, SERVICE, HORIZONTAL_POD_AUTOSCALER, HTTP_ROUTE)
PATIENCE = 30.0


@pytest.fixture
async def environment() -> AsyncIterator[Environment]:
    async with running(EnvironmentOptions()) as made:
        yield made


def samples(folder: str, *names: str) -> list[Object]:
    files = [SAMPLES / folder / f"{name}.yaml" for name in names]
    return [obj for file in files for obj in read_objects([str(file)])]


async def until(
    environment: Environment, kind: Kind, name: str, holds: Callable[[Object | None], bool]
) -> Object | None:
    """The object once `holds` is so of it (None: it is not there)."""
    changes = environment.cluster.follow(kind)
    async with asyncio.timeout(PATIENCE):
        while not holds(found := environment.cluster.get(kind, name, "default")):
            await anext(changes)
    return found


def ready(obj: Object | None) -> bool:
    return condition(obj, "Ready").get("status") == "True"


def condition(obj: Object | None, type_: str) -> Object:
    conditions = ((obj or {}).get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each["type"] == type_), {})


async def test_graphs_wait_for_their_services_and_then_answer(environment: Environment) -> None:
    await environment.apply(samples("graphs", *(f"inferencegraph-{name}" for name in GRAPHS)))
    waiting = await until(environment, INFERENCE_GRAPH, "second-opinion", lambda obj: bool(condition(obj, "Ready")))
    assert condition(waiting, "Ready")["message"] == "Failed to find graph service sklearn-iris"
    await environment.apply(samples("", *SERVICES))
    for name in GRAPHS:
        graph = await until(environment, INFERENCE_GRAPH, name, ready)
        assert graph is not None
        assert graph["status"]["url"] == f"http://{name}-default.example.com"
    answer = await explain(
        environment.client, INFERENCE_GRAPH, "by-customer", "default", settings=Settings(), now=SystemClock().now()
    )
    assert answer.ready
    assert [each.about for each in answer.explanations] == ["Router", "Route", "Services"]
    assert await asked(environment, "by-customer", {"tier": "gold"}) == {
        "forest": {"model": "sklearn-iris"},
        "boosting": {"model": "xgboost-churn"},
    }
    assert await asked(environment, "by-customer", {"instances": [{"age": 70}]}) == {"model": "xgboost-churn"}
    assert await asked(environment, "by-customer", {}) == {"model": "lightgbm-prices"}


async def asked(environment: Environment, name: str, body: Object) -> object:
    """What the router answers that the Deployment asks for, its services played by one that says who was called."""

    async def model(request: web.Request) -> web.Response:
        return web.json_response({"model": request.match_info["model"]})

    app = web.Application()
    app.router.add_post("/v1/models/{model}:predict", model)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    deployment = environment.cluster.get(DEPLOYMENT, name, "default")
    assert deployment is not None
    flag, text = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    assert flag == "--graph-json"
    for service in SERVICES:
        text = text.replace(
            f"http://{service}-predictor.default.svc.cluster.local", f"http://127.0.0.1:{runner.addresses[0][1]}"
        )
    stop, clock = asyncio.Event(), SystemClock()
    server = RouterServer(
        InferenceGraphSpec.parse(json.loads(text)),
        RouterOptions(bind="127.0.0.1:0", drain_seconds=0),
        clock=clock,
        draw=lambda: 0,
        rng=random.Random(1),
        metrics=RouterMetrics(CollectorRegistry(), clock.monotonic),
    )
    async with asyncio.TaskGroup() as group, aiohttp.ClientSession() as session:
        group.create_task(server.run(stop))
        await server.started.wait()
        async with session.post(f"http://127.0.0.1:{server.port}/", json=body) as answer:
            said: object = await answer.json()
        stop.set()
    await runner.cleanup()
    return said


async def test_a_graph_that_is_stopped_or_deleted_leaves_nothing(environment: Environment) -> None:
    graph = {
        "apiVersion": INFERENCE_GRAPH.api_version,
        "kind": "InferenceGraph",
        "metadata": {"name": "flow"},
        "spec": {"nodes": {"root": {"routerType": "Sequence", "steps": [{"serviceUrl": "http://x.example.com"}]}}},
    }
    await environment.apply([graph])
    await until(environment, INFERENCE_GRAPH, "flow", ready)
    stopped = {"metadata": {"annotations": {"serving.kserve.io/stop": "true"}}}
    await environment.client.patch(INFERENCE_GRAPH, "flow", "default", stopped)
    for kind in CHILDREN:
        await until(environment, kind, "flow", lambda obj: obj is None)
    running_again = {"metadata": {"annotations": {"serving.kserve.io/stop": "false"}}}
    await environment.client.patch(INFERENCE_GRAPH, "flow", "default", running_again)
    await until(environment, INFERENCE_GRAPH, "flow", ready)
    await environment.client.delete(INFERENCE_GRAPH, "flow", "default")
    for kind in CHILDREN:
        await until(environment, kind, "flow", lambda obj: obj is None)


async def test_models_come_and_go_with_their_server(environment: Environment) -> None:
    names = ("sklearn-garden", "trainedmodel-garden-roses", "trainedmodel-garden-tulips")
    await environment.apply(samples("models", *names))
    for name in ("garden-roses", "garden-tulips"):
        model = await until(environment, TRAINED_MODEL, name, ready)
        assert model is not None
        assert model["status"]["url"] == f"http://sklearn-garden-default.example.com/v1/models/{name}:predict"
        await until(environment, CONFIG_MAP, LIST, lambda obj, name=name: name in listed(obj))  # type: ignore[misc]  # binds the loop's variable
    await environment.client.delete(TRAINED_MODEL, "garden-roses", "default")
    await until(environment, TRAINED_MODEL, "garden-roses", lambda obj: obj is None)
    assert listed(environment.cluster.get(CONFIG_MAP, LIST, "default")) == ["garden-tulips"]
    await environment.client.delete(INFERENCE_SERVICE, "sklearn-garden", "default")
    await until(environment, TRAINED_MODEL, "garden-tulips", lambda obj: obj is None)


def listed(config_map: Object | None) -> list[str]:
    entries = json.loads(((config_map or {}).get("data") or {}).get("models.json") or "[]")
    return [entry["modelName"] for entry in entries]


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("ig/x", INFERENCE_GRAPH),
        ("trainedmodel/x", TRAINED_MODEL),
        ("isvc/x", INFERENCE_SERVICE),
        ("deploy/x", DEPLOYMENT),
    ],
)
async def test_kinds_are_found_by_any_name_in_whatever_version(
    environment: Environment, target: str, kind: Kind
) -> None:
    assert await resolve(environment.client, target) == (kind, "x")


async def test_what_cannot_work_is_refused_at_the_door(environment: Environment) -> None:
    (graph,) = samples("graphs", "inferencegraph-churn-trial")
    graph["spec"]["nodes"]["root"]["steps"][0] = {"nodeName": "root", "weight": 90}
    with pytest.raises(ApiError, match="root → root lead in a circle"):
        await environment.apply([graph])
    (model,) = samples("models", "trainedmodel-garden-roses")
    model["spec"]["model"]["storageUri"] = "pvc://claim/model"
    with pytest.raises(ApiError, match="must start with one of the prefixes"):
        await environment.apply([model])
    with pytest.raises(NotFound):
        await environment.client.get(INFERENCE_GRAPH, "churn-trial", "default")
