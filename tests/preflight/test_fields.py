"""Which fields differ between two states of an object."""

from kservectl.objects.metadata import Object
from kservectl.preflight.fields import FieldChange, field_changes


def paths(before: Object, after: Object) -> list[str]:
    return [str(each) for each in field_changes(before, after)]


def test_equal_states_differ_in_nothing() -> None:
    assert paths({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 2}]}}) == []


def test_each_field_that_differs_is_told_with_both_values() -> None:
    before = {"spec": {"a": 1, "b": 2, "c": 3}}
    after = {"spec": {"a": 1, "b": 5, "d": 4}}
    assert field_changes(before, after) == [
        FieldChange("spec.b", "changed", 2, 5),
        FieldChange("spec.c", "removed", 3, None),
        FieldChange("spec.d", "added", None, 4),
    ]


def test_what_is_new_or_gone_is_told_as_a_whole() -> None:
    assert paths({"spec": {"x": {"deep": {"er": 1}}}}, {"spec": {}}) == ["spec (removed)"]
    assert paths({"spec": {"keep": 1, "x": {"deep": 1}}}, {"spec": {"keep": 1}}) == ["spec.x (removed)"]


def test_empty_maps_and_lists_count_as_absent() -> None:
    assert paths({"a": {}, "b": []}, {"c": {}}) == []


def test_named_items_of_lists_are_compared_by_name() -> None:
    before = {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}
    after = {"containers": [{"name": "b", "image": "2"}, {"name": "c", "image": "1"}]}
    assert paths(before, after) == ["containers[a] (removed)", "containers[b].image (changed)", "containers[c] (added)"]


def test_the_order_of_named_items_counts() -> None:
    before: Object = {"env": [{"name": "a", "value": "1"}, {"name": "b", "value": "$(a)"}]}
    assert paths(before, {"env": [*reversed(before["env"])]}) == ["env (changed)"]


def test_other_lists_are_compared_item_by_item_while_they_are_of_one_length() -> None:
    assert paths({"rules": [{"a": 1}, {"a": 2}]}, {"rules": [{"a": 1}, {"a": 3}]}) == ["rules[1].a (changed)"]
    assert paths({"rules": [1]}, {"rules": [1, 2]}) == ["rules (changed)"]


def test_names_that_are_no_words_stand_in_brackets() -> None:
    before = {"metadata": {"annotations": {"serving.kserve.io/x": "1", "keep": "1"}}}
    assert paths(before, {"metadata": {"annotations": {"keep": "1"}}}) == [
        "metadata.annotations[serving.kserve.io/x] (removed)"
    ]
