"""Delays between tries."""

import random

from kservectl.informers.backoff import Backoff
from tests.fake_clock import FakeClock


class Highest(random.Random):
    """Always draws the upper end, so that the ceilings show."""

    def uniform(self, a: float, b: float) -> float:
        return b


async def test_ceiling_doubles_up_to_half_a_minute() -> None:
    clock = FakeClock()
    backoff = Backoff(clock=clock, rng=Highest())
    delays = []
    for _ in range(8):
        delays.append(backoff.next())
        await clock.advance(delays[-1])
    assert delays == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


async def test_two_minutes_of_health_start_it_over() -> None:
    clock = FakeClock()
    backoff = Backoff(clock=clock, rng=Highest())
    for _ in range(6):
        await clock.advance(backoff.next())
    await clock.advance(119)
    assert backoff.next() == 30.0
    await clock.advance(30 + 120)
    assert backoff.next() == 0.8


def test_jitter_is_full() -> None:
    draws = [Backoff(clock=FakeClock(), rng=random.Random(seed)).next() for seed in range(200)]
    assert min(draws) < 0.08 and max(draws) > 0.72
    assert all(0 <= draw <= 0.8 for draw in draws)
