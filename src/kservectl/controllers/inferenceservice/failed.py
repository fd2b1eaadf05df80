"""The outcome of a decision that could not be finished: it says why, and changes nothing that runs.

What served is not called broken for what others did to its surroundings: a spec that was decided before and whose component
is ready keeps its condition. The failure is then told by `modelStatus` (where it is about the model), by the log and by the
explanations.
"""

from collections.abc import Sequence

from kservectl.controllers.inferenceservice import deletion, events, model_status
from kservectl.controllers.inferenceservice.component import Role
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.status import COMPONENT_READY, StatusDraft
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import EventRecord, Explanation, Outcome


def outcome_of(
    draft: StatusDraft,
    failure: CannotDecide,
    role: Role = "predictor",
    *,
    shared: Sequence[Object] = (),
    desired: Sequence[Object] = (),
) -> Outcome:
    """Tell `failure` of the component `role`; `shared` and `desired` were decided before it and are carried out."""
    condition = COMPONENT_READY[role]
    raised: tuple[EventRecord, ...] = events.of_failure(failure.message, condition, draft)
    keeps_serving = draft.describes_generation and draft.conditions.is_true(condition)
    if keeps_serving and (failure.model is None or draft.model_status.get("transitionStatus") == "InvalidSpec"):
        raised = ()
    if not keeps_serving:
        draft.conditions.mark_false(condition, failure.reason, failure.message)
    if failure.model is not None:
        draft.model_status = model_status.invalid(draft.model_status, failure.model)
    draft.set_component_url(role, "")
    return Outcome(
        desired=(*shared, *desired),
        shared=frozenset(range(len(shared))),
        complete=False,
        finalizers=(deletion.FINALIZER,),
        status=draft.to_wire(),
        events=raised,
        terminal_error=failure.message,
        explanations=(Explanation(condition, failure.message, next_step=failure.next_step, reason=failure.reason),),
    )
