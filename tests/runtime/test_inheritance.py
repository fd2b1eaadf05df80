"""What becomes ours of what a predecessor wrote: the record, and what an apply then does on a server."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from kservectl.client.client import Client
from kservectl.client.config import ConnectionConfig
from kservectl.client.connection import Connection
from kservectl.clock import SystemClock
from kservectl.devcluster.cluster import DevCluster
from kservectl.devcluster.types import builtin_types
from kservectl.informers.shaping import Shape
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, SERVICE
from kservectl.objects.metadata import Object
from kservectl.runtime.apply import Applier
from kservectl.runtime.expectations import Expectations
from kservectl.runtime.inheritance import Inheritance, inherited
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import StaticView
from tests.fake_clock import FakeClock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PREDECESSOR = Inheritance(frozenset({"manager"}))
CREATOR = ("f:metadata", "f:annotations", "f:serving.knative.dev/creator")


def written_by(manager: str, fields: Object, api_version: str = "v1", **more: str) -> Object:
    return {"manager": manager, "operation": "Update", "apiVersion": api_version, "fieldsV1": fields, **more}


def record(*entries: Object) -> Object:
    return {"metadata": {"managedFields": list(entries)}}


def heirs(live: Object, inheritance: Inheritance = PREDECESSOR, desired: Object | None = None) -> list[Object]:
    entries = inherited(live, "v1", "kservectl", inheritance, desired or {})
    assert entries is not None
    return entries


def test_entries_of_the_predecessor_become_one_apply_of_ours() -> None:
    live = record(
        written_by("manager", {"f:data": {"f:a": {}}}),
        written_by("manager", {"f:data": {"f:b": {}}}),
        written_by("kubectl", {"f:data": {"f:c": {}}}),
    )
    ours, theirs = heirs(live)
    assert (ours["manager"], ours["operation"], ours["apiVersion"]) == ("kservectl", "Apply", "v1")
    assert ours["fieldsV1"] == {"f:data": {"f:a": {}, "f:b": {}}}
    assert theirs["manager"] == "kubectl"


def test_status_and_other_versions_stay_theirs() -> None:
    live = record(
        written_by("manager", {"f:status": {}}, subresource="status"), written_by("manager", {"f:spec": {}}, "v2")
    )
    assert inherited(live, "v1", "kservectl", PREDECESSOR, {}) is None


def test_excepted_fields_stay_theirs() -> None:
    fields: Object = {"f:metadata": {"f:annotations": {"f:serving.knative.dev/creator": {}, "f:ours": {}}}}
    inheritance = Inheritance(frozenset({"manager"}), frozenset({CREATOR}))
    ours, theirs = heirs(record(written_by("manager", fields)), inheritance)
    assert ours["fieldsV1"] == {"f:metadata": {"f:annotations": {"f:ours": {}}}}
    assert (theirs["manager"], theirs["fieldsV1"]) == (
        "manager",
        {"f:metadata": {"f:annotations": {"f:serving.knative.dev/creator": {}}}},
    )


def test_what_is_below_an_empty_map_of_ours_stays_theirs() -> None:
    fields: Object = {
        "f:spec": {"f:maxReplicas": {}, "f:behavior": {".": {}, "f:scaleUp": {".": {}, "f:selectPolicy": {}}}}
    }
    desired: Object = {"spec": {"maxReplicas": 1, "behavior": {}}}
    ours, theirs = heirs(record(written_by("manager", fields)), desired=desired)
    assert ours["fieldsV1"] == {"f:spec": {"f:maxReplicas": {}, "f:behavior": {}}}
    assert theirs["fieldsV1"] == {"f:spec": {"f:behavior": {"f:scaleUp": {".": {}, "f:selectPolicy": {}}}}}


def test_a_cached_record_reads_like_a_fresh_one() -> None:
    live = record(written_by("manager", {"f:data": {"f:a": {}}}), written_by("kubectl", {"f:data": {"f:c": {}}}))
    fresh = inherited(live, "v1", "kservectl", PREDECESSOR, {})
    cached = Shape(keep_managed_by="kservectl", predecessors={"manager"})(live)
    assert inherited(cached, "v1", "kservectl", PREDECESSOR, {}) == fresh


@dataclass
class Bench:
    cluster: DevCluster
    client: Client
    owner: Object
    applier: Applier

    async def apply(self, *desired: Object) -> int:
        objects = [*self.cluster.list(CONFIG_MAP), *self.cluster.list(SERVICE)]
        view = StaticView(objects, kinds=[CONFIG_MAP, SERVICE], now=NOW)
        return (await self.applier.apply(self.owner, Outcome(desired=desired), view)).writes

    def live(self, name: str) -> Object:
        found = self.cluster.get(SERVICE, name, "default")
        assert found is not None
        return found


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with (
        DevCluster(builtin_types(), clock=SystemClock(), seed=1) as cluster,
        Connection(ConnectionConfig(cluster.url), clock=SystemClock(), rng=random.Random(1)) as connection,
    ):
        owner = await cluster.create(CONFIG_MAP, {"metadata": {"name": "owner", "namespace": "default"}})
        client, clock = Client(connection), FakeClock()
        applier = Applier(
            client,
            kind=CONFIG_MAP,
            owns={SERVICE: False},
            expectations=Expectations(clock),
            monotonic=clock.monotonic,
            inheritance=PREDECESSOR,
        )
        yield Bench(cluster, client, owner, applier)


def service(port: int = 80, **labels: str) -> Object:
    ports = [{"name": "http", "port": port}]
    meta = {"name": "a", "namespace": "default", "labels": labels}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": {"app": "a"}, "ports": ports}}


async def predecessor_makes(bench: Bench, obj: Object) -> None:
    owned = {**obj["metadata"], "ownerReferences": [metadata.controller_reference(bench.owner)]}
    await bench.cluster.create(SERVICE, {**obj, "metadata": owned}, manager="manager")


async def test_what_nobody_wants_any_more_goes_and_what_strangers_set_stays(bench: Bench) -> None:
    await predecessor_makes(bench, service(port=8080, keep="1", stale="1"))
    await bench.cluster.patch(SERVICE, "a", "default", {"metadata": {"labels": {"human": "1"}}}, manager="kubectl")
    await bench.apply(service(port=80, keep="1"))
    live = bench.live("a")
    assert live["metadata"]["labels"] == {"keep": "1", "human": "1"}
    assert [port["port"] for port in live["spec"]["ports"]] == [80]
    assert live["spec"]["type"] == "ClusterIP"  # a default of the server that the predecessor's record named


async def test_what_is_as_desired_changes_in_nothing_but_the_record_and_costs_nothing_afterwards(bench: Bench) -> None:
    await predecessor_makes(bench, service(keep="1"))
    before = bench.live("a")
    await bench.apply(service(keep="1"))
    after = bench.live("a")
    assert after["spec"] == before["spec"]
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    assert {entry["manager"] for entry in after["metadata"]["managedFields"]} == {"kservectl"}
    assert await bench.apply(service(keep="1")) == 0
