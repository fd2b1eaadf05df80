"""Counting objects by readiness, from caches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from kservectl.informers.store import Store, StoreWriter
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.metrics import exposition
from kservectl.runtime.object_metrics import MAX_NAMED, MAX_REASONS, OTHER, ObjectMetrics

WIDGET = Kind("test.example.com", "v1", "Widget", "widgets")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Cache:
    store: Store
    kind: Kind = WIDGET


def widget(name: str, *conditions: Object, created: str = "2026-11-26T11:00:00Z") -> Object:
    return {
        "metadata": {"namespace": "n", "name": name, "resourceVersion": "1", "creationTimestamp": created},
        "status": {"conditions": list(conditions)},
    }


def ready(status: str, reason: str = "", since: str = "2026-11-26T11:59:00Z") -> Object:
    return {"type": "Ready", "status": status, "reason": reason, "lastTransitionTime": since}


def shown(objects: Sequence[Object]) -> CollectorRegistry:
    writer, registry = StoreWriter(), CollectorRegistry()
    for obj in objects:
        writer.put(obj)
    ObjectMetrics(registry, [Cache(writer.store)], lambda: NOW)
    return registry


def count(registry: CollectorRegistry, ready: str, reason: str = "") -> float | None:
    return registry.get_sample_value("kservectl_objects", {"kind": "Widget", "ready": ready, "reason": reason})


def test_objects_are_counted_by_readiness_and_reason() -> None:
    registry = shown(
        [
            widget("a", ready("True")),
            widget("b", ready("False", "NoImage")),
            widget("c", ready("False", "NoImage")),
            widget("d"),
        ]
    )
    assert (count(registry, "True"), count(registry, "False", "NoImage"), count(registry, "Unknown")) == (1, 2, 1)


def test_reasons_without_bound_become_one_the_frequent_ones_stay() -> None:
    odd = [widget(f"odd-{number}", ready("False", f"Odd{number}")) for number in range(100)]
    often = [widget(f"often-{number}", ready("False", "Often")) for number in range(3)]
    registry = shown([*odd, *often])
    lines = [line for line in exposition(registry).decode().splitlines() if line.startswith("kservectl_objects{")]
    assert len(lines) == MAX_REASONS + 1
    assert count(registry, "False", "Often") == 3
    assert count(registry, "False", OTHER) == 103 - 3 - (MAX_REASONS - 1)


def test_the_object_that_is_longest_not_ready_says_for_how_long() -> None:
    def seconds(*objects: Object) -> float | None:
        return shown(objects).get_sample_value("kservectl_object_not_ready_seconds", {"kind": "Widget"})

    assert seconds(widget("a", ready("False")), widget("b", ready("True", since="2026-11-01T00:00:00Z"))) == 60
    assert seconds(widget("a", ready("False")), widget("new")) == 3600
    assert seconds(widget("a", ready("True"))) == 0
    assert seconds(widget("a", ready("False", since="yesterday"))) == 0
    assert seconds() == 0


@pytest.mark.parametrize(("status", "value"), [("True", None), ("False", 0.0), ("Unknown", -1.0), ("Odd", -1.0)])
def test_a_condition_has_a_series_while_it_is_not_true(status: str, value: float | None) -> None:
    registry = shown([widget("a", ready("True"), {"type": "RoutesReady", "status": status})])
    labels = {"kind": "Widget", "namespace": "n", "name": "a", "condition": "RoutesReady"}
    assert registry.get_sample_value("kservectl_object_condition", labels) == value


def test_ready_has_a_series_always() -> None:
    labels = {"kind": "Widget", "namespace": "n", "condition": "Ready"}
    registry = shown([widget("a", ready("True")), widget("b", ready("False"))])
    values = [registry.get_sample_value("kservectl_object_condition", {**labels, "name": name}) for name in "ab"]
    assert values == [1.0, 0.0]


def test_beyond_a_limit_objects_are_counted_and_not_named() -> None:
    registry = shown([widget(f"w-{number:05}", ready("True")) for number in range(MAX_NAMED + 5)])
    text = exposition(registry).decode()
    assert text.count("kservectl_object_condition{") == MAX_NAMED
    assert 'name="w-00000"' in text
    assert registry.get_sample_value("kservectl_objects_unnamed", {"kind": "Widget"}) == 5
    assert count(registry, "True") == MAX_NAMED + 5


def test_the_families_are_described_without_looking_at_objects() -> None:
    def forbidden() -> datetime:
        raise AssertionError

    metrics = ObjectMetrics(CollectorRegistry(), [], forbidden)
    assert "kservectl_objects" in {family.name for family in metrics.describe()}
