"""What a queue tells Prometheus, under client-go's names, so that existing dashboards read it."""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LABELS = ("name", "controller")
_BUCKETS = tuple(1e-8 * 10**power for power in range(12))


class QueueMetrics:
    """The `workqueue_*` families on one registry, shared by all queues of a process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.depth = Gauge("workqueue_depth", "Keys that wait.", (*_LABELS, "priority"), registry=registry)
        self.adds = Counter("workqueue_adds_total", "Keys added.", _LABELS, registry=registry)
        self.retries = Counter(
            "workqueue_retries_total", "Keys added again after a failure.", _LABELS, registry=registry
        )
        self.queue_duration = Histogram(
            "workqueue_queue_duration_seconds",
            "How long a key waited before it was taken.",
            _LABELS,
            buckets=_BUCKETS,
            registry=registry,
        )
        self.work_duration = Histogram(
            "workqueue_work_duration_seconds",
            "How long a key was in hand.",
            _LABELS,
            buckets=_BUCKETS,
            registry=registry,
        )
        self.unfinished = Gauge(
            "workqueue_unfinished_work_seconds",
            "Seconds of work in progress on keys in hand, summed; a steady rise means stuck workers.",
            _LABELS,
            registry=registry,
        )
        self.longest_running = Gauge(
            "workqueue_longest_running_processor_seconds",
            "How long the key longest in hand has been so.",
            _LABELS,
            registry=registry,
        )

        self.failing = Gauge(
            "kservectl_queue_failing_keys",
            "Keys that failed the last time and are tried again.",
            ("controller",),
            registry=registry,
        )

    def queue(self, name: str, ages: Callable[[], list[float]], failing: Callable[[], int]) -> "QueueRecorder":
        """The recorder of the queue called `name`.

        Asked when scraped: `ages` for how long each key has been in hand, `failing` for how many keys failed last time.
        """
        return QueueRecorder(self, name, ages, failing)


class QueueRecorder:
    """The metrics of one queue."""

    def __init__(
        self, metrics: QueueMetrics, name: str, ages: Callable[[], list[float]], failing: Callable[[], int]
    ) -> None:
        labels = (name, name)
        self._name = name
        self._depth = metrics.depth
        self._followed: set[int] = set()
        self._adds = metrics.adds.labels(*labels)
        self._retries = metrics.retries.labels(*labels)
        self._queue_duration = metrics.queue_duration.labels(*labels)
        self._work_duration = metrics.work_duration.labels(*labels)
        metrics.unfinished.labels(*labels).set_function(lambda: sum(ages()))
        metrics.failing.labels(name).set_function(failing)
        metrics.longest_running.labels(*labels).set_function(lambda: max(ages(), default=0.0))

    def added(self) -> None:
        self._adds.inc()

    def retried(self) -> None:
        self._retries.inc()

    def taken(self, waited: float) -> None:
        self._queue_duration.observe(waited)

    def finished(self, worked: float) -> None:
        self._work_duration.observe(worked)

    def follow(self, depth: Mapping[int, int]) -> None:
        """Have a scrape read how many keys wait at each priority of a live mapping; called whenever that may have new ones."""
        if len(self._followed) == len(depth):
            return
        for priority in depth.keys() - self._followed:
            gauge = self._depth.labels(self._name, self._name, str(priority))
            gauge.set_function(lambda priority=priority: depth[priority])  # type: ignore[misc]  # mypy infers no lambda with a default
            self._followed.add(priority)
