"""What happens to a key: look, decide, act, and choose when to look again.

Several workers take keys from one queue, which never gives a key to two of them. A decision is never made on a cache older
than this process's own writes for that key. A failure concerns its key only: it is counted, logged once, and retried with
a growing delay, unless no retry can mend it.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator

import structlog

from kservectl.client.errors import ClientError
from kservectl.clock import Clock
from kservectl.informers import Change
from kservectl.leader import LeadershipLost
from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.apply import Applied, Applier
from kservectl.runtime.controller import Controller
from kservectl.runtime.events import EventRecorder
from kservectl.runtime.expectations import Expectations
from kservectl.runtime.first_pass import FirstPass
from kservectl.runtime.journal import reconciling
from kservectl.runtime.metrics import ControllerMetrics
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.sources import Sources, owner_keys
from kservectl.runtime.view import View
from kservectl.runtime.writes import ApplyRetry, NamespaceGoing
from kservectl.workqueue import CHANGED, UNDER_WAY, ShutDown, WorkQueue

RECONCILE_SECONDS = 60.0
"""How long carrying out one decision may take."""

_NEXT_LOOK_SECONDS = 1.0
"""When children were written and nothing is awaited: the event that brings the next decision is here or very near."""


class DecisionFailed(Exception):
    """`reconcile` raised, which it never should; the cause is the exception."""


class Workers:
    """The workers of one controller, from queue to applied outcome.

    owns
        Whether this process is the one to act on a key; one that it is not is dropped.
    parted
        Called when a key is out of hand that `owns` has ceased to be true of.
    ids
        Gives each reconciliation the name that its lines in the log carry.
    """

    def __init__(
        self,
        controller: Controller,
        *,
        queue: WorkQueue[ObjectKey],
        sources: Sources,
        applier: Applier,
        expectations: Expectations,
        events: EventRecorder,
        metrics: ControllerMetrics,
        clock: Clock,
        owns: Callable[[ObjectKey], bool],
        parted: Callable[[], None],
        ids: Iterator[str],
    ) -> None:
        self._owns = owns
        self._parted = parted
        self._ids = ids
        self._controller = controller
        self._queue = queue
        self._sources = sources
        self._applier = applier
        self._expectations = expectations
        self._events = events
        self._metrics = metrics
        self._clock = clock
        self._postponed: set[ObjectKey] = set()
        self._told: dict[ObjectKey, str] = {}
        self._log = structlog.get_logger(controller=controller.name)
        self._first_pass = FirstPass((), monotonic=clock.monotonic, log=self._log)

    async def run(self, present: Iterable[ObjectKey]) -> None:
        """Work until the queue is shut down; the log tells when every key that is `present` at the start was in hand once."""
        self._first_pass = FirstPass(present, monotonic=self._clock.monotonic, log=self._log)
        async with asyncio.TaskGroup() as group:
            for number in range(self._controller.workers):
                group.create_task(self._work(), name=f"{self._controller.name}-worker-{number}")

    def seen(self, kind: Kind, change: Change) -> Collection[ObjectKey]:
        """The cache shows a change: keys that waited for it alone need not wait any longer. Answers the keys that made it."""
        version = metadata.resource_version(change.new) if change.new is not None else None
        authors = self._expectations.observe(kind, change.key, version)
        if _is_free(change):
            for key in self._applier.freed((kind, change.key)):
                self._queue.add(key, CHANGED)
        if not self._postponed:
            return authors
        if kind == self._controller.kind:
            waiting = {change.key} & self._postponed
        elif metadata.controller_of(change.object) is None:
            waiting = set(self._postponed)  # a shared child: nothing in it says who waits
        else:
            waiting = owner_keys(change, self._controller.kind) & self._postponed
        for key in waiting:
            if not self._expectations.pending(key):
                self._postponed.discard(key)
                self._queue.add(key, UNDER_WAY)
        return authors

    async def _work(self) -> None:
        while True:
            try:
                key = await self._queue.get()
            except ShutDown:
                return
            self._metrics.active_workers.inc()
            try:
                await self._process(key)
            finally:
                self._metrics.active_workers.dec()
                self._queue.done(key)
                self._first_pass.had(key)
                if not self._owns(key):
                    self._parted()
            await asyncio.sleep(0)  # a decision that writes nothing never waits: let the watches have their turn

    async def _process(self, key: ObjectKey) -> None:
        self._postponed.discard(key)
        owned = self._owns(key)
        if owned and self._expectations.pending(key):
            self._postpone(key)
            return
        obj = self._sources.primary.store.get(key)
        if obj is None or not owned:  # gone, and its children go by garbage collection; or somebody else's by now
            self._applier.forget(key)
            self._queue.forget(key)
            self._told.pop(key, None)
            return
        started = self._clock.monotonic()
        with reconciling(self._controller.kind, key, next(self._ids)):
            result = await self._attempt(key, obj)
        self._metrics.result(result)
        self._metrics.durations.observe(self._clock.monotonic() - started)

    async def _attempt(self, key: ObjectKey, obj: Object) -> str:
        """One reconciliation; answers its result as the metrics name it."""
        try:
            view: View = self._sources.view()
            async with self._clock.timeout(RECONCILE_SECONDS):
                if self._controller.observe is not None:
                    view = await self._controller.observe(obj, view)
                applied = await self._act(obj, self._decide(obj, view), view)
        except ApplyRetry as retry:
            delay = self._queue.add_rate_limited(key, share=False)
            self._log.debug("observed state is out of date", reason=str(retry), next_delay=delay)
            return "requeue"
        except NamespaceGoing as going:
            self._queue.forget(key)  # its own deletion is the next that is heard of it
            self._log.debug("the namespace is being deleted", reason=str(going))
            return "success"
        except LeadershipLost:
            raise
        except Exception as error:  # one key's trouble, whatever it is, must not be another's
            self._failed(key, error)
            return "error"
        return self._succeeded(key, obj, applied)

    def _decide(self, obj: Object, view: View) -> Outcome:
        try:
            return self._controller.reconcile(obj, view)
        except Exception as error:
            self._metrics.panics.inc()
            raise DecisionFailed(f"{metadata.describe(obj)} could not be decided: {error}") from error

    async def _act(self, obj: Object, outcome: Outcome, view: View) -> Applied:
        applied = await self._applier.apply(obj, outcome, view)
        effects = applied.outcome.effects
        if effects and self._controller.carry_out is not None and not applied.deferred:
            await self._controller.carry_out(effects)
        return applied

    def _failed(self, key: ObjectKey, error: Exception) -> None:
        if isinstance(error, TimeoutError):
            self._metrics.timeouts.inc()
        self._metrics.errors.inc()
        attempt = self._queue.retries(key) + 1
        delay = self._queue.add_rate_limited(key)
        self._log.error(
            "reconcile failed",
            error=str(error) or f"not finished within {RECONCILE_SECONDS:g} s",
            attempt=attempt,
            next_delay=round(delay, 3),
            # The trace of a request that failed says nothing that its message does not.
            exc_info=None if isinstance(error, ClientError | TimeoutError) else error,
        )

    def _succeeded(self, key: ObjectKey, obj: Object, applied: Applied) -> str:
        self._queue.forget(key)
        if not applied.writes:
            self._metrics.unchanging.inc()
        if applied.status_written or not applied.deferred:
            for event in applied.outcome.events:
                self._events.emit(obj, event)
        if applied.deferred:
            self._postpone(key)
            return "success"
        waits = [wait for wait in (applied.outcome.requeue_after, applied.retry_after) if wait is not None]
        if waits:
            self._queue.add_after(key, min(waits))
        problem = applied.outcome.terminal_error or "; ".join(failure.message for failure in applied.failures)
        if problem:
            self._metrics.errors.inc()
            self._metrics.terminal_errors.inc()
            if self._told.get(key) != problem:
                self._log.error("reconcile failed for good", error=problem)
                self._told[key] = problem
            return "error"
        self._told.pop(key, None)
        return "requeue_after" if waits else "success"

    def _postpone(self, key: ObjectKey) -> None:
        """Have the key decided when the cache shows what was written for it, or at the latest when that is given up."""
        wait = self._expectations.deadline(key)
        if wait is not None:
            self._postponed.add(key)
        self._queue.add_after(key, _NEXT_LOOK_SECONDS if wait is None else max(wait, 0.001))


def _is_free(change: Change) -> bool:
    """Whether the name of the object, or the object itself, has become somebody else's to have."""
    if change.old is None:
        return False
    return change.new is None or metadata.controller_of(change.old) != metadata.controller_of(change.new)
