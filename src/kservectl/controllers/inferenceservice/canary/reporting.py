"""What is told about canaries: `status.canaryStatuses`, the condition `CanaryPredictorReady`, and sentences for `why`.

None of it decides about Ready: a service whose stable version serves is Ready, whatever becomes of its canaries.
"""

from collections.abc import Iterator, Mapping, Sequence

from kservectl.controllers.inferenceservice import explain, model_status
from kservectl.controllers.inferenceservice.canary.canary import Canary
from kservectl.controllers.inferenceservice.pod_state import pods_of
from kservectl.controllers.inferenceservice.status import CANARY_READY, StatusDraft
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Explanation
from kservectl.runtime.view import View

_ALL_READY = "AllCanariesReady"
_NOT_READY = "CanariesNotReady"


def report(draft: StatusDraft, canaries: Sequence[Canary], urls: Mapping[str, str], view: View) -> None:
    """Put the canaries into the status, or take them out of it when there are none. `urls` are previews by canary name."""
    if not canaries:
        draft.canary_statuses = []
        draft.conditions.clear(CANARY_READY)
        return
    before = {str(entry.get("name")): entry for entry in draft.canary_statuses}
    draft.canary_statuses = [
        _entry(canary, before.get(canary.name, {}), urls.get(canary.name, ""), view) for canary in canaries
    ]
    troubles = [f"{canary.name}: {_trouble(canary, view)}" for canary in canaries if not canary.ready]
    if troubles:
        draft.conditions.mark_false(CANARY_READY, _NOT_READY, "; ".join(troubles))
    else:
        draft.conditions.mark_true(CANARY_READY, _ALL_READY)


def explanations(canaries: Sequence[Canary], view: View) -> Iterator[Explanation]:
    """One sentence for each canary, and what keeps the pods of those that are not ready."""
    for canary in canaries:
        about = f"canary {canary.name}"
        if canary.ready:
            share = f"takes {canary.percent} % of the traffic" if canary.percent else "is ready and takes no traffic"
            yield Explanation(about, f"The canary {canary.name} {share}.", ok=True)
            continue
        step = canary.failure.next_step if canary.failure is not None else ""
        yield Explanation(
            about, f"The canary {canary.name} takes no traffic: {_trouble(canary, view).rstrip('.')}.", next_step=step
        )
        for part in canary.parts:
            yield from explain.pods(_pods(part.workload, view))


def _entry(canary: Canary, before: Object, url: str, view: View) -> Object:
    entry: Object = {
        "name": canary.name,
        "ready": canary.ready,
        "trafficPercent": canary.percent,
        "modelStatus": _model_status(canary, before.get("modelStatus") or model_status.EMPTY, view),
    }
    return {**entry, "url": url} if url else entry


def _model_status(canary: Canary, before: Object, view: View) -> Object:
    if canary.failure is not None:
        found = canary.failure.model
        return model_status.invalid(before, found) if found is not None else before
    return model_status.evaluate(before, _pods(canary.parts[0].workload, view), service_ready=canary.ready)


def _trouble(canary: Canary, view: View) -> str:
    """Why a canary does not serve, nearest to the cause: the spec, a pod, the Deployment, or that it has no pods at all."""
    if canary.failure is not None:
        return canary.failure.message
    if canary.replicas == 0 and not any(_pods(part.workload, view) for part in canary.parts):
        return "it has no pods, because it has neither traffic nor minReplicas"
    for part in canary.parts:
        for explanation in explain.pods(_pods(part.workload, view)):
            return explanation.message
    for part in canary.parts:
        if not part.readiness.is_ready and part.readiness.message:
            return part.readiness.message
    return "no pod of it is available yet"


def _pods(workload: Workload, view: View) -> list[Object]:
    return pods_of(workload.metadata.name, workload.metadata.namespace, view)
