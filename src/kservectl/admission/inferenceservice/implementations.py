"""Which implementation a component of an InferenceService has: a framework, a model, or its own containers.

Promises to read any JSON, also what no schema has seen yet (a defaulter runs before the schema does): what has the wrong
type reads as absent. Never changes what it reads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kservectl.objects.metadata import Object

LEGACY_FRAMEWORKS = (
    "sklearn",
    "tensorflow",
    "xgboost",
    "pytorch",
    "triton",
    "onnx",
    "huggingface",
    "pmml",
    "lightgbm",
    "paddle",
)
"""The one-of fields from before `model`, in the order in which KServe converts them."""

SERVER = "kserve-container"
"""The container that serves, in every component."""

TRANSFORMER = "transformer-container"
"""A transformer beside the server in a predictor's own pod."""


_MAPPINGS = (dict, Mapping)  # in this order: asking whether something is a Mapping takes ten times as long


@dataclass(frozen=True, slots=True)
class Implementation:
    """One implementation found in a component.

    `field` is the name of the framework's field, `model`, `art`, or `containers` for a custom one; `block` is what stands
    there (the container, for a custom one); `path` leads to it from the component (`model`, `containers[0]`).
    """

    field: str
    block: Object
    path: str

    @property
    def custom(self) -> bool:
        return self.field == "containers"


def block(parent: Any, field: str) -> Object | None:
    """`parent[field]` if both are JSON objects."""
    value = parent.get(field) if isinstance(parent, _MAPPINGS) else None
    return value if isinstance(value, dict) else None


def blocks(parent: Any, field: str) -> Sequence[Object]:
    """The JSON objects in the list `parent[field]`, in order; empty when there is no such list."""
    value = parent.get(field) if isinstance(parent, _MAPPINGS) else None
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(parent: Any, field: str) -> str:
    """`parent[field]` if it is a string, else the empty one."""
    value = parent.get(field) if isinstance(parent, _MAPPINGS) else None
    return value if isinstance(value, str) else ""


def number(parent: Any, field: str) -> int | None:
    """`parent[field]` if it is a whole number."""
    value = parent.get(field) if isinstance(parent, _MAPPINGS) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def environment(container: Object, name: str) -> str | None:
    """The value of the first env entry of this name; None when there is none, empty when it has no literal value."""
    return next((text(entry, "value") for entry in blocks(container, "env") if entry.get("name") == name), None)


def frameworks(component: Any) -> list[Implementation]:
    """The framework blocks and `model` of a predictor, `model` last."""
    return [
        Implementation(field, found, field)
        for field in (*LEGACY_FRAMEWORKS, "model")
        if (found := block(component, field)) is not None
    ]


def predictor_implementations(predictor: Any) -> list[Implementation]:
    """Every implementation of a predictor; a valid one has exactly one.

    Containers beside a framework are side cars unless one of them has the server's name; alone, they are the server.
    """
    found = frameworks(predictor)
    containers = blocks(predictor, "containers")
    served = [
        Implementation("containers", container, f"containers[{index}]")
        for index, container in enumerate(containers)
        if container.get("name") == SERVER
    ]
    if not found and not served and containers:
        index = server_index(containers)
        served = [Implementation("containers", containers[index], f"containers[{index}]")]
    return found + served


def transformer_implementations(transformer: Any) -> list[Implementation]:
    containers = blocks(transformer, "containers")
    if not containers:
        return []
    index = server_index(containers)
    return [Implementation("containers", containers[index], f"containers[{index}]")]


def explainer_implementations(explainer: Any) -> list[Implementation]:
    art = block(explainer, "art")
    found = [] if art is None else [Implementation("art", art, "art")]
    return found + transformer_implementations(explainer)


def implementations(component: str, spec: Any) -> list[Implementation]:
    """The implementations of `component` (`predictor`, `transformer` or `explainer`)."""
    if component == "predictor":
        return predictor_implementations(spec)
    return transformer_implementations(spec) if component == "transformer" else explainer_implementations(spec)


def server_index(containers: Sequence[Object]) -> int:
    """Which of these (one or more) containers serves: the one with the server's name, else the first that is not known
    to be the transformer."""
    names = [container.get("name") for container in containers]
    if SERVER in names:
        return names.index(SERVER)
    return next((index for index, name in enumerate(names) if name != TRANSFORMER), 0)


def storage_uri(implementation: Implementation) -> str | None:
    """Where the model is; None when the implementation names no place. A custom one says so by env STORAGE_URI."""
    if implementation.custom:
        return environment(implementation.block, "STORAGE_URI")
    value = implementation.block.get("storageUri")
    return value if isinstance(value, str) else None


def predictor_storage_uri(predictor: Any) -> str | None:
    """The storage URI of the first implementation of a predictor, if it has one."""
    found = predictor_implementations(predictor)
    return storage_uri(found[0]) if found else None
