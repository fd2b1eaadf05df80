"""The fields one manager owns, as `metadata.managedFields[].fieldsV1` writes them, read as a set of paths.

A path is a tuple of the format's own elements: `f:<field>`, `k:<JSON of the key fields>`, `v:<JSON of a value>`,
`i:<index>`. A set of paths is a plain frozenset, so union, difference and intersection are Python's. Owning
`("f:spec", "f:ports")` is not owning what is below it: the format writes both when both are owned (KEP-555).
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson

from kservectl.objects.metadata import Object

Path = tuple[str, ...]
FieldSet = frozenset[Path]

EMPTY: FieldSet = frozenset()


def parse(fields_v1: Mapping[str, Any] | None) -> FieldSet:
    """The paths of a `fieldsV1` value; None reads as the empty set. Raises ValueError for what is not fieldsV1."""
    found: set[Path] = set()
    if fields_v1:
        _collect(fields_v1, (), found)
    return frozenset(found)


def serialise(paths: Iterable[Path]) -> Object:
    """The `fieldsV1` value of a set of paths, in a stable order."""
    root: Object = {}
    ordered = sorted(paths)
    for position, path in enumerate(ordered):
        node = root
        for element in path:
            node = node.setdefault(element, {})
        # Sorted paths put a path right before the ones below it.
        if position + 1 < len(ordered) and ordered[position + 1][: len(path)] == path:
            node["."] = {}
    return root


def field(name: str) -> str:
    """The element of a struct field or map key."""
    return "f:" + name


def list_key(keys: Mapping[str, Any]) -> str:
    """The element of an item of a keyed list: its key fields and their values."""
    return "k:" + orjson.dumps(keys, option=orjson.OPT_SORT_KEYS).decode()


def list_value(value: Any) -> str:
    """The element of an item of a list that is a set."""
    return "v:" + orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def describe(path: Path) -> str:
    """A path for people, as the API server's conflict messages write it: `.spec.containers[name="a"].image`."""
    return "".join(_describe_element(element) for element in path)


def _collect(node: Mapping[str, Any], prefix: Path, found: set[Path]) -> None:
    for element, below in node.items():
        if element == ".":
            found.add(prefix)
            continue
        if element[:2] not in ("f:", "k:", "v:", "i:") or not isinstance(below, Mapping):
            raise ValueError(f"not a fieldsV1 element: {element!r}")
        path = (*prefix, _canonical(element))
        if below:
            _collect(below, path, found)
        else:
            found.add(path)


@lru_cache(maxsize=4096)
def _canonical(element: str) -> str:
    """Key elements compare as texts, so their JSON is brought into one form."""
    if element[:2] not in ("k:", "v:"):
        return element
    return element[:2] + orjson.dumps(orjson.loads(element[2:]), option=orjson.OPT_SORT_KEYS).decode()


def _describe_element(element: str) -> str:
    tag, text = element[:2], element[2:]
    if tag == "f:":
        return "." + text
    if tag == "k:":
        keys = orjson.loads(text)
        return "[" + ",".join(f"{name}={orjson.dumps(value).decode()}" for name, value in keys.items()) + "]"
    return f"[={text}]" if tag == "v:" else f"[{text}]"
