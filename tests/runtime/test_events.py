"""The promises of events: never in the way, folded, bounded, and in the form the Kubernetes API asks for."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import structlog
from prometheus_client import CollectorRegistry

from kservectl.client.errors import ConnectionFailed, Forbidden, TooManyRequests
from kservectl.objects.kind import EVENT
from kservectl.objects.metadata import Object
from kservectl.runtime.event_correlation import EventCorrelator
from kservectl.runtime.events import EventRecorder
from kservectl.runtime.metrics import RuntimeMetrics
from kservectl.runtime.outcome import EventRecord
from tests.fake_clock import FakeClock, eventually
from tests.runtime.memory_api import MemoryApi
from tests.runtime.widgets import widget


def regarding(name: str = "w", namespace: str = "n") -> Object:
    obj = widget(name, namespace=namespace)
    obj["metadata"] |= {"uid": f"uid-{name}", "resourceVersion": "7"}
    return obj


def record(message: str = "it is so", reason: str = "Because") -> EventRecord:
    return EventRecord("Warning", reason, message)


async def passed(gate: asyncio.Event) -> None:
    await gate.wait()


@dataclass
class Sending:
    api: MemoryApi
    clock: FakeClock
    recorder: EventRecorder
    registry: CollectorRegistry

    def count(self, outcome: str) -> float:
        return self.registry.get_sample_value("kservectl_events_total", {"outcome": outcome}) or 0.0

    @property
    def stored(self) -> list[Object]:
        return self.api.all(EVENT)


@asynccontextmanager
async def sending() -> AsyncIterator[Sending]:
    api, clock, registry = MemoryApi(), FakeClock(), CollectorRegistry()
    recorder = EventRecorder(
        api.client(),
        clock=clock,
        instance="pod-1",
        outcomes=RuntimeMetrics(registry).events,
        rng=random.Random(1),
    )
    task = asyncio.create_task(recorder.run())
    try:
        yield Sending(api, clock, recorder, registry)
    finally:
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_event_has_the_form_of_events_k8s_io_v1() -> None:
    async with sending() as to:
        to.recorder.emit(regarding(), record())
        await to.clock.settle()
        (event,) = to.stored
    assert event["metadata"]["namespace"] == "n"
    assert event["metadata"]["name"].startswith("w.")
    del event["metadata"]
    assert event == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "kservectl",
        "reportingInstance": "pod-1",
        "action": "Reconcile",
        "reason": "Because",
        "type": "Warning",
        "note": "it is so",
        "regarding": {
            "apiVersion": "test.example.com/v1",
            "kind": "Widget",
            "name": "w",
            "namespace": "n",
            "uid": "uid-w",
            "resourceVersion": "7",
        },
    }


async def test_events_give_way_to_other_requests_but_not_for_longer_than_ten_seconds() -> None:
    async with sending() as to:
        to.api.busy_until.clear()
        to.recorder.emit(regarding("a"), record())
        await to.clock.advance(4)
        to.recorder.emit(regarding("b"), record())
        await to.clock.advance(5)
        assert to.stored == []
        await to.clock.advance(1.5)
        assert [event["regarding"]["name"] for event in to.stored] == ["a"]
        to.api.busy_until.set()
        await to.clock.settle()
        assert [event["eventTime"] for event in to.stored] == [
            "2026-01-01T00:00:00.000000Z",
            "2026-01-01T00:00:04.000000Z",
        ]


async def test_many_events_of_a_long_burst_are_no_later_than_ten_seconds_each() -> None:
    async with sending() as to:
        to.api.busy_until.clear()
        for number in range(600):
            to.recorder.emit(regarding(f"w{number}"), record())
            await to.clock.advance(0.1)
        assert len(to.stored) >= 490
        assert to.count("dropped") == 0


async def test_an_event_about_a_cluster_scoped_object_is_in_the_default_namespace() -> None:
    async with sending() as to:
        to.recorder.emit(regarding(namespace=""), record())
        await to.clock.settle()
        assert to.stored[0]["metadata"]["namespace"] == "default"
        assert to.stored[0]["regarding"]["namespace"] == ""


async def test_equal_events_within_six_minutes_are_counted_on_one_object() -> None:
    async with sending() as to:
        for _ in range(3):
            to.recorder.emit(regarding(), record())
            await to.clock.advance(300)
        (event,) = to.stored
        assert event["series"] == {"count": 3, "lastObservedTime": "2026-01-01T00:10:00.000000Z"}
        assert event["eventTime"] == "2026-01-01T00:00:00.000000Z"


async def test_a_series_ends_after_six_minutes_of_silence() -> None:
    async with sending() as to:
        to.recorder.emit(regarding(), record())
        await to.clock.advance(361)
        to.recorder.emit(regarding(), record())
        await to.clock.settle()
        assert len(to.stored) == 2
        assert all("series" not in event for event in to.stored)


async def test_events_about_different_objects_are_not_mixed_up() -> None:
    async with sending() as to:
        to.recorder.emit(regarding("a"), record())
        to.recorder.emit(regarding("b"), record())
        await to.clock.settle()
        assert sorted(event["regarding"]["name"] for event in to.stored) == ["a", "b"]


async def test_more_than_ten_similar_ones_become_one_combined_event() -> None:
    async with sending() as to:
        for number in range(20):
            to.recorder.emit(regarding(), record(f"pod {number} is not ready"))
        await to.clock.settle()
        notes = [event["note"] for event in to.stored]
        assert len(notes) == 11
        assert notes[:10] == [f"pod {number} is not ready" for number in range(10)]
        assert notes[10].startswith("(combined from similar events): ")
        assert to.stored[10]["series"]["count"] == 10


async def test_an_event_storm_on_one_object_is_bounded() -> None:
    async with sending() as to:
        for number in range(5000):
            to.recorder.emit(regarding(), record(reason=f"Reason{number % 50}"))
        await to.clock.settle()
        assert len(to.api.writes) == 25
        assert to.count("filtered") == 4975
        await to.clock.advance(300)
        to.recorder.emit(regarding(), record(reason="Later"))
        to.recorder.emit(regarding(), record(reason="TooMuch"))
        await to.clock.settle()
        assert len(to.api.writes) == 26


async def test_emitting_never_waits_and_the_queue_is_bounded() -> None:
    async with sending() as to:
        gate = asyncio.Event()
        to.api.delay = lambda request: passed(gate)
        for number in range(3000):
            to.recorder.emit(regarding(f"w{number}"), record())
        assert to.count("dropped") == 2000
        gate.set()
        await eventually(lambda: len(to.stored) == 1000)


async def test_sending_is_tried_twelve_times_then_dropped_and_the_next_one_goes_on() -> None:
    async with sending() as to:
        to.api.fail = lambda request: ConnectionFailed("connection refused")
        with structlog.testing.capture_logs() as logs:
            to.recorder.emit(regarding("a"), record())
            to.recorder.emit(regarding("b"), record())
            await to.clock.advance_until(lambda: to.count("failed") == 1)
            assert len(to.api.writes) == 12 + 1  # the next event is under way
            to.api.fail = lambda request: None
            await to.clock.advance(11)
        assert [event["regarding"]["name"] for event in to.stored] == ["b"]
        assert len(logs) == 1


async def test_an_event_that_is_refused_is_dropped_at_once() -> None:
    async with sending() as to:
        to.api.fail = lambda request: Forbidden(403, "Forbidden", "the namespace is being terminated")
        to.recorder.emit(regarding(), record())
        await to.clock.settle()
        assert to.count("failed") == 1
        assert len(to.api.writes) == 1


async def test_a_server_that_asks_for_a_wait_gets_it() -> None:
    async with sending() as to:
        to.api.fail = lambda request: TooManyRequests(429, "TooManyRequests", "later", retry_after=60.0)
        to.recorder.emit(regarding(), record())
        await to.clock.advance(59)
        assert len(to.api.writes) == 1
        to.api.fail = lambda request: None
        await to.clock.advance(2)
        assert len(to.stored) == 1


async def test_a_series_whose_event_expired_on_the_server_gets_a_new_one() -> None:
    async with sending() as to:
        to.recorder.emit(regarding(), record())
        await to.clock.settle()
        await to.api.remove(EVENT, to.stored[0]["metadata"]["name"], "n")
        to.recorder.emit(regarding(), record())
        await to.clock.settle()
        (event,) = to.stored
        assert event["series"]["count"] == 2


async def test_flush_waits_for_what_was_emitted_and_gives_up_in_time() -> None:
    async with sending() as to:
        assert await to.recorder.flush(1) is True
        to.recorder.emit(regarding(), record())
        assert await to.recorder.flush(1) is True
        assert len(to.stored) == 1
        to.api.hang = lambda request: True
        to.recorder.emit(regarding(), record(reason="Other"))
        flushing = asyncio.create_task(to.recorder.flush(2))
        await to.clock.advance(2)
        assert flushing.result() is False


async def test_long_texts_are_cut_to_what_the_api_takes() -> None:
    async with sending() as to:
        to.recorder.emit(regarding("w" * 250), record("ü" * 2000, reason="R" * 200))
        await to.clock.settle()
        (event,) = to.stored
        assert len(event["note"].encode()) <= 1024
        assert event["note"].endswith("ü...")
        assert len(event["reason"]) == 128
        assert len(event["metadata"]["name"]) <= 253


@pytest.mark.parametrize("size", [1, 100])
def test_the_memory_of_events_is_bounded(size: int) -> None:
    correlator = EventCorrelator(memory=size)
    for number in range(1000):
        assert correlator.correlate(regarding(f"w{number}"), record(f"message {number}"), float(number)) is not None
    assert len(correlator._series._entries) == size
    assert len(correlator._similar._entries) == size
    assert len(correlator._tokens._entries) == size


def test_what_is_over_is_forgotten_although_there_is_room() -> None:
    correlator = EventCorrelator()
    for number in range(1000):
        correlator.correlate(regarding(f"w{number}"), record(f"message {number}"), float(number * 60))
    assert len(correlator) <= 6 + 1 + 10 + 1 + 5 + 1
    assert correlator.correlate(regarding("w0"), record("message 0"), 1e6) is not None
    assert len(correlator) == 3


def test_an_object_that_spent_more_is_remembered_until_it_has_all_again() -> None:
    correlator = EventCorrelator()
    sent = [correlator.correlate(regarding("w"), record(f"reason {number}"), 0.0) for number in range(30)]
    assert sum(each is not None for each in sent) == 25
    assert correlator.correlate(regarding("other"), record("message"), 1000.0) is not None
    again = [correlator.correlate(regarding("w"), record(f"again {number}"), 1000.0) for number in range(10)]
    assert sum(each is not None for each in again) == 3
