"""What the status says when the API server refuses to have a download Job."""

from collections.abc import Sequence
from dataclasses import replace

from kservectl.controllers.localmodelnode.jobs import ERROR, model_key
from kservectl.objects import metadata
from kservectl.objects.kind import JOB
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Failure, Outcome
from kservectl.runtime.view import View

REFUSED = "JobRefused"


def amended(node: Object, outcome: Outcome, failures: Sequence[Failure], view: View) -> Outcome:
    """`outcome` with an error for every model whose Job was refused."""
    if outcome.status is None:
        return outcome
    models = {metadata.key(job): model_key(job) for job in outcome.desired}
    told = {
        models[failure.key]: failure.message for failure in failures if failure.kind == JOB and failure.key in models
    }
    states, entries = dict(outcome.status["modelStatus"]), dict(outcome.status["models"])
    for key, message in told.items():
        states[key] = ERROR
        entries[key] = {**entries.get(key, {}), "reason": REFUSED, "message": message}
    return replace(outcome, status={**outcome.status, "modelStatus": states, "models": entries})
