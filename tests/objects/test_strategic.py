"""Strategic merge patch: what merges, what is replaced, what goes, and in which order lists come out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.objects.strategic import UnmergeablePatch, strategic_merge


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items]


def named(*items: str) -> list[dict[str, Any]]:
    return [{"name": item} for item in items]


def test_containers_merge_by_name_and_keep_what_the_patch_leaves_out() -> None:
    base = {"containers": [{"name": "a", "image": "x", "args": ["1"]}, {"name": "b", "image": "y"}]}
    patch = {"containers": [{"name": "a", "image": "z"}]}
    assert strategic_merge(base, patch, "PodSpec") == {
        "containers": [{"name": "a", "image": "z", "args": ["1"]}, {"name": "b", "image": "y"}]
    }


def test_lists_without_a_key_are_replaced() -> None:
    base = {"args": ["a", "b"], "envFrom": [{"prefix": "x"}]}
    assert strategic_merge(base, {"args": ["c"]}, "Container") == {"args": ["c"], "envFrom": [{"prefix": "x"}]}


def test_unknown_types_merge_maps_and_replace_lists() -> None:
    merged = strategic_merge({"a": {"b": 1, "l": [1]}}, {"a": {"c": 2, "l": [2]}}, "")
    assert merged == {"a": {"b": 1, "c": 2, "l": [2]}}


@pytest.mark.parametrize(
    ("base", "overlay", "expected"),
    [
        (["PORT", "PORT2"], ["PORT2", "Some"], ["PORT", "PORT2", "Some"]),
        (["foo", "aaa"], ["foo", "xxx"], ["foo", "xxx", "aaa"]),
        (["A", "B"], ["C"], ["C", "A", "B"]),
        (["A", "B", "C"], ["C", "A"], ["B", "C", "A"]),
        ([], ["B", "A"], ["B", "A"]),
        (["A", "B"], [], ["A", "B"]),
    ],
)
def test_keyed_lists_come_out_in_kubernetes_order(base: list[str], overlay: list[str], expected: list[str]) -> None:
    merged = strategic_merge({"env": named(*base)}, {"env": named(*overlay)}, "Container")
    assert names(merged["env"]) == expected


def test_set_element_order_rules_over_both_orders() -> None:
    base = {"env": named("a", "b", "c")}
    patch = {"$setElementOrder/env": named("c", "d", "a"), "env": [{"name": "d", "value": "1"}]}
    assert names(strategic_merge(base, patch, "Container")["env"]) == ["b", "c", "d", "a"]


def test_an_item_that_set_element_order_does_not_name_is_refused() -> None:
    with pytest.raises(UnmergeablePatch, match="setElementOrder/env"):
        strategic_merge({}, {"$setElementOrder/env": named("a"), "env": named("b")}, "Container")


def test_a_patch_list_in_another_order_than_its_own_order_list_is_refused() -> None:
    with pytest.raises(UnmergeablePatch, match="setElementOrder/env"):
        strategic_merge({}, {"$setElementOrder/env": named("a", "b"), "env": named("b", "a")}, "Container")


def test_null_deletes_a_field() -> None:
    assert strategic_merge({"image": "x", "name": "a"}, {"image": None, "tty": None}, "Container") == {"name": "a"}


def test_nulls_inside_a_new_map_are_dropped() -> None:
    assert strategic_merge({}, {"resources": {"limits": {"cpu": None, "memory": "1Gi"}}}, "Container") == {
        "resources": {"limits": {"memory": "1Gi"}}
    }


def test_patch_delete_removes_a_list_item_and_tolerates_its_absence() -> None:
    base = {"volumes": named("a", "b")}
    patch = {"volumes": [{"$patch": "delete", "name": "a"}, {"$patch": "delete", "name": "zzz"}]}
    assert strategic_merge(base, patch, "PodSpec") == {"volumes": named("b")}


def test_patch_replace_replaces_a_map() -> None:
    base = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}
    patch = {"strategy": {"$patch": "replace", "type": "Recreate"}}
    assert strategic_merge(base, patch, "DeploymentSpec") == {"strategy": {"type": "Recreate"}}


def test_patch_replace_replaces_a_list() -> None:
    base = {"env": named("a", "b")}
    assert strategic_merge(base, {"env": [{"$patch": "replace"}, *named("c")]}, "Container") == {"env": named("c")}


def test_patch_delete_of_a_map_leaves_it_empty() -> None:
    assert strategic_merge(
        {"strategy": {"type": "Recreate"}}, {"strategy": {"$patch": "delete"}}, "DeploymentSpec"
    ) == {"strategy": {}}


def test_retain_keys_drops_every_other_key() -> None:
    base = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}
    patch = {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}
    assert strategic_merge(base, patch, "DeploymentSpec") == {"strategy": {"type": "Recreate"}}


def test_retain_keys_must_name_the_keys_of_its_patch() -> None:
    with pytest.raises(UnmergeablePatch, match="retainKeys"):
        strategic_merge({"strategy": {}}, {"strategy": {"$retainKeys": ["a"], "type": "Recreate"}}, "DeploymentSpec")


def test_directives_have_nothing_to_act_on_in_what_is_new() -> None:
    new = {"name": "c", "env": [{"name": "A"}, {"$patch": "delete", "name": "B"}], "$setElementOrder/env": named("B")}
    patch = {"containers": [{**new, "resources": {"$patch": "replace", "limits": {}}}]}
    assert strategic_merge({}, patch, "PodSpec") == {"containers": [{"name": "c", "env": named("A")}]}
    assert strategic_merge({"containers": named("d")}, patch, "PodSpec")["containers"][0] == {
        "name": "c", "env": named("A")
    }  # fmt: skip


def test_finalizers_merge_as_a_set_and_can_be_taken_out() -> None:
    base = {"finalizers": ["a/b", "c/d"]}
    patch = {"$deleteFromPrimitiveList/finalizers": ["a/b"], "finalizers": ["e/f"]}
    assert strategic_merge(base, patch, "ObjectMeta") == {"finalizers": ["e/f", "c/d"]}


def test_service_ports_merge_by_port_alone() -> None:
    base = {"spec": {"ports": [{"port": 80, "protocol": "TCP", "name": "a"}]}}
    merged = strategic_merge(base, {"spec": {"ports": [{"port": 80, "protocol": "UDP"}]}}, "Service")
    assert merged["spec"]["ports"] == [{"port": 80, "protocol": "UDP", "name": "a"}]


def test_tolerations_are_replaced() -> None:
    merged = strategic_merge({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}]}, "PodSpec")
    assert merged == {"tolerations": [{"key": "b"}]}


def test_a_pdb_selector_is_replaced_as_a_whole() -> None:
    base = {"spec": {"selector": {"matchLabels": {"a": "1"}}}}
    merged = strategic_merge(base, {"spec": {"selector": {"matchLabels": {"b": "2"}}}}, "PodDisruptionBudget")
    assert merged == {"spec": {"selector": {"matchLabels": {"b": "2"}}}}


def test_an_item_without_its_key_is_refused() -> None:
    with pytest.raises(UnmergeablePatch, match="does not contain declared merge key: name"):
        strategic_merge({"env": named("a")}, {"env": [{"value": "1"}]}, "Container")


def test_an_unknown_directive_is_refused() -> None:
    with pytest.raises(UnmergeablePatch, match="unknown patch type"):
        strategic_merge({}, {"$patch": "explode"}, "Container")


unique_names = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(unique_names, unique_names)
def test_the_merge_has_every_item_once_and_respects_the_order_of_the_patch(base: list[str], overlay: list[str]) -> None:
    merged = names(strategic_merge({"env": named(*base)}, {"env": named(*overlay)}, "Container")["env"])
    assert sorted(merged) == sorted({*base, *overlay})
    assert [name for name in merged if name in overlay] == overlay
    assert [name for name in merged if name not in overlay] == [name for name in base if name not in overlay]


@given(unique_names, unique_names)
def test_merging_again_changes_nothing(base: list[str], overlay: list[str]) -> None:
    patch = {"env": named(*overlay)}
    once = strategic_merge({"env": named(*base)}, patch, "Container")
    assert strategic_merge(once, patch, "Container") == once


@given(unique_names, unique_names)
def test_the_arguments_are_not_changed(base: list[str], overlay: list[str]) -> None:
    original, patch = {"env": named(*base)}, {"env": [{**item, "value": "x"} for item in named(*overlay)]}
    strategic_merge(original, patch, "Container")
    assert original == {"env": named(*base)}
    assert patch == {"env": [{**item, "value": "x"} for item in named(*overlay)]}
