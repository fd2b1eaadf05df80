"""Which changes each predicate lets through."""

import pytest

from kservectl.informers import Change
from kservectl.objects.metadata import Object
from kservectl.runtime.predicates import (
    Predicate,
    any_of,
    generation_changed,
    metadata_changed,
    more_than_status_changed,
    not_only_status,
    resource_version_changed,
    status_changed,
)

OLD: Object = {"metadata": {"resourceVersion": "1", "generation": 1, "labels": {"a": "b"}}, "status": {"ready": False}}


def changed(**parts: object) -> Object:
    return {**OLD, "metadata": {**OLD["metadata"], "resourceVersion": "2", **parts}}


STATUS = {**changed(), "status": {"ready": True}}
ALL = (generation_changed, metadata_changed, not_only_status, resource_version_changed, status_changed)


@pytest.mark.parametrize("predicate", ALL)
def test_objects_that_appear_or_vanish_always_count(predicate: Predicate) -> None:
    assert predicate(Change(None, OLD))
    assert predicate(Change(OLD, None))


@pytest.mark.parametrize("predicate", ALL)
def test_the_same_object_again_never_counts(predicate: Predicate) -> None:
    assert not predicate(Change(OLD, dict(OLD)))


@pytest.mark.parametrize(
    ("new", "let_through"),
    [
        (STATUS, {status_changed, resource_version_changed}),
        (changed(generation=2), {generation_changed, not_only_status, resource_version_changed}),
        (changed(labels={"a": "c"}), {metadata_changed, not_only_status, resource_version_changed}),
        (changed(annotations={"a": "c"}), {metadata_changed, not_only_status, resource_version_changed}),
        (changed(finalizers=["f"]), {metadata_changed, not_only_status, resource_version_changed}),
        (changed(deletionTimestamp="now"), {metadata_changed, not_only_status, resource_version_changed}),
        (changed(annotations={}), {resource_version_changed}),
    ],
)
def test_each_sees_its_own_part(new: Object, let_through: set[Predicate]) -> None:
    assert {predicate for predicate in ALL if predicate(Change(OLD, new))} == let_through


def test_any_of_says_yes_when_one_does() -> None:
    both = any_of(generation_changed, status_changed)
    assert both(Change(OLD, STATUS))
    assert not both(Change(OLD, changed(labels={})))


def test_a_change_outside_the_status_is_seen_without_a_generation() -> None:
    old = {"metadata": {"name": "a", "resourceVersion": "1"}, "data": {"x": "1"}, "status": {"n": 1}}
    echo = {**old, "metadata": {"name": "a", "resourceVersion": "2"}, "status": {"n": 2}}
    assert not more_than_status_changed(Change(old, echo))
    assert more_than_status_changed(Change(old, {**echo, "data": {}}))
    assert more_than_status_changed(Change(old, {**echo, "metadata": {"name": "a", "labels": {"x": "y"}}}))
    assert more_than_status_changed(Change(None, old))
