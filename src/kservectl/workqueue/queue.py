"""The work queue of a controller: the parts beside this file, put together with a clock and with waiting.

Promises, as client-go's: a key is with one worker at a time; a key added many times before it is taken is processed once,
one added while in hand is processed once more; order is that of ordering.py; of two delays the earlier
wins, and an immediate add wins over any; after `shut_down` nothing is handed out, and `drain` waits for what is in hand.
It owns no task: a waiting `get` is what lets a delay pass.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Hashable
from typing import Generic, TypeVar

from kservectl.clock import Clock
from kservectl.workqueue.delaying import DelayedKeys
from kservectl.workqueue.metrics import QueueMetrics
from kservectl.workqueue.ordering import KeyOrder
from kservectl.workqueue.rate_limiting import RateLimiter

K = TypeVar("K", bound=Hashable)

CHANGED = 0
"""The priority of a change that somebody made."""

UNDER_WAY = 5
"""The priority of what a key's own work has led to, such as an object of its own that came to be: a head start, in seconds,
before what others changed. What was begun is finished before more is begun, or many objects at once would all be ready last."""

UNCHANGED = -100
"""The priority of what is seen at start or delivered again: a restart with many objects must not delay a user's edit."""


class ShutDown(Exception):
    """The queue hands out no more keys."""


class WorkQueue(Generic[K]):
    """Keys to be processed. All methods but `get` and `drain` return at once; all belong to one event loop."""

    def __init__(
        self,
        name: str,
        *,
        clock: Clock,
        metrics: QueueMetrics | None = None,
        limiter: RateLimiter[K] | None = None,
    ) -> None:
        self.name = name
        self._clock = clock
        self._order: KeyOrder[K] = KeyOrder()
        self._delayed: DelayedKeys[K] = DelayedKeys()
        self._limiter: RateLimiter[K] = limiter or RateLimiter()
        self._taken_at: dict[K, float] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._idle: list[asyncio.Future[None]] = []
        self._shut_down = False
        self._recorder = metrics.queue(name, self._ages, lambda: self._limiter.failing) if metrics else None

    def __len__(self) -> int:
        """Keys that wait to be taken now; delayed ones and those in hand are not counted."""
        self._add_due()
        return len(self._order)

    @property
    def in_hand(self) -> Collection[K]:
        """Keys that were taken and are not done; a live view."""
        return self._taken_at.keys()

    def add(self, key: K, priority: int = CHANGED) -> None:
        """Have `key` processed soon. Nothing happens after `shut_down`."""
        if self._shut_down:
            return
        self._add_due()
        delayed_at = self._delayed.drop(key)
        self._line_up(key, priority if delayed_at is None else max(priority, delayed_at), self._clock.monotonic())

    def add_after(self, key: K, seconds: float, priority: int | None = None) -> None:
        """Have `key` processed in `seconds`, unless it is wanted earlier. None keeps the priority it was taken at."""
        if self._shut_down:
            return
        if priority is None:
            priority = self._order.in_hand.get(key, CHANGED)
        if seconds <= 0:
            self.add(key, priority)
            return
        if self._order.is_wanted(key):
            self._line_up(key, priority, self._clock.monotonic())  # sooner than any delay; it may still move up
            return
        before = self._delayed.next_deadline
        deadline = self._clock.monotonic() + seconds
        self._delayed.add(key, deadline, priority)
        if before is None or deadline < before:
            self._wake_getter()  # it goes back to sleep, until this deadline

    def add_rate_limited(self, key: K, *, share: bool = True) -> float:
        """Have `key`, which failed, processed after a delay that grows with its failures; answers that delay.

        Without `share` it does not queue up with the retries of other keys: for what is nobody's fault and soon over.
        """
        delay = self._limiter.next_delay(key, self._clock.monotonic(), share=share)
        if self._recorder and not self._shut_down:
            self._recorder.retried()
        self.add_after(key, delay, min(self._order.in_hand.get(key, CHANGED), CHANGED))
        return delay

    def forget(self, key: K) -> None:
        """Clear the key's failures: it succeeded, or does not matter any more."""
        self._limiter.forget(key)

    def retries(self, key: K) -> int:
        """How often `key` failed since it was last forgotten."""
        return self._limiter.retries(key)

    async def get(self) -> K:
        """The next key, which is then in hand until `done`; raises ShutDown, also to those who wait already."""
        while True:
            if self._shut_down:
                raise ShutDown(f"queue {self.name} is shut down")
            self._add_due()
            taken = self._order.take()
            if taken is not None:
                now = self._clock.monotonic()
                self._taken_at[taken.key] = now
                if self._recorder:
                    self._recorder.taken(now - taken.since)
                if len(self._order):
                    self._wake_getter()
                return taken.key
            await self._wait_for_key()

    def done(self, key: K) -> None:
        """Put `key` down after a `get`; it comes back at once if it was added meanwhile."""
        came_back = self._order.done(key)
        worked = self._clock.monotonic() - self._taken_at.pop(key)
        if self._recorder:
            self._recorder.finished(worked)
        if came_back:
            self._follow_depth()
            self._wake_getter()
        if not self._taken_at:
            for waiter in self._idle:
                if not waiter.done():
                    waiter.set_result(None)

    def shut_down(self) -> None:
        """Take no more keys, hand out none, and drop those that wait: whoever starts next sees every object anew."""
        self._shut_down = True
        self._order.clear()
        self._delayed.clear()
        while self._getters:
            self._wake_getter()

    async def drain(self, seconds: float) -> bool:
        """Wait until no key is in hand, at most `seconds`; answers whether that came true."""
        if not self._taken_at:
            return True
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(waiter)
        try:
            async with self._clock.timeout(seconds):
                await waiter
        except TimeoutError:
            return not self._taken_at
        finally:
            self._idle.remove(waiter)
        return True

    async def _wait_for_key(self) -> None:
        """Sleep until woken or until the next deadline; either may turn out to be for nothing."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._getters.append(waiter)
        deadline = self._delayed.next_deadline
        try:
            async with self._clock.timeout(None if deadline is None else deadline - self._clock.monotonic()):
                await waiter
        except TimeoutError:
            return
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._wake_getter()  # the key that this one was woken for is somebody else's now
            raise
        finally:
            if waiter in self._getters:
                self._getters.remove(waiter)

    def _add_due(self) -> None:
        for due in self._delayed.due(self._clock.monotonic()):
            self._line_up(due.key, due.priority, due.deadline)

    def _line_up(self, key: K, priority: int, since: float) -> None:
        if self._order.add(key, priority, since) and self._recorder:
            self._recorder.added()
        self._follow_depth()
        if len(self._order):
            self._wake_getter()

    def _wake_getter(self) -> None:
        while self._getters:
            waiter = self._getters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _follow_depth(self) -> None:
        if self._recorder:
            self._recorder.follow(self._order.depth)

    def _ages(self) -> list[float]:
        now = self._clock.monotonic()
        return [now - taken_at for taken_at in self._taken_at.values()]
