"""Whether a component is ready, read from the conditions of its Deployment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from kservectl.controllers.inferenceservice.conditions import FALSE, TRUE, UNKNOWN, Truth
from kservectl.objects.metadata import Object

_AVAILABLE = "Available"
_PROGRESSING = "Progressing"
_REPLICA_FAILURE = "ReplicaFailure"
_COMPLETE = "NewReplicaSetAvailable"
_HEAD, _WORKER = "predictor-container", "worker-container"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a component's condition is to say."""

    status: Truth
    reason: str = ""
    message: str = ""

    @property
    def is_ready(self) -> bool:
        return self.status == TRUE


def readiness(*deployments: Object | None) -> Readiness:
    """The readiness of a component of one Deployment, or of two: the head's and the workers', which both have to be ready.

    A Deployment that does not exist yet, or says nothing yet, is not ready. Later findings override earlier ones:
    available, rolled out, unavailable, refused pods.
    """
    told = [_conditions(deployment) for deployment in deployments]
    found = reduce(_together, told) if told else {}
    available = found.get(_AVAILABLE, {})
    progressing = found.get(_PROGRESSING, {})
    refused = found.get(_REPLICA_FAILURE, {})
    result = Readiness(FALSE)
    if available.get("status") == TRUE:
        result = _says(TRUE, available)
    if progressing.get("status") == FALSE and progressing.get("message"):
        result = _says(FALSE, progressing)
    elif progressing.get("status") == TRUE:
        if progressing.get("reason") == _COMPLETE:
            result = _says(TRUE, progressing)
        elif available.get("status") != TRUE:
            result = _says(UNKNOWN, progressing)
    if available.get("status") == FALSE:
        result = _says(FALSE, available)
    if refused.get("status") == TRUE:
        result = _says(FALSE, refused)
    return result


def has_failed(deployment: Object) -> bool:
    """Whether its pods are refused, or its rollout made no progress for too long."""
    told = _conditions(deployment)
    return told.get(_REPLICA_FAILURE, {}).get("status") == TRUE or told.get(_PROGRESSING, {}).get("status") == FALSE


def _conditions(deployment: Object | None) -> Mapping[str, Object]:
    told: Sequence[Object] = ((deployment or {}).get("status") or {}).get("conditions") or ()
    return {str(condition.get("type")): condition for condition in told}


def _together(head: Mapping[str, Object], worker: Mapping[str, Object]) -> Mapping[str, Object]:
    """The conditions that both report: True where both are. Pods of one part that are refused are enough, though."""
    found = {
        type_: _in_words_of({_HEAD: head[type_], _WORKER: worker[type_]})
        for type_ in head
        if type_ in worker and type_ != _REPLICA_FAILURE
    }
    refused = {part: told.get(_REPLICA_FAILURE, {}) for part, told in ((_HEAD, head), (_WORKER, worker))}
    refused = {part: condition for part, condition in refused.items() if condition.get("status") == TRUE}
    return {**found, _REPLICA_FAILURE: _in_words_of(refused)} if refused else found


def _in_words_of(parts: Mapping[str, Object]) -> Object:
    """One condition of several parts: a reason that all have is said once, everything else by part."""

    def each(field: str) -> str:
        return ", ".join(f"{part}: {condition.get(field) or ''}" for part, condition in parts.items())

    reasons = {str(condition.get("reason") or "") for condition in parts.values()}
    return {
        "status": TRUE if all(condition.get("status") == TRUE for condition in parts.values()) else FALSE,
        "reason": reasons.pop() if len(reasons) == 1 else each("reason"),
        "message": each("message"),
    }


def _says(status: Truth, condition: Object) -> Readiness:
    return Readiness(status, str(condition.get("reason") or ""), str(condition.get("message") or ""))
