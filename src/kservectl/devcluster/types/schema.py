"""What a value may look like: one node of a type's schema, the same for Kubernetes' own kinds and for custom ones.

A node of a built-in kind carries what Go's types know beyond OpenAPI (which zero values read as absent, which structs are
always there); a node of a custom kind carries its constraints in `checks` and `rules`. Nodes are shared and never changed once
built; a type may contain itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from kservectl.devcluster.contract import Cause

Type = Literal[
    "object", "array", "string", "integer", "number", "boolean", "any", "int-or-string", "quantity", "time", "bytes"
]
Check = Callable[[Any, Any, str], Sequence[Cause]]
"""`check(value, old value or None, path)`: what is wrong with one value."""


class _Unset:
    """No default: null is a possible one."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()


@dataclass(slots=True, eq=False)
class Schema:
    """One node. An object has `properties` (a struct), `additional` (a map), or neither (anything goes)."""

    type: Type
    name: str = ""
    """The type's name in the API documentation ("Container"); empty for custom kinds."""
    properties: dict[str, "Schema"] = field(default_factory=dict)
    additional: "Schema | None" = None
    items: "Schema | None" = None
    required: tuple[str, ...] = ()

    always: tuple[str, ...] = ()
    """Fields that are there, as an empty struct, even if nobody gave them."""
    omit_zero: bool = False
    """Whether the zero value reads as absent: empty text, 0 and false of fields that have no "unset"."""

    list_type: Literal["atomic", "set", "map"] = "atomic"
    list_keys: tuple[str, ...] = ()
    atomic: bool = False
    """Whether an object has one owner as a whole."""

    preserve: bool = False
    """Whether unknown fields stay."""
    embedded: bool = False
    """Whether the object is a whole Kubernetes object, with metadata."""
    nullable: bool = False
    default: Any = UNSET
    has_defaults: bool = False
    """Whether this node or one below has a default."""
    checks: tuple[Check, ...] = ()
    rules: tuple[Check, ...] = ()
    """Checks that only make sense of a value whose schema is right: validation rules in CEL."""
    has_rules: bool = False
    """Whether this node or one below has rules."""


def child_path(path: str, name: str) -> str:
    """The path of a field, as error messages write it."""
    return f"{path}.{name}" if path else name
