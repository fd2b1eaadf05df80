"""The promises of the work queue, one test each."""

import asyncio

import pytest

from kservectl.workqueue import UNCHANGED, UNDER_WAY, ShutDown, WorkQueue
from tests.fake_clock import FakeClock


def queue(clock: FakeClock | None = None) -> WorkQueue[str]:
    return WorkQueue("test", clock=clock or FakeClock())


async def take_all(q: WorkQueue[str]) -> list[str]:
    """Every key that can be had now, each put down at once."""
    keys = []
    while len(q):
        keys.append(await q.get())
        q.done(keys[-1])
    return keys


async def test_item_added_twice_is_processed_once() -> None:
    q = queue()
    for _ in range(1000):
        q.add("a")
    assert await take_all(q) == ["a"]


async def test_item_in_hand_is_not_handed_out_again_and_comes_back_once() -> None:
    q = queue()
    q.add("a")
    assert await q.get() == "a"
    for _ in range(1000):
        q.add("a")
    assert len(q) == 0
    second = asyncio.create_task(q.get())
    await FakeClock.settle()
    assert not second.done()
    q.done("a")
    assert await second == "a"
    q.done("a")
    assert len(q) == 0


async def test_items_come_first_in_first_out() -> None:
    q = queue()
    for key in "dacb":
        q.add(key)
    assert await take_all(q) == ["d", "a", "c", "b"]


async def test_an_edit_is_served_before_ten_thousand_initial_items() -> None:
    q = queue()
    for number in range(10_000):
        q.add(f"initial-{number}", UNCHANGED)
    q.add("edit")
    assert await q.get() == "edit"


async def test_what_was_begun_goes_before_what_began_to_wait_a_little_earlier() -> None:
    clock = FakeClock()
    q = queue(clock)
    q.add("created")
    await clock.advance(UNDER_WAY - 1)
    q.add("begun", UNDER_WAY)
    assert await take_all(q) == ["begun", "created"]


async def test_nobody_waits_for_ever_for_what_was_begun() -> None:
    clock = FakeClock()
    q = queue(clock)
    q.add("created")
    await clock.advance(UNDER_WAY + 1)
    for number in range(3):
        q.add(f"begun-{number}", UNDER_WAY)
    assert await q.get() == "created"


async def test_a_retry_has_no_head_start() -> None:
    clock = FakeClock()
    q = queue(clock)
    q.add("fails", UNDER_WAY)
    await q.get()
    delay = q.add_rate_limited("fails")
    q.done("fails")
    q.add_after("edited", delay - 0.001)
    await clock.advance(delay)
    assert await take_all(q) == ["edited", "fails"]


async def test_an_item_keeps_the_highest_priority_it_was_added_with() -> None:
    q = queue()
    q.add("low", UNCHANGED)
    q.add("raised", UNCHANGED)
    q.add("raised")
    q.add("raised", UNCHANGED)
    assert await take_all(q) == ["raised", "low"]


async def test_an_item_added_again_in_hand_keeps_the_highest_priority_of_those_adds() -> None:
    q = queue()
    q.add("a", UNCHANGED)
    await q.get()
    q.add("a", UNCHANGED)
    q.add("a")
    q.add("other", UNCHANGED)
    q.done("a")
    assert await take_all(q) == ["a", "other"]


async def test_add_after_comes_at_its_moment() -> None:
    clock = FakeClock()
    q = queue(clock)
    q.add_after("a", 10)
    got = asyncio.create_task(q.get())
    await clock.advance(9.9)
    assert not got.done()
    await clock.advance(0.1)
    assert await got == "a"


@pytest.mark.parametrize("delays", [(10, 20), (20, 10)])
async def test_of_two_delays_the_earlier_wins_and_the_other_is_gone(delays: tuple[int, int]) -> None:
    clock = FakeClock()
    q = queue(clock)
    for delay in delays:
        q.add_after("a", delay)
    await clock.advance(10)
    assert await take_all(q) == ["a"]
    await clock.advance(100)
    assert len(q) == 0


