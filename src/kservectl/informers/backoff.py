"""How long to wait before the next try of something that goes on for ever."""

import random

from kservectl.clock import Clock


class Backoff:
    """Delays drawn between 0 and a ceiling (full jitter) that starts at `base` seconds and doubles up to `cap`.

    Without a failure for `healthy_after` seconds the ceiling starts at `base` again.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        rng: random.Random,
        base: float = 0.8,
        cap: float = 30.0,
        healthy_after: float = 120.0,
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._base = base
        self._cap = cap
        self._healthy_after = healthy_after
        self._ceiling = base
        self._failed_at = float("-inf")

    def next(self) -> float:
        """Seconds to wait after the failure that just happened."""
        now = self._clock.monotonic()
        if now - self._failed_at >= self._healthy_after:
            self._ceiling = self._base
        delay = self._rng.uniform(0.0, self._ceiling)
        self._ceiling = min(self._ceiling * 2, self._cap)
        # Health is counted from the end of the wait: waiting is not being healthy.
        self._failed_at = now + delay
        return delay
