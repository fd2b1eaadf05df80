"""Who works on which keys, among several replicas: the pure half of sharding.

Keys are dealt out by rendezvous hashing: of all members the one with the highest hash of (member, key) has it, so that a member
that comes takes an equal part from each other one, and one that goes leaves its part to all. One object holds the assignment
that is in force, numbered by epochs. A replica acts on a key only while that cannot be anybody else's:

- it stops at once with keys that a new epoch takes from it, and confirms the epoch when none of them is in hand any more;
- it begins with keys that a new epoch gives to it once everybody who was a member before has confirmed that epoch. One
  whose Lease ran out confirms nothing; the next epoch names it no more, and it cannot write (see `LeaderElector.check`).

A replica puts nobody but itself into an epoch, and leaves out whose Lease it saw run out. So two that differ about one that died,
as the one that looked later does, do not write epochs against each other.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
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

    def owner(self, key: str) -> str:
        """The member that has `key`; empty while there is none."""
        return max(self.members, key=lambda member: _weight(member, key), default="")

    def successor(self, live: Collection[str]) -> "Assignment":
        """The epoch in which the `live` ones are members."""
        return Assignment(self.epoch + 1, tuple(sorted(live)), tuple(m for m in self.members if m in live))


def due(stored: Assignment, identity: str, live: Collection[str], known: int) -> Assignment | None:
    """The epoch that `identity` should write now; None while `stored` is as it should be.

    `live` are those whose Leases are held, as far as `identity` has seen, and itself. `known` is the newest epoch that anybody
    has spoken of: when `stored` is older, somebody deleted or overwrote it, and all who live may be at work on what it gave them.
    """
    if stored.epoch < known:
        return Assignment(known, tuple(live)).successor(live)
    members = {identity, *(member for member in stored.members if member in live)}
    return None if members == set(stored.members) else stored.successor(members)


class Tenure:
    """What one replica may work on now. `follow` takes in a new epoch; `begin` is called when nobody else is at work."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self._epochs: list[Assignment] = []
        self._begun = False

    @property
    def epoch(self) -> int:
        """The newest one it knows."""
        return self._epochs[-1].epoch if self._epochs else 0

    def owns(self, key: str) -> bool:
        """Whether it may act on `key`: its own in the newest epoch and, until that has begun, in all since one that had."""
        return self._is_owner_in(self._epochs, key)

    def follow(self, assignment: Assignment) -> bool:
        """Take in an epoch; whether it is a new one. Keys that it takes away are given up by this call."""
        if assignment.epoch <= self.epoch:
            return False
        # One that joins has begun with nothing.
        self._epochs = [*(self._epochs or [Assignment()]), assignment]
        self._begun = False
        return True

    def may_begin(self, confirmed: Mapping[str, int]) -> bool:
        """Whether all who were at work before have confirmed the newest epoch."""
        if self._begun or not self._epochs or self.identity not in self._epochs[-1].members:
            return False
        others = (member for member in self._epochs[-1].previous if member != self.identity)
        return all(confirmed.get(member, 0) >= self.epoch for member in others)

    def begin(self) -> Callable[[str], bool]:
        """Work on all that the newest epoch gives; answers whether a key is one of those that could not be worked on before."""
        before, now = self._epochs, self._epochs[-1]
        self._epochs = [now]
        self._begun = True
        return lambda key: now.owner(key) == self.identity and not self._is_owner_in(before, key)

    def _is_owner_in(self, epochs: Sequence[Assignment], key: str) -> bool:
        return bool(epochs) and all(epoch.owner(key) == self.identity for epoch in epochs)


def suspects(assignment: Assignment, live: Collection[str]) -> Sequence[str]:
    """Members that seem to be gone. Whoever names them no more must have asked the server about their Leases first."""
    return [member for member in assignment.members if member not in live]


def _weight(member: str, key: str) -> bytes:
    return blake2b(f"{member}\0{key}".encode(), digest_size=8).digest()
