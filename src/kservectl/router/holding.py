"""How much of bodies a router holds at once, all requests together.

Each body has a limit of its own, but a few large ones at a time would still end the process, and with it every request. So
bytes are taken out of one budget as they come, or as they are announced, and given back when the request that they are for ends.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiohttp import StreamReader

from kservectl.router.answer import StepError

_CHUNK = 1 << 16
_MIB = 1 << 20


class Overloaded(StepError):
    """There is no room for a body now. What would take it is not at fault, so it is the whole request's answer."""


class TooLong(Exception):
    """A body is longer than it may be."""


class HeldBytes:
    """A budget of `limit` bytes, of which `held` are in use. `refused` is called when there is no room for a body."""

    def __init__(self, limit: int, refused: Callable[[], None] = lambda: None) -> None:
        self.limit = limit
        self.held = 0
        self.refused = refused

    @contextmanager
    def request(self) -> Iterator["Holding"]:
        """What one request holds, until the end of the block."""
        holding = Holding(self)
        try:
            yield holding
        finally:
            self.held -= holding.bytes


class Holding:
    """The part of a budget that one request has."""

    def __init__(self, budget: HeldBytes) -> None:
        self._budget = budget
        self.bytes = 0

    def take(self, count: int) -> None:
        """Hold `count` bytes more; raises Overloaded."""
        budget = self._budget
        if budget.held + count > budget.limit:
            budget.refused()
            raise Overloaded(
                f"the router is overloaded: bodies of more than {budget.limit // _MIB} MiB together (--max-held-bytes) would be"
                " in its memory; try again later",
                503,
            )
        budget.held += count
        self.bytes += count

    def give_back(self, count: int) -> None:
        """Hold `count` bytes less, before the request ends."""
        self._budget.held -= count
        self.bytes -= count

    async def read(self, content: StreamReader, announced: int | None, limit: int) -> bytes:
        """The whole of `content`, `announced` bytes as far as its sender says; raises Overloaded and TooLong."""
        taken, received, pieces = 0, 0, []
        try:
            _bound(announced or 0, limit)
            self.take(announced or 0)
            taken = announced or 0
            while piece := await content.read(_CHUNK):
                received += len(piece)
                _bound(received, limit)
                if received > taken:
                    self.take(received - taken)
                    taken = received
                pieces.append(piece)
        except BaseException:
            self.give_back(taken)
            raise
        self.give_back(taken - received)
        return b"".join(pieces)


def _bound(count: int, limit: int) -> None:
    if count > limit:
        raise TooLong
