"""The queue's metrics have client-go's names and tell the truth."""

from prometheus_client import CollectorRegistry

from kservectl.workqueue import UNCHANGED, QueueMetrics, WorkQueue
from tests.fake_clock import FakeClock


async def test_metrics_follow_a_key_through_the_queue() -> None:
    clock, registry = FakeClock(), CollectorRegistry()
    q: WorkQueue[str] = WorkQueue("isvc", clock=clock, metrics=QueueMetrics(registry))

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"name": "isvc", "controller": "isvc", **labels})

    q.add("a")
    q.add("a")
    q.add("b", UNCHANGED)
    assert value("workqueue_adds_total") == 2
    assert value("workqueue_depth", priority="0") == 1
    assert value("workqueue_depth", priority="-100") == 1
    await clock.advance(3)
    assert await q.get() == "a"
    assert value("workqueue_depth", priority="0") == 0
    assert value("workqueue_queue_duration_seconds_sum") == 3
    await clock.advance(4)
    await q.get()
    await clock.advance(2)
    assert value("workqueue_unfinished_work_seconds") == 8
    assert value("workqueue_longest_running_processor_seconds") == 6
    q.add_rate_limited("a")
    assert value("workqueue_retries_total") == 1
    failing = {"controller": "isvc"}
    assert registry.get_sample_value("kservectl_queue_failing_keys", failing) == 1
    q.forget("a")
    assert registry.get_sample_value("kservectl_queue_failing_keys", failing) == 0
    q.done("a")
    q.done("b")
    assert value("workqueue_work_duration_seconds_sum") == 8
    assert value("workqueue_unfinished_work_seconds") == 0
    assert value("workqueue_longest_running_processor_seconds") == 0


def test_duration_buckets_are_client_gos() -> None:
    registry = CollectorRegistry()
    q: WorkQueue[str] = WorkQueue("isvc", clock=FakeClock(), metrics=QueueMetrics(registry))
    assert len(q) == 0
    bounds = [
        float(sample.labels["le"])
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "workqueue_queue_duration_seconds_bucket"
    ]
    assert [f"{bound:.0e}" for bound in bounds[:-1]] == [f"{10.0**power:.0e}" for power in range(-8, 4)]
    assert bounds[-1] == float("inf")
