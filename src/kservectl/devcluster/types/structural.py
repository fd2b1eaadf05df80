"""Values of custom resources: pruning, defaulting and validation by a structural schema.

These are the three passes of the API extensions server, in its order: unknown fields go (and are reported), defaults
come in, and what is left is checked.
"""

from typing import Any

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.types import causes as say
from kservectl.devcluster.types.schema import UNSET, Schema, child_path
from kservectl.objects.metadata import Object

_ENVELOPE = frozenset({"apiVersion", "kind", "metadata"})


def prune(schema: Schema, value: Any, path: str, unknown: list[str]) -> Any:
    """A copy of `value` without the fields that the schema does not know; their paths are added to `unknown`."""
    if isinstance(value, dict):
        return _prune_object(schema, value, path, unknown)
    if isinstance(value, list):
        items = schema.items
        if items is None:
            return copy(value)
        return [prune(items, item, f"{path}[{position}]", unknown) for position, item in enumerate(value)]
    return value


def fill_defaults(schema: Schema, value: Any) -> None:
    """Put the schema's defaults into `value`, in place; a null that may not be null gives way to its default."""
    if not schema.has_defaults:
        return
    if isinstance(value, dict):
        for name, child in schema.properties.items():
            if child.default is not UNSET and (name not in value or (value[name] is None and not child.nullable)):
                value[name] = copy(child.default)
            if child.has_defaults and name in value:
                fill_defaults(child, value[name])
        if schema.additional is not None and schema.additional.has_defaults:
            for name, item in value.items():
                if name not in schema.properties:
                    fill_defaults(schema.additional, item)
    elif isinstance(value, list) and schema.items is not None:
        for item in value:
            fill_defaults(schema.items, item)


def check(schema: Schema, value: Any, old: Any, path: str, found: list[Cause]) -> None:
    """Add to `found` everything that is wrong with `value`; `old` is the value it replaces, or None."""
    if value is None:
        if not schema.nullable and schema.type != "any":
            found.append(say.type_invalid(path, value, schema.type))
        return
    if not _has_type(schema.type, value):
        found.append(say.type_invalid(path, value, _type_words(schema.type)))
        return
    for rule in schema.checks:
        found.extend(rule(value, old, path))
    if isinstance(value, dict):
        _check_object(schema, value, old, path, found)
    elif isinstance(value, list) and schema.items is not None:
        _check_list(schema, schema.items, value, old, path, found)


def check_rules(schema: Schema, value: Any, old: Any, path: str, found: list[Cause]) -> None:
    """Add to `found` what the validation rules say about `value`, which `check` has nothing against."""
    if not schema.has_rules or value is None:
        return
    for rule in schema.rules:
        found.extend(rule(value, old, path))
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        for name, below in value.items():
            child = schema.properties.get(name) or schema.additional
            if child is not None:
                check_rules(child, below, before.get(name), child_path(path, name), found)
    elif isinstance(value, list) and schema.items is not None:
        keyed = schema.list_type == "map"
        previous = {item_key(schema, item): item for item in old} if keyed and isinstance(old, list) else {}
        for position, item in enumerate(value):
            replaced = previous.get(item_key(schema, item)) if keyed else None
            check_rules(schema.items, item, replaced, f"{path}[{position}]", found)


def copy(value: Any) -> Any:
    """A copy of a JSON value that shares nothing changeable with it."""
    if isinstance(value, dict):
        return {name: copy(below) for name, below in value.items()}
    if isinstance(value, list):
        return [copy(below) for below in value]
    return value


def _prune_object(schema: Schema, value: Object, path: str, unknown: list[str]) -> Object:
    result: Object = {}
    for name, below in value.items():
        child = schema.properties.get(name, schema.additional)
        if child is not None:
            if below is None and not child.nullable and child.type != "any":
                continue  # what may not be null reads as absent
            result[name] = prune(child, below, child_path(path, name), unknown)
        elif schema.preserve or schema.type == "any" or (schema.embedded and name in _ENVELOPE):
            result[name] = copy(below)
        else:
            unknown.append(child_path(path, name))
    return result


def _check_object(schema: Schema, value: Object, old: Any, path: str, found: list[Cause]) -> None:
    found.extend(say.required(child_path(path, name)) for name in schema.required if name not in value)
    if schema.embedded:
        found.extend(say.required(child_path(path, name)) for name in ("apiVersion", "kind") if not value.get(name))
    before = old if isinstance(old, dict) else {}
    for name, below in value.items():
        child = schema.properties.get(name)
        if child is not None:
            check(child, below, before.get(name), child_path(path, name), found)
        elif schema.additional is not None:
            check(schema.additional, below, before.get(name), child_path(path, name), found)


def _check_list(schema: Schema, items: Schema, value: list[Any], old: Any, path: str, found: list[Cause]) -> None:
    before: dict[Any, Any] = {}
    if schema.list_type == "map" and isinstance(old, list):
        before = {item_key(schema, item): item for item in old}
    seen: set[Any] = set()
    for position, item in enumerate(value):
        where = f"{path}[{position}]"
        key = None
        if schema.list_type != "atomic":
            key = item_key(schema, item)
            if key in seen:
                found.append(say.duplicate(where, _duplicated(schema, item)))
            seen.add(key)
        check(items, item, before.get(key) if key is not None else None, where, found)


def item_key(schema: Schema, item: Any) -> Any:
    """What identifies an item of a `map` or `set` list; hashable."""
    if schema.list_type == "map" and isinstance(item, dict):
        return tuple(_hashable(item.get(key, _key_default(schema, key))) for key in schema.list_keys)
    return _hashable(item)


def _key_default(schema: Schema, key: str) -> Any:
    child = schema.items.properties.get(key) if schema.items is not None else None
    return None if child is None or child.default is UNSET else child.default


def _duplicated(schema: Schema, item: Any) -> Any:
    if schema.list_type == "map" and isinstance(item, dict):
        return {key: item.get(key, _key_default(schema, key)) for key in schema.list_keys}
    return item


def _hashable(value: Any) -> Any:
    if isinstance(value, dict | list):
        return say.show(value)
    return (type(value) is bool, value)


def _has_type(type_: str, value: Any) -> bool:
    match type_:
        case "any":
            return True
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return (isinstance(value, int) and not isinstance(value, bool)) or (
                isinstance(value, float) and value.is_integer()
            )
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return isinstance(value, int | str) and not isinstance(value, bool)


def _type_words(type_: str) -> str:
    return "integer,string" if type_ == "int-or-string" else type_
