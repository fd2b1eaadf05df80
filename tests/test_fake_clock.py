"""What the tests' own clock promises; a clock that lies would make every other test worthless."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.fake_clock import FakeClock


async def test_sleepers_wake_in_order_at_their_own_moment() -> None:
    clock = FakeClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic()))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("late", 20))
        group.create_task(sleeper("early", 5))
        await clock.advance(19.9)
        assert woken == [("early", 1005.0)]
        await clock.advance(0.2)
    assert woken == [("early", 1005.0), ("late", 1020.0)]


async def test_a_chain_of_sleeps_passes_in_one_advance() -> None:
    clock = FakeClock()

    async def chain() -> float:
        for _ in range(10):
            await clock.sleep(1)
        return clock.monotonic()

    task = asyncio.create_task(chain())
    await clock.advance(3600)
    assert task.result() == 1010.0


async def test_a_timeout_fires_at_its_moment_and_not_before() -> None:
    clock = FakeClock()

    async def limited() -> None:
        async with clock.timeout(10):
            await asyncio.Event().wait()

    task = asyncio.create_task(limited())
    await clock.advance(9.9)
    assert not task.done()
    await clock.advance(0.2)
    with pytest.raises(TimeoutError):
        task.result()


async def test_a_block_that_ends_in_time_is_not_interrupted_later() -> None:
    clock = FakeClock()
    async with clock.timeout(1):
        pass
    await clock.advance(10)
    assert clock.next_timer is None


async def test_a_cancelled_sleeper_leaves_no_timer() -> None:
    clock = FakeClock()
    task = asyncio.create_task(clock.sleep(10))
    await clock.settle()
    assert clock.next_timer == 10
    task.cancel()
    await clock.settle()
    assert clock.next_timer is None


async def test_wall_and_monotonic_time_move_together_but_are_set_apart() -> None:
    clock = FakeClock()
    clock.set_wall(datetime(2030, 5, 1, tzinfo=UTC))
    await clock.advance(60)
    assert clock.monotonic() == 1060.0
    assert clock.now() == datetime(2030, 5, 1, tzinfo=UTC) + timedelta(seconds=60)


async def test_waiting_for_what_never_happens_fails() -> None:
    clock = FakeClock()
    with pytest.raises(AssertionError, match="nobody waits"):
        await clock.advance_until(lambda: False)
