"""Which resources of a container are GPUs, as far as the configuration and an annotation know."""

from collections.abc import Sequence

import orjson

from kservectl.admission.inferenceservice.implementations import block
from kservectl.objects.metadata import Object

GPU_TYPES_ANNOTATION = "serving.kserve.io/gpu-resource-types"
"""A JSON list of names that count as GPUs besides the configured ones."""

_ORDINARY = frozenset({"cpu", "memory", "storage", "ephemeral-storage"})
_ORDINARY_PREFIXES = ("hugepages-", "nvidia.com/mig-")


def unknown_resources(container: Object, gpus: frozenset[str]) -> list[str]:
    """The resources of `container` that are neither ordinary ones nor among `gpus`."""
    resources = block(container, "resources")
    names = {name: None for part in ("limits", "requests") for name in block(resources, part) or {}}
    return [name for name in names if name not in _ORDINARY | gpus and not name.startswith(_ORDINARY_PREFIXES)]


def annotated_types(annotation: str) -> Sequence[str] | None:
    """The names in the annotation; None when it is not a JSON list of some names."""
    try:
        names = orjson.loads(annotation)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        return None
    return names


def malformed(annotation: str) -> str:
    """What to say of an annotation that `annotated_types` cannot read."""
    return (
        f"invalid GPU format({annotation}) for {GPU_TYPES_ANNOTATION} annotation: must be a valid JSON array"
        ' of names, such as ["vendor.com/gpu"]'
    )
