"""The disk of a node, as it was at the last look; nothing is looked at for a scrape."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kservectl.controllers.localmodelnode.disk_state import DiskState


class DiskMetrics(Collector):
    """The `kservectl_node_disk_*` families, registered in `registry`. `last` answers what the disk was like, if known."""

    def __init__(self, registry: CollectorRegistry, node: str, last: Callable[[], DiskState | None]) -> None:
        self._node = node
        self._last = last
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        return _families()

    def collect(self) -> Iterator[Metric]:
        size, available, usable, folders = _families()
        state = self._last()
        if state is not None:
            usable.add_metric((self._node,), 0.0 if state.problem else 1.0)
            if not state.problem:
                size.add_metric((self._node,), state.capacity)
                available.add_metric((self._node,), state.available)
                folders.add_metric((self._node,), len(state.folders))
        yield from (size, available, usable, folders)


def _families() -> Sequence[GaugeMetricFamily]:
    def gauge(name: str, what: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"kservectl_node_disk_{name}", what, labels=("node",))

    return (
        gauge("size_bytes", "Size of the file system that models are on."),
        gauge("available_bytes", "What is free of it."),
        gauge("usable", "Whether models can be read and written there."),
        gauge("models", "Models that have a folder there, whole or not."),
    )
