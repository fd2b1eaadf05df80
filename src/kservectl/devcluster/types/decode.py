"""Reading a request body as a value of a built-in type, as a server that decodes into Go structs does.

The result is a fresh copy. Unknown fields are dropped and reported; nulls, empty lists and maps, and zero values of fields
that have no "unset" read as absent; a value of the wrong JSON type is refused with the words of Go's decoder.
"""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from kservectl.clock import parse_time, rfc3339, rfc3339_micro
from kservectl.devcluster.contract import Malformed
from kservectl.devcluster.types.schema import Schema, child_path
from kservectl.objects import quantity
from kservectl.objects.metadata import Object


def decode(schema: Schema, obj: Object, unknown: list[str], *, path: str = "") -> Object:
    """`obj` as the type `schema`; adds the paths of unknown fields to `unknown`. Raises Malformed."""
    return _struct(schema, obj, path, unknown)


def fill_structs(schema: Schema, value: Object) -> None:
    """Put the structs that are always there into `value`, at all depths of structs that are there."""
    for name in schema.always:
        below = value.setdefault(name, {})
        fill_structs(schema.properties[name], below)


def _struct(schema: Schema, obj: Object, path: str, unknown: list[str]) -> Object:
    result: Object = {}
    properties = schema.properties
    for name, value in obj.items():
        child = properties.get(name)
        if child is None:
            unknown.append(child_path(path, name))
            continue
        if value is None:
            continue
        decoded = _READERS[child.type](child, value, schema, name, path, unknown)
        if not decoded and child.omit_zero:
            continue
        result[name] = decoded
    return result


def _read_object(schema: Schema, value: Any, owner: Schema, name: str, path: str, unknown: list[str]) -> Any:
    if not isinstance(value, dict):
        raise _mismatch(value, owner, name, path, _go_type(schema))
    below = f"{path}.{name}" if path else name
    values = schema.additional
    if values is None:
        if schema.properties:
            decoded = _struct(schema, value, below, unknown)
            for always in schema.always:
                if always not in decoded:
                    decoded[always] = {}
            return decoded
        return _copy(value)
    read = _READERS[values.type]
    if values.type == "string":
        for item in value.values():
            if type(item) is not str and item is not None:
                raise _mismatch(item, owner, name, path, "string")
        return {key: item if item is not None else "" for key, item in value.items()}
    return {key: read(values, item, schema, key, below, unknown) for key, item in value.items()}


def _read_array(schema: Schema, value: Any, owner: Schema, name: str, path: str, unknown: list[str]) -> Any:
    if not isinstance(value, list):
        items = schema.items
        raise _mismatch(value, owner, name, path, "[]" + (_go_type(items) if items else ""))
    items = schema.items
    if items is None:
        return _copy(value)
    below = f"{path}.{name}" if path else name
    if items.type == "object" and items.properties:
        result = []
        for position, item in enumerate(value):
            if not isinstance(item, dict):
                raise _mismatch(item, owner, name, path, _go_type(items))
            decoded = _struct(items, item, f"{below}[{position}]", unknown)
            for always in items.always:
                if always not in decoded:
                    decoded[always] = {}
            result.append(decoded)
        return result
    read = _READERS[items.type]
    return [read(items, item, owner, name, path, unknown) for item in value]


def _read_string(schema: Schema, value: Any, owner: Schema, name: str, path: str, unknown: list[str]) -> Any:
    if type(value) is not str:
        raise _mismatch(value, owner, name, path, "string")
    return value


def _read_integer(schema: Schema, value: Any, owner: Schema, name: str, path: str, unknown: list[str]) -> Any:
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is int and -(2**63) <= value < 2**63:
        return value
    raise _mismatch(value, owner, name, path, "int32")


def _read_number(schema: Schema, value: Any, owner: Schema, name: str, path: str, unknown: list[str]) -> Any:
    if type(value) not in (int, float):
        raise _mismatch(value, owner, name, path, "float64")
    return value


def _read_boolean(schema: Schema, value: Any, owner: Schema, name: str, path: str, unknown: list[str]) -> Any:
    if type(value) is not bool:
        raise _mismatch(value, owner, name, path, "bool")
    return value


def _read_int_or_string(schema: Schema, value: Any, owner: Schema, name: str, path: str, unknown: list[str]) -> Any:
    if type(value) not in (int, str):
        raise _mismatch(value, owner, name, path, "intstr.IntOrString")
    return value


def _read_quantity(schema: Schema, value: Any, owner: Schema, name: str, path: str, unknown: list[str]) -> Any:
    if type(value) not in (str, int, float):
        raise _mismatch(value, owner, name, path, "resource.Quantity")
    try:
        return _canonical(value)
    except quantity.InvalidQuantity as error:
        raise Malformed(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$' "
            f"({child_path(path, name)}: {value!r})"
        ) from error


# Quantities repeat, and their arithmetic is exact rather than fast. Typed, so that true is not 1.
_canonical = lru_cache(maxsize=4096, typed=True)(quantity.canonical)


def _read_time(schema: Schema, value: Any, owner: Schema, name: str, path: str, unknown: list[str]) -> Any:
    if type(value) is not str:
        raise _mismatch(value, owner, name, path, "time.Time")
    try:
        moment = parse_time(value)
    except ValueError as error:
        raise Malformed(
            f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" ({child_path(path, name)})'
        ) from error
    return _write_time(moment, name)


def _write_time(moment: datetime, name: str) -> str:
    """MicroTime fields keep their microseconds, Time fields have none."""
    return rfc3339_micro(moment) if name in _MICRO_TIMES else rfc3339(moment)


_MICRO_TIMES = frozenset({"acquireTime", "renewTime", "eventTime", "lastObservedTime"})


def _read_bytes(schema: Schema, value: Any, owner: Schema, name: str, path: str, unknown: list[str]) -> Any:
    if value is None:
        return ""
    if type(value) is not str:
        raise _mismatch(value, owner, name, path, "[]uint8")
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error as error:
        good = re.match(r"[A-Za-z0-9+/]*", value)
        position = good.end() if good else 0
        raise Malformed(f"illegal base64 data at input byte {position}") from error
    return value


def _read_any(schema: Schema, value: Any, owner: Schema, name: str, path: str, unknown: list[str]) -> Any:
    return _copy(value)


_Reader = Callable[[Schema, Any, Schema, str, str, list[str]], Any]
_READERS: dict[str, _Reader] = {
    "object": _read_object,
    "array": _read_array,
    "string": _read_string,
    "integer": _read_integer,
    "number": _read_number,
    "boolean": _read_boolean,
    "int-or-string": _read_int_or_string,
    "quantity": _read_quantity,
    "time": _read_time,
    "bytes": _read_bytes,
    "any": _read_any,
}


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(below) for name, below in value.items()}
    if isinstance(value, list):
        return [_copy(below) for below in value]
    return value


def _go_type(schema: Schema) -> str:
    if schema.type == "object":
        return f"v1.{schema.name}" if schema.name else "map[string]string"
    return {"integer": "int32", "boolean": "bool"}.get(schema.type, "string")


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _mismatch(value: Any, owner: Schema, name: str, path: str, wanted: str) -> Malformed:
    where = re.sub(r"\[\d+\]", "", child_path(path, name))
    return Malformed(
        f"json: cannot unmarshal {_json_type(value)} into Go struct field {owner.name or 'map'}.{where} "
        f"of type {wanted}"
    )
