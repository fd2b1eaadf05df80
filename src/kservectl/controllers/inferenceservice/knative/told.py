"""What Knative tells of a Service, as conditions, and whether it tells of the Service as it is now."""

from kservectl.controllers.inferenceservice.conditions import Condition, from_wire
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

OUT_OF_DATE = ("OutOfDate", "Knative has yet to look at what was changed")
"""Reason and message of a condition while what Knative told is of an earlier generation."""


def conditions_of(status: Object) -> list[Condition]:
    """The conditions in the status of a Knative Service."""
    return [found for found in map(from_wire, status.get("conditions") or ()) if found.type]


def is_observed(service: Object) -> bool:
    """Whether the status is of the spec as it is now, where it says of which it is."""
    observed = int((service.get("status") or {}).get("observedGeneration") or 0)
    return not observed or observed >= metadata.generation(service)
