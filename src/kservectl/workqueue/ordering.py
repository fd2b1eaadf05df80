"""Which key is next: the part of the queue that knows nothing of time or of waiting.

Promises: a key waits at most once; a key in hand is not handed out again before it is done, and comes back if it was
added meanwhile; a key keeps the highest priority it was added with.

Priorities up to zero are classes: the higher one first, and within one who has waited longest. A positive priority is a head
start in the class of zero: the key is as far ahead as if it had waited so many seconds already. So it goes first as a rule, and
yet nobody waits for it for ever.
"""

import heapq
import itertools
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)


class Taken(NamedTuple, Generic[K]):
    """A key that was handed out, the priority it had, and the moment it began to wait."""

    key: K
    priority: int
    since: float


class _Place(NamedTuple):
    priority: int
    number: int
    since: float


class KeyOrder(Generic[K]):
    """Keys that wait and keys in hand."""

    def __init__(self) -> None:
        self._waiting: dict[K, _Place] = {}
        self._heap: list[tuple[int, float, int, K]] = []  # (*rank, number, key); entries that moved up are left behind
        self._in_hand: dict[K, int] = {}
        self._again: dict[K, tuple[int, float]] = {}
        self._depth: Counter[int] = Counter()
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def in_hand(self) -> Mapping[K, int]:
        """The keys handed out and not done, with the priority each was taken at."""
        return self._in_hand

    @property
    def depth(self) -> Mapping[int, int]:
        """How many keys wait at each priority that ever had one."""
        return self._depth

    def is_wanted(self, key: K) -> bool:
        """Whether the key waits, or is in hand and comes back when done."""
        return key in self._waiting or key in self._again

    def add(self, key: K, priority: int, now: float) -> bool:
        """Line a key up, or note that it is wanted again; True when nothing was waiting for this key before."""
        if key in self._in_hand:
            before = self._again.get(key)
            self._again[key] = (priority, now) if before is None else (max(priority, before[0]), before[1])
            return before is None
        place = self._waiting.get(key)
        if place is None:
            self._line_up(key, priority, now)
            return True
        if priority > place.priority:
            self._depth[place.priority] -= 1
            self._line_up(key, priority, place.since)
        return False

    def take(self) -> Taken[K] | None:
        """The next key, now in hand; None when none waits."""
        while self._heap:
            *_, number, key = heapq.heappop(self._heap)
            place = self._waiting.get(key)
            if place is None or place.number != number:
                continue
            del self._waiting[key]
            self._depth[place.priority] -= 1
            self._in_hand[key] = place.priority
            return Taken(key, place.priority, place.since)
        return None

    def done(self, key: K) -> bool:
        """Put a key down; True when it went back because it was added meanwhile. KeyError when it was not in hand."""
        del self._in_hand[key]
        again = self._again.pop(key, None)
        if again is None:
            return False
        self._line_up(key, *again)
        return True

    def clear(self) -> None:
        """Drop all that wait; what is in hand stays so, and will not come back."""
        self._waiting.clear()
        self._heap.clear()
        self._again.clear()
        for priority in self._depth:
            self._depth[priority] = 0

    def _line_up(self, key: K, priority: int, since: float) -> None:
        place = _Place(priority, next(self._numbers), since)
        self._waiting[key] = place
        self._depth[priority] += 1
        heapq.heappush(self._heap, (*_rank(priority, since), place.number, key))


def _rank(priority: int, since: float) -> tuple[int, float]:
    """Less for who is to go earlier."""
    return -min(priority, 0), since - max(priority, 0)
