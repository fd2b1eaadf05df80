"""Which version of a service is served: the one in its spec, or an earlier one that was Ready.

The spec belongs to whoever writes it (a person, or a GitOps tool that would put it back), so a rollback never touches it:
the decision is made on an earlier revision's spec instead. The condition `RolledBack` says so, with the reason. A rollback
holds for one generation of the spec; a new generation ends it.

    asked for by annotation?  →  that revision
    failed before, or fails now, under the policy `automatic`?  →  the newest revision
    else  →  the spec
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from kservectl.api import rollout_choices
from kservectl.api.rollout_choices import ROLLBACK, RolloutChoices
from kservectl.clock import parse_time
from kservectl.controllers.inferenceservice import stop
from kservectl.controllers.inferenceservice.conditions import FALSE, TRUE, UNKNOWN, Condition, Truth, from_wire
from kservectl.controllers.inferenceservice.status import StatusDraft
from kservectl.controllers.inferenceservice.versions import history, progress
from kservectl.controllers.inferenceservice.versions.history import Revision
from kservectl.controllers.inferenceservice.versions.memory import Memory
from kservectl.objects import metadata
from kservectl.objects.kind import CONTROLLER_REVISION
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import EventRecord, Explanation, Outcome
from kservectl.runtime.view import View

ROLLED_BACK = "RolledBack"

_REQUESTED = "Requested"
_NOT_FOUND = "RevisionNotFound"
_ROLLING_OUT = "RollingOut"
_TOO_LATE = "ProgressDeadlineExceeded"

Decide = Callable[[Object, bool], Outcome]
"""Decides on a service; the flag says that its spec is an earlier version's, which nothing may hold back."""


def serve(service: Object, view: View, decide: Decide) -> Outcome:
    """The outcome of `decide` for the version that is to be served, with what there is to tell about versions."""
    if not view.served(CONTROLLER_REVISION):
        return decide(service, False)
    return _Pass(service, view, decide).outcome()


@dataclass(frozen=True, slots=True)
class _Told:
    """What the condition `RolledBack` is to say."""

    status: Truth
    reason: str
    message: str


