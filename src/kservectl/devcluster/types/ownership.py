"""Values as sets of fields: which fields a value has, how two values differ, merging and taking fields out.

The rules are those of server-side apply (KEP-555): structs and maps go field by field, keyed lists item by item, everything
else (scalars, atomic lists and maps, empty values) is one field. Nothing here knows managers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kservectl.devcluster.contract import Malformed
from kservectl.devcluster.types.schema import UNSET, Schema
from kservectl.objects.fieldset import FieldSet, Path, describe, list_key, list_value
from kservectl.objects.metadata import Object

FREE = Schema("any", preserve=True)
"""A value without a schema: maps go field by field, lists are one field."""


@dataclass(slots=True)
class Difference:
    """Fields of the new value that the old one had not, had with another value, and the reverse of the first."""

    added: set[Path] = field(default_factory=set)
    modified: set[Path] = field(default_factory=set)
    removed: set[Path] = field(default_factory=set)


def fields_of(schema: Schema, value: Object) -> set[Path]:
    """The fields that somebody who applies `value` owns. Raises Malformed for a list that cannot be keyed."""
    found: set[Path] = set()
    _fields(schema, value, (), found)
    return found


def compare(schema: Schema, old: Object, new: Object) -> Difference:
    difference = Difference()
    _compare(schema, old, new, (), difference)
    return difference


def merge(schema: Schema, live: Any, config: Any) -> Any:
    """`live` with everything that `config` says; shares unchanged parts with both."""
    if live is None or config is None or is_leaf(schema, live) or is_leaf(schema, config):
        return live if config is None else config
    if isinstance(config, dict) and isinstance(live, dict):
        result = dict(live)
        for name, value in config.items():
            result[name] = merge(child_of(schema, name), live.get(name), value)
        return result
    if isinstance(config, list) and isinstance(live, list) and schema.items is not None:
        return _merge_lists(schema, schema.items, live, config)
    return config


def without(schema: Schema, value: Object, paths: FieldSet, emptied: set[Path]) -> Object:
    """`value` without the fields at `paths`, each with all that is below it.

    Containers left empty go too; their paths are added to `emptied`, for whoever owns one still does.
    """
    return _map_without(schema, value, _tree(paths), (), emptied)


def with_parents(schema: Schema, paths: Iterable[Path]) -> set[Path]:
    """`paths` and every struct field on the way to one of them."""
    found: set[Path] = set()
    for path in paths:
        found.add(path)
        node: Schema = schema
        for depth, element in enumerate(path[:-1], start=1):
            if element.startswith("f:"):
                name = element[2:]
                named = name in node.properties
                node = child_of(node, name)
                if named:
                    found.add(path[:depth])
            else:
                node = node.items or FREE
    return found


def is_leaf(schema: Schema, value: Any) -> bool:
    """Whether a value is one field as a whole."""
    if isinstance(value, dict):
        return schema.atomic
    if isinstance(value, list):
        return schema.list_type == "atomic"
    return True


def child_of(schema: Schema, name: str) -> Schema:
    """The schema of a field or map entry."""
    return schema.properties.get(name) or schema.additional or FREE


def element_of(schema: Schema, item: Any) -> str:
    """The path element of an item of a keyed list or a set."""
    if schema.list_type == "set" or not isinstance(item, dict):
        return list_value(item)
    properties: Mapping[str, Schema] = schema.items.properties if schema.items else {}
    keys: dict[str, Any] = {}
    for key in schema.list_keys:
        if key in item:
            keys[key] = item[key]
        elif key in properties and properties[key].default is not UNSET:
            keys[key] = properties[key].default
    return list_key(keys)


def _fields(schema: Schema, value: Any, path: Path, found: set[Path]) -> None:
    if is_leaf(schema, value):
        found.add(path)
    elif isinstance(value, dict):
        properties = schema.properties
        closed = bool(properties) and schema.additional is None and not schema.preserve
        for name, below in value.items():
            if closed and name not in properties:
                continue  # a field that will not be stored is nobody's
            where = (*path, "f:" + name)
            _fields(child_of(schema, name), below, where, found)
            if name not in properties or (isinstance(below, dict) and not below):
                found.add(where)
    else:
        items = schema.items or FREE
        seen: set[str] = set()
        for item in value:
            element = element_of(schema, item)
            if element == "k:{}":
                keys = ", ".join(schema.list_keys)
                raise Malformed(f"{describe(path)}: associative list with keys has an element that omits {keys}")
            where = (*path, element)
            if element in seen:
                raise Malformed(f"{describe(path)}: duplicate entries for key {describe((element,))}")
            seen.add(element)
            if schema.list_type == "map":
                _fields(items, item, where, found)
            found.add(where)


def _compare(schema: Schema, old: Any, new: Any, path: Path, difference: Difference) -> None:
    sample = new if new is not None else old
    retyped = old is not None and new is not None and type(old) is not type(new)
    # A container that is empty on both sides is a field like any other.
    if is_leaf(schema, sample) or retyped or (not old and not new):
        _compare_leaves(old, new, path, difference)
        return
    if isinstance(sample, dict):
        _compare_maps(schema, old, new, path, difference)
    else:
        _compare_lists(schema, old or (), new or (), path, difference)
    if old is None:
        difference.added.add(path)
    elif new is None:
        difference.removed.add(path)


def _compare_leaves(old: Any, new: Any, path: Path, difference: Difference) -> None:
    if old is None:
        difference.added.add(path)
    elif new is None:
        difference.removed.add(path)
    elif old != new or type(old) is not type(new):
        difference.modified.add(path)


def _compare_maps(schema: Schema, old: Object | None, new: Object | None, path: Path, difference: Difference) -> None:
    before, after = old or {}, new or {}
    for name, value in after.items():
        previous = before.get(name)
        # Equal parts have no difference, and most of an object is equal to what it was.
        if previous is not value and (previous is None or previous != value or isinstance(value, bool)):
            if value is None and previous is None:
                continue
            _compare(child_of(schema, name), previous, value, (*path, "f:" + name), difference)
    for name, value in before.items():
        if name not in after and value is not None:
            _compare(child_of(schema, name), value, None, (*path, "f:" + name), difference)


def _compare_lists(schema: Schema, old: Sequence[Any], new: Sequence[Any], path: Path, difference: Difference) -> None:
    items = schema.items or FREE
    before = {element_of(schema, item): item for item in old}
    after = {element_of(schema, item): item for item in new}
    for element, item in after.items():
        _compare_items(schema, items, before.get(element), item, (*path, element), difference)
    for element, item in before.items():
        if element not in after:
            _compare_items(schema, items, item, None, (*path, element), difference)


def _compare_items(schema: Schema, items: Schema, old: Any, new: Any, path: Path, difference: Difference) -> None:
    if schema.list_type == "map":
        # An item has a field of its own besides those in it, even if its type is atomic.
        _compare(items, old, new, path, difference)
    else:
        _compare_leaves(old, new, path, difference)


def _merge_lists(schema: Schema, items: Schema, live: Sequence[Any], config: Sequence[Any]) -> list[Any]:
    """Items of `config` keep its order; items that only `live` has stay where they were among the shared ones."""
    ours = {element_of(schema, item): item for item in config}
    theirs = {element_of(schema, item): item for item in live}
    shared = iter([element for element in ours if element in theirs])
    next_shared = next(shared, None)
    left = list(theirs)
    result: list[Any] = []
    at = 0
    for element, item in ours.items():
        while at < len(left) and left[at] != element and left[at] != next_shared:
            if left[at] not in ours:
                result.append(theirs[left[at]])
            at += 1
        result.append(merge(items, theirs[element], item) if element in theirs else item)
        if element == next_shared:
            next_shared = next(shared, None)
            at += at < len(left) and left[at] == element
    result += [theirs[element] for element in left[at:] if element not in ours]
    return result


_Tree = dict[str, "_Tree | None"]


def _tree(paths: Iterable[Path]) -> _Tree:
    """Paths as nested dicts; None marks a path that goes with all that is below it."""
    root: _Tree = {}
    for path in sorted(paths, key=len):
        node = root
        for element in path[:-1]:
            below = node.setdefault(element, {})
            if below is None:
                break
            node = below
        else:
            node[path[-1]] = None
    return root


def _without(schema: Schema, value: Any, gone: _Tree, path: Path, emptied: set[Path]) -> Any:
    if isinstance(value, dict):
        return _map_without(schema, value, gone, path, emptied)
    if isinstance(value, list) and schema.list_type != "atomic":
        return _list_without(schema, value, gone, path, emptied)
    return value


def _map_without(schema: Schema, value: Object, gone: _Tree, path: Path, emptied: set[Path]) -> Object:
    result: Object = {}
    for name, below in value.items():
        element = "f:" + name
        if element not in gone:
            result[name] = below
        elif (deeper := gone[element]) is not None:
            where = (*path, element)
            kept = _without(child_of(schema, name), below, deeper, where, emptied)
            if kept or not below:
                result[name] = kept
            else:
                emptied.add(where)
    return result


def _list_without(schema: Schema, value: list[Any], gone: _Tree, path: Path, emptied: set[Path]) -> list[Any]:
    result = []
    for item in value:
        element = element_of(schema, item)
        if element not in gone:
            result.append(item)
        elif (deeper := gone[element]) is not None:
            result.append(_without(schema.items or FREE, item, deeper, (*path, element), emptied))
    return result
