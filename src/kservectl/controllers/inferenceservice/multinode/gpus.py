"""GPUs of a container: under which of the known resource names it has them, and how many."""

import json
import math
from collections.abc import Mapping, Sequence

from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.multinode.allocation import INVALID
from kservectl.objects import quantity
from kservectl.objects.metadata import Object

TYPES_ANNOTATION = "serving.kserve.io/gpu-resource-types"

_DEFAULT = "nvidia.com/gpu"


def known_names(configured: Sequence[str], annotations: Mapping[str, str]) -> tuple[str, ...]:
    """The configured names, then those of the annotation, a JSON list of names; raises CannotDecide when it is none."""
    text = annotations.get(TYPES_ANNOTATION, "")
    return tuple(dict.fromkeys((*configured, *(_listed(text) if text else ()))))


def requested(container: Object, names: Sequence[str]) -> int:
    """How many GPUs the container requests, by the first of `names` that it requests any of; raises CannotDecide."""
    return next((amount for name in names if (amount := _amount(container, "requests", name))), 0)


def with_gpus(container: Object, names: Sequence[str], count: int) -> Object:
    """`container` with exactly `count` GPUs, of the kind that it has already; raises CannotDecide."""
    name = next((n for n in names if _amount(container, "limits", n) or _amount(container, "requests", n)), _DEFAULT)
    changed = {part: {**_part(container, part), name: str(count)} for part in ("limits", "requests")}
    return {**container, "resources": {**_resources(container), **changed}}


def _amount(container: Object, part: str, name: str) -> int:
    found = _part(container, part).get(name)
    if found is None:
        return 0
    try:
        return math.ceil(quantity.parse(found))
    except quantity.InvalidQuantity as error:
        raise CannotDecide(
            f"{part}.{name} of container {container.get('name')}: {error}",
            reason=INVALID,
            next_step=f"Write {part}.{name} as a whole number.",
        ) from error


def _part(container: Object, part: str) -> Object:
    found = _resources(container).get(part)
    return found if isinstance(found, dict) else {}


def _resources(container: Object) -> Object:
    found = container.get("resources")
    return found if isinstance(found, dict) else {}


def _listed(text: str) -> list[str]:
    try:
        names = json.loads(text)
    except ValueError:
        names = None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise CannotDecide(
            f"invalid GPU format({text}) for {TYPES_ANNOTATION} annotation: must be a valid JSON array",
            reason=INVALID,
            next_step=f'Write the annotation {TYPES_ANNOTATION} as a list of names: ["vendor.com/gpu"].',
        )
    return names
