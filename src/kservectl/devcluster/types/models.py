"""Schemas of Kubernetes' own types, read at run time from the model classes of kubernetes_asyncio.

The client library is generated from the API's own OpenAPI document, so its classes say which fields a type has, of which
type, and which are required. Types are read when first needed; importing the library takes longer than all of the rest
and happens at the first of them.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache, lru_cache
from types import ModuleType
from typing import Any

from kservectl.devcluster.types.gotypes import (
    ALWAYS_THERE,
    NOT_REQUIRED,
    POINTER_TEXTS,
    ZERO_IS_ABSENT,
    is_bytes,
    is_free,
    is_quantity,
    type_name,
)
from kservectl.devcluster.types.schema import Schema, Type
from kservectl.objects.mergekeys import ATOMIC_TYPES, FieldRule, rules

_LIST = re.compile(r"^list\[(.+)\]$")
_MAP = re.compile(r"^dict\(str, (.+)\)$")
_SCALARS: dict[str, Type] = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "datetime": "time",
    "object": "int-or-string",
}
# Part of the key of a list: an item that leaves it out still has it.
_KEY_DEFAULTS = frozenset({("ContainerPort", "protocol"), ("ServicePort", "protocol")})
_PLAIN = FieldRule()
_NEEDS_VALUE = "must not be `None`"


@cache
def struct(model: str) -> Schema:
    """The schema of a client model such as `V1Deployment`; KeyError for an unknown one."""
    return _Builder().struct(model)


def field_description(model: str, attribute: str) -> str:
    """What the API documentation says about a field; empty if nothing."""
    text: str | None = getattr(_class(model), attribute).fget.__doc__
    lines = [line.split("# noqa")[0].strip() for line in (text or "").splitlines()]
    return " ".join(line for line in lines[1:] if line and not line.startswith(":"))


def model_fields(model: str) -> dict[str, tuple[str, str]]:
    """JSON field name → (attribute, declared type) of a client model."""
    cls = _class(model)
    return {cls.attribute_map[attribute]: (attribute, declared) for attribute, declared in cls.openapi_types.items()}


def is_required(model: str, attribute: str) -> bool:
    """Whether the API's OpenAPI document requires a field: then the setter refuses None."""
    setter: Callable[..., None] = getattr(_class(model), attribute).fset
    return any(isinstance(text, str) and _NEEDS_VALUE in text for text in setter.__code__.co_consts)


@lru_cache(maxsize=1)
def _models() -> ModuleType:
    import kubernetes_asyncio.client.models as models

    module: ModuleType = models
    return module


def _class(model: str) -> Any:
    found = getattr(_models(), model, None)
    if found is None:
        raise KeyError(model)
    return found


class _Builder:
    """One closure of types; `_known` also ends the recursion of types that contain themselves."""

    _known: dict[str, Schema] = {}  # noqa: RUF012 - shared on purpose: a type means the same everywhere

    def struct(self, model: str) -> Schema:
        if model in self._known:
            return self._known[model]
        name = type_name(model)
        atomic = name in ATOMIC_TYPES or model == "V1CrossVersionObjectReference"
        fields = model_fields(model)
        always = tuple(sorted(ALWAYS_THERE.get(name, frozenset()) & fields.keys()))
        schema = Schema("object", name, atomic=atomic, always=always)
        self._known[model] = schema
        required = []
        for field, (attribute, declared) in fields.items():
            needed = is_required(model, attribute)
            if needed and field not in NOT_REQUIRED.get(name, ()):
                required.append(field)
            schema.properties[field] = self._field(name, field, declared, needed=needed)
        schema.required = tuple(required)
        return schema

    def _field(self, owner: str, field: str, declared: str, *, needed: bool) -> Schema:
        rule = rules(owner).get(field, _PLAIN)
        if found := _LIST.match(declared):
            items = self._value(owner, field, found[1], omit_zero=False)
            return Schema(
                "array", items=items, list_type=rule.list_type, list_keys=rule.list_keys, omit_zero=not needed
            )
        if found := _MAP.match(declared):
            values = self._map_value(owner, field, found[1])
            return Schema("object", additional=values, atomic=rule.atomic, omit_zero=not needed)
        value = self._value(owner, field, declared, omit_zero=_omits_zero(owner, field, declared, needed=needed))
        if (owner, field) in _KEY_DEFAULTS:
            return replace(value, default="TCP")
        if rule.granular or (rule.atomic and not value.atomic):
            return replace(value, atomic=not rule.granular)
        return value

    def _map_value(self, owner: str, field: str, declared: str) -> Schema:
        if found := _LIST.match(declared):
            return Schema("array", items=self._value(owner, field, found[1], omit_zero=False))
        return self._value(owner, field, declared, omit_zero=False)

    def _value(self, owner: str, field: str, declared: str, *, omit_zero: bool) -> Schema:
        if declared not in _SCALARS:
            return self.struct(declared)
        if is_free(owner, field):
            return Schema("any", preserve=True, atomic=True)
        if is_quantity(owner, field):
            return _scalar("quantity", omit_zero=False)
        if is_bytes(owner, field):
            return _scalar("bytes", omit_zero=False)
        return _scalar(_SCALARS[declared], omit_zero=omit_zero)


def _omits_zero(owner: str, field: str, declared: str, *, needed: bool) -> bool:
    if declared == "str":
        return not needed and field not in POINTER_TEXTS.get(owner, ())
    return field in ZERO_IS_ABSENT.get(owner, ())


@cache
def _scalar(type_: Type, *, omit_zero: bool) -> Schema:
    return Schema(type_, omit_zero=omit_zero)
