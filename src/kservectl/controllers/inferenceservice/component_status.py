"""Whether a component is ready, read from the conditions of its Deployment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kservectl.controllers.inferenceservice.conditions import FALSE, TRUE, UNKNOWN, Truth
from kservectl.objects.metadata import Object

_AVAILABLE = "Available"
_PROGRESSING = "Progressing"
_REPLICA_FAILURE = "ReplicaFailure"
_COMPLETE = "NewReplicaSetAvailable"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a component's condition is to say."""

    status: Truth
    reason: str = ""
    message: str = ""

    @property
    def is_ready(self) -> bool:
        return self.status == TRUE


def readiness(deployment: Object | None) -> Readiness:
    """The component's readiness; a Deployment that does not exist yet, or says nothing yet, is not ready.

    Later findings override earlier ones: available, rolled out, unavailable, refused pods.
    """
    found = _by_type(((deployment or {}).get("status") or {}).get("conditions") or ())
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


def _by_type(conditions: Sequence[Object]) -> Mapping[str, Object]:
    return {str(condition.get("type")): condition for condition in conditions}


def _says(status: Truth, condition: Object) -> Readiness:
    return Readiness(status, str(condition.get("reason") or ""), str(condition.get("message") or ""))
