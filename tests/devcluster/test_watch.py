"""Watches: every change once and in order, from any revision that is still known."""

import asyncio

import aiohttp
import pytest

from kservectl.devcluster.cluster import DevCluster
from kservectl.objects.kind import CONFIG_MAP
from tests.devcluster.samples import CONFIG_MAPS, MERGE, config_map, create
from tests.devcluster.watch_lines import watching

ALL = {"labelSelector": "mine"}
MINE = {"mine": "yes"}


async def test_watch_from_nothing_begins_with_what_is_there(http: aiohttp.ClientSession) -> None:
    await create(http, CONFIG_MAPS, config_map("a", labels=MINE))
    async with watching(http, CONFIG_MAPS, **ALL) as watch:
        assert await watch.seen(1) == [("ADDED", "a")]
        await create(http, CONFIG_MAPS, config_map("b", labels=MINE))
        async with http.patch(f"{CONFIG_MAPS}/b", json={"data": {"k": "v"}}, headers=MERGE):
            pass
        async with http.delete(f"{CONFIG_MAPS}/a"):
            pass
        assert await watch.seen(3) == [("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "a")]


async def test_watch_from_a_revision_replays_what_came_after_it(http: aiohttp.ClientSession) -> None:
    first = await create(http, CONFIG_MAPS, config_map("a", labels=MINE))
    await create(http, CONFIG_MAPS, config_map("b", labels=MINE))
    async with watching(http, CONFIG_MAPS, resourceVersion=first["metadata"]["resourceVersion"]) as watch:
        assert await watch.seen(1) == [("ADDED", "b")]


async def test_deletion_is_shown_under_its_own_revision(http: aiohttp.ClientSession) -> None:
    created = await create(http, CONFIG_MAPS, config_map("a", labels=MINE))
    async with watching(http, CONFIG_MAPS, resourceVersion=created["metadata"]["resourceVersion"]) as watch:
        async with http.delete(f"{CONFIG_MAPS}/a"):
            pass
        event = await watch.next()
    assert event is not None
    assert int(event["object"]["metadata"]["resourceVersion"]) > int(created["metadata"]["resourceVersion"])


async def test_selected_watch_sees_objects_come_and_go(http: aiohttp.ClientSession) -> None:
    await create(http, CONFIG_MAPS, config_map("a"))
    async with watching(http, CONFIG_MAPS, **ALL) as watch:
        for labels, expected in ((MINE, "ADDED"), ({"more": "x"}, "MODIFIED"), ({"mine": None}, "DELETED")):
            async with http.patch(f"{CONFIG_MAPS}/a", json={"metadata": {"labels": labels}}, headers=MERGE) as response:
                written = await response.json()
            event = await watch.next()
            assert event is not None
            assert event["type"] == expected
            assert event["object"]["metadata"]["resourceVersion"] == written["metadata"]["resourceVersion"]
        assert event is not None
        assert event["object"]["metadata"]["labels"]["mine"] == "yes"  # gone from view as it was last seen


async def test_watch_of_one_object_by_field_selector(http: aiohttp.ClientSession) -> None:
    async with watching(http, CONFIG_MAPS, fieldSelector="metadata.name=b") as watch:
        for name in ("a", "b"):
            await create(http, CONFIG_MAPS, config_map(name))
        assert await watch.seen(1) == [("ADDED", "b")]


async def test_expired_revision_is_an_error_event_with_410(http: aiohttp.ClientSession, cluster: DevCluster) -> None:
    created = await create(http, CONFIG_MAPS, config_map())
    cluster.expire_history()
    async with watching(http, CONFIG_MAPS, resourceVersion=created["metadata"]["resourceVersion"]) as watch:
        event = await watch.next()
        assert event is not None
        assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
        assert event["object"]["message"].startswith(
            f"too old resource version: {created['metadata']['resourceVersion']} ("
        )
        assert await watch.next() is None


async def test_time_is_up_with_a_bookmark(http: aiohttp.ClientSession, cluster: DevCluster) -> None:
    created = await create(http, CONFIG_MAPS, config_map())
    version = created["metadata"]["resourceVersion"]
    query = {"resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": "1"}
    async with watching(http, CONFIG_MAPS, **query) as watch:
        event = await watch.next()
        assert event is not None
        assert event["type"] == "BOOKMARK"
        assert event["object"]["kind"] == "ConfigMap"
        assert int(event["object"]["metadata"]["resourceVersion"]) >= int(version)
        assert await watch.next() is None


async def test_streaming_list_ends_with_a_marked_bookmark(http: aiohttp.ClientSession) -> None:
    await create(http, CONFIG_MAPS, config_map("a", labels=MINE))
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true", **ALL}
    async with watching(http, CONFIG_MAPS, **query) as watch:
        assert await watch.seen(1) == [("ADDED", "a")]
        event = await watch.next()
        assert event is not None
        assert event["type"] == "BOOKMARK"
        assert event["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_streaming_list_needs_its_match(http: aiohttp.ClientSession) -> None:
    async with http.get(CONFIG_MAPS, params={"watch": "1", "sendInitialEvents": "true"}) as response:
        assert response.status == 422
        assert "sendInitialEvents requires" in (await response.json())["message"]


async def test_broken_watch_is_dropped_in_the_middle(http: aiohttp.ClientSession, cluster: DevCluster) -> None:
    async with watching(http, CONFIG_MAPS, **ALL, allowWatchBookmarks="true") as watch:
        await create(http, CONFIG_MAPS, config_map("a", labels=MINE))
        assert await watch.seen(1) == [("ADDED", "a")]
        cluster.break_watches()
        with pytest.raises(aiohttp.ClientError):
            await watch.next()


async def test_watch_ends_with_its_client(http: aiohttp.ClientSession, cluster: DevCluster) -> None:
    async with watching(http, CONFIG_MAPS):
        assert cluster.watches == 1
    for _ in range(500):
        if not cluster.watches:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the watch is still running")


async def test_table_watch_names_its_columns_once(http: aiohttp.ClientSession, cluster: DevCluster) -> None:
    headers = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    async with (
        aiohttp.ClientSession(cluster.url, headers=headers) as session,
        watching(session, CONFIG_MAPS, **ALL) as watch,
    ):
        for name in ("a", "b"):
            await create(http, CONFIG_MAPS, config_map(name, labels=MINE, data={"k": "v"}))
        first, second = await watch.next(), await watch.next()
    assert first is not None
    assert second is not None
    assert [column["name"] for column in first["object"]["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert second["object"]["columnDefinitions"] is None
    assert second["object"]["rows"][0]["cells"][:2] == ["b", 1]


async def test_changes_are_followed_in_process_without_http(cluster: DevCluster) -> None:
    start = cluster.storage.revision
    await cluster.create(CONFIG_MAP, {"metadata": {"name": "a", "namespace": "default"}})
    await cluster.delete(CONFIG_MAP, "a", "default")
    seen = []
    async for change in cluster.follow(CONFIG_MAP, start):
        if change.entry.key.name == "a":
            seen.append(change.type)
        if len(seen) == 2:
            break
    assert seen == ["ADDED", "DELETED"]
