"""RFC 7386: applying a merge patch, and finding one."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kservectl.objects.mergepatch import apply, merge_patch


def test_maps_merge_null_deletes_and_the_rest_replaces() -> None:
    old = {"a": {"b": 1, "c": 2}, "l": [1, 2], "gone": 1}
    patch = {"a": {"b": None, "d": 3}, "l": [3], "gone": None, "never": None}
    assert apply(old, patch) == {"a": {"c": 2, "d": 3}, "l": [3]}


def test_nulls_in_a_new_map_leave_nothing() -> None:
    assert apply({}, {"a": {"b": None, "c": {"d": None}}}) == {"a": {"c": {}}}


def test_a_patch_that_is_no_map_replaces_everything() -> None:
    assert apply({"a": 1}, [1]) == [1]


def test_the_patch_between_equal_objects_is_empty() -> None:
    assert merge_patch({"a": {"b": [1]}}, {"a": {"b": [1]}}) == {}


def test_the_patch_holds_only_what_changed() -> None:
    old = {"spec": {"replicas": 1, "paused": True}, "status": {"x": 1}}
    new = {"spec": {"replicas": 2, "paused": True}}
    assert merge_patch(old, new) == {"spec": {"replicas": 2}, "status": None}


def test_true_is_not_one() -> None:
    assert merge_patch({"a": 1}, {"a": True}) == {"a": True}


values = st.recursive(
    st.one_of(st.booleans(), st.integers(-3, 3), st.sampled_from(["", "x"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


@given(objects, objects)
def test_applying_the_difference_gives_the_new_object(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert apply(old, merge_patch(old, new)) == new


@given(objects, objects)
def test_applying_twice_changes_nothing_more(old: dict[str, Any], patch: dict[str, Any]) -> None:
    once = apply(old, patch)
    assert apply(once, patch) == once
