"""How the registry is found: by the key `registry`, with the Secret that it names, read anew for every question."""

import base64
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from kservectl.informers import Change
from kservectl.modelregistry.lookup import RegistryQuestions, ask_again_when_configured, registry_lookup
from kservectl.objects.kind import CONFIG_MAP, SECRET
from kservectl.objects.metadata import Object
from kservectl.runtime.lookup import LookupFailed
from kservectl.runtime.view import StaticView
from tests.fake_clock import FakeClock
from tests.modelregistry.registry import Registry, serving_registry
from tests.runtime.memory_api import MemoryApi

ROSES = "models:/roses@champion"


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    async with serving_registry() as served:
        served.versions["roses"] = {"2": "gs://b/roses/2"}
        served.aliases["roses"] = {"champion": "2"}
        yield served


def config(**registry: Any) -> Object:
    data = {"registry": json.dumps(registry)} if registry else {}
    head = {"name": "inferenceservice-config", "namespace": "kserve"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": head, "data": data}


def questions(configuration: Object, api: MemoryApi | None = None) -> RegistryQuestions:
    view = StaticView([configuration], kinds=(CONFIG_MAP,), now=FakeClock().now())
    return RegistryQuestions((api or MemoryApi()).client(), lambda: view, "kserve")


async def problem(asking: RegistryQuestions, name: str = ROSES) -> tuple[str, str]:
    with pytest.raises(LookupFailed) as failed:
        await asking.ask(name)
    return failed.value.reason, failed.value.message


async def with_secret(**values: str) -> MemoryApi:
    api = MemoryApi()
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    head = {"name": "mlflow", "namespace": "kserve"}
    await api.put(SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": head, "data": data})
    return api


async def test_a_reference_is_looked_up_in_the_configured_registry(registry: Registry) -> None:
    asking = questions(config(url=registry.url))
    assert await asking.ask(ROSES) == {
        "name": "roses",
        "version": "2",
        "storageUri": "gs://b/roses/2",
        "runId": "run-2",
    }


async def test_the_secret_opens_the_registry(registry: Registry) -> None:
    registry.token = "t0k"
    api = await with_secret(MLFLOW_TRACKING_TOKEN="t0k\n")
    asking = questions(config(url=registry.url, secretName="mlflow"), api)
    assert (await asking.ask(ROSES))["version"] == "2"


async def test_without_a_registry_it_is_told_where_to_name_one() -> None:
    said = "there is no model registry: the key registry of ConfigMap kserve/inferenceservice-config has no url"
    assert await problem(questions(config())) == ("RegistryNotConfigured", said)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({"url": "ftp://x"}, "registry url must be an http or https URL, not 'ftp://x'"),
        ({"url": "https://ann:s3cret@mlflow"}, "registry url must not hold credentials"),
        ({"url": 3}, "url: must be a string, not the number 3"),
    ],
)
async def test_a_broken_key_is_told(key: dict[str, Any], said: str) -> None:
    reason, message = await problem(questions(config(**key)))
    assert reason == "RegistryNotConfigured"
    assert said in message
    assert "s3cret" not in message


async def test_a_missing_or_unreadable_secret_is_told(registry: Registry) -> None:
    named = config(url=registry.url, secretName="mlflow")
    said = "Secret kserve/mlflow with the registry's credentials is missing"
    assert await problem(questions(named)) == ("RegistryNotConfigured", said)
    api = await with_secret()
    secret = api.get(SECRET, "mlflow", "kserve")
    assert secret is not None
    await api.put(SECRET, {**secret, "data": {"MLFLOW_TRACKING_TOKEN": "!"}})
    said = "Secret kserve/mlflow holds a value that is no text"
    assert await problem(questions(named, api)) == ("RegistryNotConfigured", said)
    assert registry.asked == []


async def test_what_is_no_reference_is_not_asked_about(registry: Registry) -> None:
    reason, _ = await problem(questions(config(url=registry.url)), "models:/roses/latest")
    assert reason == "InvalidReference"
    assert registry.asked == []


async def test_another_registry_has_everything_asked_again() -> None:
    lookup = registry_lookup(questions(config()), clock=FakeClock(), rng=random.Random(1))
    asked: list[bool] = []
    lookup.ask_again = lambda: asked.append(True)  # type: ignore[method-assign]  # only that it is called matters
    handle = ask_again_when_configured(lookup)
    handle(Change(None, config(url="http://a"), initial=True))
    handle(
        Change(config(url="http://a"), config(url="http://a") | {"data": {**config(url="http://a")["data"], "x": "y"}})
    )
    assert asked == []
    handle(Change(config(url="http://a"), config(url="http://b")))
    assert asked == [True]
