"""List and watch against a server that misbehaves in every way that real ones do."""

from collections.abc import AsyncIterator

import pytest

from tests.client.scripted_server import Feed, ScriptedServer, chunks, event
from tests.fake_clock import eventually
from tests.informers.reflected import bookmark, config_map, key, listing, reflecting


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as running:
        yield running


async def test_first_list_comes_from_the_servers_cache_in_pages(server: ScriptedServer) -> None:
    server.answer(listing("10", config_map("a", "1"), continue_="next"), listing("10", config_map("b", "2")))
    async with reflecting(server) as seen:
        await seen.synced()
        assert seen.names == {"a", "b"}
        assert [asked.query for asked in server.lists] == [
            {"resourceVersion": "0", "limit": "500"},
            {"continue": "next", "limit": "500"},
        ]
        await eventually(lambda: len(server.watches) == 1)
        assert server.watches[0].query["resourceVersion"] == "10"
        assert server.watches[0].query["allowWatchBookmarks"] == "true"
        assert 300 <= int(server.watches[0].query["timeoutSeconds"]) <= 600
        assert [change.initial for change in seen.changes] == [True, True]


async def test_events_reach_store_and_handler_in_order(server: ScriptedServer) -> None:
    server.answer(listing("10", config_map("a", "1")))
    feed = Feed()
    server.watch(feed)
    async with reflecting(server) as seen:
        feed.send(
            event("ADDED", config_map("b", "11")),
            event("MODIFIED", config_map("a", "12", x="y")),
            event("DELETED", config_map("b", "13")),
        )
        await eventually(lambda: len(seen.changes) == 4)
        assert seen.told == ["+a@1", "+b@11", "~a@12", "-b@13"]
        assert [change.initial for change in seen.changes] == [True, False, False, False]
        assert seen.informer.store.get(key("a")) == config_map("a", "12", x="y")
        assert seen.names == {"a"}


async def test_clean_ends_lose_and_double_nothing_and_need_no_list(server: ScriptedServer) -> None:
    server.answer(listing("10"))
    for version in range(11, 31):
        server.watch(chunks(event("ADDED", config_map(f"c{version}", str(version)))))
    async with reflecting(server) as seen:
        await eventually(lambda: len(server.watches) == 21)
        assert seen.told == [f"+c{version}@{version}" for version in range(11, 31)]
        assert [asked.query["resourceVersion"] for asked in server.watches] == [str(v) for v in range(10, 31)]
        assert len(server.lists) == 1
        assert seen.restarts("ended") == 20


async def test_bookmark_moves_the_version_to_resume_from(server: ScriptedServer) -> None:
    server.answer(listing("10"))
    server.watch(chunks(bookmark("99")))
    async with reflecting(server) as seen:
        await eventually(lambda: len(server.watches) == 2)
        assert server.watches[1].query["resourceVersion"] == "99"
        assert seen.changes == []
