"""Requests at a server, so many at a time, with how long each took."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """Requests that were answered within `seconds`, and how long each took, in seconds."""

    seconds: float
    latencies: Sequence[float]

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, which: int) -> float:
        """In milliseconds."""
        return statistics.quantiles(self.latencies, n=100)[which - 1] * 1000


async def send(ask: Callable[[], Awaitable[None]], requests: int, at_once: int) -> Measured:
    """Call `ask`, which raises for an answer that is not the right one, `requests` times."""
    latencies: list[float] = []
    left = iter(range(requests))

    async def sender() -> None:
        for _ in left:
            started = time.perf_counter()
            await ask()
            latencies.append(time.perf_counter() - started)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(sender())
    return Measured(time.perf_counter() - started, latencies)


def together(rounds: Sequence[Measured]) -> Measured:
    """Several rounds as one."""
    return Measured(sum(one.seconds for one in rounds), [each for one in rounds for each in one.latencies])
