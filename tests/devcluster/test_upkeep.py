"""The loop of the cluster's own controllers."""

import asyncio

import pytest

from kservectl.clock import SystemClock
from kservectl.devcluster.upkeep import Upkeep


async def test_what_is_in_hand_when_the_cluster_stops_is_looked_at_when_it_starts_again() -> None:
    upkeep = Upkeep("test", SystemClock())
    begun, ended = asyncio.Event(), asyncio.Event()
    settled: list[str] = []

    async def hang(key: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def settle(key: str) -> None:
        settled.append(key)
        if len(settled) == 2:
            ended.set()

    upkeep.add("first")
    upkeep.add("second")
    running = asyncio.create_task(upkeep.run(hang))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    again = asyncio.create_task(upkeep.run(settle))
    try:
        async with asyncio.timeout(5):
            await ended.wait()
    finally:
        again.cancel()
    assert sorted(settled) == ["first", "second"]
