"""How long a key that failed has to wait.

The longer of two: an exponential delay of its own, which `forget` resets, and its turn in a bucket that all retries of a
queue share, so that a thousand keys failing together do not hammer the API server. Defaults are client-go's, but for the
cap (it waits up to 1000 s, which nobody who mends a cluster wants to sit through) and the jitter, which it lacks.
"""

import random
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class KeyBackoff(Generic[K]):
    """Seconds to wait per key: `base`, doubled at each failure, never over `cap`."""

    def __init__(self, base: float = 0.005, cap: float = 300.0) -> None:
        self._base = base
        self._cap = cap
        self._failures: dict[K, int] = {}

    def next_delay(self, key: K) -> float:
        """Count a failure and answer the delay it earns."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        return min(self._base * 2.0 ** min(failures, 60), self._cap)

    def __len__(self) -> int:
        """Keys that failed since they were last forgotten."""
        return len(self._failures)

    def failures(self, key: K) -> int:
        return self._failures.get(key, 0)

    def forget(self, key: K) -> None:
        self._failures.pop(key, None)


class Bucket:
    """`rate` turns a second, up to `burst` of them saved up."""

    def __init__(self, rate: float = 10.0, burst: int = 100) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at: float | None = None

    def reserve(self, now: float) -> float:
        """Take a turn and answer how many seconds from `now` it comes."""
        if self._at is not None:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        self._tokens -= 1.0
        return max(0.0, -self._tokens / self._rate)


class RateLimiter(Generic[K]):
    """The delay of each retry of one queue; spread by `jitter` (a fraction, up and down) so that keys do not march in step."""

    def __init__(
        self,
        *,
        backoff: KeyBackoff[K] | None = None,
        bucket: Bucket | None = None,
        jitter: float = 0.1,
        rng: random.Random | None = None,
    ) -> None:
        self._backoff = backoff or KeyBackoff()
        self._bucket = bucket or Bucket()
        self._jitter = jitter
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards no secret

    def next_delay(self, key: K, now: float, *, share: bool = True) -> float:
        """Seconds from `now`; `share` says whether a turn of the bucket is taken too."""
        delay = max(self._backoff.next_delay(key), self._bucket.reserve(now) if share else 0.0)
        return delay * self._rng.uniform(1.0 - self._jitter, 1.0 + self._jitter)

    @property
    def failing(self) -> int:
        """How many keys failed since they were last forgotten."""
        return len(self._backoff)

    def retries(self, key: K) -> int:
        """Failures counted since the key was last forgotten."""
        return self._backoff.failures(key)

    def forget(self, key: K) -> None:
        self._backoff.forget(key)
