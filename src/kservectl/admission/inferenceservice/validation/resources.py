"""Requests and limits that a pod can have, and that its model can live with."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from kservectl.admission.inferenceservice.implementations import block, frameworks, text
from kservectl.admission.inferenceservice.validation.subject import Subject
from kservectl.admission.policies.parts import parts
from kservectl.admission.review import FieldError
from kservectl.api.config import Config
from kservectl.objects import quantity
from kservectl.objects.metadata import Object


def resource_errors(subject: Subject) -> Iterator[FieldError]:
    """Amounts that are none, and requests above their limits: such a pod is refused when it is made."""
    for part in parts("inferenceservices", subject.obj):
        for path, container in (*part.containers, *part.init_containers):
            yield from _container_errors(f"{path}.resources", block(container, "resources"))


def memory_floor_errors(subject: Subject, config: Config) -> Iterator[FieldError]:
    """Models with less memory than is configured for their format. What the runtime will give is not known here."""
    for predictor in subject.predictors:
        for found in frameworks(predictor.spec):
            name = text(block(found.block, "modelFormat"), "name") if found.field == "model" else found.field
            resources = block(found.block, "resources")
            floor = config.inference_service.memory_floor(name)
            given = _memory(resources)
            if floor and given is not None and given[1] < quantity.parse(floor):
                field, _, amount = given
                yield FieldError(
                    f"{predictor.path}.{found.path}.resources.{field}.memory",
                    f"a model of the format {name} needs at least {floor} of memory, and {amount} is less",
                )


def _container_errors(path: str, resources: Object | None) -> Iterator[FieldError]:
    amounts: dict[str, dict[str, Fraction]] = {"requests": {}, "limits": {}}
    for field, found in amounts.items():
        for name, given in (block(resources, field) or {}).items():
            amount = _amount(given)
            if amount is None or amount < 0:
                yield FieldError(
                    _at(path, field, name), f"{_shown(given)} is not a quantity of 0 or more, such as 500m or 2Gi"
                )
            else:
                found[name] = amount
    for name, request in amounts["requests"].items():
        limit = amounts["limits"].get(name)
        if limit is None:
            continue
        asked, most = (_shown((block(resources, field) or {})[name]) for field in ("requests", "limits"))
        if request > limit:
            yield FieldError(
                _at(path, "requests", name), f"{asked} must be at most the limit of {name}, which is {most}"
            )
        elif request != limit and "/" in name:
            yield FieldError(
                _at(path, "requests", name), f"{asked} must equal the limit, which is {most}: {name} cannot be shared"
            )


def _memory(resources: Mapping[str, Any] | None) -> tuple[str, Fraction, str] | None:
    """What a container may use at most, as far as it says: field, amount, and the amount as given."""
    for field in ("limits", "requests"):
        given = (block(resources, field) or {}).get("memory")
        amount = _amount(given)
        if amount is not None:
            return field, amount, _shown(given)
    return None


def _amount(given: Any) -> Fraction | None:
    try:
        return quantity.parse(given)
    except quantity.InvalidQuantity:
        return None


def _at(path: str, field: str, name: str) -> str:
    return f"{path}.{field}[{name}]" if "/" in name else f"{path}.{field}.{name}"


def _shown(given: Any) -> str:
    return str(given) if isinstance(given, str | int | float) and len(str(given)) <= 64 else "that"
