"""What an outcome says once the API server refused to write some of its objects.

The service is told which object it was and why; everything else of the outcome stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kservectl.api.kinds import HTTP_ROUTE, VIRTUAL_SERVICE
from kservectl.controllers.inferenceservice import events
from kservectl.controllers.inferenceservice.autoscaler import CLASS_ANNOTATION
from kservectl.controllers.inferenceservice.canary.names import object_names
from kservectl.controllers.inferenceservice.component_metadata import COMPONENT_LABEL
from kservectl.controllers.inferenceservice.failure import RECONCILE_FAILED
from kservectl.controllers.inferenceservice.status import (
    CANARY_READY,
    COMPONENT_READY,
    INGRESS_READY,
    READY,
    StatusDraft,
)
from kservectl.objects import metadata
from kservectl.objects.kind import CONTROLLER_REVISION, HORIZONTAL_POD_AUTOSCALER, INGRESS, SERVICE
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Explanation, Failure, Outcome
from kservectl.runtime.view import View

_ROUTES = (HTTP_ROUTE, INGRESS, VIRTUAL_SERVICE)
_CONDITIONS: Mapping[str, str] = {"canary": CANARY_READY, **dict(COMPONENT_READY.items())}


def amended(service: Object, outcome: Outcome, failures: Sequence[Failure], view: View) -> Outcome:
    """`outcome` with the condition, the event and the explanation of every refused write."""
    draft = StatusDraft(service, view.now)
    draft.take(outcome.status or draft.before)
    told = list(outcome.events)
    explained = list(outcome.explanations)
    for failure in failures:
        # A version that cannot be kept is told of, and hinders nobody now.
        if failure.kind != CONTROLLER_REVISION:
            part = _part(service, outcome, failure)
            condition = _CONDITIONS.get(part, INGRESS_READY)
            message = f"fails to reconcile {part}: {failure.message}"
            told += events.of_failure(message, condition, draft)
            draft.conditions.mark_false(condition, RECONCILE_FAILED, message)
        about = f"{failure.kind.kind}/{failure.key.name}"
        explained.append(Explanation(about, failure.message, next_step=_next_step(failure)))
    if not draft.conditions.is_true(READY):
        told = [event for event in told if event.reason != "InferenceServiceReady"]
    return replace(outcome, status=draft.to_wire(), events=tuple(told), explanations=tuple(explained))


def _part(service: Object, outcome: Outcome, failure: Failure) -> str:
    """What the refused object belongs to, as messages name it."""
    if failure.key.name in object_names(service):
        return "canary"
    named_like_it = failure.kind == SERVICE and failure.key.name == metadata.name(service)
    return "ingress" if failure.kind in _ROUTES or named_like_it else _component(outcome, failure)


def _next_step(failure: Failure) -> str:
    step = "Correct what the message names; the write is tried again when something changes."
    if failure.kind == HORIZONTAL_POD_AUTOSCALER:
        return (
            f"{step} To keep an autoscaler of your own, set the annotation {CLASS_ANNOTATION}: external on the service."
        )
    return step


def _component(outcome: Outcome, failure: Failure) -> str:
    """The component whose object was refused; the predictor's where the object does not say."""
    for obj in outcome.desired:
        if obj.get("kind") == failure.kind.kind and metadata.key(obj) == failure.key:
            return str(metadata.labels(obj).get(COMPONENT_LABEL) or "predictor")
    return "predictor"
