"""A client-side limit on requests, for those who ask for one; the server's priority and fairness is the default limit."""

from kservectl.clock import Clock


class RateLimit:
    """A token bucket: `qps` requests a second on average, `burst` at once. Waiters are served in the order they came."""

    def __init__(self, qps: float, burst: int, *, clock: Clock) -> None:
        if qps <= 0 or burst < 1:
            raise ValueError(f"a rate limit needs qps > 0 and burst >= 1, not qps={qps} and burst={burst}")
        self._interval = 1.0 / qps
        self._span = burst * self._interval
        self._clock = clock
        # The moment at which the bucket will be full again: taking a token moves it one interval on.
        self._full_at = clock.monotonic()

    async def acquire(self) -> None:
        """Return once one more request is within the limit."""
        now = self._clock.monotonic()
        self._full_at = max(self._full_at, now) + self._interval
        wait = self._full_at - self._span - now
        if wait > 0:
            await self._clock.sleep(wait)