class _Pass:
    """One decision about one service."""

    def __init__(self, service: Object, view: View, decide: Decide) -> None:
        self._service = service
        self._view = view
        self._decide = decide
        self._generation = metadata.generation(service)
        self._choices: RolloutChoices = rollout_choices.read(metadata.annotations(service))
        self._history: Sequence[Revision] = history.history_of(service, view)
        self._memory = Memory.of(service.get("status") or {})
        self._before = _rolled_back(service.get("status") or {})

    def outcome(self) -> Outcome:
        if stop.is_stopped(metadata.annotations(self._service)):
            return self._stopped()
        not_found = self._note_request()
        if self._is_requested or (self._choices.automatic and self._memory.failed == self._generation):
            revision = next((each for each in self._history if each.name == self._memory.served), None)
            if revision is None and not self._is_requested:
                revision = self._newest_other()
            if revision is not None:
                return self._earlier(revision, self._said_before(revision))
            not_found = self._missing()
        outcome = self._decide(self._service, False)
        if progress.is_settled(self._service, outcome, self._view):
            self._history = history.with_present(self._service, self._history)
            return self._finish(outcome, not_found, served="")
        outcome = replace(outcome, explanations=(*outcome.explanations, *self._new_troubles(outcome)))
        back_to = self._newest_other()
        if not self._choices.automatic or back_to is None or self._is_newest():
            return self._finish(outcome, not_found, served="")
        return self._watched(outcome, back_to)

    @property
    def _is_requested(self) -> bool:
        asked = self._choices.rollback
        return asked is not None and (self._memory.request, self._memory.requested_at) == (str(asked), self._generation)

    def _note_request(self) -> _Told | None:
        """Take up a new request, forget one that is gone; answer what is wrong with one that cannot be met."""
        asked = self._choices.rollback
        if asked is None:
            if self._memory.request:
                self._memory = replace(self._memory, request="", requested_at=0, served="")
            return None
        if self._memory.request == str(asked):
            return None
        target = (
            self._newest_other() if asked == "last" else next((r for r in self._history if r.number == asked), None)
        )
        if target is None:
            return self._missing()
        self._memory = replace(self._memory, request=str(asked), requested_at=self._generation, served=target.name)
        return None

    def _missing(self) -> _Told:
        there = ", ".join(str(revision.number) for revision in self._history) or "none"
        return _Told(FALSE, _NOT_FOUND, f"the revision to go back to does not exist (there are: {there})")

    def _stopped(self) -> Outcome:
        """Nothing runs, so there is nothing to wait for; versions and memory stay as they are."""
        outcome = self._decide(self._service, False)
        kept = history.objects(self._service, self._history)
        status = None if outcome.status is None else self._memory.written_to(outcome.status)
        return replace(outcome, desired=(*outcome.desired, *kept), status=status)

    def _said_before(self, revision: Revision) -> _Told:
        """What is told of a rollback that goes on, or that was just asked for."""
        reason = _REQUESTED if self._is_requested else _TOO_LATE
        before = self._before
        if (
            before is not None
            and before.status == TRUE
            and before.reason == reason
            and self._is_about(before, revision)
        ):
            return _Told(TRUE, reason, before.message)
        why = f"as annotation {ROLLBACK} asks" if self._is_requested else "which did not become Ready in time"
        return _Told(TRUE, reason, self._sentence(revision, why))

    def _is_about(self, condition: Condition, revision: Revision) -> bool:
        return condition.message.startswith(self._sentence(revision, ""))

    def _sentence(self, revision: Revision, why: str) -> str:
        return f"revision {revision.number} is served instead of generation {self._generation}, {why}"

    def _watched(self, outcome: Outcome, back_to: Revision) -> Outcome:
        """A new version that has yet to become Ready: until its deadline it is given time, then it is taken back."""
        message = (
            f"generation {self._generation} is being rolled out; unless it becomes Ready in time, revision {back_to.number} "
            "is served again"
        )
        before = self._before
        known = before is not None and before.status == UNKNOWN and before.message == message and bool(before.since)
        since = parse_time(before.since) if before is not None and known else self._view.now
        left = (since + timedelta(seconds=self._choices.deadline) - self._view.now).total_seconds()
        if left > 0 and not (known and progress.is_given_up(self._service, self._view)):
            waiting = self._finish(outcome, _Told(UNKNOWN, _ROLLING_OUT, message), served="")
            return replace(waiting, requeue_after=min(left, waiting.requeue_after or left))
        self._memory = replace(self._memory, failed=self._generation, served=back_to.name)
        cause = self._cause(outcome)
        why = f"which did not become Ready in time{': ' + cause if cause else ''}"
        taken_back = self._earlier(back_to, _Told(TRUE, _TOO_LATE, self._sentence(back_to, why)))
        # The pods that tell the cause go with the change of their Deployment.
        return replace(taken_back, status_first=True)

    def _earlier(self, revision: Revision, told: _Told) -> Outcome:
        outcome = self._decide({**self._service, "spec": revision.spec}, True)
        before = self._before
        new = before is None or before.status != TRUE or before.message != told.message
        event = (EventRecord("Warning", ROLLED_BACK, told.message, action="Rollback"),) if new else ()
        step = "Change the spec to end this: a new generation is served again."
        if told.reason == _REQUESTED:
            step = f"Change the spec, or remove the annotation {ROLLBACK}, to end this."
        explanation = Explanation(
            ROLLED_BACK, f"{told.message[0].upper()}{told.message[1:].rstrip('.')}.", next_step=step
        )
        told_of = replace(outcome, events=(*event, *outcome.events), explanations=(explanation, *outcome.explanations))
        return self._finish(told_of, told, served=revision.name)

    def _finish(self, outcome: Outcome, told: _Told | None, *, served: str) -> Outcome:
        """`outcome` with the versions to keep, the condition and the memory."""
        memory = replace(self._memory, served=served)
        if memory.failed != self._generation or not self._choices.automatic:
            memory = replace(memory, failed=0)
        explanations = list(outcome.explanations)
        if told is not None and told.status != TRUE:
            explanations.append(Explanation(ROLLED_BACK, f"{told.message}.", ok=told.status == UNKNOWN))
        explanations += [
            Explanation(f"annotation {problem.annotation}", f"{problem.message}; it has no effect.")
            for problem in self._choices.problems
        ]
        kept = history.objects(self._service, self._history)
        return replace(
            outcome,
            desired=(*outcome.desired, *kept),
            status=None if outcome.status is None else self._status(outcome.status, told, memory),
            explanations=tuple(explanations),
        )

    def _status(self, status: Object, told: _Told | None, memory: Memory) -> Object:
        if told is None and _rolled_back(status) is None:
            return memory.written_to(status)
        draft = StatusDraft(self._service, self._view.now)
        draft.take(status)
        if told is None:
            draft.conditions.clear(ROLLED_BACK)
        else:
            draft.conditions.mark(ROLLED_BACK, told.status, told.reason, told.message)
        return memory.written_to(draft.to_wire())

    def _is_newest(self) -> bool:
        return bool(self._history) and self._history[-1].spec == self._service.get("spec")

    def _newest_other(self) -> Revision | None:
        spec = self._service.get("spec")
        return next((revision for revision in reversed(self._history) if revision.spec != spec), None)

    def _new_troubles(self, outcome: Outcome) -> Sequence[Explanation]:
        known = set(outcome.explanations)
        return [each for each in progress.troubles(self._service, self._view) if each not in known]

    def _cause(self, outcome: Outcome) -> str:
        """What most likely keeps the version from becoming Ready: a pod's trouble before anything that follows from it."""
        pods = progress.troubles(self._service, self._view)
        found = next(pods, None) or next((each for each in outcome.explanations if not each.ok), None)
        return found.message.rstrip(".") if found is not None else ""


def _rolled_back(status: Object) -> Condition | None:
    """The condition as a status has it."""
    told = (each for each in status.get("conditions") or () if each.get("type") == ROLLED_BACK)
    return next(map(from_wire, told), None)
