"""The metrics of the controllers and of the event loop, and how all of a process are written out.

Names, labels and buckets are controller-runtime's, so that existing dashboards work; those that start with `kservectl_` have
no counterpart there. The registry is an argument: nothing is registered in a process-wide one.
"""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric

CONTENT_TYPE = CONTENT_TYPE_LATEST

_RECONCILE_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9),
    *(1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0, 25.0, 30.0),
    *(40.0, 50.0, 60.0),
)
_RESULTS = ("success", "error", "requeue", "requeue_after")


class RuntimeMetrics:
    """The `controller_runtime_*` families of reconciling, and kservectl's own beside them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(name, what, labels, registry=registry)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(name, what, labels, registry=registry)

        prefix = "controller_runtime_"
        self.reconciles = counter(f"{prefix}reconcile_total", "Reconciliations.", "controller", "result")
        self.errors = counter(f"{prefix}reconcile_errors_total", "Reconciliations that failed.", "controller")
        self.terminal_errors = counter(
            f"{prefix}terminal_reconcile_errors_total", "Failures that no retry mends.", "controller"
        )
        self.panics = counter(
            f"{prefix}reconcile_panics_total", "Exceptions that a decision did not expect: bugs.", "controller"
        )
        self.timeouts = counter(
            f"{prefix}reconcile_timeouts_total", "Reconciliations cancelled at their deadline.", "controller"
        )
        self.durations = Histogram(
            f"{prefix}reconcile_time_seconds",
            "How long reconciliations took.",
            ("controller",),
            buckets=_RECONCILE_BUCKETS,
            registry=registry,
        )
        self.max_workers = gauge(f"{prefix}max_concurrent_reconciles", "Workers of a controller.", "controller")
        self.active_workers = gauge(f"{prefix}active_workers", "Workers that hold a key.", "controller")
        self.applied = counter(
            "kservectl_apply_total", "Writes that made the cluster what a decision said.", "kind", "operation"
        )
        self.unchanging = counter(
            "kservectl_reconcile_unchanging_total",
            "Reconciliations after which nothing had to be written.",
            "controller",
        )
        self.loop_lag = gauge("kservectl_event_loop_lag_seconds", "How late the event loop was last time it was asked.")
        self.events = counter(
            "kservectl_events_total",
            "Events about objects, by what became of them: sent, failed, filtered, dropped.",
            "outcome",
        )

    def controller(self, name: str, workers: int) -> "ControllerMetrics":
        """The metrics of one controller, present from the start with zeros, so that rates are right from the first event."""
        return ControllerMetrics(self, name, workers)


class ControllerMetrics:
    """`RuntimeMetrics` with the controller's name filled in."""

    def __init__(self, metrics: RuntimeMetrics, name: str, workers: int) -> None:
        self._results = {result: metrics.reconciles.labels(name, result) for result in _RESULTS}
        self.errors = metrics.errors.labels(name)
        self.terminal_errors = metrics.terminal_errors.labels(name)
        self.panics = metrics.panics.labels(name)
        self.timeouts = metrics.timeouts.labels(name)
        self.unchanging = metrics.unchanging.labels(name)
        self.durations = metrics.durations.labels(name)
        self.active_workers = metrics.active_workers.labels(name)
        metrics.max_workers.labels(name).set(workers)

    def result(self, result: str) -> None:
        """Count a reconciliation: `success`, `error`, `requeue` or `requeue_after`."""
        self._results[result].inc()


class BuildInfo:
    """`kservectl_build_info`: always 1; its label tells which version runs."""

    def __init__(self, registry: CollectorRegistry, version: str) -> None:
        gauge = Gauge("kservectl_build_info", "The version that runs.", ("version",), registry=registry)
        gauge.labels(version).set(1)


def exposition(registry: CollectorRegistry) -> bytes:
    """All metrics of `registry` in Prometheus' text format, without the `_created` series that no dashboard asks for."""
    return generate_latest(_WithoutCreated(registry))


class _WithoutCreated(CollectorRegistry):
    """A registry that shows another one's families."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._shown = registry

    def collect(self) -> Iterable[Metric]:
        for family in self._shown.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family
