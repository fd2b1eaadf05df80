"""The promises of a controller: real queue, informers, apply and client over an API server in memory."""

import asyncio
from collections.abc import MutableMapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import structlog
from structlog.contextvars import merge_contextvars

from kservectl.client.connection import Request
from kservectl.client.errors import ServerError
from kservectl.informers import Change
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, SECRET, Kind
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.controller import Controller, Owned, Watched
from kservectl.runtime.outcome import EventRecord, Outcome
from kservectl.runtime.predicates import not_only_status
from kservectl.runtime.reading import LiveView, Reference
from kservectl.runtime.view import View
from tests.fake_clock import eventually
from tests.runtime.memory_api import MemoryApi
from tests.runtime.widgets import WIDGET, WIDGETS, Decisions, managing, part, reconcile_widget, widget

API_TROUBLE = ServerError(500, "InternalError", "etcd is away")


def wanting(obj: Object, view: View) -> Outcome:
    parts = obj["spec"]["parts"]
    return Outcome(desired=tuple(part(obj, name) for name in parts), status={"parts": len(parts)})


QUIET = replace(WIDGETS, reconcile=wanting, owns=(Owned(CONFIG_MAP, quiet=True),), predicate=not_only_status)
"""Its status tells nothing of the parts that there are."""


def colors(api: MemoryApi) -> dict[str, str]:
    return {metadata.name(obj): obj["data"]["color"] for obj in api.all(CONFIG_MAP)}


async def test_an_object_gets_its_children_and_its_status() -> None:
    api = MemoryApi()
    async with managing(api, WIDGETS) as running:
        await api.put(WIDGET, widget("w", "a", "b"))
        await running.clock.advance(1)
        assert colors(api) == {"w-a": "grey", "w-b": "grey"}
        stored = api.get(WIDGET, "w", "n")
        assert stored is not None
        assert stored["status"] == {"parts": 2}
        assert len(api.writes) == 3


async def test_a_settled_object_costs_nothing_not_even_after_a_restart() -> None:
    api = MemoryApi()
    async with managing(api, WIDGETS) as running:
        await api.put(WIDGET, widget("w", "a", "b"))
        await running.clock.advance(1)
    before = list(api.writes)
    decisions = Decisions()
    async with managing(api, replace(WIDGETS, reconcile=decisions)) as running:
        await running.clock.advance(3600)
        assert api.writes == before
        assert len(decisions.made) == 1


async def test_the_log_tells_when_all_that_was_there_at_the_start_was_looked_at() -> None:
    api = MemoryApi()
    for name in ("one", "two"):
        await api.put(WIDGET, widget(name, "a"))
    with structlog.testing.capture_logs() as logs:
        async with managing(api, WIDGETS) as running:
            await running.clock.advance(1)
    (told,) = [entry for entry in logs if entry["event"] == "all that was there was looked at"]
    assert told["keys"] == 2


@pytest.mark.parametrize("controller", [WIDGETS, QUIET])
async def test_a_child_deleted_by_hand_is_restored_and_an_edited_one_corrected(controller: Controller) -> None:
    api = MemoryApi()
    async with managing(api, controller) as running:
        await api.put(WIDGET, widget("w", "a", "b"))
        await running.clock.advance(1)
        await api.remove(CONFIG_MAP, "w-a", "n")
        edited = api.get(CONFIG_MAP, "w-b", "n")
        assert edited is not None
        await api.put(CONFIG_MAP, {**edited, "data": {"color": "pink"}})
        await running.clock.advance(1)
        assert colors(api) == {"w-a": "grey", "w-b": "grey"}


async def test_a_child_that_goes_as_soon_as_it_is_there_is_created_less_and_less_often() -> None:
    """Its owner is gone, the cache does not show that yet, and the garbage collector clears up."""
    api = MemoryApi()
    async with managing(api, WIDGETS) as running:
        await api.put(WIDGET, widget("w", "a"))
        await running.clock.advance(1)
        api.hold(WIDGET)
        await api.remove(WIDGET, "w", "n")
        api.requests.clear()
        for _ in range(600):
            if api.get(CONFIG_MAP, "w-a", "n") is not None:
                await api.remove(CONFIG_MAP, "w-a", "n")
            await running.clock.advance(0.1)
        assert 5 <= api.requests.count("PATCH /api/v1/namespaces/n/configmaps/w-a") <= 10
        await api.release()
        await running.clock.advance(1)
        before = len(api.writes)
        await running.clock.advance(300)
        assert (colors(api), len(api.writes)) == ({}, before)


