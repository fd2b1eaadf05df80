"""The requests that a server has begun and not answered, so that it can stop without cutting one off.

aiohttp's own shutdown waits for handlers too, but cuts off a request whose body is still coming.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from kservectl.clock import Clock


class UnderWay:
    """Counts requests."""

    def __init__(self) -> None:
        self.count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def request(self) -> Iterator[None]:
        """A request is under way in this block."""
        self.count += 1
        self._idle.clear()
        try:
            yield
        finally:
            self.count -= 1
            if not self.count:
                self._idle.set()

    async def finished(self, clock: Clock, seconds: float) -> bool:
        """Wait until none is under way; False when some still are after `seconds`."""
        try:
            async with clock.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True
