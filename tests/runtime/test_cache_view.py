"""A view over informers reads like one over given objects, and costs what it finds."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kservectl.informers import Informer, InformerFactory
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, NAMESPACE, SECRET, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.cache_view import CacheView, ViewSource, index_owners
from kservectl.runtime.view import StaticView
from tests.fake_clock import FakeClock
from tests.runtime.memory_api import MemoryApi
from tests.runtime.widgets import WIDGET, widget


def config_map(name: str, namespace: str, owner: Object | None = None, **labels: str) -> Object:
    meta: Object = {"name": name, "namespace": namespace, "labels": labels}
    if owner is not None:
        meta["ownerReferences"] = [metadata.controller_reference(owner)]
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


@asynccontextmanager
async def looking(
    api: MemoryApi, *asked: tuple[Kind, dict[str, Any]]
) -> AsyncIterator[tuple[CacheView, list[Informer]]]:
    clock = FakeClock()
    factory = InformerFactory(api.client(), clock=clock, rng=random.Random(1), streaming_lists=False)
    informers = [factory.informer(kind, **options) for kind, options in asked]
    by_kind: dict[Kind, list[Informer]] = {}
    for informer in informers:
        index_owners(informer)
        by_kind.setdefault(informer.kind, []).append(informer)
    task = asyncio.create_task(factory.run())
    await clock.settle()
    try:
        yield ViewSource(by_kind, clock).view(), informers
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def filled() -> tuple[MemoryApi, Object]:
    api = MemoryApi()
    owner = await api.put(WIDGET, widget("w"))
    for obj in (
        config_map("b", "one", owner, app="x", tier="front"),
        config_map("a", "one", app="x", tier="back"),
        config_map("c", "one", app="y"),
        config_map("a", "two", app="x"),
    ):
        await api.put(CONFIG_MAP, obj)
    return api, owner


def names(objects: Any) -> list[str]:
    return [str(metadata.key(obj)) for obj in objects]


async def test_it_answers_as_a_static_view_of_the_same_objects() -> None:
    api, owner = await filled()
    async with looking(api, (CONFIG_MAP, {}), (WIDGET, {})) as (view, _):
        static = StaticView(list(api.objects.values()), kinds=[CONFIG_MAP, WIDGET], now=view.now)
        for namespace in (None, "one", "two", "none"):
            for labels in (None, {}, {"app": "x"}, {"app": "x", "tier": "back"}, {"app": "z"}, {"nobody": "has"}):
                assert view.list(CONFIG_MAP, namespace, labels) == static.list(CONFIG_MAP, namespace, labels)
        assert view.get(CONFIG_MAP, "a", "two") == static.get(CONFIG_MAP, "a", "two")
        assert view.get(CONFIG_MAP, "a", "none") is None
        assert view.owned(CONFIG_MAP, metadata.uid(owner)) == static.owned(CONFIG_MAP, metadata.uid(owner))
        assert names(view.owned(CONFIG_MAP, metadata.uid(owner))) == ["one/b"]
        assert view.owned(CONFIG_MAP, "stranger") == []


async def test_label_lists_follow_changes() -> None:
    api, _ = await filled()
    async with looking(api, (CONFIG_MAP, {})) as (view, _):
        assert names(view.list(CONFIG_MAP, "one", {"app": "y"})) == ["one/c"]
        await api.put(CONFIG_MAP, config_map("a", "one", app="y"))
        await api.remove(CONFIG_MAP, "c", "one")
        await FakeClock.settle()
        assert names(view.list(CONFIG_MAP, "one", {"app": "y"})) == ["one/a"]
        assert names(view.list(CONFIG_MAP, None, {"app": "x"})) == ["one/b", "two/a"]


async def test_many_different_selectors_make_few_indexes_and_right_answers() -> None:
    api = MemoryApi()
    labels: dict[str, str] = {f"label-{number}": "x" for number in range(20)}
    await api.put(CONFIG_MAP, config_map("a", "one", None, **labels))
    async with looking(api, (CONFIG_MAP, {})) as (view, (informer,)):
        for label in labels:
            assert names(view.list(CONFIG_MAP, "one", {label: "x"})) == ["one/a"]
            assert view.list(CONFIG_MAP, "one", {label: "y"}) == []
        made = [name for name in informer._writer._indexes if name.startswith("labels:")]
        assert len(made) == 8


async def test_two_informers_of_a_kind_are_read_as_one_and_the_first_wins() -> None:
    api, _ = await filled()
    ours = {"namespaces": ("one",), "keep_managed_by": "kservectl"}
    async with looking(api, (CONFIG_MAP, ours), (CONFIG_MAP, {})) as (view, (first, second)):
        assert names(view.list(CONFIG_MAP)) == ["one/a", "one/b", "one/c", "two/a"]
        found = view.get(CONFIG_MAP, "a", "one")
        assert found is first.store.get(metadata.key(found or {}))
        assert found is not second.store.get(metadata.key(found or {}))
        assert found is view.list(CONFIG_MAP, "one")[0]


async def test_kinds_that_nobody_watches_are_empty_and_not_served() -> None:
    api, _ = await filled()
    api.unserve(SECRET)
    async with looking(api, (CONFIG_MAP, {}), (SECRET, {"optional": True})) as (view, _):
        assert view.served(CONFIG_MAP)
        assert not view.served(SECRET)
        assert not view.served(NAMESPACE)
        assert view.list(NAMESPACE) == []
        assert view.get(NAMESPACE, "one") is None


async def test_cluster_scoped_objects_are_found_whatever_namespace_is_said() -> None:
    api = MemoryApi()
    await api.put(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "one"}})
    async with looking(api, (NAMESPACE, {})) as (view, _):
        assert view.get(NAMESPACE, "one", "ignored") is not None
