"""One controller at work: its sources, queue and workers, started together and stopped in order."""

import asyncio
from collections.abc import Callable, Iterator

import structlog

from kservectl.client.client import Client
from kservectl.clock import Clock
from kservectl.informers import Informer
from kservectl.objects import metadata
from kservectl.objects.metadata import ObjectKey
from kservectl.runtime.apply import Applier
from kservectl.runtime.controller import Controller
from kservectl.runtime.events import EventRecorder
from kservectl.runtime.expectations import Expectations
from kservectl.runtime.inheritance import Inheritance
from kservectl.runtime.metrics import RuntimeMetrics
from kservectl.runtime.sources import Sources, priority_at_first_sight
from kservectl.runtime.workers import Workers
from kservectl.workqueue import QueueMetrics, WorkQueue


class ControllerRunner:
    """Runs `controller`: `run` until `shut_down`, then `drain`.

    `owns` and `parted` are for keys that several processes share; see Workers. Without them every key is this process's.
    """

    def __init__(
        self,
        controller: Controller,
        sources: Sources,
        client: Client,
        *,
        clock: Clock,
        events: EventRecorder,
        metrics: RuntimeMetrics,
        ids: Iterator[str],
        queue_metrics: QueueMetrics | None = None,
        cache_sync_seconds: float = 120.0,
        inheritance: Inheritance | None = None,
        owns: Callable[[ObjectKey], bool] | None = None,
        parted: Callable[[], None] | None = None,
    ) -> None:
        self.controller = controller
        self.queue: WorkQueue[ObjectKey] = WorkQueue(controller.name, clock=clock, metrics=queue_metrics)
        self._sources = sources
        self._owns = owns or _everything
        self._log = structlog.get_logger(controller=controller.name)
        self._cache_sync_seconds = cache_sync_seconds
        expectations = Expectations(clock)
        self._workers = Workers(
            controller,
            queue=self.queue,
            sources=sources,
            applier=Applier(
                client,
                kind=controller.kind,
                owns={owned.kind: owned.adopts for owned in controller.owns},
                quiet={owned.kind for owned in controller.owns if owned.quiet},
                expectations=expectations,
                monotonic=clock.monotonic,
                finalizer=controller.finalizer,
                on_failure=controller.on_failure,
                operations=metrics.applied,
                field_manager=client.field_manager,
                inheritance=inheritance,
            ),
            expectations=expectations,
            events=events,
            metrics=metrics.controller(controller.name, controller.workers),
            clock=clock,
            owns=self._owns,
            parted=parted or _nobody,
            ids=ids,
        )

    @property
    def objects(self) -> Informer:
        """The cache of what is controlled."""
        return self._sources.primary

    async def run(self) -> None:
        """Wait for the caches, then work until `shut_down`; raises CacheSyncTimeout when they do not fill."""
        self._sources.subscribe(self.queue.add, self.queue.add_after, self._workers.seen)
        await self._sources.wait_synced(self._cache_sync_seconds)
        self._log.info("controller starts", workers=self.controller.workers, keys=len(self.queue))
        async with asyncio.TaskGroup() as group:
            following = group.create_task(self._sources.follow_served(self._enqueue))
            await self._workers.run(filter(self._owns, list(self._sources.primary.store.keys())))
            following.cancel()

    def foreign_in_hand(self) -> bool:
        """Whether a worker still has a key that is not this process's any more."""
        return not all(map(self._owns, self.queue.in_hand))

    def take_up(self, is_new: Callable[[ObjectKey], bool]) -> None:
        """Decide every key that has just become this process's: nobody may have done so since it changed."""
        for obj in self._sources.primary.store.list():
            key = metadata.key(obj)
            if is_new(key):
                self._enqueue(key, priority_at_first_sight(obj))

    def _enqueue(self, key: ObjectKey, priority: int) -> None:
        if self._owns(key):
            self.queue.add(key, priority)

    def shut_down(self) -> None:
        """Hand out no more keys."""
        self.queue.shut_down()

    async def drain(self, seconds: float) -> bool:
        """Wait for the keys in hand, at most `seconds`; answers whether all were finished."""
        return await self.queue.drain(seconds)


def _everything(key: ObjectKey) -> bool:
    """Who shares with nobody has every key."""
    return True


def _nobody() -> None:
    """Nobody waits for keys that are not this process's."""
