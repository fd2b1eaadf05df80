"""What is wrong with the shape of an applied object: server-side apply refuses what its schema does not know (KEP-555).

Other writes prune unknown fields and leave wrong types to validation; an apply cannot, as nobody could own such fields. The
sentences are those of structured-merge-diff, which come with a 500.
"""

from collections.abc import Iterator
from typing import Any

from kservectl.devcluster.types.schema import Schema

_EXPECTED: dict[str, tuple[type | tuple[type, ...], str]] = {
    "string": (str, "string"),
    "time": (str, "string"),
    "bytes": (str, "string"),
    "boolean": (bool, "boolean"),
    "integer": ((int, float), "numeric (int or float)"),
    "number": ((int, float), "numeric (int or float)"),
}


def shape_problems(schema: Schema, value: Any, path: str = "") -> Iterator[str]:
    """The problems of a value, each with the path it is at (`.spec.size`)."""
    if value is None:
        return
    if isinstance(value, dict):
        yield from _map_problems(schema, value, path)
    elif isinstance(value, list):
        yield from _list_problems(schema, value, path)
    elif schema.type in ("object", "array"):
        yield f"{path}: expected {'map' if schema.type == 'object' else 'list'}, got {_shown(value)}"
    elif expected := _EXPECTED.get(schema.type):
        wrong = not isinstance(value, expected[0]) or (isinstance(value, bool) and expected[0] is not bool)
        if wrong:
            yield f"{path}: expected {expected[1]}, got {_shown(value)}"


def _map_problems(schema: Schema, value: dict[str, Any], path: str) -> Iterator[str]:
    if schema.type == "any" or schema.preserve:
        return
    if schema.type != "object":
        _, wanted = _EXPECTED.get(schema.type, (str, "scalar"))
        yield f"{path}: expected {wanted}, got map"
        return
    for name, below in value.items():
        child = schema.properties.get(name) or schema.additional
        if child is not None:
            yield from shape_problems(child, below, f"{path}.{name}")
        elif schema.properties:
            yield f"{path}.{name}: field not declared in schema"


def _list_problems(schema: Schema, value: list[Any], path: str) -> Iterator[str]:
    if schema.type == "any" or schema.preserve:
        return
    if schema.type != "array":
        yield f"{path}: expected {'map' if schema.type == 'object' else 'scalar'}, got list"
        return
    for position, item in enumerate(value) if schema.items else ():
        yield from shape_problems(schema.items or schema, item, f"{path}[{position}]")


def _shown(value: Any) -> str:
    """A scalar as Go's client shows one: texts by their type, others by a pointer's content."""
    if isinstance(value, str):
        return "string"
    return "&{" + (str(value).lower() if isinstance(value, bool) else str(value)) + "}"
