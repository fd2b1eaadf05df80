"""Whom a change of something else concerns, and whom it does not."""

from typing import Any

import pytest

from kservectl.controllers.localmodel import watching
from kservectl.controllers.localmodel.node import trimmed
from kservectl.controllers.localmodel.scope import CLUSTER, NAMESPACE
from kservectl.informers import Change
from kservectl.objects.kind import NODE
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.controller import ToKeys
from tests.controllers.localmodel.worlds import cache, configuration, entry, group, node, order, service, view

WORLD = (
    group("a"),
    group("b"),
    cache("one", "a", "b"),
    cache("two", "a", source="s3://2"),
    cache("three", "b", namespace="team"),
    node("n1", "a"),
    node("n2", "b"),
)


def concerned(to_keys: ToKeys, old: Object | None, new: Object | None) -> list[str]:
    return sorted(str(key) for key in to_keys(Change(old, new, initial=False), view(*WORLD)))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, node("n3", "b"), ["one"]),  # not only the first group of a cache counts
        (node("n3", "b"), None, ["one"]),
        (node("n3", "a", ready=False), node("n3", "a"), ["one", "two"]),
        (node("n3", "a"), node("n3", "a", ready=False), ["one", "two"]),
        (node("n3", "a"), node("n3", "b"), ["one", "two"]),
        (node("n3", "a"), node("n3", "a"), []),
        (None, node("n3", "c"), []),
    ],
)
def test_nodes(old: Object | None, new: Object | None, expected: list[str]) -> None:
    assert concerned(watching.caches_of_node(CLUSTER), old, new) == expected


def test_a_node_concerns_the_caches_of_namespaces_too() -> None:
    assert concerned(watching.caches_of_node(NAMESPACE), None, node("n3", "b")) == ["team/three"]


def test_what_was_there_at_the_start_concerns_nobody_by_itself() -> None:
    change = Change(None, node("n3", "b"), initial=True)
    for to_keys in (watching.caches_of_node(CLUSTER), watching.groups_of_node):
        assert list(to_keys(change, view(*WORLD))) == []


def test_a_group_concerns_the_caches_that_name_it_and_the_nodes_of_it_and_of_those_that_waited() -> None:
    assert concerned(watching.caches_of_group(CLUSTER), None, group("b")) == ["one"]
    assert concerned(watching.nodes_of_group, None, group("b")) == ["n1", "n2"]
    grown = {**group("b", limit="2Ti"), "status": {"nodes": 2}}
    assert concerned(watching.nodes_of_group, {**grown, "status": {}}, grown) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"states": {"one": "ModelDownloading"}}, {"states": {"one": "ModelDownloaded"}}, ["one"]),
        ({"states": {"one": "ModelDownloading"}}, {"states": {"one": "ModelDownloading"}}, []),
        (
            {"states": {"one": "ModelDownloading"}, "models": {"one": {"percent": 1}}},
            {"states": {"one": "ModelDownloading"}, "models": {"one": {"percent": 2}}},
            ["one"],
        ),
        ({"states": {"team/three": ""}}, {"states": {}}, []),
    ],
)
def test_answers_of_nodes_concern_the_caches_of_which_they_say_something_new(
    old: dict[str, Any], new: dict[str, Any], expected: list[str]
) -> None:
    assert concerned(watching.caches_of_order(CLUSTER), order("n1", **old), order("n1", **new)) == expected


def test_orders_that_come_and_go_concern_the_caches_in_them() -> None:
    listed = order("n1", entry("one"), entry("three", "team"))
    for old, new in ((None, listed), (listed, None), (listed, order("n1"))):
        assert concerned(watching.caches_of_order(CLUSTER), old, new) == ["one"]
        assert concerned(watching.caches_of_order(NAMESPACE), old, new) == ["team/three"]


@pytest.mark.parametrize(
    ("old", "new", "cluster", "namespaced"),
    [
        (None, service("s", cache="one"), ["one"], []),
        (service("s", cache="one"), None, ["one"], []),
        (service("s", cache="one"), service("s", cache="two"), ["one", "two"], []),
        (service("s", cache="one"), service("s", cache="one"), [], []),
        (service("s", cache="one"), service("s", cache="one", group="b"), ["one"], []),
        (
            service("s", cache="three", of_namespace="team"),
            service("s", cache="four", of_namespace="team"),
            [],
            ["team/four", "team/three"],
        ),
    ],
)
def test_services_concern_the_caches_that_they_use_or_used(
    old: Object | None, new: Object | None, cluster: list[str], namespaced: list[str]
) -> None:
    assert concerned(watching.caches_of_service(CLUSTER), old, new) == cluster
    assert concerned(watching.caches_of_service(NAMESPACE), old, new) == namespaced


def test_a_cache_concerns_the_nodes_of_the_groups_that_it_names_or_named() -> None:
    assert concerned(watching.nodes_of_cache, None, cache("new", "a")) == ["n1"]
    assert concerned(watching.nodes_of_cache, cache("new", "a"), cache("new", "b")) == ["n1", "n2"]


def test_who_uses_a_cache_concerns_nodes_only_where_copies_make_room() -> None:
    used = cache("one", "a", status={"inferenceServices": [{"namespace": "team", "name": "s"}]})
    assert concerned(watching.nodes_of_cache, cache("one", "a"), used) == []
    change = Change(cache("one", "a"), used, initial=False)
    evicting = view(group("a", evictionPolicy="LeastRecentlyUsed"), node("n1", "a"))
    assert list(watching.nodes_of_cache(change, evicting)) == [ObjectKey("", "n1")]


def test_only_another_local_model_setting_concerns_everybody() -> None:
    to_keys = watching.all_of(NODE)
    assert concerned(to_keys, configuration("{}"), configuration()) == ["n1", "n2"]
    assert concerned(to_keys, configuration(), configuration()) == []


def test_groups_are_counted_again_when_their_nodes_or_their_models_change() -> None:
    assert concerned(watching.groups_of_node, node("n3", "a"), node("n3", "b")) == ["a", "b"]
    assert concerned(watching.groups_of_order, order("n1", entry(group="a")), order("n1")) == ["a"]
    assert concerned(watching.groups_of_order, order("n1", states={"x": ""}), order("n1", states={})) == []


@pytest.mark.parametrize(
    ("waiting", "expected"), [([], False), ([{"modelName": "x", "reason": "InsufficientStorage"}], True)]
)
def test_the_room_on_a_disk_matters_only_where_a_model_waits_for_it(waiting: list[Object], expected: bool) -> None:
    old = order("n1", waiting=waiting, storage={"availableBytes": 1})
    new = order("n1", waiting=waiting, storage={"availableBytes": 2})
    assert watching.order_tells(Change(old, new, initial=False)) is expected


def test_what_became_of_a_model_is_looked_at_for_it_may_be_the_next_nodes_turn() -> None:
    old, new = order("n1", states={"x": "ModelDownloading"}), order("n1", states={"x": "ModelDownloaded"})
    assert watching.order_tells(Change(old, new, initial=False))
    assert not watching.order_tells(Change(old, order("n1", states={"x": "ModelDownloading"}), initial=False))


def test_of_a_node_only_what_counts_is_kept() -> None:
    whole = node("n1")
    whole["status"] |= {"images": [{"names": ["x"] * 100}], "capacity": {"cpu": "64"}}
    whole["metadata"]["annotations"] = {"a": "b"}
    kept = trimmed(whole)
    assert kept["status"] == {"conditions": [{"type": "Ready", "status": "True"}]}
    assert sorted(kept["metadata"]) == ["labels", "name", "resourceVersion", "uid"]
