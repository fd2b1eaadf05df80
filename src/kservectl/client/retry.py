"""Whether a failed request is tried again by the client itself, and when.

A pure decision. Only what cannot be executed twice is repeated: idempotent requests, and any request that the server
surely did not execute (it refused it with 429, or no connection came about). Everything is bounded, because a caller with a
queue behind it does the long waiting better.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from kservectl.client.errors import (
    ApiError,
    ClientError,
    ConnectionFailed,
    ServerError,
    TooManyRequests,
    Unreachable,
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits of the retries of one request.

    `attempts` counts the first one too. Delays are drawn between 0 and `base` · 2ⁿ seconds, at most `cap`, and come on
    top of what the server asks for. One that asks for more patience than `longest_wait` is not waited for: the caller gets the
    error, with its `retry_after`.
    """

    attempts: int = 5
    base: float = 0.25
    cap: float = 5.0
    longest_wait: float = 30.0

    def delay(self, error: ClientError, *, attempt: int, idempotent: bool, rng: random.Random) -> float | None:
        """Seconds to wait before attempt `attempt + 1`, or None to give up with `error`."""
        if attempt >= self.attempts or not _may_repeat(error, idempotent=idempotent):
            return None
        spread = rng.uniform(0, min(self.base * 2 ** (attempt - 1), self.cap))
        if isinstance(error, ApiError) and error.retry_after is not None:
            # An overloaded server tells everybody the same: what was refused together must not come back together.
            return error.retry_after + spread if error.retry_after <= self.longest_wait else None
        return spread


NO_RETRIES = RetryPolicy(attempts=1)
"""For callers that back off by themselves."""


def _may_repeat(error: ClientError, *, idempotent: bool) -> bool:
    if isinstance(error, TooManyRequests | Unreachable):
        return True
    return idempotent and (isinstance(error, ConnectionFailed | ServerError))


def parse_retry_after(header: str, now: datetime) -> float | None:
    """Seconds from a Retry-After header (a number of seconds or an HTTP date); None when it is neither."""
    if header.isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - now).total_seconds(), 0.0)
