"""Services whose pods never get ready must cost the others nothing: once all is said about them the manager rests, the same work
once more takes no longer, and a healthy service among them gets its objects at once."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.services import CHILDREN, Progress, create, fleet
from benchmarks.stack import Stack, at_rest, manager, stack
from benchmarks.table import Figure, at_most, ratio
from e2e.services import ready
from kservectl.api.kinds import HTTP_ROUTE, INFERENCE_SERVICE
from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

_NAMESPACES = 10
_SECONDS = 1200.0
_HEALTHY = 50
_FAULT = "image-pull-error"


async def run(number: int) -> list[Figure]:
    """`number` broken services, as many again, then healthy ones one after the other."""
    row = f"{number} broken + {number}"
    async with stack() as ours:
        with manager(ours) as process:
            namespaces = await ours.namespaces(_NAMESPACES)
            first = await _all_made(ours, namespaces, number, "a")
            await at_rest(process, _SECONDS)
            second = await _all_made(ours, namespaces, number, "b")
            healthy = [await _healthy(ours, namespaces[0], position) for position in range(_HEALTHY)]
            await ready(ours.api, namespaces[0], "healthy0-0", seconds=60)
    p99 = statistics.quantiles(healthy, n=100, method="inclusive")[98]
    return [
        ratio(row, f"objects of the second {number}", second, first, f"first {number}", at_most=1.3),
        at_most(row, f"objects of a healthy service, p99 of {_HEALTHY}", p99, "s", 1.0),
        Figure(row, "the same, median", f"{statistics.median(healthy):.2f} s"),
    ]


async def _all_made(ours: Stack, namespaces: list[str], number: int, prefix: str) -> float:
    """Seconds until each of a new fleet has its objects; routes come when pods are ready, so here never."""
    before = {kind: len(await ours.api.list(kind)) for kind in CHILDREN if kind != HTTP_ROUTE}
    progress = Progress(ours.api)
    async with asyncio.TaskGroup() as group:
        following = [group.create_task(progress.follow(kind)) for kind in before]
        started = time.perf_counter()
        creating = group.create_task(create(ours.api, fleet(number, namespaces, prefix=prefix, fault=_FAULT)))
        moments = await asyncio.gather(
            *(
                progress.when(kind, _AtLeast(known + CHILDREN[kind] * number), _SECONDS)
                for kind, known in before.items()
            )
        )
        await creating
        for task in following:
            task.cancel()
    return max(moments) - started


@dataclass(frozen=True, slots=True)
class _AtLeast:
    number: int

    def __call__(self, found: Sequence[object]) -> bool:
        return len(found) >= self.number


async def _healthy(ours: Stack, namespace: str, position: int) -> float:
    """Seconds from the creation of one service until each of its objects exists."""
    (obj,) = fleet(1, [namespace], prefix=f"healthy{position}-")
    started = time.perf_counter()
    uid = metadata.uid(await ours.api.create(INFERENCE_SERVICE, obj))

    async def wait(kind: Kind, count: int) -> None:
        def holds(found: Sequence[Object]) -> bool:
            return sum(metadata.is_controlled_by(each, uid) for each in found) >= count

        await ours.api.until_all(kind, namespace, holds, f"{kind} of {metadata.name(obj)}", seconds=60)

    async with asyncio.TaskGroup() as group:
        for kind, count in CHILDREN.items():
            group.create_task(wait(kind, count))
    return time.perf_counter() - started
