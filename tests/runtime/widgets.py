"""A kind to control in tests: a Widget wants a ConfigMap for each of `spec.parts`, and says in its status how many there are."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from prometheus_client import CollectorRegistry

from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, Kind
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.controller import Controller, Owned
from kservectl.runtime.manager import Manager, ManagerOptions
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import View
from tests.fake_clock import FakeClock
from tests.runtime.memory_api import MemoryApi

WIDGET = Kind("test.example.com", "v1", "Widget", "widgets")


def widget(name: str, *parts: str, namespace: str = "n", **spec: object) -> Object:
    return {
        "apiVersion": WIDGET.api_version,
        "kind": WIDGET.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"parts": list(parts), **spec},
    }


def part(owner: Object, name: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{metadata.name(owner)}-{name}", "namespace": metadata.namespace(owner)},
        "data": {"color": str(owner["spec"].get("color", "grey"))},
    }


def reconcile_widget(obj: Object, view: View) -> Outcome:
    present = view.owned(CONFIG_MAP, metadata.uid(obj))
    return Outcome(desired=tuple(part(obj, name) for name in obj["spec"]["parts"]), status={"parts": len(present)})


WIDGETS = Controller("widget", WIDGET, reconcile_widget, owns=(Owned(CONFIG_MAP),), workers=4)


@dataclass
class Decisions:
    """A reconcile function that keeps count; what it does can be changed while it runs."""

    decide: Callable[[Object, View], Outcome] = reconcile_widget
    made: list[ObjectKey] = field(default_factory=list)

    def __call__(self, obj: Object, view: View) -> Outcome:
        self.made.append(metadata.key(obj))
        return self.decide(obj, view)


@dataclass
class Running:
    """A manager at work on a MemoryApi."""

    api: MemoryApi
    clock: FakeClock
    manager: Manager
    registry: CollectorRegistry
    stop: asyncio.Event
    task: asyncio.Task[None]

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, {"controller": "widget", **labels}) or 0.0

    async def stopped(self) -> None:
        """Stop and wait, as long as it takes on the fake clock; raises what `run` raises."""
        self.stop.set()
        await self.clock.advance_until(self.task.done, limit=60) if not self.task.done() else None
        await self.task


@asynccontextmanager
async def managing(
    api: MemoryApi,
    *controllers: Controller,
    clock: FakeClock | None = None,
    options: ManagerOptions | None = None,
    prepare: Callable[[Manager], None] = lambda manager: None,
) -> AsyncIterator[Running]:
    clock, registry = clock or FakeClock(), CollectorRegistry()
    options = replace(options or ManagerOptions(metrics_bind="", health_bind=""), streaming_lists=False)
    manager = Manager(api.client(), clock, options, registry=registry, rng=random.Random(1))
    for controller in controllers:
        manager.add(controller)
    prepare(manager)
    stop = asyncio.Event()
    task = asyncio.create_task(manager.run(stop))
    running = Running(api, clock, manager, registry, stop, task)
    await clock.advance(0.1)
    try:
        yield running
    finally:
        if not task.done():
            stop.set()
            await clock.advance(60)
        if not task.done():
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
