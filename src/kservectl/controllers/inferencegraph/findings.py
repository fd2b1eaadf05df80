"""What a decision found out about the parts of a graph, put together into its status and explanations."""

from collections.abc import Sequence
from dataclasses import dataclass

from kservectl.controllers.inferencegraph.status import GraphStatus
from kservectl.controllers.inferenceservice.component_status import Readiness
from kservectl.controllers.inferenceservice.conditions import FALSE, TRUE
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Explanation, Outcome


@dataclass(frozen=True, slots=True)
class Finding:
    """How ready one part is, and what a person could do about it."""

    about: str
    readiness: Readiness
    next_step: str = ""


def of_services(unready: Sequence[str]) -> Finding:
    """The finding about the InferenceServices that the graph names, of which `unready` are not ready."""
    if not unready:
        return Finding("Services", Readiness(TRUE))
    said = "; ".join(f"service {name} is not ready" for name in unready)
    step = f"Ask why: kservectl why inferenceservice/{unready[0]}."
    return Finding("Services", Readiness(FALSE, "ServiceNotReady", said), step)


def concluded(
    status: GraphStatus, findings: Sequence[Finding], desired: Sequence[Object], *, complete: bool = True
) -> Outcome:
    """The outcome for a graph that is as ready as the first part that is not."""
    worst = next((found.readiness for found in findings if not found.readiness.is_ready), Readiness(TRUE))
    if worst.is_ready:
        status.say(TRUE)
    else:
        status.say(worst.status, worst.reason, worst.message)
    return Outcome(
        desired=tuple(desired),
        complete=complete,
        status=status.to_wire(),
        events=status.transition(),
        explanations=tuple(_explanation(found) for found in findings),
    )


def _explanation(found: Finding) -> Explanation:
    said = ": ".join(part for part in (found.readiness.reason, found.readiness.message) if part)
    state = "ready" if found.readiness.is_ready else "not ready"
    verb = "are" if found.about.endswith("s") else "is"
    sentence = f"{found.about} {verb} {state}{f' ({said})' if said else ''}."
    return Explanation(found.about, sentence, found.readiness.is_ready, found.next_step, found.readiness.reason)
