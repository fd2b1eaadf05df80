"""Sharing, handlers, being synced, and what of an object is kept."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from aiohttp import web

from kservectl.informers import Change
from kservectl.objects.kind import CONFIG_MAP, DEPLOYMENT, Kind
from kservectl.objects.metadata import Object
from tests.client.scripted_server import Feed, ScriptedServer, answer, chunks, event, status
from tests.fake_clock import eventually
from tests.informers.reflected import config_map, key, listing, reflecting

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGET = Kind("example.com", "v1", "Widget", "widgets")
WIDGETS = "/apis/example.com/v1/widgets"


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as running:
        yield running


def widget(name: str, version: str) -> Object:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": name, "namespace": "n", "resourceVersion": version},
    }


def definition(version: str) -> Object:
    meta = {"name": "widgets.example.com", "resourceVersion": version}
    return {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": meta}


async def test_same_arguments_give_the_same_informer(server: ScriptedServer) -> None:
    async with reflecting(server, label_selector="a=b") as seen:
        again = seen.factory.informer(CONFIG_MAP, label_selector="a=b")
        other = seen.factory.informer(CONFIG_MAP, label_selector="a=c")
        assert again is seen.informer
        assert other is not seen.informer
        assert seen.factory.informer(CONFIG_MAP, namespaces=("x", "y")) is seen.factory.informer(
            CONFIG_MAP, namespaces=["y", "x"]
        )


async def test_informer_asked_for_later_starts_at_once(server: ScriptedServer) -> None:
    server.answer(listing("10"))
    server.answer(listing("3", config_map("d", "1")), path="/apis/apps/v1/deployments")
    async with reflecting(server) as seen:
        await seen.synced()
        later = seen.factory.informer(DEPLOYMENT)
        async with asyncio.timeout(5):
            await later.wait_synced()
        assert later.store.get(key("d")) is not None


async def test_handler_that_raises_harms_nobody(server: ScriptedServer) -> None:
    server.answer(listing("10", config_map("a", "1"), config_map("b", "2")))

    def broken(_: Change) -> None:
        raise RuntimeError("handler trouble")

    with structlog.testing.capture_logs() as logs:
        async with reflecting(server) as seen:
            seen.informer.add_handler(broken, name="broken")
            await seen.synced()
            assert seen.told == ["+a@1", "+b@2"]
    told = [log for log in logs if log["event"] == "handler failed"]
    assert [(log["handler"], log["key"], log["kind"]) for log in told] == [
        ("broken", "n/a", "ConfigMap"),
        ("broken", "n/b", "ConfigMap"),
    ]


async def test_slow_handler_delays_no_other_and_its_buffer_is_measured(server: ScriptedServer) -> None:
    server.answer(listing("10", *(config_map(f"c{number}", str(number + 1)) for number in range(50))))
    released = asyncio.Event()
    handled: list[str] = []

    async def slow(change: Change) -> None:
        await released.wait()
        handled.append(change.key.name)

    def waiting(handler: str) -> float | None:
        labels = {"kind": "ConfigMap", "handler": handler}
        return seen.registry.get_sample_value("kservectl_informer_handler_buffer", labels)

    async with reflecting(server) as seen:
        seen.informer.add_handler(slow, name="slow")
        await eventually(lambda: len(seen.changes) == 50)
        await eventually(lambda: waiting("test") == 0)
        assert waiting("slow") == 50, "49 changes and the end of the first list wait"
        assert not seen.informer.synced, "synced means that every handler has seen the first list"
        assert seen.registry.get_sample_value("kservectl_informer_synced", {"kind": "ConfigMap"}) == 0
        released.set()
        await seen.synced()
        assert handled == [f"c{number}" for number in range(50)]
        assert seen.registry.get_sample_value("kservectl_informer_synced", {"kind": "ConfigMap"}) == 1
        assert seen.registry.get_sample_value("kservectl_informer_objects", {"kind": "ConfigMap"}) == 50


async def test_late_handler_is_fed_the_store_first(server: ScriptedServer) -> None:
    server.answer(listing("10", config_map("a", "1")))
    server.watch(feed := Feed())
    async with reflecting(server) as seen:
        feed.send(event("ADDED", config_map("b", "11")))
        await eventually(lambda: len(seen.changes) == 2)
        late: list[Change] = []
        seen.informer.add_handler(late.append)
        assert not seen.informer.synced
        await seen.synced()
        assert [(change.key.name, change.old, change.initial) for change in late] == [
            ("a", None, True),
            ("b", None, True),
        ]
        feed.send(event("MODIFIED", config_map("b", "12")))
        await eventually(lambda: len(late) == 3)
        assert late[2] == Change(config_map("b", "11"), config_map("b", "12"), initial=False)


async def test_each_namespace_is_watched_and_all_share_one_store(server: ScriptedServer) -> None:
    one, two = (f"/api/v1/namespaces/{name}/configmaps" for name in ("one", "two"))
    server.answer(listing("10", config_map("a", "1", "one")), listing("30"), path=one)
    server.answer(listing("10", config_map("b", "2", "two")), path=two)
    server.watch(feed := Feed(), path=one)
    server.watch(path=two)
    async with reflecting(server, namespaces=("one", "two")) as seen:
        await seen.synced()
        assert seen.names == {"a", "b"}
        feed.send(event("ERROR", {"kind": "Status", "code": 410}))
        await eventually(lambda: seen.restarts("expired") == 1)
        await seen.clock.advance(1)
        await eventually(lambda: seen.names == {"b"})


async def test_selectors_and_metadata_only_are_asked_of_list_and_watch(server: ScriptedServer) -> None:
    partial = {
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadata",
        "metadata": {"name": "a", "namespace": "n"},
    }
    server.answer(listing("10", partial))
    server.watch(chunks(event("ADDED", {**partial, "metadata": {"name": "b", "namespace": "n"}})))
    async with reflecting(server, label_selector="l=1", field_selector="f=2", metadata_only=True) as seen:
        await eventually(lambda: len(seen.informer.store) == 2)
        for asked in (server.lists[0], server.watches[0]):
            assert (asked.query["labelSelector"], asked.query["fieldSelector"]) == ("l=1", "f=2")
        assert "as=PartialObjectMetadataList;" in server.lists[0].headers["Accept"]
        assert "as=PartialObjectMetadata;" in server.watches[0].headers["Accept"]
        assert {obj["kind"] for obj in seen.informer.store.list()} == {"ConfigMap"}


async def test_optional_kind_stops_and_starts_with_its_definition(server: ScriptedServer) -> None:
    served = [listing("10", widget("w", "1"))]

    async def widgets(request: web.Request) -> web.StreamResponse:
        return await (served[0] if served else status(404, "NotFound"))(request)

    def tries() -> int:
        return len([asked for asked in server.asked if asked.path == WIDGETS])

    server.answer(*[widgets] * 100, path=WIDGETS)
    server.watch(feed := Feed(), path=WIDGETS)
    server.answer(listing("20", definition("5")), path=CRDS)
    server.watch(definitions := Feed(), path=CRDS)
    async with reflecting(server, WIDGET, optional=True) as seen:
        await seen.synced()
        assert seen.names == {"w"}
        served.clear()
        server.watch(status(404, "NotFound"), path=WIDGETS)
        feed.send(event("DELETED", widget("w", "21")))
        feed.end()
        await eventually(lambda: not seen.informer.served)
        assert seen.informer.synced, "an optional kind that is away holds up nobody"
        assert seen.names == set()
        await seen.clock.advance(1)
        await definitions.opened.wait()
        definitions.send(event("DELETED", definition("22")))
        for _ in range(90):
            await seen.clock.advance(1)
            await asyncio.sleep(0.001)  # for the sockets
        before = tries()
        await seen.clock.advance(200)
        assert tries() == before, "nobody asks while it is away"

        served.append(listing("40", widget("x", "35")))
        definitions.send(event("ADDED", definition("30")))
        await eventually(lambda: seen.informer.served and seen.informer.synced)
        await eventually(lambda: tries() == before + 2)  # one list, one watch
        assert seen.told == ["+w@1", "-w@21", "+x@35"]
        assert seen.changes[2].initial


async def test_who_waits_for_a_kind_to_come_or_go_is_told(server: ScriptedServer) -> None:
    server.answer(listing("10"), status(404, "NotFound"), listing("20"), path=WIDGETS)
    server.answer(status(403, "Forbidden"), path=CRDS)
    server.watch(feed := Feed(), status(404, "NotFound"), path=WIDGETS)
    async with reflecting(server, WIDGET, optional=True) as seen:
        await seen.synced()
        gone = asyncio.create_task(seen.informer.served_changed())
        await seen.clock.settle()
        assert not gone.done()
        feed.end()
        await eventually(lambda: seen.restarts("ended") == 1)
        await seen.clock.advance(1)
        await eventually(gone.done)
        assert not seen.informer.served
        back = asyncio.create_task(seen.informer.served_changed())
        for _ in range(10):
            await seen.clock.advance(1)
            await asyncio.sleep(0.002)  # for the sockets
        await eventually(back.done)
        assert seen.informer.served


async def test_informer_of_definitions_is_nobodys_business(server: ScriptedServer) -> None:
    server.answer(*[status(404, "NotFound")] * 3, path=WIDGETS)
    server.answer(*[status(403, "Forbidden")] * 3, path=CRDS)
    async with reflecting(server, WIDGET, optional=True) as seen:
        await eventually(lambda: any(asked.path == CRDS for asked in server.asked))
        assert list(seen.factory.informers) == [seen.informer]


async def test_objects_of_an_optional_kind_that_vanished_are_reported_deleted(server: ScriptedServer) -> None:
    server.answer(listing("10", widget("w", "1")), path=WIDGETS)
    server.watch(status(404, "NotFound"), path=WIDGETS)
    server.answer(status(403, "Forbidden"), path=CRDS)
    async with reflecting(server, WIDGET, optional=True) as seen:
        await eventually(lambda: len(seen.changes) == 2)
        assert seen.told == ["+w@1", "-w@1"]
        assert not seen.informer.served and seen.informer.synced


async def test_missing_kind_is_probed_where_definitions_may_not_be_watched(server: ScriptedServer) -> None:
    server.answer(status(404, "NotFound"), status(404, "NotFound"), listing("10", widget("w", "1")), path=WIDGETS)
    server.answer(*[status(403, "Forbidden")] * 50, path=CRDS)
    async with reflecting(server, WIDGET, optional=True) as seen:
        await eventually(lambda: not seen.informer.served)
        for _ in range(10):
            await seen.clock.advance(1)
            await asyncio.sleep(0.005)  # for the sockets
        await eventually(lambda: seen.names == {"w"})


MANAGED: list[dict[str, Any]] = [
    {"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:data": {}}},
    {"manager": "kservectl", "operation": "Update", "fieldsV1": {"f:data": {"f:b": {}}}},
    {"manager": "kservectl", "operation": "Apply", "subresource": "status", "fieldsV1": {"f:status": {}}},
    {"manager": "kservectl", "operation": "Apply", "apiVersion": "v1", "fieldsV1": {"f:data": {"f:a": {}}}},
]


async def test_managed_fields_are_dropped_from_list_and_watch(server: ScriptedServer) -> None:
    first, second = config_map("a", "1"), config_map("b", "11")
    first["metadata"]["managedFields"] = second["metadata"]["managedFields"] = MANAGED
    server.answer(listing("10", first))
    server.watch(chunks(event("ADDED", second)))
    async with reflecting(server) as seen:
        await eventually(lambda: len(seen.informer.store) == 2)
        assert seen.informer.store.get(key("a")) == config_map("a", "1")
        assert seen.informer.store.get(key("b")) == config_map("b", "11")


async def test_record_of_our_own_applies_is_kept_once_for_all_objects(server: ScriptedServer) -> None:
    first, second = config_map("a", "1"), config_map("b", "2")
    first["metadata"]["managedFields"] = second["metadata"]["managedFields"] = MANAGED
    server.answer(listing("10", first, second))
    async with reflecting(server, keep_managed_by="kservectl") as seen:
        await seen.synced()
        (one,), (two,) = (obj["metadata"]["managedFields"] for obj in seen.informer.store.list())
        assert one == {"manager": "kservectl", "operation": "Apply", "fieldsV1": '{"f:data":{"f:a":{}}}'}
        assert one is two


async def test_transform_makes_objects_smaller_and_its_failure_loses_none(server: ScriptedServer) -> None:
    def drop_data(obj: Object) -> Object:
        del obj["data"]["big"]
        return obj

    server.answer(listing("10", config_map("a", "1", big="x", small="y"), config_map("b", "2")))
    with structlog.testing.capture_logs() as logs:
        async with reflecting(server, transform=drop_data) as seen:
            await seen.synced()
            assert seen.informer.store.get(key("a")) == config_map("a", "1", small="y")
            assert seen.informer.store.get(key("b")) == config_map("b", "2")
    assert [log["object"] for log in logs if log["event"].startswith("transform failed")] == ["ConfigMap n/b"]


async def test_event_that_repeats_a_version_is_not_told_twice(server: ScriptedServer) -> None:
    server.answer(listing("10", config_map("a", "1")))
    repeated = [event("MODIFIED", config_map("a", "11"))] * 2
    server.watch(chunks(event("ADDED", config_map("a", "1")), *repeated, event("DELETED", config_map("unknown", "12"))))
    async with reflecting(server) as seen:
        await eventually(lambda: len(server.watches) == 2)
        assert seen.told == ["+a@1", "~a@11"]


async def test_waiting_to_be_synced_ends_when_it_is(server: ScriptedServer) -> None:
    server.answer(answer({"kind": "ConfigMapList", "metadata": {"resourceVersion": "1"}, "items": []}))
    async with reflecting(server) as seen:
        async with asyncio.timeout(5):
            await seen.informer.wait_synced()
        assert seen.informer.synced
