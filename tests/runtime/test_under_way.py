"""Waiting for the requests that a server has begun."""

import asyncio

from kservectl.runtime.under_way import UnderWay
from tests.fake_clock import FakeClock


async def test_nothing_under_way_is_finished_at_once() -> None:
    assert await UnderWay().finished(FakeClock(), 1)


async def test_it_is_finished_with_the_last_request() -> None:
    under_way = UnderWay()
    with under_way.request():
        with under_way.request():
            waiting = asyncio.create_task(under_way.finished(FakeClock(), 60))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (waiting.done(), under_way.count) == (False, 1)
    assert await waiting


async def test_it_does_not_wait_for_ever() -> None:
    clock, under_way = FakeClock(), UnderWay()
    with under_way.request():
        waiting = asyncio.create_task(under_way.finished(clock, 15))
        await clock.advance(16)
        assert not await waiting