async def test_a_child_that_is_no_longer_wanted_goes() -> None:
    api = MemoryApi()
    async with managing(api, WIDGETS) as running:
        stored = await api.put(WIDGET, widget("w", "a", "b"))
        await running.clock.advance(1)
        await api.put(WIDGET, {**stored, "spec": {"parts": ["b"]}})
        await running.clock.advance(1)
        assert list(colors(api)) == ["w-b"]


async def test_a_failing_key_harms_no_other_and_its_delays_double() -> None:
    api, decisions = MemoryApi(), Decisions()

    def decide(obj: Object, view: View) -> Outcome:
        if metadata.name(obj) == "bad":
            raise RuntimeError("no idea what this is")
        return reconcile_widget(obj, view)

    decisions.decide = decide
    with structlog.testing.capture_logs(processors=[merge_contextvars]) as logs:
        async with managing(api, replace(WIDGETS, reconcile=decisions)) as running:
            await api.put(WIDGET, widget("bad", "a"))
            await api.put(WIDGET, widget("good", "a"))
            await running.clock.advance(20)
            assert "good-a" in colors(api)
            assert running.metric("controller_runtime_reconcile_panics_total") == len(failures(logs))
            assert running.metric("controller_runtime_reconcile_total", result="error") == len(failures(logs))
    delays = [entry["next_delay"] for entry in failures(logs)]
    assert delays[0] == pytest.approx(0.005, rel=0.2)
    assert all(1.6 <= later / earlier <= 2.5 for earlier, later in pairwise(delays))
    assert [entry["attempt"] for entry in failures(logs)] == list(range(1, len(delays) + 1))
    assert (failures(logs)[0]["namespace"], failures(logs)[0]["name"]) == ("n", "bad")
    assert isinstance(failures(logs)[0]["exc_info"].__cause__, RuntimeError)


