"""Services that come, change and go all the time: the manager's memory must not grow with how many there have been.

Names are never used again, so that what is kept for a key after its end is seen.
"""

import asyncio
import itertools
import statistics
import time
from collections import deque
from collections.abc import Sequence

from benchmarks.services import fleet, make_ready
from benchmarks.stack import at_rest, counted, manager, stack
from benchmarks.table import Figure, memory_ratio
from benchmarks.usage import usage
from e2e.api import Api, is_ready
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects import metadata

_NAMESPACES = 10
_PACE_SECONDS = 0.5
_LIMITS = 1000
_MOST_GROWTH = 1.05
_WARM_UP = 0.25
"""Which part of the time comes before what is looked at: caches of bounded size fill, the allocator finds its level."""


async def run(number: int, minutes: int) -> list[Figure]:
    """About `number` services at any moment; memory is printed every minute."""
    async with stack() as ours:
        with manager(ours) as process:
            namespaces = await ours.namespaces(_NAMESPACES)
            await make_ready(ours.api, number, namespaces)
            await at_rest(process)
            before = await counted(process)
            samples: list[float] = []
            churning = asyncio.create_task(_churn(ours.api, number, namespaces))
            for minute in range(minutes + 1):
                samples.append(usage(process.pid).resident_mb)
                print(f"minute {minute}: {samples[-1]:.1f} MB", flush=True)
                await asyncio.wait([churning], timeout=60 if minute < minutes else 0)
                if churning.done():
                    churning.result()  # it ends by failing only
            churning.cancel()
            await asyncio.wait([churning])
            await at_rest(process)
            after = await counted(process)
            there = await ours.api.list(INFERENCE_SERVICE)
            not_ready = [str(metadata.key(obj)) for obj in there if not is_ready(obj)]
    return _figures(number, minutes, samples, after.reconciles - before.reconciles, not_ready)


def _figures(
    number: int, minutes: int, samples: Sequence[float], reconciles: float, not_ready: Sequence[str]
) -> list[Figure]:
    row = f"{minutes} min of churn at {1 / _PACE_SECONDS:g}/s, {number} services"
    settled = samples[int(len(samples) * _WARM_UP) :]
    slope, _ = statistics.linear_regression(range(len(settled)), settled)
    third = max(len(settled) // 3, 1)
    return [
        memory_ratio(
            row,
            "resident memory, last third of the time",
            statistics.fmean(settled[-third:]),
            statistics.fmean(settled[:third]),
            "first third after warm-up",
            at_most=_MOST_GROWTH,
        ),
        Figure(row, "its slope after warm-up", f"{slope * 60:+.1f} MB an hour", f"{reconciles:.0f} reconciles"),
        Figure(row, "services not Ready at the end", str(len(not_ready)), ", ".join(not_ready[:5]), "0", not not_ready),
    ]


async def _churn(api: Api, number: int, namespaces: Sequence[str]) -> None:
    """One of three things at each beat, for ever: a service comes, another one changes, the oldest goes."""
    living = deque((metadata.name(obj), metadata.namespace(obj)) for obj in fleet(number, namespaces))
    for turn in itertools.count():
        due = time.monotonic() + _PACE_SECONDS
        match turn % 3:
            case 0:
                (obj,) = fleet(1, [namespaces[turn % len(namespaces)]], prefix=f"churn{turn}-")
                await api.create(INFERENCE_SERVICE, obj)
                living.append((metadata.name(obj), metadata.namespace(obj)))
            case 1:
                name, namespace = living[len(living) // 2]
                change = {"spec": {"predictor": {"maxReplicas": 4 + turn % _LIMITS}}}
                await api.merge(INFERENCE_SERVICE, name, namespace, change)
            case _:
                name, namespace = living.popleft()
                await api.delete(INFERENCE_SERVICE, name, namespace)
        await asyncio.sleep(due - time.monotonic())
