"""Who works on which keys, among several replicas: the pure half of sharding.

Keys are dealt out by rendezvous hashing: of all members the one with the highest hash of (member, key) has it, so that a member
that comes takes an equal part from each other one, and one that goes leaves its part to all. One object holds the assignment
that is in force, numbered by epochs. A replica acts on a key only while that cannot be anybody else's:

- it stops at once with keys that a new epoch takes from it, and confirms the epoch when none of them is in hand any more;
- it begins with keys that a new epoch gives to it once everybody who was a member before has confirmed that epoch. One
  whose Lease ran out confirms nothing; the next epoch names it no more, and it cannot write (see `LeaderElector.check`).

A replica puts nobody but itself into an epoch that follows another, and leaves out whose Lease it saw run out. So two that differ
about one that died, as the one that looked later does, do not write epochs against each other.

The object may be deleted before all have seen what it held. Then two epochs can have one number, so a confirmation names the
whole assignment, and whoever follows another one of the same number than the object holds writes the next. What is written
where there is none, or in place of one that was lost, names all who live and waits for them.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from kservectl.objects import metadata
from kservectl.objects.metadata import Object

ASSIGNMENT_ANNOTATION = "kservectl.dev/assignment"
CONFIRMED_ANNOTATION = "kservectl.dev/confirmed-epoch"
GROUP_LABEL = "kservectl.dev/shard-group"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One epoch: its `members`, and those of the epoch before who may still be at work."""

    epoch: int = 0
    members: tuple[str, ...] = ()
    previous: tuple[str, ...] = ()

    @classmethod
    def of(cls, obj: Object | None) -> "Assignment":
        """What an object holds; the empty epoch 0 when it holds none, or nonsense."""
        try:
            found: Any = orjson.loads(metadata.annotations(obj or {}).get(ASSIGNMENT_ANNOTATION, ""))
            return cls(int(found["epoch"]), tuple(map(str, found["members"])), tuple(map(str, found["previous"])))
        except (ValueError, TypeError, KeyError):
            return cls()

    def text(self) -> str:
        """As the annotation holds it."""
        parts = {"epoch": self.epoch, "members": self.members, "previous": self.previous}
        return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS).decode()

    def confirmation(self) -> str:
        """What a replica says that has given up all that this takes from it: the number, and a digest of the rest."""
        return f"{self.epoch}-{blake2b(self.text().encode(), digest_size=8).hexdigest()}"

    def owner(self, key: str) -> str:
        """The member that has `key`; empty while there is none."""
        return max(self.members, key=lambda member: _weight(member, key), default="")

    def successor(self, live: Collection[str]) -> "Assignment":
        """The epoch in which the `live` ones are members."""
        return Assignment(self.epoch + 1, tuple(sorted(live)), tuple(m for m in self.members if m in live))


def confirmed_epoch(confirmation: str) -> int:
    """The number in a confirmation; 0 when it is none."""
    number = confirmation.partition("-")[0]
    return int(number) if number.isdecimal() else 0


class Tenure:
    """What one replica may work on now. `follow` takes in a new epoch; `begin` is called when nobody else is at work."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self._epochs: list[Assignment] = []
        self._begun = False

    @property
    def newest(self) -> Assignment:
        """The newest epoch it knows; the empty epoch 0 at first."""
        return self._epochs[-1] if self._epochs else Assignment()

    def owns(self, key: str) -> bool:
        """Whether it may act on `key`: its own in the newest epoch and, until that has begun, in all since one that had."""
        return self._is_owner_in(self._epochs, key)

    def follow(self, assignment: Assignment) -> bool:
        """Take in an epoch; whether it is a new one. Keys that it takes away are given up by this call."""
        if assignment.epoch <= self.newest.epoch:
            return False
        # One that joins has begun with nothing.
        self._epochs = [*(self._epochs or [Assignment()]), assignment]
        self._begun = False
        return True

    def is_lost(self, stored: Assignment, confirmed: Iterable[str]) -> bool:
        """Whether `stored` is none, or older than what was followed or confirmed, or another one of the same number.

        Then somebody deleted or overwrote one, and what comes next must be made of what the server says of all Leases.
        """
        forked = stored.epoch == self.newest.epoch and stored != self.newest
        return forked or stored.epoch < max(1, self._known(confirmed))

    def due(self, stored: Assignment, live: Collection[str], confirmed: Collection[str]) -> Assignment | None:
        """The epoch that this replica should write now; None while `stored` is as it should be.

        `live` are those whose Leases are held, as far as it has seen, and itself; `confirmed` is what they have confirmed. All
        who live may be at work on what a lost assignment gave them.
        """
        if self.is_lost(stored, confirmed):
            return Assignment(self._known(confirmed), tuple(live)).successor(live)
        members = {self.identity, *(member for member in stored.members if member in live)}
        return None if members == set(stored.members) else stored.successor(members)

    def may_begin(self, confirmed: Mapping[str, str]) -> bool:
        """Whether all who were at work before have confirmed the newest epoch, by what each member has confirmed last.

        One that has gone on to a later epoch does not count: this replica, too, is about to see that one.
        """
        if self._begun or self.identity not in self.newest.members:
            return False
        wanted = self.newest.confirmation()
        return all(confirmed.get(member) == wanted for member in self.newest.previous if member != self.identity)

    def begin(self) -> Callable[[str], bool]:
        """Work on all that the newest epoch gives; answers whether a key is one of those that could not be worked on before."""
        before, now = self._epochs, self._epochs[-1]
        self._epochs = [now]
        self._begun = True
        return lambda key: now.owner(key) == self.identity and not self._is_owner_in(before, key)

    def _known(self, confirmed: Iterable[str]) -> int:
        """The newest epoch that was followed here, or confirmed by anybody."""
        return max((self.newest.epoch, *map(confirmed_epoch, confirmed)))

    def _is_owner_in(self, epochs: Sequence[Assignment], key: str) -> bool:
        return bool(epochs) and all(epoch.owner(key) == self.identity for epoch in epochs)


def suspects(assignment: Assignment, live: Collection[str]) -> Sequence[str]:
    """Members that seem to be gone. Whoever names them no more must have asked the server about their Leases first."""
    return [member for member in assignment.members if member not in live]


def _weight(member: str, key: str) -> bytes:
    return blake2b(f"{member}\0{key}".encode(), digest_size=8).digest()
