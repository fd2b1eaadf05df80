"""What is remembered of an owner's children, without a server."""

import random
from typing import Any

import pytest

from kservectl.objects.kind import CONFIG_MAP, NETWORK_POLICY
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.child_memory import ChildMemory
from kservectl.runtime.outcome import Child, Failure

MANAGER = "us"
CHILD: Child = (CONFIG_MAP, ObjectKey("default", "a"))
POLICY: Child = (NETWORK_POLICY, ObjectKey("default", "p"))
REFUSED = Failure(*CHILD, "no")
OWNER: Object = {"metadata": {"name": "owner", "generation": 2}}


def desired(**data: str) -> Object:
    return {"metadata": {"name": "a", "namespace": "default"}, "data": data}


def stored(version: str = "1", **data: str) -> Object:
    """A ConfigMap with the record of having applied all of `data`."""
    fields: Object = {"f:data": {f"f:{key}": {} for key in data}}
    record = {"manager": MANAGER, "operation": "Apply", "fieldsV1": fields}
    meta = {"name": "a", "namespace": "default", "resourceVersion": version, "managedFields": [record]}
    return {"metadata": meta, "data": data}


def ports(*entries: Any) -> Object:
    return {"metadata": {"name": "p", "namespace": "default"}, "spec": {"ingress": list(entries)}}


def stored_ports(*entries: Any) -> Object:
    """A NetworkPolicy whose ingress was applied as one piece."""
    record = {"manager": MANAGER, "operation": "Apply", "fieldsV1": {"f:spec": {"f:ingress": {}}}}
    return {**ports(*entries), "metadata": {"name": "p", "namespace": "default", "managedFields": [record]}}


@pytest.fixture
def memory() -> ChildMemory:
    return ChildMemory(MANAGER, random.Random(1))


# Refusals


def test_a_refusal_stands_until_its_time_is_over(memory: ChildMemory) -> None:
    memory.refused(desired(x="1"), None, REFUSED, wait=10, now=100)
    assert memory.standing_refusal(CHILD, desired(x="1"), None, 109.9) == REFUSED
    assert memory.standing_refusal(CHILD, desired(x="1"), None, 110) is None
    assert memory.next_try([REFUSED]) == 110


def test_a_refusal_stands_for_what_was_desired_and_what_was_there(memory: ChildMemory) -> None:
    memory.refused(desired(x="1"), stored("7"), REFUSED, wait=10, now=100)
    assert memory.standing_refusal(CHILD, desired(x="1"), stored("7"), 101) == REFUSED
    assert memory.standing_refusal(CHILD, desired(x="2"), stored("7"), 101) is None
    assert memory.standing_refusal(CHILD, desired(x="1"), stored("8"), 101) is None
    assert memory.standing_refusal(CHILD, desired(x="1"), None, 101) is None
    assert memory.standing_refusal(POLICY, desired(x="1"), stored("7"), 101) is None


def test_the_wait_is_doubled_with_each_refusal_of_the_same_up_to_five_minutes(memory: ChildMemory) -> None:
    waits = []
    for _ in range(7):
        waits.append(memory.retry(CHILD, desired(x="1")))
        memory.refused(desired(x="1"), None, REFUSED, wait=waits[-1], now=0)
    assert waits == [10, 20, 40, 80, 160, 300, 300]
    assert memory.retry(CHILD, desired(x="2")) == 10


def test_a_child_that_is_tried_again_is_refused_no_longer(memory: ChildMemory) -> None:
    memory.refused(desired(), None, REFUSED, wait=10, now=0)
    memory.retry(CHILD, desired())
    assert memory.standing_refusal(CHILD, desired(), None, 1) is None


def test_the_next_try_is_that_of_the_refusal_that_ends_first(memory: ChildMemory) -> None:
    other = Failure(*POLICY, "no")
    memory.refused(desired(), None, REFUSED, wait=300, now=0)
    memory.refused(ports(), None, other, wait=10, now=5)
    assert memory.next_try([REFUSED, other]) == 15
    assert memory.next_try([REFUSED]) == 300


# What the server makes of an apply


def test_a_child_that_is_as_desired_has_not_drifted(memory: ChildMemory) -> None:
    assert memory.drift(CHILD, desired(x="1"), stored(x="1"), OWNER) == ()
    assert [str(each) for each in memory.drift(CHILD, desired(x="2"), stored(x="1"), OWNER)] == ["data.x (changed)"]


