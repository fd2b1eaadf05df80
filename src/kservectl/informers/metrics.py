"""How the caches are doing: `kservectl_informer_*`.

Gauges are read from the informers when somebody asks for the metrics, so that events cost nothing extra.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kservectl.objects.kind import Kind


class Measured(Protocol):
    """What is read of an informer."""

    @property
    def kind(self) -> Kind: ...

    @property
    def synced(self) -> bool: ...

    @property
    def silent_seconds(self) -> float: ...

    @property
    def buffers(self) -> Iterable[tuple[str, int]]:
        """Each handler's name and how many changes wait for it."""
        ...

    def __len__(self) -> int: ...


class InformerMetrics(Collector):
    """The metrics of all informers of a process, registered in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._informers: list[Measured] = []
        self._restarts = Counter(
            "kservectl_informer_restarts_total",
            "Number of times a list or watch ended and was started again, by reason.",
            ("kind", "reason"),
            registry=registry,
        )
        registry.register(self)

    def track(self, informer: Measured) -> None:
        """Include `informer` from now on. Several of one kind are shown as one."""
        self._informers.append(informer)

    def restarted(self, kind: Kind, reason: str) -> None:
        self._restarts.labels(str(kind), reason).inc()

    def describe(self) -> Iterable[Metric]:
        return _families()

    def collect(self) -> Iterator[Metric]:
        objects, synced, silent, buffered = _families()
        by_kind: dict[str, list[Measured]] = {}
        for informer in self._informers:
            by_kind.setdefault(str(informer.kind), []).append(informer)
        for kind, informers in by_kind.items():
            objects.add_metric((kind,), sum(len(informer) for informer in informers))
            synced.add_metric((kind,), min(int(informer.synced) for informer in informers))
            silent.add_metric((kind,), max(informer.silent_seconds for informer in informers))
            waiting: dict[str, int] = {}
            for handler, length in (buffer for informer in informers for buffer in informer.buffers):
                waiting[handler] = waiting.get(handler, 0) + length
            for handler, length in waiting.items():
                buffered.add_metric((kind, handler), length)
        yield from (objects, synced, silent, buffered)


def _families() -> Sequence[GaugeMetricFamily]:
    return (
        GaugeMetricFamily("kservectl_informer_objects", "Objects in the cache.", labels=("kind",)),
        GaugeMetricFamily(
            "kservectl_informer_synced", "Whether the first list is in the cache and handled.", labels=("kind",)
        ),
        GaugeMetricFamily(
            "kservectl_informer_last_event_seconds",
            "Seconds since the API server last sent an event or a bookmark; above 120 something is wrong.",
            labels=("kind",),
        ),
        GaugeMetricFamily(
            "kservectl_informer_handler_buffer", "Changes that wait for a handler.", labels=("kind", "handler")
        ),
    )
