"""Faults on purpose: delays, refusals, dropped connections, cut and late watches."""

import json

import aiohttp
import pytest

from kservectl.clock import SystemClock
from kservectl.devcluster.cluster import DevCluster
from kservectl.devcluster.faults import Fault
from kservectl.devcluster.refusals import refusal
from kservectl.devcluster.request import RequestInfo
from kservectl.devcluster.types import builtin_types
from kservectl.objects.kind import CONFIG_MAP
from tests.devcluster.samples import CONFIG_MAPS, config_map, create, read, refused
from tests.devcluster.watch_lines import watching
from tests.fake_clock import FakeClock


async def test_answer_in_place_of_the_servers_own(cluster: DevCluster, http: aiohttp.ClientSession) -> None:
    busy = refusal(429, "TooManyRequests", "too many requests, please try again later", retry_after=3)
    remove = cluster.faults.add(lambda info: Fault(answer=busy) if info.verb == "create" else None)
    async with http.post(CONFIG_MAPS, json=config_map()) as response:
        assert response.headers["Retry-After"] == "3"
        assert (await refused(response))[:2] == (429, "TooManyRequests")
    remove()
    await create(http, CONFIG_MAPS, config_map())


@pytest.mark.parametrize(("drop", "stored"), [("before", False), ("after", True)])
async def test_connection_dropped_before_or_after_the_write(
    cluster: DevCluster, http: aiohttp.ClientSession, drop: str, stored: bool
) -> None:
    fault = Fault(drop="before") if drop == "before" else Fault(drop="after")
    cluster.faults.add(lambda info: fault if info.verb == "create" else None)
    with pytest.raises(aiohttp.ClientError):
        await create(http, CONFIG_MAPS, config_map())
    assert (cluster.get(CONFIG_MAP, "x", "default") is not None) is stored


async def test_a_client_that_went_away_is_no_error_of_the_server(
    cluster: DevCluster, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(info: RequestInfo) -> None:
        raise ConnectionResetError("Cannot write to closing transport")

    cluster.faults.add(gone)
    with pytest.raises(aiohttp.ClientError):
        await read(http, f"{CONFIG_MAPS}/x")
    assert caplog.records == []


async def test_watch_cut_in_the_middle_of_a_line(cluster: DevCluster, http: aiohttp.ClientSession) -> None:
    cluster.faults.add(lambda info: Fault(cut_after=40) if info.verb == "watch" else None)
    with pytest.raises(aiohttp.ClientError):
        async with http.get(f"{CONFIG_MAPS}?watch=1") as response:
            await response.read()


async def test_hook_that_answers_nothing_sees_every_request(cluster: DevCluster, http: aiohttp.ClientSession) -> None:
    seen: list[RequestInfo] = []
    cluster.faults.add(lambda info: seen.append(info))
    await create(http, CONFIG_MAPS, config_map())
    await read(http, f"{CONFIG_MAPS}/x")
    assert [(info.verb, info.group, info.plural, info.namespace, info.name) for info in seen] == [
        ("create", "", "configmaps", "default", ""),
        ("get", "", "configmaps", "default", "x"),
    ]


async def test_late_deliveries_keep_their_order(http: aiohttp.ClientSession, cluster: DevCluster) -> None:
    cluster.delay_watches(0.05)
    async with watching(http, CONFIG_MAPS, labelSelector="mine") as watch:
        for name in ("a", "b", "c"):
            await create(http, CONFIG_MAPS, config_map(name, labels={"mine": "yes"}))
        assert await watch.seen(3) == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")]


async def test_quiet_watch_is_told_the_revision_now_and_then() -> None:
    clock = FakeClock()
    async with (
        DevCluster(builtin_types(), clock=clock, bookmark_seconds=60) as cluster,
        aiohttp.ClientSession(cluster.url) as http,
        http.get(
            f"{CONFIG_MAPS}?watch=1&allowWatchBookmarks=true&resourceVersion={cluster.storage.revision}"
        ) as response,
    ):
        await cluster.create(CONFIG_MAP, {"metadata": {"name": "a", "namespace": "kube-public"}})
        await clock.advance(61)
        event = json.loads(await response.content.readline())
        assert event["type"] == "BOOKMARK"
        assert event["object"]["metadata"]["resourceVersion"] == str(cluster.storage.revision)


async def test_watch_too_slow_for_the_window_is_told_so() -> None:
    async with (
        DevCluster(builtin_types(), clock=SystemClock(), window=3) as cluster,
        aiohttp.ClientSession(cluster.url) as http,
    ):
        start = cluster.storage.revision
        for number in range(10):
            await cluster.create(CONFIG_MAP, {"metadata": {"name": f"x{number}", "namespace": "default"}})
        async with watching(http, CONFIG_MAPS, resourceVersion=str(start)) as watch:
            event = await watch.next()
        assert event is not None
        assert event["object"]["code"] == 410
