"""Names, labels and buckets are an interface: dashboards are built on them."""

import pytest
from prometheus_client import CollectorRegistry

from kservectl.leader import ElectionMetrics
from kservectl.runtime.metrics import RuntimeMetrics
from kservectl.workqueue import QueueMetrics


def families() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Every family by name, with its type and labels."""
    registry = CollectorRegistry()
    found = {}
    for metrics in (RuntimeMetrics(registry), QueueMetrics(registry), ElectionMetrics(registry)):
        for metric in vars(metrics).values():
            if hasattr(metric, "_labelnames"):
                suffix = "_total" if metric._type == "counter" else ""
                found[metric._name + suffix] = (metric._type, tuple(metric._labelnames))
    return found


@pytest.mark.parametrize(
    ("name", "kind", "labels"),
    [
        ("controller_runtime_reconcile_total", "counter", ("controller", "result")),
        ("kservectl_reconcile_unchanging_total", "counter", ("controller",)),
        ("controller_runtime_reconcile_errors_total", "counter", ("controller",)),
        ("controller_runtime_terminal_reconcile_errors_total", "counter", ("controller",)),
        ("controller_runtime_reconcile_panics_total", "counter", ("controller",)),
        ("controller_runtime_reconcile_timeouts_total", "counter", ("controller",)),
        ("controller_runtime_reconcile_time_seconds", "histogram", ("controller",)),
        ("controller_runtime_max_concurrent_reconciles", "gauge", ("controller",)),
        ("controller_runtime_active_workers", "gauge", ("controller",)),
        ("workqueue_depth", "gauge", ("name", "controller", "priority")),
        ("workqueue_adds_total", "counter", ("name", "controller")),
        ("workqueue_retries_total", "counter", ("name", "controller")),
        ("workqueue_queue_duration_seconds", "histogram", ("name", "controller")),
        ("workqueue_work_duration_seconds", "histogram", ("name", "controller")),
        ("workqueue_unfinished_work_seconds", "gauge", ("name", "controller")),
        ("workqueue_longest_running_processor_seconds", "gauge", ("name", "controller")),
        ("leader_election_master_status", "gauge", ("name",)),
        ("kservectl_event_loop_lag_seconds", "gauge", ()),
        ("kservectl_apply_total", "counter", ("kind", "operation")),
    ],
)
def test_metric_is_as_dashboards_expect(name: str, kind: str, labels: tuple[str, ...]) -> None:
    assert families()[name] == (kind, labels)


def test_reconcile_times_have_controller_runtimes_buckets() -> None:
    registry = CollectorRegistry()
    RuntimeMetrics(registry).controller("c", 1)
    bounds = [
        float(sample.labels["le"])
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "controller_runtime_reconcile_time_seconds_bucket"
    ]
    assert (bounds[0], bounds[-2], bounds[-1]) == (0.005, 60.0, float("inf"))
    assert bounds == sorted(bounds)


def test_all_results_are_there_with_zero() -> None:
    registry = CollectorRegistry()
    RuntimeMetrics(registry).controller("c", 1)
    for result in ("success", "error", "requeue", "requeue_after"):
        labels = {"controller": "c", "result": result}
        assert registry.get_sample_value("controller_runtime_reconcile_total", labels) == 0
