"""RFC 6902: applying a JSON patch, and finding one."""

import copy
from typing import Any

import jsonpatch as reference
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.objects.jsonpatch import MalformedPatch, PatchFailed, apply, json_patch


def test_equal_documents_need_no_operation() -> None:
    assert json_patch({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}) == []


def test_an_item_put_in_front_is_one_add() -> None:
    assert json_patch({"l": ["a", "b"]}, {"l": ["x", "a", "b"]}) == [{"op": "add", "path": "/l/0", "value": "x"}]


def test_an_item_taken_out_of_the_middle_is_one_remove() -> None:
    assert json_patch(["a", "b", "c"], ["a", "c"]) == [{"op": "remove", "path": "/1"}]


def test_a_field_deep_in_a_list_is_one_replace() -> None:
    old = {"containers": [{"name": "a", "image": "x"}, {"name": "b"}]}
    new = {"containers": [{"name": "a", "image": "y"}, {"name": "b"}]}
    assert json_patch(old, new) == [{"op": "replace", "path": "/containers/0/image", "value": "y"}]


def test_slashes_and_tildes_in_names_are_escaped() -> None:
    patch = json_patch({}, {"a/b~c": 1})
    assert patch == [{"op": "add", "path": "/a~1b~0c", "value": 1}]
    assert apply({}, patch) == {"a/b~c": 1}


def test_all_six_operations_apply() -> None:
    patch: list[dict[str, Any]] = [
        {"op": "test", "path": "/a", "value": 1},
        {"op": "add", "path": "/l/-", "value": 3},
        {"op": "copy", "from": "/a", "path": "/b"},
        {"op": "move", "from": "/l/0", "path": "/c"},
        {"op": "replace", "path": "/a", "value": 9},
        {"op": "remove", "path": "/gone"},
    ]
    assert apply({"a": 1, "l": [1, 2], "gone": 0}, patch) == {"a": 9, "b": 1, "c": 1, "l": [2, 3]}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/zzz"},
        {"op": "replace", "path": "/zzz", "value": 1},
        {"op": "add", "path": "/zzz/y", "value": 1},
        {"op": "add", "path": "/l/5", "value": 1},
        {"op": "add", "path": "/l/01", "value": 1},
        {"op": "test", "path": "/a", "value": True},
        {"op": "move", "from": "/l", "path": "/l/0"},
        {"op": "remove", "path": "/a/b"},
    ],
)
def test_an_operation_that_does_not_apply_fails(operation: dict[str, Any]) -> None:
    with pytest.raises(PatchFailed):
        apply({"a": 1, "l": [1]}, [operation])


@pytest.mark.parametrize(
    "patch",
    [
        {"op": "remove"},
        ["x"],
        [{"op": "add", "path": "/a"}],
        [{"op": "what", "path": "/a"}],
        [{"op": "copy", "path": "/a"}],
        [{"op": "remove", "path": "a"}],
    ],
)
def test_what_is_no_json_patch_is_refused(patch: Any) -> None:
    with pytest.raises(MalformedPatch):
        apply({"a": 1}, patch)


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from(["", "x"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["a", "b/", "c~"]), inner, max_size=3)
    ),
    max_leaves=15,
)


@given(values, values)
def test_applying_the_difference_gives_the_new_document(old: Any, new: Any) -> None:
    before = copy.deepcopy(old)
    patch = json_patch(old, new)
    assert apply(old, patch) == new
    assert old == before


@given(st.dictionaries(st.sampled_from(["a", "b/"]), values), st.dictionaries(st.sampled_from(["a", "b/"]), values))
def test_another_implementation_applies_our_difference_to_the_same_end(old: Any, new: Any) -> None:
    assert reference.apply_patch(old, json_patch(old, new)) == new
