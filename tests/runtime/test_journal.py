"""What the log says of reconciliations."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import structlog
from structlog.contextvars import merge_contextvars

from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, Kind
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.journal import MAX_FIELDS, patched_fields, reconcile_ids, tell
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import View
from tests.runtime.memory_api import MemoryApi
from tests.runtime.widgets import WIDGET, WIDGETS, Decisions, managing, widget

Lines = list[MutableMapping[str, Any]]

PASSWORD = "hunter2"


@contextmanager
def logged() -> Iterator[Lines]:
    with structlog.testing.capture_logs(processors=[merge_contextvars]) as lines:
        yield lines


def writes(lines: Lines) -> Lines:
    return [line for line in lines if line["event"] == "wrote"]


def secretive(obj: Object, view: View) -> Outcome:
    """A child whose data must not be told."""
    child = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "w-a", "namespace": "n"},
        "data": {"password": f"{PASSWORD}-{obj['spec']['turn']}"},
    }
    return Outcome(desired=(child,), status={"parts": len(view.owned(CONFIG_MAP, metadata.uid(obj)))})


async def test_each_line_of_a_reconciliation_names_the_object_and_the_reconciliation() -> None:
    api = MemoryApi()
    with logged() as lines:
        async with managing(api, WIDGETS) as running:
            await api.put(WIDGET, widget("w", "a", "b"))
            await running.clock.advance(3)
    told = writes(lines)
    assert {(line["kind"], line["namespace"], line["name"]) for line in told} == {("Widget", "n", "w")}
    children = [line for line in told if line["operation"] == "create"]
    assert sorted(line["object"] for line in children) == ["ConfigMap n/w-a", "ConfigMap n/w-b"]
    (first,) = {line["reconcile_id"] for line in children}
    (status,) = [line for line in told if line["operation"] == "patch_status"]
    assert status["fields"] == ["status.parts"]
    assert status["reconcile_id"] != first, "the status is written by the next reconciliation, which saw the children"


async def test_what_changed_is_told_by_path_and_never_by_value() -> None:
    api = MemoryApi()
    with logged() as lines:
        async with managing(api, replace(WIDGETS, reconcile=secretive)) as running:
            stored = await api.put(WIDGET, widget("w", turn=1))
            await running.clock.advance(3)
            await api.put(WIDGET, {**stored, "spec": {**stored["spec"], "turn": 2}})
            await running.clock.advance(3)
    applied = [line for line in writes(lines) if line["operation"] == "apply"]
    assert [line["fields"] for line in applied] == [["data.password (changed)"]]
    assert PASSWORD not in repr(lines)


async def test_deletions_are_told() -> None:
    api = MemoryApi()
    with logged() as lines:
        async with managing(api, WIDGETS) as running:
            stored = await api.put(WIDGET, widget("w", "a"))
            await running.clock.advance(3)
            await api.put(WIDGET, {**stored, "spec": {"parts": []}})
            await running.clock.advance(3)
    assert [line["object"] for line in writes(lines) if line["operation"] == "delete"] == ["ConfigMap n/w-a"]


async def test_a_failure_names_the_object_too_and_nothing_of_it_stays_for_the_next_key() -> None:
    api = MemoryApi()

    def decide(obj: Object, view: View) -> Outcome:
        if metadata.name(obj) == "bad":
            raise RuntimeError("no idea")
        return Outcome()

    with logged() as lines:
        async with managing(api, replace(WIDGETS, workers=1, reconcile=Decisions(decide))) as running:
            await api.put(WIDGET, widget("bad"))
            await api.put(WIDGET, widget("good"))
            await running.clock.advance(0.001)
    failed = [line for line in lines if line["event"] == "reconcile failed"]
    assert {(line["kind"], line["namespace"], line["name"]) for line in failed} == {("Widget", "n", "bad")}
    assert len({line["reconcile_id"] for line in failed}) == len(failed) > 0
    outside = [line for line in lines if line["event"].startswith("stopping")]
    assert outside
    assert all("reconcile_id" not in line for line in outside)


def test_reconcile_ids_of_two_processes_are_never_the_same() -> None:
    first, second = reconcile_ids("replica-1"), reconcile_ids("replica-2")
    ids = [next(source) for source in (first, second) for _ in range(100)]
    assert len(set(ids)) == 200


def test_a_long_list_of_fields_ends_with_how_many_there_are_beside_it() -> None:
    with logged() as lines:
        tell(structlog.get_logger(), "apply", Kind("", "v1", "Pod", "pods"), ObjectKey("n", "p"), map(str, range(33)))
    assert lines[0]["fields"] == [*map(str, range(MAX_FIELDS)), "and 13 more"]


def test_the_fields_of_a_patch_are_its_leaves() -> None:
    patch = {
        "metadata": {"resourceVersion": "7", "finalizers": ["x"]},
        "status": {"url": None, "address": {"url": "http://w"}, "conditions": [{"type": "Ready"}], "components": {}},
    }
    assert patched_fields(patch) == [
        "metadata.finalizers",
        "status.url",
        "status.address.url",
        "status.conditions",
        "status.components",
    ]
