"""Knative's living condition set: one happy condition, derived from the terminal ones that it depends on.

The set answers three questions of its writer: what a condition is now, what the happy condition follows from, and since
when. A condition that ends a pass as it began it keeps its `lastTransitionTime`, however often it was set in between, so
that a status which says the same compares equal to the one before. Messages are stored verbatim.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from kservectl.clock import rfc3339
from kservectl.objects.metadata import Object

Truth = Literal["True", "False", "Unknown"]

TRUE: Truth = "True"
FALSE: Truth = "False"
UNKNOWN: Truth = "Unknown"

_INFO = "Info"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. `severity` is empty for those that decide about the happy one, `Info` for all others."""

    type: str
    status: Truth
    reason: str = ""
    message: str = ""
    severity: str = ""
    since: str = ""

    def says_the_same(self, other: "Condition") -> bool:
        """Whether both differ in nothing but the time."""
        return (self.type, self.status, self.reason, self.message, self.severity) == (
            other.type,
            other.status,
            other.reason,
            other.message,
            other.severity,
        )

    def to_wire(self) -> Object:
        wire: Object = {"type": self.type, "status": self.status}
        for name, value in (
            ("severity", self.severity),
            ("lastTransitionTime", self.since),
            ("reason", self.reason),
            ("message", self.message),
        ):
            if value:
                wire[name] = value
        return wire


class ConditionSet:
    """The conditions of one object during one decision.

    `happy` is the condition derived from `dependents`; `before` are the conditions of the status as it is now, in wire
    form (entries without a type are dropped); `now` dates what changes.
    """

    def __init__(self, happy: str, dependents: Sequence[str], before: Iterable[Object], now: datetime) -> None:
        self._happy = happy
        self._dependents = tuple(dependents)
        self._now = rfc3339(now)
        self._before = {condition.type: condition for condition in map(from_wire, before) if condition.type}
        self._conditions = dict(self._before)

    def get(self, type_: str) -> Condition | None:
        return self._conditions.get(type_)

    def is_true(self, type_: str) -> bool:
        condition = self._conditions.get(type_)
        return condition is not None and condition.status == TRUE

    def before(self, type_: str) -> Condition | None:
        """The condition as the decision found it."""
        return self._before.get(type_)

    def initialise(self) -> None:
        """Add what is absent: the happy condition as Unknown, a dependent as True only beside a True happy one."""
        if self._happy not in self._conditions:
            self._set(self._happy, UNKNOWN)
        start = TRUE if self.is_true(self._happy) else UNKNOWN
        for type_ in self._dependents:
            if type_ not in self._conditions:
                self._set(type_, start)

    def mark_true(self, type_: str, reason: str = "", message: str = "") -> None:
        """Set to True, then derive the happy condition anew."""
        self._set(type_, TRUE, reason, message)
        unhappy = self._unhappy()
        if unhappy is not None:
            self._set(self._happy, unhappy.status, unhappy.reason, unhappy.message)
        elif type_ != self._happy:
            self._set(self._happy, TRUE)

    def mark_false(self, type_: str, reason: str = "", message: str = "") -> None:
        """Set to False; a dependent takes the happy condition with it, reason and message included."""
        self._set(type_, FALSE, reason, message)
        if type_ in self._dependents:
            self._set(self._happy, FALSE, reason, message)

    def mark_unknown(self, type_: str, reason: str = "", message: str = "") -> None:
        """Set to Unknown; a dependent makes the happy condition Unknown unless another dependent is already False."""
        self._set(type_, UNKNOWN, reason, message)
        for dependent in self._dependents:
            condition = self._conditions.get(dependent)
            if condition is not None and condition.status == FALSE:
                happy = self._conditions.get(self._happy)
                if happy is None or happy.status != FALSE:
                    self._set(self._happy, FALSE, condition.reason, condition.message)
                return
        if type_ in self._dependents:
            self._set(self._happy, UNKNOWN, reason, message)

    def mark(self, type_: str, status: Truth, reason: str = "", message: str = "") -> None:
        """Set to `status`, with the consequences of the method of that name."""
        {TRUE: self.mark_true, FALSE: self.mark_false, UNKNOWN: self.mark_unknown}[status](type_, reason, message)

    def clear(self, type_: str) -> None:
        """Remove a condition; the happy one and its dependents stay."""
        if type_ != self._happy and type_ not in self._dependents:
            self._conditions.pop(type_, None)

    def clear_all(self) -> None:
        """Start afresh; a condition that is set again as it was still keeps its time."""
        self._conditions.clear()

    def replace_all(self, conditions: Iterable[Object]) -> None:
        """Take these conditions (wire form) instead of all others; one that says what it said before keeps its time."""
        self._conditions = {}
        for condition in map(from_wire, conditions):
            before = self._before.get(condition.type)
            same = before is not None and before.says_the_same(condition)
            self._conditions[condition.type] = before if before is not None and same else condition

    def to_wire(self) -> list[Object]:
        """All conditions as `status.conditions` carries them, sorted by type."""
        return [self._conditions[type_].to_wire() for type_ in sorted(self._conditions)]

    def false_types(self) -> list[str]:
        return [type_ for type_ in sorted(self._conditions) if self._conditions[type_].status == FALSE]

    def _set(self, type_: str, status: Truth, reason: str = "", message: str = "") -> None:
        terminal = type_ == self._happy or type_ in self._dependents
        condition = Condition(type_, status, reason, message, "" if terminal else _INFO, self._now)
        before = self._before.get(type_)
        self._conditions[type_] = before if before is not None and before.says_the_same(condition) else condition

    def _unhappy(self) -> Condition | None:
        """The newest False condition that counts, else the newest Unknown one, else a dependent that is missing."""
        counting = [c for c in self._conditions.values() if not c.severity and c.type != self._happy]
        by_age = sorted(sorted(counting, key=lambda c: c.type), key=lambda c: c.since, reverse=True)
        for status in (FALSE, UNKNOWN):
            for condition in by_age:
                if condition.status == status:
                    return condition
        if any(type_ not in self._conditions for type_ in self._dependents):
            return Condition(self._happy, UNKNOWN)
        return None


def from_wire(wire: Object) -> Condition:
    """The condition that `wire` is; a status that is none of the three is Unknown."""
    text = str(wire.get("status") or UNKNOWN)
    status: Truth = TRUE if text == TRUE else FALSE if text == FALSE else UNKNOWN
    return Condition(
        type=str(wire.get("type") or ""),
        status=status,
        reason=str(wire.get("reason") or ""),
        message=str(wire.get("message") or ""),
        severity=str(wire.get("severity") or ""),
        since=str(wire.get("lastTransitionTime") or ""),
    )
