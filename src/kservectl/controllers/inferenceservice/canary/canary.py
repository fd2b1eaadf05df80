"""One canary as a decision sees it: its parts, how many pods, whether it serves, and what keeps it from serving."""

from collections.abc import Sequence
from dataclasses import dataclass

from kservectl.controllers.inferenceservice.component import Role
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.workload import Deployed


@dataclass(frozen=True, slots=True)
class Canary:
    """A canary of one InferenceService.

    `parts` are the predictor and a copy of each component around it; empty when `failure` says why it cannot be built.
    `ready` means that every part has an available pod, so that it can take its `percent` of the traffic.
    """

    name: str
    percent: int
    replicas: int
    parts: Sequence[Deployed] = ()
    ready: bool = False
    failure: CannotDecide | None = None

    def part(self, role: Role) -> Deployed | None:
        return next((part for part in self.parts if part.role == role), None)