def failures(logs: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    return [entry for entry in logs if entry["event"] == "reconcile failed"]


async def test_after_a_success_delays_start_from_the_beginning() -> None:
    api = MemoryApi()
    api.fail = lambda request: API_TROUBLE if request.method == "PATCH" else None
    with structlog.testing.capture_logs() as logs:
        async with managing(api, WIDGETS) as running:
            await api.put(WIDGET, widget("w", "a"))
            await running.clock.advance(3)
            assert len(failures(logs)) > 5
            assert failures(logs)[0]["exc_info"] is None, "the server's words are enough"
            api.fail = lambda request: None
            await running.clock.advance(60)
            assert list(colors(api)) == ["w-a"]
            logs.clear()
            api.fail = lambda request: API_TROUBLE if request.method == "PATCH" else None
            await api.remove(CONFIG_MAP, "w-a", "n")
            await running.clock.advance(1)
            assert failures(logs)[0]["attempt"] == 1


async def test_a_reconcile_that_hangs_is_cancelled_counted_and_retried() -> None:
    api = MemoryApi()
    async with managing(api, WIDGETS) as running:
        api.hang = lambda request: request.method == "PATCH"
        await api.put(WIDGET, widget("w", "a"))
        await running.clock.advance(59)
        assert running.metric("controller_runtime_reconcile_timeouts_total") == 0
        await running.clock.advance(1.5)
        assert running.metric("controller_runtime_reconcile_timeouts_total") == 1
        api.hang = lambda request: False
        await running.clock.advance(60)
        assert list(colors(api)) == ["w-a"]


async def test_a_hanging_key_does_not_hold_up_the_others() -> None:
    api = MemoryApi()
    async with managing(api, WIDGETS) as running:
        api.hang = lambda request: "stuck" in request.path
        await api.put(WIDGET, widget("stuck", "a"))
        await api.put(WIDGET, widget("free", "a"))
        await running.clock.advance(1)
        assert list(colors(api)) == ["free-a"]


async def test_nothing_is_created_twice_or_reverted_while_the_cache_is_behind() -> None:
    api, decisions = MemoryApi(), Decisions()
    async with managing(api, replace(WIDGETS, reconcile=decisions)) as running:
        api.hold(CONFIG_MAP)
        stored = await api.put(WIDGET, widget("w", "a"))
        for color in ("red", "green", "blue"):
            await running.clock.advance(1)
            await api.put(WIDGET, {**stored, "spec": {"parts": ["a"], "color": color}})
        await running.clock.advance(1)
        assert len(api.writes) == 1
        assert len(decisions.made) == 1
        await api.release()
        await running.clock.advance(1)
        assert colors(api) == {"w-a": "blue"}
        assert len(api.writes) == 3  # the correction, and the status


async def test_a_lost_event_blocks_a_key_for_ten_seconds_at_most() -> None:
    api, decisions = MemoryApi(), Decisions()
    async with managing(api, replace(WIDGETS, reconcile=decisions)) as running:
        api.hold(CONFIG_MAP)
        await api.put(WIDGET, widget("w", "a"))
        await running.clock.advance(9)
        assert len(decisions.made) == 1
        await running.clock.advance(2)
        assert len(decisions.made) > 1
        assert list(colors(api)) == ["w-a"]


async def test_children_of_a_quiet_kind_and_the_status_take_one_decision() -> None:
    api, decisions = MemoryApi(), Decisions(wanting)
    async with managing(api, replace(QUIET, reconcile=decisions)) as running:
        await api.put(WIDGET, widget("w", "a", "b"))
        await running.clock.advance(3600)
        stored = api.get(WIDGET, "w", "n")
        assert stored is not None
        assert (list(colors(api)), stored["status"]) == (["w-a", "w-b"], {"parts": 2})
        assert len(decisions.made) == 1


async def test_a_child_of_a_quiet_kind_is_not_written_twice_while_the_cache_is_behind() -> None:
    api = MemoryApi()
    async with managing(api, QUIET) as running:
        api.hold(CONFIG_MAP)
        stored = await api.put(WIDGET, widget("w", "a"))
        await running.clock.advance(1)
        await api.put(WIDGET, {**stored, "spec": {"parts": ["a"], "color": "blue"}})
        await running.clock.advance(1)
        assert colors(api) == {"w-a": "grey"}
        await api.release()
        await running.clock.advance(1)
        assert colors(api) == {"w-a": "blue"}
        assert sum("configmaps" in write for write in api.writes) == 2


async def test_a_child_of_a_quiet_kind_edited_before_its_writer_has_the_answer_is_corrected() -> None:
    class EditedAtOnce(MemoryApi):
        edited = False

        async def request(self, request: Request, *, retries: object = None) -> Any:
            answer = await super().request(request, retries=retries)
            if "configmaps/w-a" in request.path and not self.edited:
                self.edited = True
                for _ in range(20):  # the cache shows what was written
                    await asyncio.sleep(0)
                await self.put(CONFIG_MAP, {**answer, "data": {"color": "pink"}})
                for _ in range(20):
                    await asyncio.sleep(0)
            return answer

    api = EditedAtOnce()
    async with managing(api, QUIET) as running:
        await api.put(WIDGET, widget("w", "a"))
        await running.clock.advance(60)
        assert colors(api) == {"w-a": "grey"}


async def test_a_child_of_a_quiet_kind_that_nobody_knows_was_made_goes_when_it_shows() -> None:
    class LosesOneAnswer(MemoryApi):
        lost = False

        async def request(self, request: Request, *, retries: object = None) -> Any:
            answer = await super().request(request, retries=retries)
            if "configmaps/w-a" in request.path and not self.lost:
                self.lost = True
                raise API_TROUBLE
            return answer

    api = LosesOneAnswer()
    async with managing(api, QUIET) as running:
        api.hold(CONFIG_MAP)
        stored = await api.put(WIDGET, widget("w", "a"))
        await running.clock.advance(0.001)
        await api.put(WIDGET, {**stored, "spec": {"parts": []}})
        await running.clock.advance(60)
        assert list(colors(api)) == ["w-a"]
        await api.release()
        await running.clock.advance(1)
        assert colors(api) == {}


async def test_a_shared_child_is_awaited_too_although_it_names_no_owner() -> None:
    api = MemoryApi()

    def decide(obj: Object, view: View) -> Outcome:
        present = len(view.list(CONFIG_MAP, "n"))
        return Outcome(desired=(part(obj, "shared"),), shared=frozenset({0}), status={"parts": present})

    async with managing(api, replace(WIDGETS, reconcile=decide)) as running:
        api.hold(CONFIG_MAP)
        await api.put(WIDGET, widget("w"))
        await running.clock.advance(2)
        await api.release()
        await running.clock.advance(0.1)
        stored = api.get(WIDGET, "w", "n")
        assert stored is not None
        assert stored["status"] == {"parts": 1}


def sharing(obj: Object, view: View) -> Outcome:
    return Outcome(desired=(part(widget("all"), "shared"),), shared=frozenset({0}), status={})


def all_widgets(change: Change, view: View) -> list[ObjectKey]:
    return [metadata.key(obj) for obj in view.list(WIDGET, change.key.namespace)]


@pytest.mark.parametrize("quiet", [False, True])
async def test_a_shared_child_that_was_deleted_or_edited_is_restored_by_those_who_share_it(quiet: bool) -> None:
    api = MemoryApi()
    asked: list[ObjectKey] = []

    def sharers(change: Change, view: View) -> list[ObjectKey]:
        asked.append(change.key)
        return all_widgets(change, view)

    shared = replace(WIDGETS, reconcile=sharing, owns=(Owned(CONFIG_MAP, shared_by=sharers, quiet=quiet),))
    async with managing(api, shared) as running:
        await api.put(WIDGET, widget("one"))
        await api.put(WIDGET, widget("other"))
        await running.clock.advance(2)
        assert colors(api) == {"all-shared": "grey"}
        await api.remove(CONFIG_MAP, "all-shared", "n")
        await running.clock.advance(2)
        restored = api.get(CONFIG_MAP, "all-shared", "n")
        assert restored is not None
        assert "ownerReferences" not in restored["metadata"]
        await api.put(CONFIG_MAP, {**restored, "data": {"color": "pink"}})
        await running.clock.advance(2)
        assert colors(api) == {"all-shared": "grey"}
        await api.remove(WIDGET, "one", "n")
        await api.remove(WIDGET, "other", "n")
        await running.clock.advance(2)
        assert colors(api) == {"all-shared": "grey"}
    assert set(asked) == {ObjectKey("n", "all-shared")}


async def test_a_quiet_shared_child_is_no_news_to_who_wrote_it() -> None:
    api, decisions = MemoryApi(), Decisions(sharing)
    owns = (Owned(CONFIG_MAP, shared_by=all_widgets, quiet=True),)
    async with managing(api, replace(WIDGETS, reconcile=decisions, owns=owns)) as running:
        await api.put(WIDGET, widget("one"))
        await running.clock.advance(60)
        assert colors(api) == {"all-shared": "grey"}
        assert len(decisions.made) == 1


async def test_a_kind_may_be_owned_and_watched_with_different_selections() -> None:
    api = MemoryApi()
    seen: list[ObjectKey] = []

    def told(change: Change, view: View) -> list[ObjectKey]:
        seen.append(change.key)
        return []

    controller = replace(
        WIDGETS,
        owns=(Owned(CONFIG_MAP, label_selector="made"), Owned(CONFIG_MAP, field_selector="metadata.name=w-b")),
        watches=(Watched(CONFIG_MAP, told, field_selector="metadata.name=settings"),),
    )
    async with managing(api, controller) as running:
        stored = await api.put(WIDGET, widget("w", "a", "b"))
        await running.clock.advance(1)
        await api.put(WIDGET, {**stored, "spec": {"parts": ["b"]}})
        await running.clock.advance(1)
        assert list(colors(api)) == ["w-b"]
    assert seen


async def test_a_kind_may_own_objects_of_itself() -> None:
    api = MemoryApi()

    def decide(obj: Object, view: View) -> Outcome:
        child = widget(f"{metadata.name(obj)}-child")
        return Outcome(desired=() if metadata.controller_of(obj) else (child,))

    controller = replace(WIDGETS, reconcile=decide, owns=(Owned(WIDGET, label_selector="made"),))
    async with managing(api, controller) as running:
        await api.put(WIDGET, widget("w"))
        await running.clock.advance(1)
        assert {metadata.name(obj) for obj in api.all(WIDGET)} == {"w", "w-child"}


async def test_a_terminal_error_is_told_once_and_not_retried_until_something_changes() -> None:
    api = MemoryApi()
    decisions = Decisions(
        lambda obj, view: Outcome(complete=False, terminal_error=f"no such color {obj['spec']['color']}")
    )
    with structlog.testing.capture_logs() as logs:
        async with managing(api, replace(WIDGETS, reconcile=decisions)) as running:
            stored = await api.put(WIDGET, widget("w", color="ultraviolet"))
            await running.clock.advance(3600)
            assert len(decisions.made) == 1
            assert running.metric("controller_runtime_terminal_reconcile_errors_total") == 1
            await api.put(WIDGET, {**stored, "metadata": {**stored["metadata"], "labels": {"a": "b"}}})
            await running.clock.advance(3600)
            assert len(decisions.made) == 2
    told = [entry for entry in logs if entry["event"] == "reconcile failed for good"]
    assert [entry["error"] for entry in told] == ["no such color ultraviolet"]


@pytest.mark.parametrize("change", ["deleted", "given up"])
async def test_who_lost_a_name_is_decided_as_soon_as_it_is_free(change: str) -> None:
    api = MemoryApi()
    async with managing(api, replace(WIDGETS, owns=(Owned(CONFIG_MAP, adopts=True),))) as running:
        await api.put(WIDGET, widget("a", "b-c"))
        await running.clock.advance(1)
        await api.put(WIDGET, widget("a-b", "c"))
        await running.clock.advance(1000)
        child = api.get(CONFIG_MAP, "a-b-c", "n")
        assert child is not None
        assert (controller := metadata.controller_of(child)) is not None
        assert controller["name"] == "a"

        await api.remove(WIDGET, "a", "n")
        if change == "deleted":
            await api.remove(CONFIG_MAP, "a-b-c", "n")
        else:
            await api.put(CONFIG_MAP, {**child, "metadata": {**child["metadata"], "ownerReferences": []}})
        await running.clock.settle()
        child = api.get(CONFIG_MAP, "a-b-c", "n")
        assert child is not None
        assert (controller := metadata.controller_of(child)) is not None
        assert controller["name"] == "a-b"


async def test_a_strangers_object_is_left_untouched_and_said_to_be_in_the_way() -> None:
    api = MemoryApi()
    mine = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "w-a", "namespace": "n"},
        "data": {"color": "mine"},
    }
    await api.put(CONFIG_MAP, mine)
    with structlog.testing.capture_logs() as logs:
        async with managing(api, WIDGETS) as running:
            await api.put(WIDGET, widget("w", "a", "b"))
            await running.clock.advance(30)
            assert colors(api) == {"w-a": "mine", "w-b": "grey"}
            assert running.metric("controller_runtime_terminal_reconcile_errors_total") >= 1
    assert any("exists and is not owned by" in str(entry.get("error")) for entry in logs)


