"""List and watch against a server that misbehaves in every way that real ones do."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog

from tests.client.scripted_server import Feed, ScriptedServer, chunks, drop, event, status
from tests.fake_clock import eventually
from tests.informers.reflected import bookmark, config_map, key, listing, reflecting

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


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


async def test_version_that_is_too_old_leads_to_a_list_and_its_differences(server: ScriptedServer) -> None:
    server.answer(
        listing("10", config_map("kept", "1"), config_map("edited", "2"), config_map("gone", "3")),
        listing("50", config_map("kept", "1"), config_map("edited", "45"), config_map("new", "46")),
    )
    server.watch(status(410, "Expired", "too old resource version"))
    async with reflecting(server) as seen:
        await eventually(lambda: seen.restarts("expired") == 1)
        assert seen.names == {"kept", "edited", "gone"}, "the old content is served until the new one is there"
        await seen.clock.advance(1)
        await eventually(lambda: len(server.watches) == 2)
        assert seen.told[3:] == ["-gone@3", "~edited@45", "+new@46"]
        assert not any(change.initial for change in seen.changes[3:])
        assert server.lists[1].query == {"limit": "500"}, "a list after 410 must not come from a stale cache"
        assert server.watches[1].query["resourceVersion"] == "50"


async def test_expiry_as_an_event_is_the_same(server: ScriptedServer) -> None:
    server.answer(listing("10", config_map("gone", "3")), listing("50"))
    expired = event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
    server.watch(chunks(event("ADDED", config_map("also-gone", "11")), expired))
    async with reflecting(server) as seen:
        await eventually(lambda: len(server.watches) == 2)
        assert seen.told == ["+gone@3", "+also-gone@11", "-gone@3", "-also-gone@11"]
        assert seen.restarts("expired") == 1


async def test_expiry_between_pages_leads_to_one_list_in_one_piece(server: ScriptedServer) -> None:
    server.answer(
        listing("10", config_map("a", "1"), config_map("stale", "2"), continue_="next"),
        status(410, "Expired", metadata={"continue": "inconsistent"}),
        listing("20", config_map("a", "1"), config_map("b", "15")),
    )
    async with reflecting(server) as seen:
        await eventually(lambda: len(server.watches) == 1)
        assert seen.told == ["+a@1", "+b@15"], "nothing of the broken attempt was delivered"
        assert server.lists[2].query == {}
        assert server.watches[0].query["resourceVersion"] == "20"


async def test_line_cut_by_a_broken_connection_is_fetched_again(server: ScriptedServer) -> None:
    server.answer(listing("10"))
    whole, half = event("ADDED", config_map("a", "11")), event("ADDED", config_map("b", "12"))
    server.watch(chunks(whole, half[:40], cut=True), chunks(half))
    async with reflecting(server) as seen:
        await eventually(lambda: seen.restarts("connection") == 1)
        await seen.clock.advance(1)
        await eventually(lambda: len(seen.changes) == 2)
        assert seen.told == ["+a@11", "+b@12"]
        assert server.watches[1].query["resourceVersion"] == "11"
        assert len(server.lists) == 1


async def test_line_cut_by_a_clean_end_is_fetched_again(server: ScriptedServer) -> None:
    server.answer(listing("10"))
    line = event("ADDED", config_map("a", "11"))
    server.watch(chunks(bookmark("10"), line[:-20]), chunks(line))
    async with reflecting(server) as seen:
        await eventually(lambda: len(seen.changes) == 1)
        assert seen.told == ["+a@11"]
        assert len(server.lists) == 1


async def test_garbage_line_is_counted_logged_once_and_leads_to_a_list(server: ScriptedServer) -> None:
    server.answer(listing("10"), listing("20", config_map("a", "11"), config_map("b", "12")))
    line = event("ADDED", config_map("a", "11"))
    server.watch(chunks(line, b'{"type": "ADDED", "obj\x00ct": secret}\n', event("ADDED", config_map("b", "12"))))
    with structlog.testing.capture_logs() as logs:
        async with reflecting(server) as seen:
            await eventually(lambda: len(server.watches) == 2)
            assert seen.told == ["+a@11", "+b@12"]
            assert seen.restarts("undecodable") == 1
            assert len(server.lists) == 2
    told = [log for log in logs if log.get("reason") == "undecodable"]
    assert len(told) == 1
    assert f"line 2 of the watch, 35 bytes at offset {len(line)}" in told[0]["problem"]
    assert "secret" not in str(logs)


async def test_five_mebibytes_in_one_line_are_an_event_like_any_other(server: ScriptedServer) -> None:
    server.answer(listing("10"))
    server.watch(
        chunks(event("ADDED", config_map("big", "11", blob="x" * 5 * 2**20)) + event("ADDED", config_map("b", "12")))
    )
    async with reflecting(server) as seen:
        await eventually(lambda: len(seen.changes) == 2)
        assert seen.told == ["+big@11", "+b@12"]


async def test_silent_server_is_left_after_the_watchs_time_and_a_margin(server: ScriptedServer) -> None:
    server.answer(listing("10"))
    server.watch(silence := Feed())
    async with reflecting(server) as seen:
        await silence.opened.wait()
        limit = int(server.watches[0].query["timeoutSeconds"])
        await seen.synced()
        await seen.clock.advance(limit + 29)
        assert seen.restarts("stalled") == 0
        assert seen.registry.get_sample_value(
            "kservectl_informer_last_event_seconds", {"kind": "ConfigMap"}
        ) == pytest.approx(limit + 29, abs=1)
        await seen.clock.advance(2)
        await eventually(lambda: seen.restarts("stalled") == 1)
        await seen.clock.advance(1)
        await eventually(lambda: len(server.watches) == 2)
        assert server.watches[1].query["resourceVersion"] == "10"
        assert len(server.lists) == 1


async def test_server_that_asks_for_patience_gets_it_on_list_and_watch(server: ScriptedServer) -> None:
    server.answer(status(429, "TooManyRequests", retry_after=7), listing("10"))
    server.watch(status(429, "TooManyRequests", retry_after=20))
    async with reflecting(server) as seen:
        await eventually(lambda: seen.restarts("throttled") == 1)
        await seen.clock.advance(6.9)
        assert len(server.lists) == 1
        await seen.clock.advance(0.2)
        await eventually(lambda: seen.restarts("throttled") == 2)
        await seen.clock.advance(19.5)
        assert len(server.watches) == 1
        await seen.clock.advance(0.5)
        await eventually(lambda: len(server.watches) == 2)
        assert server.watches[1].query["resourceVersion"] == "10"
        assert len(server.lists) == 2


async def test_server_in_trouble_is_retried_until_it_recovers(server: ScriptedServer) -> None:
    server.answer(*[status(500, "InternalError", "etcd is away")] * 5, listing("10", config_map("a", "1")))
    async with reflecting(server) as seen:
        await eventually(lambda: seen.restarts("server_error") == 1)
        assert "etcd is away" in seen.informer.problem
        assert not seen.informer.synced
        while not seen.informer.synced:
            await seen.clock.advance(1)
            await asyncio.sleep(0.001)  # for the sockets
        assert seen.restarts("server_error") == 5
        assert seen.informer.problem == ""
        assert len(server.lists) == 6


async def test_broken_connections_keep_the_version(server: ScriptedServer) -> None:
    server.answer(listing("10"))
    # The HTTP client itself repeats a request whose kept-alive connection turns out to be closed: hence the second drop.
    server.watch(status(503, "ServiceUnavailable"), drop(), drop())
    async with reflecting(server) as seen:
        await eventually(lambda: seen.restarts("server_error") == 1)
        assert seen.informer.synced, "an outage does not undo what is known"
        await seen.clock.advance(1)
        await eventually(lambda: seen.restarts("connection") == 1)
        await seen.clock.advance(2)
        await eventually(lambda: seen.informer.problem == "")
        assert {asked.query["resourceVersion"] for asked in server.watches} == {"10"}
        assert len(server.lists) == 1


@pytest.mark.parametrize(("code", "reason"), [(401, "Unauthorized"), (403, "Forbidden")])
async def test_refused_process_is_not_synced_and_says_why(server: ScriptedServer, code: int, reason: str) -> None:
    refusals = [status(code, reason, "you may not")] * (2 if code == 401 else 1)
    server.answer(*refusals, listing("10"))
    async with reflecting(server, optional=True) as seen:
        await eventually(lambda: seen.informer.problem != "")
        assert not seen.informer.synced
        assert "configmaps" in seen.informer.problem and "you may not" in seen.informer.problem
        await seen.clock.advance(1)
        await seen.synced()


async def test_required_kind_that_is_not_served_is_named(server: ScriptedServer) -> None:
    server.answer(status(404, "NotFound"), listing("10"))
    server.answer(status(403, "Forbidden"), path=CRDS)
    async with reflecting(server) as seen:
        await eventually(lambda: not seen.informer.served)
        assert not seen.informer.synced
        assert seen.informer.problem == "the API server does not serve configmaps in version v1; is its CRD installed?"
        await seen.clock.advance(1)
        await seen.synced()
        assert seen.informer.served


async def test_server_behind_the_version_asked_for_is_listed_anew(server: ScriptedServer) -> None:
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    server.answer(listing("10"), listing("5"))
    server.watch(status(504, "Timeout", details={"causes": [cause]}, retry_after=1))
    async with reflecting(server) as seen:
        await eventually(lambda: seen.restarts("server_error") == 1)
        await seen.clock.advance(1)
        await eventually(lambda: len(server.watches) == 2)
        assert server.watches[1].query["resourceVersion"] == "5"
        assert server.lists[1].query == {"limit": "500"}


async def test_relist_after_garbage_does_not_go_back_in_time(server: ScriptedServer) -> None:
    server.answer(listing("10"), listing("20"))
    server.watch(chunks(bookmark("15"), b"garbage\n"))
    async with reflecting(server) as seen:
        await eventually(lambda: len(server.watches) == 2)
        assert seen.informer.synced
        assert server.lists[1].query == {"resourceVersion": "15"}
