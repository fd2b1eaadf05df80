"""`why` and the development cluster as a whole: from a manifest to Ready, or to a sentence that says what is wrong."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.api.reasons import REASONS
from kservectl.cli.target import resolve
from kservectl.cli.tree import OWNED
from kservectl.clock import SystemClock
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.development.environment import Environment, EnvironmentOptions, UnknownKind, running
from kservectl.development.progress import Progress
from kservectl.explaining import Answer, Unexplained, explain
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object, ObjectKey

SETTLED = 1.0


def service(name: str, *, fault: str = "", **model: object) -> Object:
    return {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": "InferenceService",
        "metadata": {"name": name, "annotations": {"kservectl.dev/fault": fault} if fault else {}},
        "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "gs://a/b", **model}}},
    }


@pytest.fixture
async def environment() -> AsyncIterator[Environment]:
    async with running(EnvironmentOptions()) as made:
        yield made


async def settle(environment: Environment, *objects: Object) -> list[str]:
    applied = await environment.apply(objects)
    targets = [(kind, ObjectKey("default", obj["metadata"]["name"])) for kind, obj in applied]
    progress = Progress(environment.cluster, targets, OWNED, SystemClock())
    settled = await progress.settle(lambda: None, quiet=SETTLED)
    return [key.name for _, key in settled.unready]


async def ask(environment: Environment, name: str) -> Answer:
    now = SystemClock().now()
    return await explain(environment.client, INFERENCE_SERVICE, name, "default", settings=Settings(), now=now)


async def test_a_service_goes_from_yaml_to_ready(environment: Environment) -> None:
    assert await settle(environment, service("good")) == []
    answer = await ask(environment, "good")
    assert answer.ready
    assert all(each.ok for each in answer.explanations)


@pytest.mark.parametrize(
    ("broken", "about", "said"),
    [
        (service("runtime", runtime="nope"), "PredictorReady", "nope"),
        (service("image", image="registry.invalid/x:1"), "Pod/", "registry.invalid/x:1"),
        (service("crash", fault="crash-loop"), "Pod/", "kserve-container"),
        (service("place", fault="never-scheduled"), "Pod/", "nodes are available"),
        (service("route", fault="route-refused"), "", "listener"),
    ],
    ids=lambda value: value["metadata"]["name"] if isinstance(value, dict) else "",
)
async def test_what_stands_in_the_way_comes_first(
    environment: Environment, broken: Object, about: str, said: str
) -> None:
    name = broken["metadata"]["name"]
    assert await settle(environment, broken, service("healthy")) == [name]
    answer = await ask(environment, name)
    first = answer.explanations[0]
    assert not answer.ready
    assert not first.ok
    assert first.about.startswith(about)
    assert said in first.message
    assert answer.document()["explanations"][0]["message"] == first.message


async def test_targets_are_found_by_any_name_that_kubectl_knows(environment: Environment) -> None:
    for target in ("isvc/x", "InferenceService/x", "inferenceservices.serving.kserve.io/x", "x"):
        assert await resolve(environment.client, target) == (INFERENCE_SERVICE, "x")
    assert await resolve(environment.client, "cm/x") == (CONFIG_MAP, "x")


async def test_kinds_that_nobody_decides_are_not_explained(environment: Environment) -> None:
    with pytest.raises(Unexplained, match="kubectl describe configmaps"):
        await explain(environment.client, CONFIG_MAP, "x", "default", settings=Settings(), now=SystemClock().now())


async def test_a_kind_that_is_not_served_is_named(environment: Environment) -> None:
    with pytest.raises(UnknownKind, match="no Nothing of a/v1"):
        await environment.apply([{"apiVersion": "a/v1", "kind": "Nothing", "metadata": {"name": "x"}}])


async def test_the_managers_metrics_are_a_page_of_the_api_server(environment: Environment) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{environment.cluster.url}/metrics") as answer:
        text = await answer.text()
    assert 'controller_runtime_max_concurrent_reconciles{controller="inferenceservice"} 32.0' in text


async def test_a_reason_without_a_step_of_its_own_gets_the_step_of_the_documentation(environment: Environment) -> None:
    await settle(environment, service("waits", fault="crash-loop"))
    answer = await ask(environment, "waits")

    ready = next(each for each in answer.explanations if each.about == "PredictorReady")
    assert ready.reason in REASONS
    assert ready.next_step == REASONS[ready.reason].next_step
    assert ready.reason in [each["reason"] for each in answer.document()["explanations"]]