async def test_requeue_after_decides_again_when_time_has_come() -> None:
    api = MemoryApi()
    decisions = Decisions(lambda obj, view: Outcome(requeue_after=100.0))
    async with managing(api, replace(WIDGETS, reconcile=decisions)) as running:
        await api.put(WIDGET, widget("w"))
        await running.clock.advance(99)
        assert len(decisions.made) == 1
        await running.clock.advance(2)
        assert len(decisions.made) == 2
        assert running.metric("controller_runtime_reconcile_total", result="requeue_after") == 2


async def test_a_decision_sees_the_moment_of_looking() -> None:
    api = MemoryApi()
    moments = []

    def decide(obj: Object, view: View) -> Outcome:
        moments.append(view.now)
        return Outcome()

    async with managing(api, replace(WIDGETS, reconcile=decide)) as running:
        await api.put(WIDGET, widget("w"))
        await running.clock.settle()
        assert moments == [running.clock.now()]


async def test_events_are_sent_once_the_status_is_written() -> None:
    api = MemoryApi()

    def decide(obj: Object, view: View) -> Outcome:
        outcome = reconcile_widget(obj, view)
        if obj.get("status") == outcome.status:
            return outcome
        return replace(outcome, events=(EventRecord("Normal", "Counted", f"{outcome.status}"),))

    event = Kind("events.k8s.io", "v1", "Event", "events")
    async with managing(api, replace(WIDGETS, reconcile=decide)) as running:
        await api.put(WIDGET, widget("w", "a"))
        await running.clock.advance(30)
        assert [obj["note"] for obj in api.all(event)] == ["{'parts': 1}"]
        assert api.all(event)[0]["regarding"]["name"] == "w"
        assert api.all(event)[0]["reportingController"] == "kservectl"


