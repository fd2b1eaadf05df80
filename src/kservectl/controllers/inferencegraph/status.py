"""The status of a graph in the making: `Ready` and `Stopped`, where it is reached, and in which mode it runs.

A condition that says what it said keeps its time, so that a status that says the same costs no write.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from kservectl.clock import rfc3339
from kservectl.controllers.inferenceservice.conditions import FALSE, TRUE, UNKNOWN, Condition, Truth, from_wire
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import EventRecord

READY = "Ready"
STOPPED = "Stopped"


class GraphStatus:
    """Conditions and fields of a status, until `to_wire` takes them as they are."""

    def __init__(self, graph: Object, now: datetime) -> None:
        self.before: Object = graph.get("status") or {}
        self._name = metadata.name(graph)
        self._generation = metadata.generation(graph)
        self._now = rfc3339(now)
        self._found = {found.type: found for found in map(from_wire, self.before.get("conditions") or ())}
        self.ready = self._found.get(READY, Condition(READY, UNKNOWN))
        self.stopped = self._found.get(STOPPED, Condition(STOPPED, FALSE))
        self._others: list[Condition] = []
        self._fields: Object = {name: value for name, value in self.before.items() if name != "conditions"}

    @property
    def was_ready(self) -> bool:
        """Whether the graph was Ready before this decision."""
        return READY in self._found and self._found[READY].status == TRUE

    @property
    def describes_generation(self) -> bool:
        """Whether the status before this decision is about the spec as it is now."""
        return bool(self._generation) and self.before.get("observedGeneration") == self._generation

    def say(self, ready: Truth, reason: str = "", message: str = "") -> None:
        """Set `Ready` of a graph that is not stopped."""
        self.ready = Condition(READY, ready, reason, message)
        self.stopped = Condition(STOPPED, FALSE)

    def say_stopped(self) -> None:
        self.ready = Condition(READY, FALSE, "Stopped")
        self.stopped = Condition(STOPPED, TRUE)
        self._fields.pop("url", None)

    def also(self, conditions: Iterable[Condition]) -> None:
        """Say these conditions too; they decide about nothing."""
        self._others = list(conditions)

    def set_url(self, url: str) -> None:
        """Say where the graph is reached; nothing, where `url` is empty."""
        self._fields.pop("url", None)
        if url:
            self._fields["url"] = url

    def set_mode(self, mode: str) -> None:
        self._fields["deploymentMode"] = mode

    def transition(self) -> tuple[EventRecord, ...]:
        """The event that tells of a Ready that changed its mind; Unknown is no answer yet."""
        if not self.was_ready and self.ready.status == TRUE:
            return (EventRecord("Normal", "InferenceGraphReady", f"InferenceGraph [{self._name}] is Ready"),)
        if self.was_ready and self.ready.status == FALSE:
            return (
                EventRecord("Warning", "InferenceGraphNotReady", f"InferenceGraph [{self._name}] is no longer Ready"),
            )
        return ()

    def to_wire(self) -> Object:
        """The whole status."""
        found = sorted((self.ready, self.stopped, *self._others), key=lambda condition: condition.type)
        wire = {**self._fields, "conditions": [self._dated(condition).to_wire() for condition in found]}
        if self._generation:
            wire["observedGeneration"] = self._generation
        return wire

    def _dated(self, condition: Condition) -> Condition:
        before = self._found.get(condition.type)
        same = before is not None and before.says_the_same(condition)
        return before if before is not None and same else replace(condition, since=self._now)
