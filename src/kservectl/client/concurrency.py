"""How many requests are under way at once: few while the server refuses some for being overloaded, many while it takes them all.

As TCP finds its rate (additive increase, multiplicative decrease): a 429 halves the number, each full round of requests that the
server took raises it by one. So the process shares an overloaded server with others, without knowing what API Priority
and Fairness grants it. Watches and urgent requests do not pass here: a lead that ends for want of a slot helps nobody.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from kservectl.client.errors import TooManyRequests

MOST = 128
"""More than a manager has under way, but in bursts; less than what a server without load grants to one account."""
_LEAST = 2
"""A long list must not hold up everything else."""
_FEW = 4
"""Requests at once that still leave a server with one or two cores time to spare."""


class AdaptiveConcurrency:
    """At most `limit` requests at once; others wait in the order they came.

    changed
        Called with the limit whenever its whole number changes.
    """

    def __init__(self, *, most: int = MOST, changed: Callable[[int], None] | None = None) -> None:
        self._most = most
        self._exact = float(most)
        self._changed = changed or (lambda limit: None)
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._calm = asyncio.Event()
        self._calm.set()
        self._lowered = 0
        self._changed(most)

    @property
    def limit(self) -> int:
        return int(self._exact)

    @property
    def under_way(self) -> int:
        return self._under_way

    async def calm(self) -> None:
        """Return once only few requests are under way: for what can wait."""
        await self._calm.wait()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """A block for one attempt at one request; whether it raises TooManyRequests is what the limit is found by."""
        await self._enter()
        lowered = self._lowered
        try:
            yield
        except TooManyRequests:
            self._lower(lowered)
            raise
        else:
            self._raise()  # any other error says nothing of the server's load
        finally:
            self._leave()

    async def _enter(self) -> None:
        if self._under_way < self.limit and not self._waiting:
            self._under_way += 1
            self._judge()
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._judge()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # the slot came together with the end of the wait
            raise

    def _leave(self) -> None:
        self._under_way -= 1
        while self._waiting and self._under_way < self.limit:
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self._under_way += 1
                turn.set_result(None)
        self._judge()

    def _judge(self) -> None:
        if self._under_way > _FEW or self._waiting:
            self._calm.clear()
        else:
            self._calm.set()

    def _lower(self, lowered: int) -> None:
        """Once for all that were under way together: they were refused for one and the same load."""
        if lowered == self._lowered:
            self._lowered += 1
            self._set(max(min(self._exact, self._under_way) / 2, _LEAST))

    def _raise(self) -> None:
        """Only where the limit is what holds requests up: else nothing is known about a higher one."""
        if self._exact < self._most and self._under_way >= self.limit:
            self._set(min(self._exact + 1 / self._exact, self._most))

    def _set(self, exact: float) -> None:
        before, self._exact = self.limit, exact
        if self.limit != before:
            self._changed(self.limit)