async def test_events_of_a_status_that_came_before_the_children_are_sent_with_it() -> None:
    api = MemoryApi()

    def decide(obj: Object, view: View) -> Outcome:
        decided = (obj.get("status") or {}).get("parts") == 7
        event = EventRecord("Normal", "Decided", "on seven")
        outcome = replace(reconcile_widget(obj, view), status={"parts": 7}, status_first=True)
        return outcome if decided else replace(outcome, events=(event,))

    event = Kind("events.k8s.io", "v1", "Event", "events")
    async with managing(api, replace(WIDGETS, reconcile=decide)) as running:
        await api.put(WIDGET, widget("w", "a"))
        await running.clock.advance(30)
        assert [obj["note"] for obj in api.all(event)] == ["on seven"]


async def test_a_watched_object_makes_those_who_depend_on_it_be_decided_again() -> None:
    api, decisions = MemoryApi(), Decisions(lambda obj, view: Outcome())

    def widgets_of(change: Change, view: View) -> list[ObjectKey]:
        return [metadata.key(obj) for obj in view.list(WIDGET, change.key.namespace)]

    controller = replace(WIDGETS, reconcile=decisions, watches=(Watched(SECRET, widgets_of, metadata_only=True),))
    async with managing(api, controller) as running:
        await api.put(WIDGET, widget("w", namespace="n"))
        await api.put(WIDGET, widget("v", namespace="other"))
        await running.clock.advance(1)
        decisions.made.clear()
        await api.put(SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}})
        await running.clock.advance(1)
        assert decisions.made == [ObjectKey("n", "w")]


