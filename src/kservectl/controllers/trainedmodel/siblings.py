"""The TrainedModels of one InferenceService, and which of them its memory is granted to.

Every model of a service comes to the same answer about all of them, in whatever order they are decided: memory that was
granted stays granted, and what is left goes to the others by age, as far as it lasts.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from kservectl.api.kinds import TRAINED_MODEL
from kservectl.objects import metadata, quantity
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

PARENT_LABEL = "inferenceservice"
ALLOCATED_LABEL = "serving.kserve.io/trainedmodel-allocated"


def parent_name(model: Object) -> str:
    """The InferenceService that is to serve `model`."""
    return str((model.get("spec") or {}).get("inferenceService") or "")


def models_of(service: str, namespace: str, view: View) -> Sequence[Object]:
    """The models that name `service`, also those that are being deleted, in name order."""
    return [model for model in view.list(TRAINED_MODEL, namespace) if parent_name(model) == service]


def is_granted(model: Object, siblings: Iterable[Object], limit: Fraction) -> bool:
    """Whether `model` fits into `limit` bytes beside its `siblings`, of which it is one."""
    service = parent_name(model)
    others = [other for other in siblings if metadata.name(other) != metadata.name(model)]
    taken = sum((memory_of(other) for other in others if _has_memory(other, service)), Fraction(0))
    if not _has_memory(model, service):
        for earlier in sorted((other for other in others if not _has_memory(other, service)), key=_age):
            waits_before = _age(earlier) < _age(model) and not metadata.is_deleting(earlier)
            if waits_before and taken + memory_of(earlier) <= limit:
                taken += memory_of(earlier)
    return taken + memory_of(model) <= limit


def memory_of(model: Object) -> Fraction:
    """The bytes that a model asks for; 0 for what is no quantity, which admission refuses."""
    try:
        return quantity.parse(((model.get("spec") or {}).get("model") or {}).get("memory", 0))
    except quantity.InvalidQuantity:
        return Fraction(0)


def _has_memory(model: Object, service: str) -> bool:
    return metadata.labels(model).get(ALLOCATED_LABEL) == service


def _age(model: Object) -> tuple[str, str]:
    return str(metadata.metadata(model).get("creationTimestamp") or ""), metadata.name(model)
