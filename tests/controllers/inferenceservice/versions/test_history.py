"""Versions that were Ready, as ControllerRevisions."""

from typing import Any

from kservectl.controllers.inferenceservice.versions import history
from kservectl.controllers.inferenceservice.versions.history import LIMIT, Revision
from kservectl.objects import metadata
from kservectl.objects.kind import CONTROLLER_REVISION
from kservectl.objects.metadata import Object
from kservectl.runtime.view import StaticView
from tests.controllers.inferenceservice.world import START, model, service


def _version(number: int) -> Object:
    return service(model(storageUri=f"gs://bucket/v{number}"))


def _recorded(*numbers: int) -> list[Revision]:
    found: list[Revision] = []
    for number in numbers:
        found = history.with_present(_version(number), found)
    return found


def _read_back(objects: list[Object], **meta: Any) -> list[Revision]:
    owner = _version(1)
    owned = [
        {**obj, "metadata": {**obj["metadata"], "ownerReferences": [metadata.controller_reference(owner)], **meta}}
        for obj in objects
    ]
    return history.history_of(owner, StaticView(owned, kinds=[CONTROLLER_REVISION], now=START))


def test_a_version_is_kept_whole_under_a_number() -> None:
    (kept,) = history.objects(_version(1), _recorded(1))

    assert (kept["apiVersion"], kept["kind"], kept["revision"]) == ("apps/v1", "ControllerRevision", 1)
    assert kept["data"] == {"spec": _version(1)["spec"]}
    assert kept["metadata"]["name"].startswith("iris-")
    assert kept["metadata"]["labels"] == {"serving.kserve.io/inferenceservice": "iris"}


def test_the_newest_version_has_the_highest_number() -> None:
    assert [(each.number, each.spec) for each in _recorded(1, 2)] == [
        (1, _version(1)["spec"]),
        (2, _version(2)["spec"]),
    ]


def test_a_version_that_is_still_the_newest_is_not_written_again() -> None:
    assert _recorded(1, 2, 2) == _recorded(1, 2)


def test_a_version_that_comes_back_moves_up_instead_of_being_kept_twice() -> None:
    found = _recorded(1, 2, 1)

    assert [each.number for each in found] == [2, 3]
    assert found[-1].spec == _version(1)["spec"]
    assert found[-1].name == _recorded(1)[0].name


def test_only_so_many_versions_are_kept() -> None:
    found = _recorded(*range(1, LIMIT + 4))

    assert len(found) == LIMIT
    assert found[-1].number == LIMIT + 3


def test_what_was_kept_is_read_back_in_order() -> None:
    kept = _recorded(1, 2, 3)

    assert _read_back(history.objects(_version(1), kept)[::-1]) == kept


def test_revisions_of_others_and_broken_ones_are_not_versions() -> None:
    objects = history.objects(_version(1), _recorded(1))

    assert _read_back(objects, ownerReferences=[]) == []
    assert _read_back([{**objects[0], "data": None}]) == []
