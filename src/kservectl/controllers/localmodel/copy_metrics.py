"""How far model caches are, read from their statuses in the informers' stores at the moment of each scrape.

As many series as for other objects at most: the first MAX_NAMED caches by namespace and name.
"""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kservectl.objects import metadata
from kservectl.runtime.object_metrics import MAX_NAMED, Objects

_OBJECT = ("kind", "namespace", "name")


class CopyMetrics(Collector):
    """The `kservectl_model_cache_*` families, registered in `registry`."""

    def __init__(self, registry: CollectorRegistry, sources: Iterable[Objects]) -> None:
        self._sources = tuple(sources)
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        return _families()

    def collect(self) -> Iterator[Metric]:
        copies, size, downloaded = _families()
        for source in self._sources:
            for cache in sorted(source.store.list(), key=metadata.key)[:MAX_NAMED]:
                labels = (source.kind.kind, metadata.namespace(cache), metadata.name(cache))
                status = cache.get("status") or {}
                numbers, progress = status.get("copies") or {}, status.get("progress") or {}
                available, failed = int(numbers.get("available", 0)), int(numbers.get("failed", 0))
                pending = int(numbers.get("total", 0)) - available - failed
                for state, number in (("available", available), ("failed", failed), ("pending", pending)):
                    copies.add_metric((*labels, state), max(number, 0))
                size.add_metric(labels, int(progress.get("total", 0)))
                downloaded.add_metric(labels, int(progress.get("bytes", 0)))
        yield from (copies, size, downloaded)


def _families() -> Sequence[GaugeMetricFamily]:
    return (
        GaugeMetricFamily(
            "kservectl_model_cache_copies",
            "Nodes that are to keep the model, by the state of their copy: available, failed, pending.",
            labels=(*_OBJECT, "state"),
        ),
        GaugeMetricFamily(
            "kservectl_model_cache_size_bytes",
            "What all nodes together are to have of it; 0 if unknown.",
            labels=_OBJECT,
        ),
        GaugeMetricFamily(
            "kservectl_model_cache_downloaded_bytes", "What all nodes together have of it.", labels=_OBJECT
        ),
    )