async def test_many_changes_that_concern_one_key_are_gathered_into_one_decision() -> None:
    api, decisions = MemoryApi(), Decisions(lambda obj, view: Outcome())

    def widgets_of(change: Change, view: View) -> list[ObjectKey]:
        return [metadata.key(obj) for obj in view.list(WIDGET, change.key.namespace)]

    controller = replace(WIDGETS, reconcile=decisions, watches=(Watched(SECRET, widgets_of, gather=2.0),))
    async with managing(api, controller) as running:
        await api.put(WIDGET, widget("w"))
        await running.clock.advance(1)
        decisions.made.clear()
        for number in range(20):
            secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"s{number}", "namespace": "n"}}
            await api.put(SECRET, secret)
            await running.clock.advance(0.05)
        assert decisions.made == []
        await running.clock.advance(2)
        assert decisions.made == [ObjectKey("n", "w")]


async def test_a_child_of_the_same_name_but_another_group_is_not_ours() -> None:
    api, decisions = MemoryApi(), Decisions(lambda obj, view: Outcome())
    async with managing(api, replace(WIDGETS, reconcile=decisions)) as running:
        stored = await api.put(WIDGET, widget("w"))
        await running.clock.advance(1)
        decisions.made.clear()
        child = part(stored, "x")
        reference = metadata.controller_reference(stored)
        child["metadata"]["ownerReferences"] = [{**reference, "apiVersion": "other.example.com/v1", "uid": "u"}]
        await api.put(CONFIG_MAP, child)
        await running.clock.advance(1)
        assert decisions.made == []
        child["metadata"]["ownerReferences"] = [reference]
        await api.put(CONFIG_MAP, child)
        await running.clock.advance(1)
        assert set(decisions.made) == {ObjectKey("n", "w")}


async def test_own_status_writes_cause_no_decision_with_that_predicate() -> None:
    api, decisions = MemoryApi(), Decisions()
    async with managing(api, replace(WIDGETS, reconcile=decisions, predicate=not_only_status)) as running:
        stored = await api.put(WIDGET, widget("w", "a"))
        await running.clock.advance(30)
        # once for the object, once for the child that came
        assert len(decisions.made) == 2
        await api.put(WIDGET, {**stored, "spec": {"parts": []}})
        await running.clock.advance(30)
        assert colors(api) == {}


async def test_an_object_that_is_gone_is_forgotten() -> None:
    api, decisions = MemoryApi(), Decisions()
    async with managing(api, replace(WIDGETS, reconcile=decisions)) as running:
        await api.put(WIDGET, widget("w"))
        await running.clock.advance(1)
        decisions.made.clear()
        await api.remove(WIDGET, "w", "n")
        await running.clock.advance(60)
        assert decisions.made == []
        assert len(running.manager._runners[0].queue) == 0


