"""Why a decision could not be made: one exception for all steps, because all of them end the same way.

A failure is told four times, from one place: as condition (`reason`, `message`), as event, in `modelStatus` where a model
cannot be served by what was asked for, and to `kservectl why` with the next step.
"""

from dataclasses import dataclass

from kservectl.api.inferenceservice_status import FailureReason

RECONCILE_FAILED = "ReconcileFailed"
INVALID_SPEC = "InvalidSpec"


@dataclass(frozen=True, slots=True)
class ModelFailure:
    """Why the model cannot be served as specified, in the words of `modelStatus.lastFailureInfo`."""

    reason: FailureReason
    message: str


class CannotDecide(Exception):
    """A step found that what was asked for cannot be built.

    `reason` is the condition's, `next_step` what a person could do, `model` what `modelStatus` says (None leaves it).
    """

    def __init__(
        self, message: str, *, reason: str = RECONCILE_FAILED, next_step: str = "", model: ModelFailure | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.next_step = next_step
        self.model = model


def invalid_model(reason: FailureReason, told: str, message: str, *, next_step: str = "") -> CannotDecide:
    """A failure of the InvalidSpec transition: `told` goes to `modelStatus`, `message` to condition and event."""
    return CannotDecide(message, reason=reason, next_step=next_step, model=ModelFailure(reason, told))
