"""Events about an InferenceService, each told once: when what it tells became true.

The status before the decision is the memory; nothing is repeated that it already says.
"""

from kservectl.controllers.inferenceservice.status import READY, STOPPED, StatusDraft
from kservectl.runtime.outcome import EventRecord

INTERNAL_ERROR = "InternalError"


def of_transition(name: str, draft: StatusDraft) -> tuple[EventRecord, ...]:
    """`InferenceServiceReady` or `InferenceServiceNotReady` when Ready changed its mind; Unknown is no answer yet."""
    before = draft.conditions.before(READY)
    now = draft.conditions.get(READY)
    was, is_now = (before.status if before else "Unknown"), (now.status if now else "Unknown")
    if was != "True" and is_now == "True":
        return (EventRecord("Normal", "InferenceServiceReady", f"InferenceService [{name}] is Ready"),)
    if was == "True" and is_now == "False":
        # Stopped is healthy while it is False.
        causes = ", ".join(type_ for type_ in draft.conditions.false_types() if type_ != STOPPED)
        return (
            EventRecord(
                "Warning",
                "InferenceServiceNotReady",
                f"InferenceService [{name}] is no longer Ready because of: {causes}",
            ),
        )
    return ()


def of_failure(message: str, condition: str, draft: StatusDraft) -> tuple[EventRecord, ...]:
    """`InternalError`, unless `condition` already said this before the decision."""
    before = draft.conditions.before(condition)
    if before is not None and before.status == "False" and before.message == message:
        return ()
    return (EventRecord("Warning", INTERNAL_ERROR, message),)
