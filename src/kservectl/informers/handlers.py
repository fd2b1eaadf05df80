"""Telling others about changes, each at its own pace.

Every handler has a buffer and a task of its own: one that is slow, or raises, delays and harms no other one. Buffers are not
bounded, because a change must not be lost, but their lengths are in the metrics.
"""

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from kservectl.objects import metadata
from kservectl.objects.metadata import Object, ObjectKey

_TURN = 16
"""Changes handled before other tasks get a turn of the loop."""


@dataclass(frozen=True, slots=True)
class Change:
    """One object as it was and as it is: `old` is None for a new one, `new` for a deleted one, never both.

    `initial` marks what was there already when looking began: nobody just did it, so it is less urgent.
    """

    old: Object | None
    new: Object | None
    initial: bool = False

    @property
    def object(self) -> Object:
        """The newest known state; of a deleted object its last."""
        found = self.old if self.new is None else self.new
        assert found is not None, "a change has an old or a new object"
        return found

    @property
    def key(self) -> ObjectKey:
        return metadata.key(self.object)


Handler = Callable[[Change], None] | Callable[[Change], Awaitable[None]]


class Subscription:
    """One handler with its buffer."""

    def __init__(self, handler: Handler, name: str, *, on_synced: Callable[[], None]) -> None:
        self.name = name
        self.synced = False
        self._handler = handler
        self._on_synced = on_synced
        self._buffer: deque[Change | None] = deque()
        self._filled = asyncio.Event()
        self._log = structlog.get_logger()

    def __len__(self) -> int:
        """Changes that wait."""
        return len(self._buffer)

    def put(self, change: Change) -> None:
        self._buffer.append(change)
        self._filled.set()

    def end_of_first_list(self) -> None:
        """All of the first list is in the buffer: once it is handled, this handler is synced."""
        self._buffer.append(None)
        self._filled.set()

    async def run(self) -> None:
        """Hand out changes in order, for ever."""
        handled = 0
        while True:
            if not self._buffer:
                self._filled.clear()
                await self._filled.wait()
            change = self._buffer.popleft()
            if change is None:
                self.synced = True
                self._on_synced()
            else:
                await self._handle(change)
            handled += 1
            if handled % _TURN == 0:
                await asyncio.sleep(0)

    async def _handle(self, change: Change) -> None:
        try:
            answer = self._handler(change)
            if inspect.isawaitable(answer):
                await answer
        except Exception:
            # A handler's fault is its own: it is told to people, and the stream goes on.
            self._log.exception(
                "handler failed", handler=self.name, kind=change.object.get("kind"), key=str(change.key)
            )
