"""What an outcome says once the API server refused to write some of a cache's volumes."""

from collections.abc import Sequence
from dataclasses import replace

from kservectl.api.reasons import next_step
from kservectl.controllers.inferenceservice.conditions import ConditionSet
from kservectl.controllers.localmodel.status import DEPENDENTS, READY, VOLUMES_READY
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import EventRecord, Explanation, Failure, Outcome
from kservectl.runtime.view import View

_REASON = "VolumeRefused"


def amended(cache: Object, outcome: Outcome, failures: Sequence[Failure], view: View) -> Outcome:
    """`outcome` with the condition, the event and the explanation of every refused write."""
    message = "; ".join(failure.message for failure in failures)
    before = (cache.get("status") or {}).get("conditions") or ()
    conditions = ConditionSet(READY, DEPENDENTS, before, view.now)
    conditions.replace_all((outcome.status or {}).get("conditions") or before)
    conditions.mark_false(VOLUMES_READY, _REASON, message)
    said = conditions.before(VOLUMES_READY)
    told = said is not None and said.message == message
    explained = (
        Explanation(f"{failure.kind.kind}/{failure.key.name}", failure.message, next_step=next_step(_REASON))
        for failure in failures
    )
    return replace(
        outcome,
        status={**(outcome.status or cache.get("status") or {}), "conditions": conditions.to_wire()},
        events=outcome.events if told else (*outcome.events, EventRecord("Warning", _REASON, message)),
        explanations=(*explained, *outcome.explanations),
    )