async def test_an_immediate_add_supersedes_a_delay_and_keeps_its_priority() -> None:
    clock = FakeClock()
    q = queue(clock)
    q.add_after("a", 10, priority=0)
    q.add("other", -50)
    q.add("a", UNCHANGED)
    assert await take_all(q) == ["a", "other"]
    await clock.advance(100)
    assert len(q) == 0


async def test_a_delay_for_an_item_that_already_waits_changes_nothing() -> None:
    clock = FakeClock()
    q = queue(clock)
    q.add("a")
    q.add_after("a", 10)
    assert await take_all(q) == ["a"]
    await clock.advance(100)
    assert len(q) == 0


async def test_a_delay_without_priority_keeps_the_one_it_was_taken_at() -> None:
    clock = FakeClock()
    q = queue(clock)
    q.add("initial", UNCHANGED)
    await q.get()
    q.add_after("initial", 5)
    q.done("initial")
    q.add_after("edit", 6)
    await clock.advance(6)
    assert await take_all(q) == ["edit", "initial"]


async def test_a_shorter_delay_added_while_waiting_wakes_the_waiter_in_time() -> None:
    clock = FakeClock()
    q = queue(clock)
    q.add_after("late", 100)
    got = asyncio.create_task(q.get())
    await clock.settle()
    q.add_after("early", 1)
    await clock.advance(1)
    assert await got == "early"


async def test_failures_double_the_delay_until_the_cap_and_forget_resets_it() -> None:
    clock = FakeClock()
    q = queue(clock)
    delays = []
    for _ in range(20):
        q.add("a")
        await q.get()
        delays.append(q.add_rate_limited("a"))
        q.done("a")
        await clock.advance(400)
        await take_all(q)
    ideal = [min(0.005 * 2**n, 300) for n in range(20)]
    assert all(abs(delay - right) <= 0.1001 * right for delay, right in zip(delays, ideal, strict=True))
    assert q.retries("a") == 20
    q.forget("a")
    assert q.retries("a") == 0
    assert q.add_rate_limited("a") <= 0.0056


async def test_shutdown_wakes_getters_and_hands_out_nothing_more() -> None:
    q = queue()
    waiting = [asyncio.create_task(q.get()) for _ in range(3)]
    await FakeClock.settle()
    q.shut_down()
    for task in waiting:
        with pytest.raises(ShutDown):
            await task
    q.add("a")
    q.add_after("b", 0)
    with pytest.raises(ShutDown):
        await q.get()


async def test_shutdown_drops_what_waits_and_what_would_come_back() -> None:
    clock = FakeClock()
    q = queue(clock)
    q.add("in hand")
    await q.get()
    q.add("in hand")
    q.add("waiting")
    q.add_after("delayed", 1)
    q.shut_down()
    q.done("in hand")
    await clock.advance(10)
    assert len(q) == 0


async def test_drain_waits_for_items_in_hand() -> None:
    q = queue()
    q.add("a")
    await q.get()
    q.shut_down()
    draining = asyncio.create_task(q.drain(25))
    await FakeClock.settle()
    assert not draining.done()
    q.done("a")
    assert await draining is True


async def test_drain_gives_up_at_its_deadline() -> None:
    clock = FakeClock()
    q = queue(clock)
    q.add("a")
    await q.get()
    q.shut_down()
    draining = asyncio.create_task(q.drain(25))
    await clock.advance(25)
    assert await draining is False


async def test_drain_of_an_idle_queue_returns_at_once() -> None:
    q = queue()
    assert await q.drain(25) is True


async def test_an_item_is_not_lost_with_a_cancelled_getter() -> None:
    q = queue()
    first, second = asyncio.create_task(q.get()), asyncio.create_task(q.get())
    await FakeClock.settle()
    q.add("a")
    first.cancel()
    assert await asyncio.wait_for(second, 1) == "a"
    assert first.cancelled()


async def test_putting_down_what_is_not_in_hand_is_an_error() -> None:
    with pytest.raises(KeyError):
        queue().done("a")
