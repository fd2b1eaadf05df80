"""What an outcome says once the API server refused to write some of a graph's objects."""

from collections.abc import Sequence
from dataclasses import replace

from kservectl.controllers.inferencegraph.status import GraphStatus
from kservectl.controllers.inferenceservice.conditions import FALSE
from kservectl.controllers.inferenceservice.failure import RECONCILE_FAILED
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import EventRecord, Explanation, Failure, Outcome
from kservectl.runtime.view import View


def amended(graph: Object, outcome: Outcome, failures: Sequence[Failure], view: View) -> Outcome:
    """`outcome` with the condition, the event and the explanation of every refused write."""
    message = "; ".join(f"fails to reconcile: {failure.message}" for failure in failures)
    status = GraphStatus(graph, view.now)
    told = status.ready.message == message
    status.say(FALSE, RECONCILE_FAILED, message)
    explained = (
        Explanation(
            f"{failure.kind.kind}/{failure.key.name}",
            failure.message,
            next_step="Correct what the message names; the write is tried again when something changes.",
        )
        for failure in failures
    )
    wire = status.to_wire()
    return replace(
        outcome,
        status={**(outcome.status or wire), "conditions": wire["conditions"]},
        events=() if told else (*status.transition(), EventRecord("Warning", "InternalError", message)),
        explanations=(*explained, *outcome.explanations),
    )
