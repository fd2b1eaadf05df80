"""How long a failed key waits."""

import random

import pytest

from kservectl.workqueue import Bucket, KeyBackoff, RateLimiter


def test_backoff_doubles_from_five_milliseconds_to_five_minutes() -> None:
    backoff: KeyBackoff[str] = KeyBackoff()
    delays = [backoff.next_delay("a") for _ in range(100)]
    assert delays[:4] == [0.005, 0.01, 0.02, 0.04]
    assert delays[-1] == 300.0


def test_keys_back_off_apart() -> None:
    backoff: KeyBackoff[str] = KeyBackoff()
    for _ in range(10):
        backoff.next_delay("bad")
    assert backoff.next_delay("good") == 0.005


def test_bucket_lets_a_burst_through_then_ten_a_second() -> None:
    bucket = Bucket(rate=10, burst=100)
    assert [bucket.reserve(0.0) for _ in range(100)] == [0.0] * 100
    assert bucket.reserve(0.0) == pytest.approx(0.1)
    assert bucket.reserve(0.0) == pytest.approx(0.2)
    assert bucket.reserve(1.0) == 0.0


def test_bucket_never_saves_more_than_its_burst() -> None:
    bucket = Bucket(rate=10, burst=5)
    bucket.reserve(0.0)
    assert [bucket.reserve(1e6) for _ in range(6)] == [0, 0, 0, 0, 0, pytest.approx(0.1)]


def test_a_thousand_keys_failing_at_once_are_spread_over_the_bucket() -> None:
    limiter: RateLimiter[int] = RateLimiter(jitter=0.0)
    delays = [limiter.next_delay(key, 0.0) for key in range(1000)]
    assert delays[99] == 0.005
    assert delays[-1] == pytest.approx(90.0)


def test_a_retry_that_does_not_share_takes_no_turn_of_the_bucket() -> None:
    limiter: RateLimiter[int] = RateLimiter(jitter=0.0, bucket=Bucket(rate=10, burst=1))
    assert [limiter.next_delay(key, 0.0, share=False) for key in range(50)] == [0.005] * 50
    assert limiter.next_delay(99, 0.0) == 0.005


def test_jitter_spreads_up_and_down_and_no_further() -> None:
    limiter: RateLimiter[int] = RateLimiter(jitter=0.1, bucket=Bucket(burst=10**6), rng=random.Random(1))
    delays = [limiter.next_delay(key, 0.0) for key in range(500)]
    assert 0.0045 <= min(delays) < 0.0047
    assert 0.0053 < max(delays) <= 0.0055
