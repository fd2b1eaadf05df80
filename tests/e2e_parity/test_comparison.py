"""How two recordings of one case are scored."""

import pytest

from e2e.parity.comparison import ABSENT, Difference, Score, compare, fields


def recording(*objects: dict[str, object], rejected: str | None = None) -> dict[str, object]:
    return {"rejected": rejected, "objects": {str(obj["kind"]): obj for obj in objects}}


def test_equal_recordings_score_everything() -> None:
    same = recording({"kind": "A", "spec": {"ports": [{"port": 80}]}})

    scores = compare(same, same)

    assert scores == {"rejected": Score(1, 1), "A": Score(2, 2)}


def test_changed_field_is_told_with_its_path_and_both_values() -> None:
    wanted = recording({"kind": "A", "spec": {"ports": [{"port": 80}]}})
    found = recording({"kind": "A", "spec": {"ports": [{"port": 81}]}})

    score = compare(wanted, found)["A"]

    assert score.differences == (Difference("A", ".spec.ports[0].port", 80, 81),)
    assert score.share == pytest.approx(0.5)


def test_missing_object_loses_all_its_fields_and_an_extra_one_too() -> None:
    obj: dict[str, object] = {"kind": "A", "spec": {"replicas": 1}}

    for wanted, found in ((recording(obj), recording()), (recording(), recording(obj))):
        score = compare(wanted, found)["A"]
        assert (score.equal, score.total) == (0, 2)


def test_condition_that_one_side_lacks_does_not_move_the_others() -> None:
    ready, stopped = {"type": "Ready", "status": "Unknown"}, {"type": "Stopped", "status": "False"}

    score = compare(
        recording({"kind": "A", "status": {"conditions": [stopped]}}),
        recording({"kind": "A", "status": {"conditions": [ready, stopped]}}),
    )["A"]

    path = ".status.conditions[Ready]"
    assert [each.path for each in score.differences] == [f"{path}.status", f"{path}.type"]


def test_number_is_not_the_text_of_it() -> None:
    score = compare(recording({"kind": "A", "gpu": 1}), recording({"kind": "A", "gpu": "1"}))["A"]

    assert score.equal == 1


def test_refusal_by_one_side_only_costs_a_field() -> None:
    scores = compare(recording(rejected="no"), recording())

    assert scores["rejected"].differences == (Difference("rejected", "", "no", ABSENT),)


@pytest.mark.parametrize("empty", [None, "", {}, [], {"inner": {"deep": []}}])
def test_empty_values_are_no_fields(empty: object) -> None:
    assert list(fields({"spec": empty})) == []


def test_false_and_zero_are_fields() -> None:
    assert dict(fields({"a": False, "b": 0})) == {".a": False, ".b": 0}
