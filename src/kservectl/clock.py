"""Time as an argument.

Everything that waits, backs off or judges an age takes a `Clock`, so that its test runs hours in milliseconds. Two kinds
of time are kept apart: `monotonic` for durations (never jumps), `now` for what is written into objects (may jump).
"""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The time source of a component."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; only differences mean anything."""
        ...

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`; at once (but after yielding to the loop) when not positive."""
        ...

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """A block that raises TimeoutError in its task when it lasts longer than `seconds`; None sets no limit."""
        ...


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(seconds)


def rfc3339(moment: datetime) -> str:
    """`moment` as metav1.Time writes it: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"


def rfc3339_micro(moment: datetime) -> str:
    """`moment` as metav1.MicroTime writes it: UTC, six decimals, `Z` (Leases, events.k8s.io)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """Read either form; raises ValueError for anything else."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