async def test_a_users_edit_is_served_before_all_that_was_there_at_start() -> None:
    api = MemoryApi()
    for number in range(300):
        await api.put(WIDGET, widget(f"w{number}"))
    order: list[str] = []
    edited: list[Object] = []

    def decide(obj: Object, view: View) -> Outcome:
        order.append(metadata.name(obj))
        return Outcome(status={"seen": True})

    async with managing(api, replace(WIDGETS, reconcile=decide, workers=1)) as running:
        await eventually(lambda: bool(order))
        edited.append(await api.put(WIDGET, widget("edited")))
        position = len(order)
        await running.clock.advance(60)
    assert order.index("edited") - position < 60
    assert len(set(order)) == 301


async def test_what_was_changed_while_nobody_looked_is_served_before_all_else_that_was_there_at_start() -> None:
    api, decisions = MemoryApi(), Decisions()
    for name in ("a", "b", "c"):
        await api.put(WIDGET, {**widget(name, "x"), "status": {"observedGeneration": 0 if name == "c" else 1}})
    async with managing(api, replace(WIDGETS, reconcile=decisions, workers=1)):
        await eventually(lambda: len(decisions.made) >= 3)
    assert [key.name for key in dict.fromkeys(decisions.made)] == ["c", "a", "b"]


async def test_a_kind_that_comes_to_be_served_makes_everything_be_decided_again() -> None:
    api = MemoryApi()
    route = Kind("gateway.example.com", "v1", "Route", "routes")
    api.unserve(route)
    seen: list[bool] = []

    def decide(obj: Object, view: View) -> Outcome:
        seen.append(view.served(route))
        return Outcome()

    controller = replace(WIDGETS, reconcile=decide, owns=(*WIDGETS.owns, Owned(route, optional=True)))
    async with managing(api, controller) as running:
        await api.put(WIDGET, widget("w"))
        await running.clock.advance(60)
        assert set(seen) == {False}
        api.serve(route)
        definition = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
        await api.put(CUSTOM_RESOURCE_DEFINITION, {**definition, "metadata": {"name": route.resource}})
        await running.clock.advance(60)
        assert seen[-1] is True


async def test_metrics_are_there_from_the_start() -> None:
    api = MemoryApi()
    async with managing(api, WIDGETS) as running:

        def value(name: str) -> float | None:
            return running.registry.get_sample_value(name, {"controller": "widget"})

        assert value("controller_runtime_max_concurrent_reconciles") == 4
        assert value("controller_runtime_active_workers") == 0
        assert value("controller_runtime_reconcile_errors_total") == 0
        assert value("controller_runtime_reconcile_time_seconds_count") == 0


async def test_what_no_cache_shows_is_observed_before_each_decision() -> None:
    api, seen = MemoryApi(), []

    async def observe(obj: Object, view: View) -> View:
        return LiveView(view, {Reference(SECRET, "key", "n"): {"kind": "Secret"}})

    def decide(obj: Object, view: View) -> Outcome:
        seen.append(view.get(SECRET, "key", "n"))
        return Outcome()

    async with managing(api, replace(WIDGETS, reconcile=decide, observe=observe)) as running:
        await api.put(WIDGET, widget("w"))
        await running.clock.advance(1)
    assert seen == [{"kind": "Secret"}]


async def test_effects_are_carried_out_after_the_status_was_written_and_again_after_a_failure() -> None:
    api, carried, trouble = MemoryApi(), [], [OSError("the disk is away")]

    def decide(obj: Object, view: View) -> Outcome:
        return replace(reconcile_widget(obj, view), effects=("remove",))

    async def carry_out(effects: Sequence[str]) -> None:
        stored = api.get(WIDGET, "w", "n")
        assert stored is not None
        carried.append((effects, stored.get("status")))
        if trouble:
            raise trouble.pop()

    async with managing(api, replace(WIDGETS, reconcile=decide, carry_out=carry_out)) as running:
        await api.put(WIDGET, widget("w", "a"))
        await running.clock.advance(1)
        assert running.metric("controller_runtime_reconcile_errors_total") == 1
    assert carried[:2] == [(("remove",), {"parts": 1})] * 2
