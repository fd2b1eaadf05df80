"""Which keys are to come later: deadlines by key, nothing that waits.

Promises: a key has at most one deadline, the earliest it was given; `drop` takes it back. The clock is the caller's.
"""

import heapq
import itertools
from collections.abc import Hashable, Iterator
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)


class Due(NamedTuple, Generic[K]):
    """A key whose deadline came, with the priority it was delayed at and that deadline."""

    key: K
    priority: int
    deadline: float


class _Delay(NamedTuple):
    deadline: float
    number: int
    priority: int


class DelayedKeys(Generic[K]):
    """Keys with the moment at which they are to be added."""

    def __init__(self) -> None:
        self._delays: dict[K, _Delay] = {}
        self._heap: list[tuple[float, int, K]] = []  # entries that were replaced or dropped are left behind
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._delays)

    @property
    def next_deadline(self) -> float | None:
        self._skip_stale()
        return self._heap[0][0] if self._heap else None

    def add(self, key: K, deadline: float, priority: int) -> None:
        before = self._delays.get(key)
        if before is not None:
            priority = max(priority, before.priority)
            if before.deadline <= deadline:
                self._delays[key] = before._replace(priority=priority)
                return
        delay = _Delay(deadline, next(self._numbers), priority)
        self._delays[key] = delay
        heapq.heappush(self._heap, (deadline, delay.number, key))

    def drop(self, key: K) -> int | None:
        """Forget a key's deadline; answers the priority it was delayed at, None when it had none."""
        delay = self._delays.pop(key, None)
        return None if delay is None else delay.priority

    def due(self, now: float) -> Iterator[Due[K]]:
        """Remove and yield the keys whose deadline is not after `now`, the earliest first."""
        while (deadline := self.next_deadline) is not None and deadline <= now:
            _, _, key = heapq.heappop(self._heap)
            yield Due(key, self._delays.pop(key).priority, deadline)

    def clear(self) -> None:
        self._delays.clear()
        self._heap.clear()

    def _skip_stale(self) -> None:
        while self._heap:
            _, number, key = self._heap[0]
            delay = self._delays.get(key)
            if delay is not None and delay.number == number:
                return
            heapq.heappop(self._heap)