def test_a_field_that_was_not_kept_is_no_drift_while_the_same_is_desired(memory: ChildMemory) -> None:
    assert memory.applied(CHILD, desired(x="2", y="1"), stored(x="1", y="1")) == ["data.x (changed)"]
    assert memory.drift(CHILD, desired(x="2", y="1"), stored(x="1", y="1"), OWNER) == ()
    assert memory.drift(CHILD, desired(x="3", y="1"), stored(x="1", y="1"), OWNER) != ()
    assert len(memory.drift(CHILD, desired(x="2", y="1"), stored(x="1", y="0"), OWNER)) == 2
    assert memory.applied(CHILD, desired(x="2"), stored(x="2")) == []
    assert memory.drift(CHILD, desired(x="2"), stored(x="1"), OWNER) != ()


def test_what_an_apply_leaves_inside_of_one_piece_is_the_servers(memory: ChildMemory) -> None:
    memory.looked()
    wanted, found = ports({"port": 80}), stored_ports({"port": 80, "protocol": "TCP"})
    assert len(memory.drift(POLICY, wanted, found, OWNER)) == 1
    assert memory.applied(POLICY, wanted, found) == []
    assert memory.drift(POLICY, wanted, found, OWNER) == ()
    more = stored_ports({"port": 80, "protocol": "TCP", "endPort": 90})
    assert [str(each) for each in memory.drift(POLICY, wanted, more, OWNER)] == ["spec.ingress[0].endPort (stale)"]
    memory.applied(POLICY, wanted, stored_ports({"port": 80}))
    assert len(memory.drift(POLICY, wanted, found, OWNER)) == 1


@pytest.mark.parametrize(
    ("status", "is_the_servers"), [({}, True), ({"observedGeneration": 2}, True), ({"observedGeneration": 1}, False)]
)
def test_what_the_first_look_finds_inside_of_one_piece_is_the_servers_unless_the_owner_has_changed(
    memory: ChildMemory, status: Object, is_the_servers: bool
) -> None:
    wanted, found = ports({"port": 80}), stored_ports({"port": 80, "protocol": "TCP"})
    owner = OWNER | {"status": status}
    assert (memory.drift(POLICY, wanted, found, owner) == ()) is is_the_servers
    memory.looked()
    assert (memory.drift(POLICY, wanted, found, owner) == ()) is is_the_servers


def test_children_that_are_not_wanted_any_more_are_forgotten(memory: ChildMemory) -> None:
    memory.looked()
    memory.refused(desired(), None, REFUSED, wait=10, now=0)
    memory.applied(CHILD, desired(x="2"), stored(x="1"))
    wanted, found = ports({"port": 80}), stored_ports({"port": 80, "protocol": "TCP"})
    memory.applied(POLICY, wanted, found)
    memory.keep_only({POLICY})
    assert memory.standing_refusal(CHILD, desired(), None, 1) is None
    assert memory.drift(CHILD, desired(x="2"), stored(x="1"), OWNER) != ()
    assert memory.drift(POLICY, wanted, found, OWNER) == ()
    memory.keep_only(())
    assert memory.drift(POLICY, wanted, found, OWNER) != ()


# Creations


def test_a_child_that_keeps_going_is_created_after_longer_and_longer_waits(memory: ChildMemory) -> None:
    now, waits = 0.0, []
    for _ in range(11):
        waits.append(memory.created(CHILD, now))
        assert memory.hold(CHILD, now) == pytest.approx(waits[-1])
        now += waits[-1] + 0.1
        assert memory.hold(CHILD, now) == 0.0
    assert waits[:2] == [0, 0]
    assert waits[2:] == [pytest.approx(each, rel=0.1) for each in (1, 2, 4, 8, 16, 32, 60, 60, 60)]


def test_a_child_that_lived_for_ten_seconds_is_created_at_once(memory: ChildMemory) -> None:
    waits = [memory.created(CHILD, float(position)) for position in range(3)]
    assert waits[-1] > 0
    assert memory.created(CHILD, 2 + waits[-1] + 10) == 0


def test_what_is_not_wanted_any_more_begins_anew(memory: ChildMemory) -> None:
    for _ in range(3):
        memory.created(CHILD, 0)
    assert memory.hold(POLICY, 0) == 0
    memory.keep_only({CHILD})
    assert memory.hold(CHILD, 0) > 0
    memory.keep_only(set())
    assert memory.hold(CHILD, 0) == 0
