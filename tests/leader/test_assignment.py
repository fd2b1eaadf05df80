"""How keys are dealt out, and when a replica may act on one."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kservectl.leader.assignment import ASSIGNMENT_ANNOTATION, Assignment, Tenure

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
    ("stored", "live", "confirmed", "wanted"),
    [
        (Assignment(), {"a", "b"}, "", Assignment(1, ("a", "b"), ("a", "b"))),
        (Assignment(1, ("a",)), {"a", "b"}, "1-x", None),
        (Assignment(1, ("b",)), {"a", "b"}, "1-x", Assignment(2, ("a", "b"), ("b",))),
        (Assignment(2, ("a", "b")), {"a"}, "2-x", Assignment(3, ("a",), ("a",))),
        (Assignment(), {"a", "b"}, "7-x", Assignment(8, ("a", "b"), ("a", "b"))),
        (Assignment(6, ("a",)), {"a", "b"}, "7-x", Assignment(8, ("a", "b"), ("a", "b"))),
    ],
    ids=[
        "the first",
        "somebody else joins by itself",
        "joining",
        "somebody is gone",
        "it was lost",
        "it was overwritten",
    ],
)
def test_a_new_epoch_is_due(stored: Assignment, live: set[str], confirmed: str, wanted: Assignment | None) -> None:
    found = Tenure("a").due(stored, live, [confirmed])
    assert found is wanted or (found and replace(found, previous=tuple(sorted(found.previous)))) == wanted


def test_another_epoch_of_the_same_number_is_followed_by_one_that_waits_for_all() -> None:
    one = Tenure("a")
    one.follow(Assignment(5, ("a", "b")))
    other = Assignment(5, ("a", "b", "c"), ("b", "c"))
    assert one.is_lost(other, [])
    found = one.due(other, {"a", "b"}, [])
    assert found is not None
    assert (found.epoch, found.members, set(found.previous)) == (6, ("a", "b"), {"a", "b"})


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
    assert not other.may_begin({"a": Assignment(1, ("a",)).confirmation()})
    assert not other.may_begin({"a": Assignment(2, ("a", "c"), ("a",)).confirmation()})
    assert other.may_begin({"a": second.confirmation()})
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
    assert not one.may_begin({"b": Assignment(2, ("a", "b"), ("a",)).confirmation()})


def test_an_older_epoch_changes_nothing() -> None:
    one = Tenure("a")
    one.follow(Assignment(2, ("a",)))
    one.begin()
    assert not one.follow(Assignment(1, ("b",)))
    assert one.owns("any")


class _Server:
    """What is stored: the assignment, with the version of its object, and what each replica's Lease confirms."""

    def __init__(self) -> None:
        self.assignment = Assignment()
        self.version = 0
        self.confirmed: dict[str, str] = {}

    def put(self, assignment: Assignment) -> None:
        self.assignment = assignment
        self.version += 1


class _Replica:
    """One replica in the model below: it sees the assignment late, and what others confirmed, confirms late, and may die."""

    def __init__(self, name: str, server: _Server) -> None:
        self.tenure = Tenure(name)
        self.server = server
        self.alive = True
        self.heard: dict[str, str] = {}
        self._looked: tuple[Assignment, int, Assignment | None] = (Assignment(), 0, None)
        self.confirm()

    def see(self) -> None:
        self._give_up()
        self.tenure.follow(self.server.assignment)

    def confirm(self) -> None:
        self._give_up()
        self.server.confirmed[self.tenure.identity] = self.tenure.newest.confirmation()

    def hear(self) -> None:
        self.heard = dict(self.server.confirmed)

    def begin(self) -> None:
        self._give_up()
        if self.tenure.may_begin(self.heard):
            before = self.keys()
            is_new = self.tenure.begin()
            assert {key for key in KEYS if is_new(key)} == self.keys() - before

    def keys(self) -> set[str]:
        return set(filter(self.tenure.owns, KEYS))

    def look(self, held: Collection[str]) -> None:
        """Decide what is due. Of Leases that are `held` those of members count, about whom it asks, and those it heard of."""
        stored = self.server.assignment
        if self.tenure.is_lost(stored, self.heard.values()):
            self.hear()
        live = {self.tenure.identity, *(name for name in held if name in self.heard or name in stored.members)}
        self._looked = stored, self.server.version, self.tenure.due(stored, live, tuple(self.heard.values()))

    def write(self) -> None:
        """Write what was decided, if what was there is there still; an object can only be created where there is none."""
        stored, version, wanted = self._looked
        unchanged = version == self.server.version if stored.epoch else not self.server.assignment.epoch
        if wanted and unchanged:
            self.server.put(wanted)
        self._give_up()

    def _give_up(self) -> None:
        """What was decided is not written any more: all that follows begins with a new look."""
        self._looked = Assignment(), 0, None


class _Story:
    """Some replicas, to which one thing after the other happens; never has a key two owners."""

    def __init__(self) -> None:
        self.server = _Server()
        self.replicas: dict[str, _Replica] = {}

    @property
    def living(self) -> list[str]:
        return [name for name, replica in sorted(self.replicas.items()) if replica.alive]

    def happens(self, step: str, name: str, *, behind: bool = False) -> None:
        """`behind`: whoever looks does not know yet who has died."""
        match step:
            case "join":
                self.replicas[name] = _Replica(name, self.server)
            case "die":  # its Lease ran out: it writes nothing any more
                self.replicas[name].alive = False
            case "lose":
                self.server.put(Assignment())
            case "look":
                self.replicas[name].look(self.replicas if behind else self.living)
            case _:
                getattr(self.replicas[name], step)()
        owned = Counter(key for each in self.living for key in filter(self.replicas[each].tenure.owns, KEYS[:40]))
        assert all(count == 1 for count in owned.values()), owned.most_common(1)


_FIRST = "a: join look write see confirm begin"


@pytest.mark.parametrize(
    "story",
    [
        [
            _FIRST,
            "b: join look write see",
            "a: see lose",  # nobody has confirmed the second epoch
            "c: join look write see confirm",
            "a: confirm",
            "b: confirm hear begin",
            "c: hear begin",
        ],
        [
            _FIRST,
            "b: join hear",
            "c: join look write see confirm",
            "a: see confirm",
            "c: hear begin lose",  # at work on what the newcomer has not heard of
            "b: look write see confirm",
            "d: join look write see",
            "a: see confirm",
            "b: see confirm",
            "d: hear begin",
        ],
    ],
    ids=["before it was confirmed", "before somebody new heard of it"],
)
def test_what_is_written_in_place_of_a_lost_assignment_makes_no_second_owner(story: Sequence[str]) -> None:
    told = _Story()
    for chapter in story:
        name, _, steps = chapter.partition(": ")
        for step in steps.split():
            told.happens(step, name)


_STEPS = ["join", "die", "lose", "look", "look", "write", "write", "see", "see", "hear", "confirm", "begin", "begin"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_STEPS), st.integers(0, 3)), min_size=80, max_size=80))
def test_no_key_has_two_owners_whatever_happens_in_whatever_order(steps: list[tuple[str, int]]) -> None:
    told = _Story()
    for count, (step, number) in enumerate(steps):
        living = told.living
        if step == "join" and len(living) < 4:
            told.happens(step, f"r{count}")
        elif step != "join" and living:
            told.happens(step, living[number % len(living)], behind=count % 2 == 1)
