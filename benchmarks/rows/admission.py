"""Many services at once: no webhook may come near its deadline, or creations fail."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Mapping

from benchmarks.services import fleet
from benchmarks.stack import manager, stack
from benchmarks.table import Figure, at_most
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects.metadata import Object

_NAMESPACES = 10
_DEADLINE_SECONDS = 10.0
"""What the manifests give a webhook."""


async def run(number: int) -> list[Figure]:
    """All creations are sent at the same moment."""
    async with stack() as ours:
        with manager(ours) as process:
            namespaces = await ours.namespaces(_NAMESPACES)
            latencies: list[float] = []

            async def create(obj: Object) -> None:
                started = time.perf_counter()
                await ours.api.create(INFERENCE_SERVICE, obj)
                latencies.append(time.perf_counter() - started)

            async with asyncio.TaskGroup() as group:
                for obj in fleet(number, namespaces):
                    group.create_task(create(obj))
            metrics = await asyncio.to_thread(process.metrics)
    reviews: Counter[str] = Counter()
    for (name, labels), value in metrics.items():
        if name == "controller_runtime_webhook_latency_seconds_bucket":
            reviews[dict(labels)["le"]] += int(value)
    row = f"{number} creations at once"
    p99 = statistics.quantiles(latencies, n=100)[98]
    return [
        at_most(row, "creation seen by the client, p99", p99, "s", _DEADLINE_SECONDS),
        Figure(row, "failed", f"{number - len(latencies)}", "", "0", len(latencies) == number),
        Figure(row, "reviews in the webhook, p99 at most", f"{_percentile(reviews)} s"),
    ]


def _percentile(buckets: Mapping[str, int]) -> str:
    """The first bound below which 99 % of all lie."""
    enough = 0.99 * max(buckets.values())
    return min((bound for bound, count in buckets.items() if count >= enough), key=float)
