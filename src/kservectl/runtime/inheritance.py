"""What a predecessor wrote becomes ours, so that its fields can go once nobody wants them.

Server-side apply removes only what its own manager applied before (KEP-555). Fields that another manager wrote by updates would
outlive every wish to be rid of them. Handing that manager's entries in `managedFields` over to ours, as client-go does when
`kubectl apply` moves to the server side, makes the next apply treat them as its own. Values do not change by it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from kservectl.objects import fieldset
from kservectl.objects.fieldset import FieldSet, Path
from kservectl.objects.metadata import Object


@dataclass(frozen=True, slots=True)
class Inheritance:
    """Whose work is inherited.

    managers
        Field managers whose entries, made by any operation on the object itself, are ours from now on.
    except_fields
        Paths that stay theirs: what admission put into an object while they wrote it and nobody may take away again.
    """

    managers: frozenset[str] = frozenset()
    except_fields: frozenset[Path] = field(default=fieldset.EMPTY)


def inherited(
    live: Object, api_version: str, manager: str, inheritance: Inheritance, desired: Object
) -> list[Object] | None:
    """The managedFields of `live` with all that is inherited in one Apply entry of `manager`; None when nothing is.

    Entries of another apiVersion than `api_version` stay as they are: their paths may mean other fields. What is below a map that
    `desired` has empty (`behavior: {}`) stays too: that asks for the server's defaults, which the predecessor's record names as
    its own. Removing them would remove the map, and not have it defaulted again.
    """
    entries: Sequence[Object] = (live.get("metadata") or {}).get("managedFields") or ()
    left = [entry for entry in entries if not _is_of(entry, api_version, inheritance.managers)]
    if len(left) == len(entries):
        return None
    taken: set[Path] = set()
    for entry in entries:
        if _is_of(entry, api_version, inheritance.managers):
            taken |= _paths(entry.get("fieldsV1"))
    defaulted = tuple(_empty_maps(desired, ()))
    theirs = taken & inheritance.except_fields | {path for path in taken if _is_below(path, defaulted)}
    ours = {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fieldset.serialise(taken - theirs),
    }
    if theirs:
        first = next(entry for entry in entries if _is_of(entry, api_version, inheritance.managers))
        left.append({**first, "fieldsV1": fieldset.serialise(theirs)})
    return [ours, *({**entry, "fieldsV1": _tree(entry.get("fieldsV1"))} for entry in left)]


def _empty_maps(desired: Mapping[str, Any], path: Path) -> Iterator[Path]:
    """The paths of empty maps, of those that lead through maps only."""
    for name, value in desired.items():
        if isinstance(value, Mapping):
            below = (*path, fieldset.field(name))
            if value:
                yield from _empty_maps(value, below)
            else:
                yield below


def _is_below(path: Path, maps: Sequence[Path]) -> bool:
    return any(len(path) > len(each) and path[: len(each)] == each for each in maps)


def _is_of(entry: Object, api_version: str, managers: frozenset[str]) -> bool:
    return entry.get("manager") in managers and not entry.get("subresource") and entry.get("apiVersion") == api_version


def _paths(fields: Any) -> FieldSet:
    return fieldset.parse(_tree(fields))


def _tree(fields: Any) -> Mapping[str, Any]:
    """Caches hold `fieldsV1` as text."""
    tree: Mapping[str, Any] = orjson.loads(fields) if isinstance(fields, str) else fields or {}
    return tree
