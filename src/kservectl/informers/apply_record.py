"""The record of a server-side apply (an entry of `managedFields`), as caches keep it: small, and shared by many objects.

A record names the owner of its object by uid, so that no two would be equal. As long as it covers exactly the owners that the
object has, the names are left out and taken from the object again when the record is read. So the children of a thousand
owners have few different records, each kept once, and parsed once while it is in use.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from kservectl.objects.metadata import Object

Fields = Mapping[str, Any]
"""A fieldsV1 tree."""

_EACH_OWNER = "each"
"""Stands in `f:ownerReferences` for every owner that the object has."""


def kept(entry: Object, meta: Object) -> Object:
    """What to keep of an Apply entry of an object with this metadata. Shared: reading only, by `fields_of`."""
    fields = entry.get("fieldsV1") or {}
    inner = fields.get("f:metadata") or {}
    names = _names(meta)
    if names and inner.get("f:ownerReferences") == {name: {} for name in names}:
        fields = {**fields, "f:metadata": {**inner, "f:ownerReferences": _EACH_OWNER}}
    return _entry(str(entry.get("manager")), orjson.dumps(fields).decode())


def whole(entry: Object) -> Object:
    """An entry of anybody with all that it says, its `fieldsV1` as text that equal ones share."""
    return {**entry, "fieldsV1": sys.intern(orjson.dumps(entry.get("fieldsV1") or {}).decode())}


def fields_of(entry: Object, meta: Object) -> Fields:
    """The tree of an entry, be it as the server sent it or as `kept` made it, of the object with this metadata."""
    fields = entry.get("fieldsV1") or {}
    if not isinstance(fields, str):
        return fields
    tree = _parsed(fields)
    inner = tree.get("f:metadata") or {}
    if inner.get("f:ownerReferences") != _EACH_OWNER:
        return tree
    return {**tree, "f:metadata": {**inner, "f:ownerReferences": {name: {} for name in _names(meta)}}}


def _names(meta: Object) -> Sequence[str]:
    """How a fieldsV1 tree names the owners, in its own spelling."""
    return [f'k:{{"uid":"{reference.get("uid")}"}}' for reference in meta.get("ownerReferences") or ()]


@lru_cache(maxsize=2048)
def _entry(manager: str, fields: str) -> Object:
    return {"manager": manager, "operation": "Apply", "fieldsV1": fields}


@lru_cache(maxsize=2048)
def _parsed(fields: str) -> Fields:
    tree: Fields = orjson.loads(fields)
    return tree
