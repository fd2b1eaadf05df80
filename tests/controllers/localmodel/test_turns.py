"""A cache that only so many nodes may download at once."""

from typing import Any

import pytest

from kservectl.controllers.localmodel import turns
from kservectl.controllers.localmodel.copies import PENDING
from kservectl.informers import Change
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from tests.controllers.localmodel.worlds import (
    cache,
    condition,
    decide,
    entry,
    group,
    node,
    order,
    placed,
    status_of,
    view,
)

NODES = [node(f"n{number}") for number in range(1, 6)]
LIMITED = cache(maxParallelDownloads=2)
QUEUED: Object = {"modelName": "llama", "nodeGroup": "gpu", "reason": "Queued", "message": "later"}
DOWNLOADING, DOWNLOADED, FAILED = "ModelDownloading", "ModelDownloaded", "ModelDownloadError"


def begun(name: str, state: str = DOWNLOADING) -> Object:
    return order(name, entry(), states={"llama": state})


def queued(name: str) -> Object:
    return order(name, waiting=[QUEUED])


def beginning(*orders: Object, nodes: list[Object] = NODES, wanted: Object = LIMITED) -> list[str]:
    """The nodes that are told of the model, when each is decided with the same `orders` in sight."""
    told = []
    for each in nodes:
        others = [other for other in nodes if other is not each]
        spec = placed(each, *others, group(), wanted, *orders)
        told += [metadata.name(each)] if spec is not None and spec["localModels"] else []
    return told


def woken(change: Change, *objects: Object) -> list[str]:
    seen = view(*NODES, group(), LIMITED, *objects)
    to_keys = turns.next_of_order if change.object["kind"] == "LocalModelNode" else turns.next_of_node
    return [key.name for key in to_keys(change, seen)]


def test_without_a_limit_all_begin() -> None:
    assert len(beginning(wanted=cache())) == 5


def test_as_many_begin_as_may_and_the_others_say_why_they_wait() -> None:
    assert beginning() == ["n1", "n2"]
    spec = placed(NODES[2], *NODES[:2], group(), LIMITED)
    assert spec is not None
    assert [each["reason"] for each in spec["waitingModels"]] == ["Queued"]
    assert "at most 2 node(s) download llama at once" in spec["waitingModels"][0]["message"]


def test_whatever_has_been_seen_of_the_others_no_more_than_the_limit_begin() -> None:
    assert beginning(begun("n1")) == ["n1", "n2"]
    assert beginning(begun("n2"), queued("n3")) == ["n1", "n2"]
    assert beginning(begun("n1"), begun("n2"), queued("n3")) == ["n1", "n2"]


@pytest.mark.parametrize("state", [DOWNLOADED, FAILED])
def test_when_one_has_ended_the_next_begins(state: str) -> None:
    orders = [begun("n1", state), begun("n2"), *(queued(f"n{number}") for number in (3, 4, 5))]
    assert beginning(*orders) == ["n1", "n2", "n3"]


def test_a_node_that_is_not_ready_or_has_no_room_holds_nobody_up() -> None:
    full = {**QUEUED, "reason": "InsufficientStorage"}
    nodes = [node("n1", ready=False), *NODES[1:]]
    assert beginning(begun("n1"), order("n2", waiting=[full]), nodes=nodes) == ["n1", "n2", "n3", "n4"]


def test_the_next_are_decided_when_one_ends_or_goes_and_not_for_its_progress() -> None:
    orders = [queued(f"n{number}") for number in (3, 4, 5)]
    ended = Change(begun("n1"), begun("n1", DOWNLOADED), initial=False)
    assert woken(ended, *orders, begun("n1", DOWNLOADED), begun("n2")) == ["n3", "n4"]
    assert woken(Change(begun("n1"), None, initial=False), *orders) == ["n3", "n4"]
    assert woken(Change(NODES[0], node("n1", ready=False), initial=False), *orders) == ["n3", "n4"]
    assert woken(Change(begun("n1", ""), begun("n1"), initial=False), *orders) == []
    assert woken(Change(queued("n3"), begun("n3", ""), initial=False), *orders) == []


def test_a_copy_that_waits_for_its_turn_is_pending_and_no_lack_of_room() -> None:
    outcome = decide(LIMITED, NODES[0], NODES[1], group(), begun("n1"), queued("n2"))
    status: Any = status_of(outcome)
    assert status["nodeStatus"]["n2"] == PENDING
    assert condition(outcome, "StorageAvailable")[0] == "True"
