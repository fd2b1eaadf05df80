"""A clock that moves only when the test says so.

`advance` walks from one due timer to the next, and lets the loop run between them, so that hours of back-off pass in
milliseconds and in the right order. The wall clock can be set apart from the monotonic one, as on a real machine.
"""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta

_TURNS = 40
"""Turns of the loop that count as "everything that could happen now has happened": longer than any chain of awaits."""


class FakeClock:
    """A `kservectl.clock.Clock` for tests; starts at 1000 s monotonic and 2026-01-01T00:00:00Z."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC), monotonic: float = 1000.0) -> None:
        self._monotonic = monotonic
        self._offset = now - timedelta(seconds=monotonic)
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._live: set[int] = set()
        self._numbers = itertools.count()

    def monotonic(self) -> float:
        return self._monotonic

    def now(self) -> datetime:
        return self._offset + timedelta(seconds=self._monotonic)

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        number = self._set_timer(seconds, lambda: None if woken.done() else woken.set_result(None))
        try:
            await woken
        finally:
            self._live.discard(number)

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        return self._timeout(seconds)

    @asynccontextmanager
    async def _timeout(self, seconds: float | None) -> AsyncIterator[object]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(None) as limit:
            number = None
            if seconds is not None and seconds <= 0:
                limit.reschedule(loop.time())
            elif seconds is not None:
                number = self._set_timer(seconds, lambda: limit.reschedule(loop.time()))
            try:
                yield limit
            finally:
                if number is not None:
                    self._live.discard(number)

    @property
    def next_timer(self) -> float | None:
        """Seconds until the earliest sleep or timeout is due; None when nobody waits for time."""
        self._drop_cancelled()
        return self._timers[0][0] - self._monotonic if self._timers else None

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass: every timer due until then fires at its own moment, in order."""
        await self.settle()
        end = self._monotonic + seconds
        while True:
            self._drop_cancelled()
            if not self._timers or self._timers[0][0] > end:
                break
            due, _, fire = heapq.heappop(self._timers)
            self._monotonic = max(self._monotonic, due)
            fire()
            await self.settle()
        self._monotonic = end
        await self.settle()

    async def advance_until(self, reached: Callable[[], bool], limit: float = 3600.0) -> float:
        """Jump from timer to timer until `reached()`; answers the seconds that passed, fails after `limit` of them."""
        start = self._monotonic
        await self.settle()
        while not reached():
            wait = self.next_timer
            assert wait is not None, "nobody waits for time, and what was waited for has not happened"
            assert self._monotonic - start + wait <= limit, f"has not happened within {limit} s"
            await self.advance(wait)
        return self._monotonic - start

    def set_wall(self, now: datetime) -> None:
        """Set the wall clock, as NTP or an administrator does; monotonic time is not touched."""
        self._offset = now - timedelta(seconds=self._monotonic)

    def suspend(self, seconds: float) -> None:
        """Time passes while the process stands still (SIGSTOP, a sleeping laptop): nothing runs in between."""
        self._monotonic += seconds

    @staticmethod
    async def settle() -> None:
        """Let every task run until it waits for time or for the network."""
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def _set_timer(self, seconds: float, fire: Callable[[], None]) -> int:
        number = next(self._numbers)
        heapq.heappush(self._timers, (self._monotonic + seconds, number, fire))
        self._live.add(number)
        return number

    def _drop_cancelled(self) -> None:
        while self._timers and self._timers[0][1] not in self._live:
            heapq.heappop(self._timers)


async def eventually(reached: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait in real time until `reached()`, for tests that go through a socket; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not reached():  # noqa: ASYNC110 - what a socket brings has no event to wait for
            await asyncio.sleep(0.002)
