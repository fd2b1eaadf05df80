"""Owning tasks: everything ends with the factory, and no fault of the program goes unnoticed."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from kservectl.client.client import Client
from kservectl.client.watch import WatchStream
from kservectl.informers import InformerFactory, InformerMetrics
from kservectl.objects.kind import CONFIG_MAP, DEPLOYMENT, NAMESPACE
from tests.client.scripted_server import ScriptedServer
from tests.fake_clock import FakeClock, eventually
from tests.informers.reflected import config_map, listing, reflecting


async def test_everything_ends_with_the_factory() -> None:
    before = asyncio.all_tasks()
    async with ScriptedServer() as server:
        server.answer(listing("10"), listing("10"))
        async with reflecting(server) as seen:
            seen.factory.informer(CONFIG_MAP, label_selector="a=b")
            await eventually(lambda: len(server.watches) == 2)
            assert len(asyncio.all_tasks() - before) > 4
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_fault_of_the_program_ends_the_factory() -> None:
    class Broken(Client):
        @asynccontextmanager
        async def watch(self, *_: Any, **__: Any) -> AsyncIterator[WatchStream]:
            raise ZeroDivisionError
            yield  # only to be a generator

    clock = FakeClock()
    factory = InformerFactory(Broken(None), clock=clock, rng=random.Random(1))  # type: ignore[arg-type]  # never reached
    factory.informer(CONFIG_MAP)
    with pytest.raises(ExceptionGroup) as raised:
        await factory.run()
    assert raised.group_contains(ZeroDivisionError)


async def test_cluster_scoped_kinds_have_no_namespaces_to_choose() -> None:
    factory = InformerFactory(Client(None), clock=FakeClock(), rng=random.Random(1))  # type: ignore[arg-type]  # never runs
    assert factory.informer(NAMESPACE, namespaces=("a",)) is factory.informer(NAMESPACE)
    assert factory.informer(DEPLOYMENT, namespaces=("a",)) is not factory.informer(DEPLOYMENT)


async def test_informers_of_one_kind_are_measured_together() -> None:
    async with ScriptedServer() as server:
        server.answer(listing("10", config_map("a", "1")), listing("10", config_map("b", "2"), config_map("c", "3")))
        async with reflecting(server) as seen:
            other = seen.factory.informer(CONFIG_MAP, label_selector="a=b")
            await eventually(lambda: seen.informer.synced and other.synced)

            def value(name: str) -> float | None:
                return seen.registry.get_sample_value(f"kservectl_informer_{name}", {"kind": "ConfigMap"})

            assert value("objects") == 3
            assert value("synced") == 1
            assert value("last_event_seconds") == 0


def test_metrics_are_registered_before_any_informer_exists() -> None:
    registry = CollectorRegistry()
    InformerMetrics(registry)
    with pytest.raises(ValueError, match="Duplicated"):
        InformerMetrics(registry)
