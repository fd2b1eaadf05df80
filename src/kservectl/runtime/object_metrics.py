"""How the objects of controlled kinds are doing, counted from the caches at the moment of each scrape: events cost nothing.

The number of series is bounded: of each kind no more than MAX_REASONS reasons are told apart, and no more than MAX_NAMED
objects have series of their own (the first by namespace and name, so that the choice is stable). What is as it should be is
told by one series: writing thousands of them out would hold up everything else in the process.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kservectl.clock import parse_time
from kservectl.informers.store import Store
from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

MAX_REASONS = 30
MAX_NAMED = 500
OTHER = "Other"
"""Stands for the reasons of a kind that are too many, the rarest of them."""

_TRUE = 1.0
_VALUES = {"True": _TRUE, "False": 0.0}
_UNKNOWN = -1.0


class Objects(Protocol):
    """Where the objects of one kind are cached: an Informer."""

    @property
    def kind(self) -> Kind: ...

    @property
    def store(self) -> Store: ...


class ObjectMetrics(Collector):
    """The `kservectl_object*` families of the given kinds, registered in `registry`."""

    def __init__(self, registry: CollectorRegistry, sources: Iterable[Objects], now: Callable[[], datetime]) -> None:
        self._sources = tuple(sources)
        self._now = now
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        return _families()

    def collect(self) -> Iterator[Metric]:
        counts, waiting, conditions, unnamed = _families()
        now = self._now()
        for source in self._sources:
            kind = source.kind.kind
            objects = sorted(source.store.list(), key=metadata.key)
            states = Counter(_readiness(obj) for obj in objects)
            for (ready, reason), number in _bounded(states).items():
                counts.add_metric((kind, ready, reason), number)
            waiting.add_metric((kind,), max((_not_ready_seconds(obj, now) for obj in objects), default=0.0))
            for obj in objects[:MAX_NAMED]:
                name, namespace = metadata.name(obj), metadata.namespace(obj)
                for condition in _conditions(obj):
                    type_, value = str(condition.get("type")), _VALUES.get(str(condition.get("status")), _UNKNOWN)
                    if value != _TRUE or type_ == "Ready":
                        conditions.add_metric((kind, namespace, name, type_), value)
            unnamed.add_metric((kind,), max(len(objects) - MAX_NAMED, 0))
        yield from (counts, waiting, conditions, unnamed)


def _families() -> Sequence[GaugeMetricFamily]:
    return (
        GaugeMetricFamily(
            "kservectl_objects",
            "Objects by the status and reason of their condition Ready; Unknown while it has none.",
            labels=("kind", "ready", "reason"),
        ),
        GaugeMetricFamily(
            "kservectl_object_not_ready_seconds",
            "Since when the object that is longest so is not ready, in seconds; 0 when all are.",
            labels=("kind",),
        ),
        GaugeMetricFamily(
            "kservectl_object_condition",
            "The condition Ready of an object, and its other ones while not True: 1 True, 0 False, -1 Unknown. Not all, if many.",
            labels=("kind", "namespace", "name", "condition"),
        ),
        GaugeMetricFamily(
            "kservectl_objects_unnamed",
            "Objects beyond those that have series of their own.",
            labels=("kind",),
        ),
    )


def _conditions(obj: Object) -> Sequence[Any]:
    return (obj.get("status") or {}).get("conditions") or ()


def _ready(obj: Object) -> Any:
    return next((each for each in _conditions(obj) if each.get("type") == "Ready"), {})


def _readiness(obj: Object) -> tuple[str, str]:
    ready = _ready(obj)
    return str(ready.get("status") or "Unknown"), str(ready.get("reason") or "")


def _bounded(states: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """The same with the rarest reasons under one name."""
    found: Counter[tuple[str, str]] = Counter()
    for place, ((ready, reason), number) in enumerate(states.most_common()):
        found[ready, reason if place < MAX_REASONS else OTHER] += number
    return found


def _not_ready_seconds(obj: Object, now: datetime) -> float:
    ready = _ready(obj)
    if ready.get("status") == "True":
        return 0.0
    since = ready.get("lastTransitionTime") or metadata.metadata(obj).get("creationTimestamp")
    try:
        return max((now - parse_time(str(since))).total_seconds(), 0.0)
    except ValueError:  # what somebody else wrote there
        return 0.0
