"""Changing pods without changing them."""

import copy
from collections.abc import Callable

import pytest

from kservectl.modelstorage import podspec
from kservectl.objects.metadata import Object
from tests.modelstorage.pods import container, pod

EMPTY: Object = {"metadata": {"name": "p"}}


def unchanged(target: Object) -> Object:
    pytest.fail("there is nothing to change")


@pytest.mark.parametrize("original", [EMPTY, EMPTY | {"spec": None}, pod()])
def test_a_container_that_is_not_there_is_not_changed(original: Object) -> None:
    assert podspec.with_changed(original, "other", unchanged) is original
    assert podspec.with_changed(original, "kserve-container", unchanged, "initContainers") is original


def test_the_container_of_the_name_is_changed_in_its_place_and_no_other() -> None:
    original = pod(container("a"), container("b"), container("c"), init=[container("b")], hostname="h")
    before = copy.deepcopy(original)
    answer = podspec.with_changed(original, "b", lambda found: found | {"tty": True})
    assert answer["spec"] == before["spec"] | {
        "containers": [container("a"), container("b", tty=True), container("c")],
    }
    assert original == before


def test_annotations_are_written_over_those_there_are() -> None:
    assert podspec.with_annotations(pod(notes={"a": "1", "b": "1"}), {"b": "2", "c": "2"})["metadata"] == {
        "name": "p",
        "annotations": {"a": "1", "b": "2", "c": "2"},
    }
    assert podspec.with_annotations(EMPTY, {"a": "1"})["metadata"] == {"name": "p", "annotations": {"a": "1"}}


APPENDED: list[tuple[Callable[[Object], Object], Object, Object]] = [
    (lambda it: podspec.with_mount(it, {"name": "x", "mountPath": "/x"}), {"volumeMounts": [{"name": "x"}]}, {}),
    (lambda it: podspec.with_default_env(it, "x", "1"), {"env": [{"name": "x", "valueFrom": {}}]}, {}),
    (lambda it: podspec.with_volume(it, {"name": "x"}), {"spec": {"volumes": [{"name": "x", "emptyDir": {}}]}}, {}),
    (lambda it: podspec.with_container(it, {"name": "x"}), {"spec": {"containers": [container("x")]}}, {}),
]


@pytest.mark.parametrize(("add", "taken", "empty"), APPENDED)
def test_a_name_that_is_taken_stays_with_whom_has_it(
    add: Callable[[Object], Object], taken: Object, empty: Object
) -> None:
    assert add(taken) is taken
    once = add(empty)
    assert once != empty and add(once) == once


def test_variables_are_replaced_in_their_place_as_a_whole() -> None:
    env = [{"name": "a", "valueFrom": {"fieldRef": {}}}, {"name": "b", "value": "1"}]
    assert podspec.with_env({"env": env}, "a", "2")["env"] == [{"name": "a", "value": "2"}, env[1]]
    assert podspec.with_env({"env": None}, "a", "2")["env"] == [{"name": "a", "value": "2"}]
    assert podspec.with_env({"env": env}, "c", "2")["env"] == [*env, {"name": "c", "value": "2"}]


def test_the_value_of_a_variable() -> None:
    env = [{"name": "a", "value": "1"}, {"name": "b", "valueFrom": {"fieldRef": {}}}, {"name": "c"}]
    values = [podspec.env_value({"env": env}, name) for name in "abcd"]
    assert values == ["1", "", "", None]
    assert podspec.env_value({}, "a") is None
