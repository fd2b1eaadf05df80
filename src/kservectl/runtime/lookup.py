"""Facts that decisions need from outside of the API server, in a store that they read like any cache.

A decision makes no request. So whoever decides says which names an object gives (`LookedUp`), a Lookup asks about them
beside the decisions, and an answer that differs from the one before has the objects decided again. A fact is an object of a
made-up, cluster-wide kind, whose `status` is the answer:

    {"apiVersion": …, "kind": …, "metadata": {"name": NAME, "resourceVersion": "7"}, "status": {…}}

While the last question failed, `status.problem` says why (`reason`, `message`), beside the last answer where there was one.
Nothing outside can be watched, so answers are asked for again after a while; every wait is jittered, every question has a
deadline, and only so many are asked at once.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from kservectl.clock import Clock
from kservectl.informers.backoff import Backoff
from kservectl.informers.store import IndexFunction, Store, StoreWriter
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey


class LookupFailed(Exception):
    """There is no answer. `reason` is one word for a condition; the message is for people and holds no credentials."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


Ask = Callable[[str], Awaitable[Object]]
"""The answer about a name, as it becomes the fact's status; raises LookupFailed."""

Names = Callable[[Object], Iterable[str]]
"""The names of facts that an object gives."""

Holder = tuple[str, ObjectKey]
"""Who wants a fact: a controller's name and the key of one of its objects."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """Facts of `kind` that decisions about the reconciled objects look at: those that `names` finds in an object."""

    kind: Kind
    names: Names


@dataclass(frozen=True, slots=True)
class LookupTiming:
    """In seconds: an answer is asked for again after `refresh` (more or less a fifth), a failed question after a back-off
    up to `retry_most`; a question may take `deadline`."""

    refresh: float = 300.0
    retry_least: float = 1.0
    retry_most: float = 120.0
    deadline: float = 10.0


class Lookup:
    """Asks `ask` about every name that somebody wants, until cancelled. `at_once` bounds the questions under way."""

    def __init__(
        self,
        kind: Kind,
        ask: Ask,
        *,
        clock: Clock,
        rng: random.Random,
        timing: LookupTiming | None = None,
        at_once: int = 4,
    ) -> None:
        self.kind = kind
        self._ask = ask
        self._clock = clock
        self._rng = rng
        self._timing = timing or LookupTiming()
        self._turns = asyncio.Semaphore(at_once)
        self._writer = StoreWriter()
        self._wanted: dict[str, set[Holder]] = {}
        self._named: dict[Holder, frozenset[str]] = {}
        self._listeners: dict[str, Callable[[ObjectKey], None]] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._woken: dict[str, asyncio.Event] = {}
        self._group: asyncio.TaskGroup | None = None
        self._version = 0
        self._log = structlog.get_logger(lookup=str(kind))

    @property
    def store(self) -> Store:
        """The facts; for reading only."""
        return self._writer.store

    @property
    def served(self) -> bool:
        """True: names are asked about, whether or not there is an answer yet."""
        return True

    def add_index(self, name: str, function: IndexFunction) -> None:
        """Keep an index on the store; see StoreWriter.add_index."""
        self._writer.add_index(name, function)

    def listen(self, controller: str, tell: Callable[[ObjectKey], None]) -> None:
        """Have `tell` called with the key of each of the controller's objects whose fact changed."""
        self._listeners[controller] = tell

    def want(self, holder: Holder, names: Iterable[str]) -> None:
        """Look up `names` for `holder` from now on, and nothing else that it wanted before."""
        wanted, before = frozenset(names), self._named.get(holder, frozenset())
        for name in wanted - before:
            self._wanted.setdefault(name, set()).add(holder)
            self._start(name)
        for name in before - wanted:
            self._wanted[name].discard(holder)
            if not self._wanted[name]:
                self._forget(name)
        if wanted:
            self._named[holder] = wanted
        else:
            self._named.pop(holder, None)

    def ask_again(self) -> None:
        """Ask about every name anew, now: how one asks has changed."""
        for woken in self._woken.values():
            woken.set()

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                for name in list(self._wanted):
                    self._start(name)
                await asyncio.get_running_loop().create_future()
            finally:
                self._group = None

    def _start(self, name: str) -> None:
        if self._group is not None and name not in self._keepers:
            self._woken[name] = asyncio.Event()
            self._keepers[name] = self._group.create_task(self._keep(name, self._woken[name]), name=f"look up {name}")

    def _forget(self, name: str) -> None:
        del self._wanted[name]
        keeper = self._keepers.pop(name, None)
        if keeper is not None:
            del self._woken[name]
            keeper.cancel()
        known = self.store.get(ObjectKey("", name))
        if known is not None:
            self._writer.remove(known)

    async def _keep(self, name: str, woken: asyncio.Event) -> None:
        timing = self._timing
        backoff = Backoff(clock=self._clock, rng=self._rng, base=timing.retry_least, cap=timing.retry_most)
        while True:
            woken.clear()
            try:
                answer = await self._asked(name)
                wait = timing.refresh * self._rng.uniform(0.8, 1.2)
            except LookupFailed as failed:
                self._log.warning("nothing was learnt", name=name, reason=failed.reason, why=failed.message)
                known = (self.store.get(ObjectKey("", name)) or {}).get("status") or {}
                answer = {**known, "problem": {"reason": failed.reason, "message": failed.message}}
                wait = timing.retry_least + backoff.next()
            self._note(name, answer)
            await self._waited(woken, wait)

    async def _asked(self, name: str) -> Object:
        async with self._turns:
            try:
                async with self._clock.timeout(self._timing.deadline):
                    return await self._ask(name)
            except LookupFailed:
                raise
            except TimeoutError as error:
                seconds = self._timing.deadline
                raise LookupFailed("Unreachable", f"there was no answer within {seconds:g} s") from error
            except Exception as error:  # a fault in asking about one name is no reason to stop asking about others
                self._log.exception("a question could not be asked", name=name)
                raise LookupFailed("InternalError", f"{type(error).__name__} (see the manager's log)") from error

    def _note(self, name: str, status: Object) -> None:
        known = self.store.get(ObjectKey("", name))
        if known is not None and known["status"] == status:
            return
        self._version += 1
        self._writer.put(
            {
                "apiVersion": self.kind.api_version,
                "kind": self.kind.kind,
                "metadata": {"name": name, "resourceVersion": str(self._version)},
                "status": status,
            }
        )
        for controller, key in sorted(self._wanted.get(name, ())):
            if controller in self._listeners:
                self._listeners[controller](key)

    async def _waited(self, woken: asyncio.Event, seconds: float) -> None:
        """Return after `seconds`, or when woken."""
        with suppress(TimeoutError):
            async with self._clock.timeout(seconds):
                await woken.wait()


def wanted_names(looked_up: Sequence[LookedUp], obj: Object | None) -> dict[Kind, list[str]]:
    """For each kind of facts the names that `obj` gives; none where there is no object."""
    return {each.kind: [] if obj is None else sorted(set(each.names(obj))) for each in looked_up}
