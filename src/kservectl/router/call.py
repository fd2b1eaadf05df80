"""One call of a service, as a step asks for it, and the way for its answer straight to the caller of the graph."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from multidict import CIMultiDict

from kservectl.router.answer import Answer
from kservectl.router.holding import Holding

Headers = CIMultiDict[str]


class Relay(Protocol):
    """Passes an answer on while it comes in. Once it has begun, nothing else can be answered any more."""

    @property
    def begun(self) -> bool: ...

    async def begin(self, status: int, content_type: str) -> None: ...

    async def write(self, chunk: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Call:
    """`holding` is that of the request; its answer counts as held by it.

    `retries` None leaves it to the router how often a call is tried again.

    `relay` is set where the answer of this call is that of the graph.
    """

    url: str
    body: bytes
    headers: Headers
    holding: Holding
    retries: int | None = None
    relay: Relay | None = None


Caller = Callable[[Call], Awaitable[Answer]]
"""Makes a call; raises StepError."""
