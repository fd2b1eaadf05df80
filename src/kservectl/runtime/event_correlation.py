"""What becomes of an event before it is sent: sent as it is, counted onto an earlier one, or dropped.

The rules are client-go's. Equal events within 6 minutes make a series; more than 10 that differ in their message only, within
10 minutes, go on as one combined event; and an object that keeps on producing events has a burst of 25, then one every
5 minutes. Pure but for its memory, which is bounded: the least recently used entries go first.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from kservectl.objects import metadata
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.outcome import EventRecord

SERIES_SECONDS = 360.0
COMBINE_SECONDS = 600.0
COMBINE_AFTER = 10
SPAM_BURST = 25.0
SPAM_REFILL_SECONDS = 300.0
COMBINED_PREFIX = "(combined from similar events): "

_MEMORY = 4096

V = TypeVar("V")


@dataclass(slots=True)
class Series:
    """Equal events: how many there were, when the last one was, and which stored Event stands for them, once sent."""

    count: int = 0
    last: float = 0.0
    stored: ObjectKey | None = None


@dataclass(frozen=True, slots=True)
class Correlated:
    """An event to send: a new one when `series.stored` is None, otherwise an update of its count."""

    record: EventRecord
    series: Series


@dataclass(slots=True)
class _Similar:
    messages: set[str]
    since: float


@dataclass(slots=True)
class _Tokens:
    left: float
    at: float


class EventCorrelator:
    """The memory of the events of one process."""

    def __init__(self, memory: int = _MEMORY) -> None:
        self._series: _Recent[Series] = _Recent(memory, lambda series: SERIES_SECONDS)
        self._similar: _Recent[_Similar] = _Recent(memory, lambda similar: COMBINE_SECONDS)
        self._tokens: _Recent[_Tokens] = _Recent(memory, _until_full)

    def __len__(self) -> int:
        """How much is remembered."""
        return len(self._series) + len(self._similar) + len(self._tokens)

    def correlate(self, regarding: Object, record: EventRecord, now: float) -> Correlated | None:
        """What to send for an event about `regarding` at `now` (monotonic seconds); None when it is one too many."""
        about = (metadata.uid(regarding), regarding.get("kind"), metadata.key(regarding))
        record, identity = self._combine(about, record, now)
        if not self._has_token(about, now):
            return None
        series = self._series.get((about, *identity), Series, now)
        if now - series.last > SERIES_SECONDS:
            series.count, series.stored = 0, None
        series.count += 1
        series.last = now
        return Correlated(record, series)

    def _combine(self, about: Hashable, record: EventRecord, now: float) -> tuple[EventRecord, tuple[str, ...]]:
        """The record, or the combined one, and what makes it equal to others."""
        group = (record.type, record.reason, record.action)
        similar = self._similar.get((about, group), lambda: _Similar(set(), now), now)
        if now - similar.since > COMBINE_SECONDS:
            similar.messages, similar.since = set(), now
        if len(similar.messages) <= COMBINE_AFTER:
            similar.messages.add(record.message)
        if len(similar.messages) <= COMBINE_AFTER:
            return record, (*group, record.message)
        combined = EventRecord(record.type, record.reason, COMBINED_PREFIX + record.message, record.action)
        return combined, (*group, COMBINED_PREFIX)

    def _has_token(self, about: Hashable, now: float) -> bool:
        tokens = self._tokens.get(about, lambda: _Tokens(SPAM_BURST, now), now)
        tokens.left = min(SPAM_BURST, tokens.left + (now - tokens.at) / SPAM_REFILL_SECONDS)
        tokens.at = now
        if tokens.left < 1.0:
            return False
        tokens.left -= 1.0
        return True


def _until_full(tokens: _Tokens) -> float:
    """Seconds after which an object has its whole burst again, as one that is not remembered."""
    return (SPAM_BURST - tokens.left) * SPAM_REFILL_SECONDS


class _Recent(Generic[V]):
    """A map that keeps the most recently used entries, and each for `seconds` after its last use, or until those before it go."""

    def __init__(self, size: int, seconds: Callable[[V], float]) -> None:
        self._size = size
        self._seconds = seconds
        self._entries: OrderedDict[Hashable, tuple[V, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable, new: Callable[[], V], now: float) -> V:
        entry = self._entries.pop(key)[0] if key in self._entries else new()
        self._entries[key] = (entry, now)
        while len(self._entries) > self._size or self._is_over(now):
            self._entries.popitem(last=False)
        return entry

    def _is_over(self, now: float) -> bool:
        """Whether the entry that was used least recently is as good as none."""
        entry, used = next(iter(self._entries.values()))
        return now - used > self._seconds(entry)
