"""Everything one process runs, started and stopped in order.

Start: metrics and health, then what every replica serves (webhooks), informers (so that a standby's caches are warm), the
election, controllers. Stop: not ready; no more keys; the reconciles in hand are finished or cancelled; events are flushed;
the Lease is released; then webhooks, informers and the rest go. A task that dies or a lost Lease ends the process with an
error at once: a fresh start is the only clean state.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Literal

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector

from kservectl.client.client import Client
from kservectl.clock import Clock
from kservectl.informers import Informer, InformerFactory, InformerMetrics
from kservectl.leader import ElectionMetrics, LeaderElector, Timing, new_identity
from kservectl.leader.precedence import until_none_shares
from kservectl.objects.kind import Kind
from kservectl.runtime.cache_view import CacheView, ViewSource, index_owners
from kservectl.runtime.controller import Controller
from kservectl.runtime.events import EventRecorder
from kservectl.runtime.health import Health, LoopWatchdog
from kservectl.runtime.inheritance import Inheritance
from kservectl.runtime.journal import reconcile_ids
from kservectl.runtime.lookup import Lookup
from kservectl.runtime.metrics import RuntimeMetrics
from kservectl.runtime.runner import ControllerRunner
from kservectl.runtime.serving import HttpServer, metrics_application
from kservectl.runtime.sharing import Sharding, Sharing
from kservectl.runtime.sources import Sources, unfilled
from kservectl.runtime.supervision import Supervisor, run_supervised
from kservectl.workqueue import QueueMetrics

_FLUSH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Election:
    """Which Lease to compete for.

    sharers
        The group of those who share their work (`Sharding.group`) that may be at it: who leads and shares with nobody waits until
        none of them is. Empty where there are none.
    """

    name: str
    namespace: str
    timing: Timing = field(default_factory=Timing)
    sharers: str = ""


@dataclass(frozen=True, slots=True)
class ManagerOptions:
    """How a manager runs.

    metrics_bind, health_bind
        `HOST:PORT` or `:PORT`; port 0 takes a free one; empty serves nothing.
    namespaces
        Those to look at; none means all.
    election
        None when this is the only replica.
    identity
        Names this process in the Lease and in events; empty makes one up.
    drain_seconds
        How long reconciles in hand may take to finish when stopping.
    inheritance
        Whose objects are taken over together with the fields that they set.
    sharding
        With which other replicas the controllers share their keys; None when this one, while it leads, has all of them.
    """

    metrics_bind: str = ":8080"
    health_bind: str = ":8081"
    namespaces: Sequence[str] = ()
    election: Election | None = None
    identity: str = ""
    cache_sync_seconds: float = 120.0
    drain_seconds: float = 25.0
    streaming_lists: bool = True
    inheritance: Inheritance = field(default_factory=Inheritance)
    sharding: Sharding | None = None


@dataclass(frozen=True, slots=True)
class _Runnable:
    name: str
    run: Callable[[], Awaitable[None]]
    beside: Literal["everything", "leader", "controllers"]


class Manager:
    """The process. Build it, `add` what it should run, then `await run(stop)` once."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        options: ManagerOptions | None = None,
        *,
        registry: CollectorRegistry | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._options = options or ManagerOptions()
        self._clock = clock
        self._log = structlog.get_logger(component="manager")
        rng = rng or random.Random()  # noqa: S311 - spreads load, guards no secret
        identity = self._options.identity or new_identity()
        self.registry = registry or CollectorRegistry()
        """What `/metrics` shows."""
        self._reconcile_ids = reconcile_ids(identity)
        ProcessCollector(registry=self.registry)
        self.metrics = RuntimeMetrics(self.registry)
        self._queue_metrics = QueueMetrics(self.registry)
        self.elector = self._make_elector(client, identity, rng)
        self.client = client.guarded_by(self.elector.check) if self.elector else client
        """For everything that may only be written while leading: other writes raise LeadershipLost."""
        self.factory = InformerFactory(
            client,
            clock=clock,
            rng=rng,
            metrics=InformerMetrics(self.registry),
            streaming_lists=self._options.streaming_lists,
        )
        self.sharing = self._make_sharing(client, identity, rng)
        self._controllers_client = client.guarded_by(self.sharing.member.check) if self.sharing else self.client
        self.events = EventRecorder(
            self._controllers_client, clock=clock, instance=identity, outcomes=self.metrics.events, rng=rng
        )
        self.started = asyncio.Event()
        """Set once this process leads, or has a share of the keys, and its controllers were started."""
        self.health = Health()
        self._watchdog = LoopWatchdog(clock=clock, gauge=self.metrics.loop_lag)
        self._alone = asyncio.Event()
        self._stopping = False
        self._runners: list[ControllerRunner] = []
        self._runnables: list[_Runnable] = []
        self._led: list[asyncio.Task[None]] = []
        self._lookups: dict[Kind, Lookup] = {}
        self.health.add_live("event-loop", self._watchdog.check)
        self.health.add_ready("shutdown", lambda: "the process is stopping" if self._stopping else "")
        self.health.add_ready("caches", lambda: unfilled(self.factory.informers))
        self._metrics_server = _server(self._options.metrics_bind, metrics_application(self.registry))
        self._health_server = _server(self._options.health_bind, self.health.application())

    @property
    def metrics_port(self) -> int | None:
        return self._metrics_server.port if self._metrics_server else None

    @property
    def health_port(self) -> int | None:
        return self._health_server.port if self._health_server else None

    def add(self, controller: Controller) -> ControllerRunner:
        """Run `controller` while this process leads, or on its share of the keys. Its caches fill on standbys too."""
        runner = ControllerRunner(
            controller,
            Sources(
                controller,
                self.factory,
                clock=self._clock,
                namespaces=self._options.namespaces,
                field_manager=self.client.field_manager,
                predecessors=self._options.inheritance.managers,
                lookups=self._lookups,
            ),
            self._controllers_client,
            clock=self._clock,
            events=self.events,
            metrics=self.metrics,
            queue_metrics=self._queue_metrics,
            cache_sync_seconds=self._options.cache_sync_seconds,
            inheritance=self._options.inheritance,
            owns=self.sharing.owns if self.sharing else None,
            parted=self.sharing.member.poke if self.sharing else None,
            ids=self._reconcile_ids,
        )
        self._runners.append(runner)
        return runner

    def add_lookup(self, lookup: Lookup) -> None:
        """Look up facts for the controllers that are added after this, while they run."""
        self._lookups[lookup.kind] = lookup
        self._runnables.append(_Runnable(f"lookup of {lookup.kind}", lookup.run, "controllers"))

    def add_runnable(self, name: str, run: Callable[[], Awaitable[None]], *, needs_leader: bool) -> None:
        """Run a coroutine function until it is cancelled, which is how it is told to stop; it must not end by itself.

        With `needs_leader` it runs while this process leads; otherwise on every replica, from before the informers start
        until after the Lease was released (the webhook server).
        """
        self._runnables.append(_Runnable(name, run, "leader" if needs_leader else "everything"))

    def view(self, *sources: Kind | Informer) -> Callable[[], CacheView]:
        """A function that makes views over these informers; a kind stands for the whole of it, in the manager's namespaces."""
        informers: dict[Kind, list[Informer]] = {}
        for source in sources:
            if isinstance(source, Kind):
                source = self.factory.informer(source, namespaces=self._options.namespaces)
            index_owners(source)
            informers.setdefault(source.kind, []).append(source)
        return ViewSource(informers, self._clock).view

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set, then stop in order and return.

        Raises LeadershipLost, CacheSyncTimeout, OSError (an address is taken), or whatever ended one of its tasks.
        """
        async with AsyncExitStack() as servers:
            for server in (self._metrics_server, self._health_server):
                if server is not None:
                    await server.start()
                    servers.push_async_callback(server.stop)
            try:
                await run_supervised(lambda tasks: self._run(tasks, stop))
            finally:
                # After a failure too: nothing of this process writes any more.
                if self.sharing:
                    await self.sharing.member.leave()
                if self.elector:
                    await self.elector.release()

    async def _run(self, tasks: Supervisor, stop: asyncio.Event) -> None:
        background = [
            tasks.start("event loop watchdog", self._watchdog.run()),
            tasks.start("events", self.events.run()),
        ]
        everywhere = self._start_runnables(tasks, "everything")
        informers = tasks.start("informers", self.factory.run())
        sharing = tasks.start("sharing of keys", self.sharing.run()) if self.sharing else None
        election = tasks.start("leader election", self._elect(tasks, self.elector)) if self.elector else None
        if election is None:
            self._lead(tasks)
            self._alone.set()
        entitled = self.sharing.joined if self.sharing else self._alone
        await _first(stop, entitled)
        if entitled.is_set() and not stop.is_set():
            await self._work(tasks, stop)
        self._stopping = True
        if sharing is not None and self.sharing is not None:
            await tasks.stop(sharing)
            await self.sharing.member.leave()
        if election is not None:
            await tasks.stop(election)
        await tasks.stop(*self._led)
        if self.elector is not None:
            await self.elector.release()
        for task in reversed(everywhere):
            await tasks.stop(task)
        await tasks.stop(informers, *background)

    async def _work(self, tasks: Supervisor, stop: asyncio.Event) -> None:
        """Run the controllers until `stop`, then bring them to rest."""
        runnables = self._start_runnables(tasks, "controllers")
        if self.sharing:
            self.sharing.concerns(self._runners)
        controllers = [tasks.start(f"controller {runner.controller.name}", runner.run()) for runner in self._runners]
        self.started.set()
        await stop.wait()
        self._stopping = True
        self._log.info("stopping: finishing what is in hand")
        tasks.expect_end(*controllers)
        for runner in self._runners:
            runner.shut_down()
        seconds = self._options.drain_seconds
        if not all(await asyncio.gather(*(runner.drain(seconds) for runner in self._runners))):
            self._log.warning("reconciles were cancelled because they did not finish in time", seconds=seconds)
        await tasks.stop(*controllers, *runnables)
        if not await self.events.flush(_FLUSH_SECONDS):
            self._log.warning("some events were not sent before stopping")

    async def _elect(self, tasks: Supervisor, elector: LeaderElector) -> None:
        await elector.acquire()
        self._lead(tasks)
        async with asyncio.TaskGroup() as group:
            group.create_task(elector.hold(), name="leader lease")
            group.create_task(self._wait_for_sharers(), name="replicas that share the work")

    def _lead(self, tasks: Supervisor) -> None:
        self._led = self._start_runnables(tasks, "leader")

    async def _wait_for_sharers(self) -> None:
        """Who leads and shares with nobody has every key once none of those who share is at work."""
        election = self._options.election
        if election is not None and election.sharers and self.sharing is None:
            retry = election.timing.retry
            await until_none_shares(self.client, election.sharers, election.namespace, self._clock, retry=retry)
        self._alone.set()

    def _start_runnables(self, tasks: Supervisor, beside: str) -> list[asyncio.Task[None]]:
        chosen = [runnable for runnable in self._runnables if runnable.beside == beside]
        return [tasks.start(runnable.name, runnable.run()) for runnable in chosen]

    def _make_sharing(self, client: Client, identity: str, rng: random.Random) -> Sharing | None:
        options = self._options.sharding
        if options is None:
            return None
        return Sharing(
            client.urgent(),
            self.factory,
            options,
            clock=self._clock,
            identity=identity,
            registry=self.registry,
            rng=rng,
            election=self.elector,
        )

    def _make_elector(self, client: Client, identity: str, rng: random.Random) -> LeaderElector | None:
        election = self._options.election
        if election is None:
            return None
        return LeaderElector(
            client.urgent(),
            name=election.name,
            namespace=election.namespace,
            clock=self._clock,
            identity=identity,
            timing=election.timing,
            metrics=ElectionMetrics(self.registry),
            rng=rng,
        )


def _server(bind: str, application: web.Application) -> HttpServer | None:
    return HttpServer(application, bind) if bind else None


async def _first(*events: asyncio.Event) -> None:
    """Return when one of the events is set."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waiting:
            wait.cancel()
