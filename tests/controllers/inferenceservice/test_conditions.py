"""Knative's living condition set."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kservectl.controllers.inferenceservice.conditions import FALSE, TRUE, UNKNOWN, ConditionSet, Truth

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TYPES = ["PredictorReady", "IngressReady", "Stopped"]


def fresh(before: list[dict[str, str]] | None = None, now: datetime = NOW) -> ConditionSet:
    conditions = ConditionSet("Ready", ("PredictorReady", "IngressReady"), before or [], now)
    conditions.initialise()
    return conditions


def said(conditions: ConditionSet, type_: str) -> tuple[str, str, str]:
    found = conditions.get(type_)
    assert found is not None
    return found.status, found.reason, found.message


def test_new_set_knows_nothing_yet() -> None:
    assert [(entry["type"], entry["status"]) for entry in fresh().to_wire()] == [
        ("IngressReady", "Unknown"),
        ("PredictorReady", "Unknown"),
        ("Ready", "Unknown"),
    ]


def test_dependent_that_joins_a_ready_set_starts_true() -> None:
    assert said(fresh([{"type": "Ready", "status": "True"}]), "IngressReady")[0] == "True"


def test_false_dependent_takes_ready_with_it_reason_and_message_included() -> None:
    conditions = fresh()
    conditions.mark_false("IngressReady", "Because", "of this")

    assert said(conditions, "Ready") == ("False", "Because", "of this")


def test_ready_is_true_without_a_reason_once_all_dependents_are() -> None:
    conditions = fresh()
    conditions.mark_true("PredictorReady", "Good", "very")
    assert said(conditions, "Ready")[0] == "Unknown"
    conditions.mark_true("IngressReady")

    assert said(conditions, "Ready") == ("True", "", "")


def test_newest_false_dependent_speaks_for_ready() -> None:
    before = [
        {"type": "PredictorReady", "status": "False", "reason": "Newer", "lastTransitionTime": "2025-06-01T00:00:00Z"},
        {"type": "IngressReady", "status": "False", "reason": "Older", "lastTransitionTime": "2025-01-01T00:00:00Z"},
    ]
    conditions = ConditionSet("Ready", ("PredictorReady", "IngressReady"), before, NOW)
    conditions.mark_true("Stopped")

    assert said(conditions, "Ready")[1] == "Newer"


def test_of_two_equally_old_ones_the_first_by_type_speaks() -> None:
    conditions = fresh()
    conditions.mark_false("PredictorReady", "P")
    conditions.mark_false("IngressReady", "I")
    conditions.mark_true("Stopped")

    assert said(conditions, "Ready")[1] == "I"


def test_missing_dependent_keeps_ready_unknown() -> None:
    conditions = ConditionSet("Ready", ("PredictorReady", "IngressReady"), [], NOW)
    conditions.mark_true("PredictorReady")

    assert said(conditions, "Ready")[0] == "Unknown"


def test_unknown_dependent_does_not_hide_a_false_one() -> None:
    conditions = fresh()
    conditions.mark_false("IngressReady", "Closed")
    conditions.mark_unknown("PredictorReady", "Starting")

    assert said(conditions, "Ready") == ("False", "Closed", "")


def test_unknown_dependent_makes_ready_unknown() -> None:
    conditions = fresh()
    conditions.mark_true("PredictorReady")
    conditions.mark_true("IngressReady")
    conditions.mark_unknown("PredictorReady", "Rolling")

    assert said(conditions, "Ready") == ("Unknown", "Rolling", "")


def test_informational_condition_never_decides_about_ready() -> None:
    conditions = fresh()
    conditions.mark_true("PredictorReady")
    conditions.mark_true("IngressReady")
    conditions.mark_false("Stopped")
    conditions.mark_unknown("Stopped")

    assert said(conditions, "Ready")[0] == "True"
    assert [entry.get("severity") for entry in conditions.to_wire()] == [None, None, None, "Info"]


def test_only_informational_conditions_can_be_cleared() -> None:
    conditions = fresh()
    conditions.mark_true("Stopped")
    for type_ in ("Stopped", "Ready", "IngressReady"):
        conditions.clear(type_)

    assert [entry["type"] for entry in conditions.to_wire()] == ["IngressReady", "PredictorReady", "Ready"]


def test_time_moves_only_with_what_is_said() -> None:
    conditions = fresh()
    conditions.mark_false("IngressReady", "Closed")
    before = conditions.to_wire()

    later = fresh(before, NOW + timedelta(hours=1))
    later.mark_false("IngressReady", "Closed")
    assert later.to_wire() == before

    later.mark_false("IngressReady", "Closed", "for a reason")
    found = later.get("IngressReady")
    assert found is not None
    assert found.since == "2026-01-01T01:00:00Z"


def test_condition_that_ends_as_it_began_keeps_its_time() -> None:
    conditions = fresh()
    conditions.mark_true("IngressReady")
    before = conditions.to_wire()

    later = fresh(before, NOW + timedelta(hours=1))
    later.mark_false("IngressReady", "Closed")
    later.mark_true("IngressReady")
    assert later.to_wire() == before


def test_message_is_stored_verbatim() -> None:
    conditions = fresh()
    conditions.mark_false("IngressReady", "Odd", "100% %s {x}")

    assert said(conditions, "Ready")[2] == "100% %s {x}"


MARKS = st.tuples(st.sampled_from(TYPES), st.sampled_from([TRUE, FALSE, UNKNOWN]), st.sampled_from(["", "A", "B"]))


@given(st.lists(MARKS, max_size=12))
def test_ready_is_true_exactly_when_all_dependents_are(marks: list[tuple[str, Truth, str]]) -> None:
    conditions = fresh()
    for type_, status, reason in marks:
        conditions.mark(type_, status, reason)

    assert conditions.is_true("Ready") == all(map(conditions.is_true, ("PredictorReady", "IngressReady")))


@given(st.lists(MARKS, max_size=12))
def test_false_dependent_always_means_not_ready(marks: list[tuple[str, Truth, str]]) -> None:
    conditions = fresh()
    for type_, status, reason in marks:
        conditions.mark(type_, status, reason)
    dependents = {said(conditions, type_)[0] for type_ in ("PredictorReady", "IngressReady")}

    assert (said(conditions, "Ready")[0] == "False") == ("False" in dependents)


@given(st.lists(MARKS, max_size=12))
def test_saying_it_all_again_changes_nothing(marks: list[tuple[str, Truth, str]]) -> None:
    first = fresh()
    for type_, status, reason in marks:
        first.mark(type_, status, reason)
    second = fresh(first.to_wire(), NOW + timedelta(days=1))
    for type_ in TYPES:
        found = first.get(type_)
        if found is not None:
            second.mark(type_, found.status, found.reason, found.message)

    without_ready = [entry for entry in second.to_wire() if entry["type"] != "Ready"]
    assert without_ready == [entry for entry in first.to_wire() if entry["type"] != "Ready"]
