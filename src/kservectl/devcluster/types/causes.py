"""The sentences of Kubernetes' field errors (`field.Error`), one function for each kind of mistake."""

from collections.abc import Iterable
from typing import Any

import orjson

from kservectl.devcluster.contract import Cause


def required(path: str, detail: str = "") -> Cause:
    return Cause("FieldValueRequired", f"Required value: {detail}" if detail else "Required value", path)


def invalid(path: str, value: Any, detail: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {show(value)}: {detail}", path)


def type_invalid(path: str, value: Any, wanted: str) -> Cause:
    """A value of the wrong JSON type, in the words of the schema validator."""
    found = f'"{json_type(value)}"'
    detail = f"{path} in body must be of type {wanted}: {found}"
    return Cause("FieldValueTypeInvalid", f"Invalid value: {found}: {detail}", path)


def unsupported(path: str, value: Any, supported: Iterable[Any]) -> Cause:
    choices = ", ".join(show(choice) for choice in supported)
    return Cause("FieldValueNotSupported", f"Unsupported value: {show(value)}: supported values: {choices}", path)


def duplicate(path: str, value: Any) -> Cause:
    return Cause("FieldValueDuplicate", f"Duplicate value: {show(value)}", path)


def not_found(path: str, value: Any) -> Cause:
    return Cause("FieldValueNotFound", f"Not found: {show(value)}", path)


def forbidden(path: str, detail: str) -> Cause:
    return Cause("FieldValueForbidden", f"Forbidden: {detail}", path)


def too_long(path: str, limit: int) -> Cause:
    return Cause("FieldValueTooLong", f"Too long: may not be more than {limit} bytes", path)


def too_many(path: str, count: int, limit: int) -> Cause:
    return Cause("FieldValueTooMany", f"Too many: {count}: must have at most {limit} items", path)


def show(value: Any) -> str:
    """A value as field errors quote it."""
    if value is None:
        return "null"
    return orjson.dumps(value).decode()


def json_type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
