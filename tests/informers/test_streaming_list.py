"""The first list as a watch (KEP-3157), and what happens on servers that do not know it."""

from collections.abc import AsyncIterator

import pytest

from tests.client.scripted_server import Feed, ScriptedServer, chunks, event, status
from tests.fake_clock import eventually
from tests.informers.reflected import bookmark, config_map, listing, reflecting


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as running:
        yield running


async def test_initial_events_become_the_store_at_the_bookmark_that_ends_them(server: ScriptedServer) -> None:
    feed = Feed()
    server.watch(feed)
    async with reflecting(server, streaming=True) as seen:
        feed.send(
            event("ADDED", config_map("a", "1")),
            event("ADDED", config_map("b", "2")),
            event("DELETED", config_map("b", "3")),
        )
        await feed.opened.wait()
        feed.send(bookmark("4"))
        await seen.clock.settle()
        assert seen.names == set()
        assert not seen.informer.synced
        feed.send(bookmark("9", initial_end=True), event("ADDED", config_map("c", "10")))
        await eventually(lambda: len(seen.changes) == 2)
        assert seen.told == ["+a@1", "+c@10"]
        assert [change.initial for change in seen.changes] == [True, False]
        assert seen.informer.synced
        assert len(server.asked) == 1
        asked = server.watches[0].query
        assert (asked["sendInitialEvents"], asked["resourceVersionMatch"]) == ("true", "NotOlderThan")
        assert asked["allowWatchBookmarks"] == "true"
        assert "resourceVersion" not in asked


async def test_watch_goes_on_from_the_streamed_list(server: ScriptedServer) -> None:
    server.watch(chunks(event("ADDED", config_map("a", "1")), bookmark("9", initial_end=True), bookmark("12")))
    async with reflecting(server, streaming=True) as seen:
        await eventually(lambda: len(server.watches) == 2)
        assert seen.told == ["+a@1"]
        assert server.watches[1].query["resourceVersion"] == "12"
        assert "sendInitialEvents" not in server.watches[1].query


async def test_streamed_relist_delivers_the_difference(server: ScriptedServer) -> None:
    expired = event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})
    server.watch(
        chunks(event("ADDED", config_map("a", "1")), bookmark("9", initial_end=True), bookmark("10"), expired),
        chunks(event("ADDED", config_map("b", "2")), bookmark("20", initial_end=True)),
    )
    async with reflecting(server, streaming=True) as seen:
        await eventually(lambda: len(seen.changes) == 3)
        assert seen.told == ["+a@1", "-a@1", "+b@2"]


@pytest.mark.parametrize(("code", "reason"), [(400, "BadRequest"), (422, "Invalid")])
async def test_server_that_rejects_it_is_asked_for_pages_at_once(
    server: ScriptedServer, code: int, reason: str
) -> None:
    server.watch(status(code, reason, "sendInitialEvents is forbidden"))
    server.answer(listing("10", config_map("a", "1")))
    async with reflecting(server, streaming=True) as seen:
        await seen.synced()
        assert seen.told == ["+a@1"]
        await eventually(lambda: len(server.watches) == 2)
        assert server.watches[1].query["resourceVersion"] == "10"


async def test_server_that_ignores_it_is_asked_for_pages_soon(server: ScriptedServer) -> None:
    server.watch(ignoring := Feed())
    server.answer(listing("10", config_map("a", "1")))
    async with reflecting(server, streaming=True) as seen:
        await ignoring.opened.wait()
        ignoring.send(event("ADDED", config_map("a", "1")))
        await eventually(lambda: seen.informer.silent_seconds == 0)
        await seen.clock.advance(11)
        await seen.synced()
        assert seen.told == ["+a@1"]


async def test_broken_stream_delivers_nothing_and_is_started_again(server: ScriptedServer) -> None:
    server.watch(
        chunks(event("ADDED", config_map("a", "1")), cut=True),
        chunks(event("ADDED", config_map("b", "2")), bookmark("20", initial_end=True)),
    )
    async with reflecting(server, streaming=True) as seen:
        await eventually(lambda: seen.restarts("connection") == 1)
        assert seen.changes == []
        await seen.clock.advance(1)
        await seen.synced()
        assert seen.told == ["+b@2"]
