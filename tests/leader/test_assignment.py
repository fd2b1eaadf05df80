"""How keys are dealt out, and when a replica may act on one."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kservectl.leader.assignment import ASSIGNMENT_ANNOTATION, Assignment, Tenure, due

KEYS = [f"space/{number}" for number in range(3000)]


def test_keys_are_dealt_out_evenly() -> None:
    counts = Counter(Assignment(1, ("a", "b", "c")).owner(key) for key in KEYS)
    assert set(counts) == {"a", "b", "c"}
    assert all(900 < count < 1100 for count in counts.values())


def test_one_that_goes_leaves_the_others_what_they_had() -> None:
    before, after = Assignment(1, ("a", "b", "c")), Assignment(2, ("a", "c"))
    assert all(before.owner(key) in ("b", after.owner(key)) for key in KEYS)


def test_an_assignment_survives_its_annotation() -> None:
    written = Assignment(7, ("a", "b"), ("a",))
    assert Assignment.of({"metadata": {"annotations": {ASSIGNMENT_ANNOTATION: written.text()}}}) == written


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "{}", '{"epoch": "x", "members": [], "previous": []}'])
def test_nonsense_is_no_assignment(text: str) -> None:
    assert Assignment.of({"metadata": {"annotations": {ASSIGNMENT_ANNOTATION: text}}}) == Assignment()


def test_those_who_stay_are_waited_for_and_those_who_are_gone_are_not() -> None:
    assert Assignment(3, ("a", "b"), ()).successor({"b", "c"}) == Assignment(4, ("b", "c"), ("b",))


@pytest.mark.parametrize(
    ("stored", "live", "known", "wanted"),
    [
        (Assignment(), {"a", "b"}, 0, Assignment(1, ("a",))),
        (Assignment(1, ("a",)), {"a", "b"}, 1, None),
        (Assignment(1, ("b",)), {"a", "b"}, 1, Assignment(2, ("a", "b"), ("b",))),
        (Assignment(2, ("a", "b")), {"a"}, 2, Assignment(3, ("a",), ("a",))),
        (Assignment(), {"a", "b"}, 7, Assignment(8, ("a", "b"), ("a", "b"))),
    ],
    ids=["the first", "somebody else joins by itself", "joining", "somebody is gone", "it was lost"],
)
def test_a_new_epoch_is_due(stored: Assignment, live: set[str], known: int, wanted: Assignment | None) -> None:
    found = due(stored, "a", live, known)
    assert found is wanted or (found and replace(found, previous=tuple(sorted(found.previous)))) == wanted


def test_keys_taken_away_are_given_up_at_once_and_new_ones_wait() -> None:
    one = Tenure("a")
    one.follow(Assignment(1, ("a",)))
    assert one.may_begin({})
    one.begin()
    assert all(map(one.owns, KEYS))
    second = Assignment(2, ("a", "b"), ("a",))
    assert one.follow(second)
    other = Tenure("b")
    other.follow(second)
    assert not any(map(other.owns, KEYS))
    assert [key for key in KEYS if one.owns(key)] == [key for key in KEYS if second.owner(key) == "a"]
    assert not other.may_begin({"a": 1})
    assert other.may_begin({"a": 2})
    is_new = other.begin()
    assert [key for key in KEYS if other.owns(key)] == [key for key in KEYS if second.owner(key) == "b"]
    assert all(is_new(key) == other.owns(key) for key in KEYS)
    assert not any(map(one.begin(), KEYS))  # it only gave some away


def test_what_went_to_somebody_else_in_between_is_not_taken_up_before_all_have_confirmed() -> None:
    one = Tenure("a")
    one.follow(Assignment(1, ("a",)))
    one.begin()
    one.follow(Assignment(2, ("a", "b"), ("a",)))
    one.follow(Assignment(3, ("a",), ("a", "b")))
    assert [key for key in KEYS if one.owns(key)] == [
        key for key in KEYS if Assignment(2, ("a", "b")).owner(key) == "a"
    ]
    assert not one.may_begin({"b": 2})


def test_an_older_epoch_changes_nothing() -> None:
    one = Tenure("a")
    one.follow(Assignment(2, ("a",)))
    one.begin()
    assert not one.follow(Assignment(1, ("b",)))
    assert one.owns("any")


class _Replica:
    """One replica in the model below: it sees the assignment late, confirms late, and may die."""

    def __init__(self, name: str) -> None:
        self.tenure = Tenure(name)
        self.confirmed = 0
        self.alive = True


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["join", "die", "publish", "lose", "see", "see", "confirm", "begin", "begin"]),
            st.integers(0, 3),
        ),
        min_size=60,
        max_size=60,
    )
)
def test_no_key_has_two_owners_whatever_happens_in_whatever_order(steps: list[tuple[str, int]]) -> None:
    assignment, replicas = Assignment(), dict[str, _Replica]()
    for count, (step, number) in enumerate(steps):
        living = [name for name, replica in sorted(replicas.items()) if replica.alive]
        if step == "join" and len(living) < 4:
            replicas[f"r{count}"] = _Replica(f"r{count}")
        if not living:
            continue
        chosen = replicas[living[number % len(living)]]
        if step == "die":  # its Lease ran out: it writes nothing any more
            chosen.alive = False
        elif step == "publish":  # its own view of those who died may be behind
            known = max(chosen.tenure.epoch, *(each.confirmed for each in replicas.values()))
            assignment = due(assignment, chosen.tenure.identity, replicas if count % 2 else living, known) or assignment
        elif step == "lose" and all(replicas[name].confirmed == replicas[name].tenure.epoch for name in living):
            assignment = Assignment()  # by hand, when the confirmations of what everybody does have been seen
        elif step == "see":
            chosen.tenure.follow(assignment)
        elif step == "confirm":
            chosen.confirmed = chosen.tenure.epoch
        elif step == "begin" and chosen.tenure.may_begin({name: each.confirmed for name, each in replicas.items()}):
            before = set(filter(chosen.tenure.owns, KEYS))
            is_new = chosen.tenure.begin()
            assert {key for key in KEYS if is_new(key)} == set(filter(chosen.tenure.owns, KEYS)) - before
        for key in KEYS[:12]:
            owners = [name for name, each in replicas.items() if each.alive and each.tenure.owns(key)]
            assert len(owners) <= 1, (key, owners)
