"""Informers on an API server that behaves: the devcluster."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from kservectl.client.client import Client
from kservectl.client.config import ConnectionConfig
from kservectl.client.connection import Connection
from kservectl.clock import SystemClock
from kservectl.devcluster.cluster import DevCluster
from kservectl.devcluster.types import builtin_types
from kservectl.informers import Change, InformerFactory
from kservectl.objects.kind import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, Kind
from kservectl.objects.metadata import Object, ObjectKey
from tests.fake_clock import eventually

WIDGET = Kind("example.com", "v1", "Widget", "widgets")
DEFINITION: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        ],
    },
}


def widget(name: str) -> Object:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name, "namespace": "default"}}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with DevCluster(builtin_types(), clock=SystemClock(), seed=1) as cluster:
        config = ConnectionConfig(cluster.url)
        async with Connection(config, clock=SystemClock(), rng=random.Random(1)) as connection:
            yield Client(connection)


@pytest.fixture(params=[True, False], ids=["streaming", "paged"])
async def factory(client: Client, request: pytest.FixtureRequest) -> AsyncIterator[InformerFactory]:
    made = InformerFactory(client, clock=SystemClock(), rng=random.Random(1), streaming_lists=request.param)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_own_writes_come_back(client: Client, factory: InformerFactory) -> None:
    obj: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}}
    before = await client.create(CONFIG_MAP, obj)
    informer = factory.informer(CONFIG_MAP, namespaces=("default",))
    changes: list[Change] = []
    informer.add_handler(changes.append)
    await informer.wait_synced()
    after = await client.patch(CONFIG_MAP, "a", "default", {"data": {"k": "v"}})
    await client.delete(CONFIG_MAP, "a", "default", uid=after["metadata"]["uid"])
    mine = ObjectKey("default", "a")
    await eventually(lambda: sum(change.key == mine for change in changes) == 3)
    added, modified, deleted = (change for change in changes if change.key == mine)
    assert added.old is None and added.initial
    assert added.new is not None
    assert added.new["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert modified.new is not None and modified.new["data"] == {"k": "v"}
    assert deleted.new is None
    assert informer.store.get(mine) is None


async def test_server_side_apply_leaves_our_record_and_nobody_elses(client: Client, factory: InformerFactory) -> None:
    informer = factory.informer(CONFIG_MAP, namespaces=("default",), keep_managed_by="kservectl")
    await informer.wait_synced()
    obj: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}}
    await Client(client.connection, field_manager="somebody").apply(CONFIG_MAP, {**obj, "data": {"theirs": "1"}})
    await client.apply(CONFIG_MAP, {**obj, "data": {"ours": "2"}})
    await eventually(lambda: "ours" in (informer.store.get(ObjectKey("default", "a")) or {}).get("data", {}))
    found = informer.store.get(ObjectKey("default", "a"))
    assert found is not None
    assert found["data"] == {"theirs": "1", "ours": "2"}
    assert [entry["fieldsV1"] for entry in found["metadata"]["managedFields"]] == ['{"f:data":{"f:ours":{}}}']


async def test_optional_kind_follows_its_definition(client: Client, factory: InformerFactory) -> None:
    informer = factory.informer(WIDGET, optional=True)
    changes: list[Change] = []
    informer.add_handler(changes.append)
    await informer.wait_synced()
    assert not informer.served
    for round_ in (1, 2):
        await client.create(CUSTOM_RESOURCE_DEFINITION, DEFINITION)
        await eventually(lambda: informer.served and informer.synced)
        await client.create(WIDGET, widget(f"w{round_}"))
        await eventually(lambda: len(informer.store) == 1)
        await client.delete(CUSTOM_RESOURCE_DEFINITION, "widgets.example.com")
        await eventually(lambda: not informer.served)
        assert informer.synced and len(informer.store) == 0
    await eventually(lambda: len(changes) == 4)
    assert [(change.key.name, change.new is None) for change in changes] == [
        ("w1", False),
        ("w1", True),
        ("w2", False),
        ("w2", True),
    ]
