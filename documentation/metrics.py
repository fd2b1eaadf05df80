"""The metrics of each process: names, labels and meaning, read from the registries that the processes "
"themselves use."""

import random
from collections.abc import Iterable
from typing import NoReturn

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from documentation.tables import code, page, prose, table
from kservectl.admission.metrics import WebhookMetrics
from kservectl.agent.batching import Batcher
from kservectl.agent.payloads import LogOptions, PayloadLog
from kservectl.agent.server import Agent, AgentOptions
from kservectl.client.metrics import ClientMetrics
from kservectl.clock import SystemClock
from kservectl.controllers.localmodel.copy_metrics import CopyMetrics
from kservectl.controllers.localmodelnode.disk_metrics import DiskMetrics
from kservectl.informers.metrics import InformerMetrics
from kservectl.leader.election import ElectionMetrics
from kservectl.leader.sharding import ShardMetrics
from kservectl.router.metrics import RouterMetrics
from kservectl.runtime.metrics import BuildInfo, RuntimeMetrics
from kservectl.runtime.object_metrics import ObjectMetrics
from kservectl.workqueue.metrics import QueueMetrics

_SUFFIXES = {"counter": "_total", "histogram": "_bucket"}


class _Remembering(CollectorRegistry):
    """A registry that knows what was registered: labels are the collectors', a family without samples has none."""

    def __init__(self) -> None:
        super().__init__()
        self.collectors: list[Collector] = []

    def register(self, collector: Collector) -> None:
        super().register(collector)
        self.collectors.append(collector)


def pages() -> dict[str, str]:
    """Path below `docs/` → page."""
    introduction = (
        "In Prometheus' text format, at `/metrics` of each process. Names, labels and buckets are "
        "controller-runtime's and client-go's "
        "where these have a counterpart, so that existing dashboards and alerts go on working; those that begin "
        "with `kservectl_` have none. "
        "A histogram has `_bucket`, `_sum` and `_count`."
    )
    sections = [
        f"## {title}\n\n{said}\n\n{table(('Metric', 'Labels', 'What it is'), _rows(registry))}"
        for title, said, registry in (
            (
                "The manager",
                "`--metrics-bind` (`:8080`).",
                _manager(),
            ),
            (
                "The node agent",
                "Beside those of the manager, but for the webhooks' and those of objects.",
                _node_agent(),
            ),
            ("The router of an InferenceGraph", "At the router's own port.", _router()),
            ("The agent", "`--admin-bind` (`:9082`).", _agent()),
        )
    ]
    return {"reference/metrics.md": page("Metrics", introduction, *sections)}


def _manager() -> _Remembering:
    registry = _Remembering()
    for metrics in (
        RuntimeMetrics,
        WebhookMetrics,
        QueueMetrics,
        InformerMetrics,
        ClientMetrics,
        ElectionMetrics,
        ShardMetrics,
    ):
        metrics(registry)
    BuildInfo(registry, "")
    ObjectMetrics(registry, (), SystemClock().now)
    CopyMetrics(registry, ())
    ProcessCollector(registry=registry)
    return registry


def _node_agent() -> _Remembering:
    registry = _Remembering()
    DiskMetrics(registry, "", lambda: None)
    return registry


def _router() -> _Remembering:
    registry = _Remembering()
    RouterMetrics(registry, SystemClock().monotonic)
    return registry


def _agent() -> _Remembering:
    registry, clock = _Remembering(), SystemClock()
    Agent(AgentOptions(), clock=clock, rng=random.Random(), registry=registry)  # noqa: S311 - nothing is drawn
    PayloadLog(LogOptions(), _unused, clock=clock, registry=registry)
    Batcher(_unused, max_size=1, max_seconds=1.0, clock=clock, registry=registry)
    return registry


async def _unused(*given: object) -> NoReturn:
    raise AssertionError(f"these are described and not run: {given}")


def _rows(registry: _Remembering) -> Iterable[tuple[str, str, str]]:
    found = {
        _name(family): (_labels(collector, family), family)
        for collector in registry.collectors
        for family in _described(collector)
    }
    for name, (labels, family) in sorted(found.items()):
        yield code(name), ", ".join(map(code, labels)), f"{prose(family.documentation)} ({family.type})"


def _described(collector: Collector) -> Iterable[Metric]:
    describe = getattr(collector, "describe", None)
    return list(describe()) if describe is not None else list(collector.collect())


def _name(family: Metric) -> str:
    return family.name + ("_total" if family.type == "counter" else "")


def _labels(collector: Collector, family: Metric) -> tuple[str, ...]:
    # prometheus_client shows label names nowhere else before there is a sample.
    found = getattr(collector, "_labelnames", None) or getattr(family, "_labelnames", None) or ()
    return tuple(found)
