"""Who owns which field: `metadata.managedFields` read, brought up to date by an update or an apply, and written (KEP-555).

A manager is named by its name, operation and subresource, and for updates by the version it wrote; one that owns nothing
any more has no entry. Only fields that were taken move the time of an entry.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from kservectl.clock import rfc3339
from kservectl.devcluster.contract import ApplyConflict, Cause, Malformed
from kservectl.devcluster.types.ownership import compare, fields_of, merge, with_parents, without
from kservectl.devcluster.types.schema import Schema
from kservectl.objects import metadata
from kservectl.objects.fieldset import EMPTY, FieldSet, Path, describe, parse, serialise
from kservectl.objects.metadata import Object


class ManagerId(NamedTuple):
    """What tells one entry from another. `version` is empty for an apply, which has one entry whatever it wrote."""

    name: str
    operation: str
    subresource: str
    version: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One manager's fields, the version they are written in, and when it last took one."""

    fields: FieldSet
    api_version: str
    time: str


Managers = dict[ManagerId, Entry]

BEFORE_FIRST_APPLY = "before-first-apply"
"""The name under which fields are kept that were written before anybody looked who wrote them."""

_MAX_UPDATERS = 10
_ANCIENT = "ancient-changes"
_META = "f:metadata"
_UNOWNED: frozenset[Path] = frozenset(
    {
        ("f:apiVersion",),
        ("f:kind",),
        (_META,),
        *(
            (_META, f"f:{name}")
            for name in (
                "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation",
                "managedFields", "resourceVersion",
            )
        ),
    }
)  # fmt: skip


def update(
    schema: Schema,
    live: Object,
    new: Object,
    *,
    manager: str,
    now: datetime,
    subresource: str,
    reset: FieldSet,
    created: bool,
) -> Object:
    """`new`, written by `manager`, with its managedFields; `live` is what it replaces (the empty object for a create).

    Fields below a path of `reset` belong to another endpoint and are nobody's here. An object without any managedFields
    that is not new stays without.
    """
    given = metadata.metadata(new).get("managedFields")
    if not subresource and given == [{}]:
        return _with_entries(new, {})
    managers = read(given) if given and not subresource else {}
    managers = managers or read(metadata.metadata(live).get("managedFields"))
    if not managers and not created:
        return _with_entries(new, {})
    identity = ManagerId(manager, "Update", subresource, str(new.get("apiVersion") or ""))
    managers = _take(schema, _bare(live), _bare(new), managers, identity, rfc3339(now), reset)
    return _with_entries(new, _capped(managers))


def apply(
    schema: Schema,
    live: Object | None,
    config: Object,
    *,
    empty: Object,
    manager: str,
    force: bool,
    now: datetime,
    subresource: str,
    reset: FieldSet,
) -> Object:
    """Server-side apply of `config` over `live`; `empty` is an object of the kind with nothing set.

    Raises ApplyConflict, and Malformed when `config` has managedFields of its own.
    """
    if metadata.metadata(config).get("managedFields") is not None:
        raise Malformed("metadata.managedFields must be nil")
    managers = read(metadata.metadata(live).get("managedFields")) if live else {}
    before = _bare(live) if live else empty
    moment = rfc3339(now)
    version = str(config.get("apiVersion") or "")
    if live is not None and not managers:
        identity = ManagerId(BEFORE_FIRST_APPLY, "Update", subresource, version)
        managers = _take(schema, empty, before, {}, identity, moment, reset)
    identity = ManagerId(manager, "Apply", subresource, "")
    former = managers.get(identity)
    sent = fields_of(schema, config)
    owned = _ownable(sent, reset)
    merged = merge(schema, before, config)
    others = {who: entry for who, entry in managers.items() if who != identity}
    emptied: set[Path] = set()
    if former is not None:
        gone = _given_up(schema, former.fields, sent, others.values())
        merged = without(schema, merged, gone, emptied)
    difference = compare(schema, before, merged)
    changed = _reachable(difference.added | difference.modified, reset)
    others = _settle(others, changed, _reachable(difference.removed - emptied, reset), force=force)
    if owned:
        entry = Entry(owned, version, moment)
        # A field of ours that is still missing is one the server does not store, such as an empty map.
        idle = not difference.modified and not difference.removed and difference.added <= owned
        if former is not None and idle and (former.fields, former.api_version) == (owned, version):
            entry = former
        others[identity] = entry
    return _with_entries(merged, others)


def read(entries: Any) -> Managers:
    """The managers of an object; entries that cannot be read are left out."""
    found: Managers = {}
    for entry in entries or ():
        if not isinstance(entry, Mapping) or not entry.get("operation"):
            continue
        try:
            fields = parse(entry.get("fieldsV1"))
        except ValueError:
            continue
        version = str(entry.get("apiVersion") or "")
        operation = str(entry["operation"])
        identity = ManagerId(
            str(entry.get("manager") or ""),
            operation,
            str(entry.get("subresource") or ""),
            "" if operation == "Apply" else version,
        )
        found[identity] = Entry(fields, version, str(entry.get("time") or ""))
    return found


def _take(
    schema: Schema,
    old: Object,
    new: Object,
    managers: Managers,
    identity: ManagerId,
    moment: str,
    reset: FieldSet,
) -> Managers:
    """The managers after `identity` made `new` of `old`: what it changed is its own now, what went is nobody's."""
    difference = compare(schema, old, new)
    taken = _ownable(difference.added | difference.modified, reset)
    removed = _reachable(difference.removed, reset)
    result = _settle(managers, taken, removed, force=True)
    if taken:
        mine = managers.get(identity)
        kept = mine.fields - removed if mine is not None else EMPTY
        result[identity] = Entry(frozenset(kept | taken), identity.version, moment)
    return result


def _settle(managers: Managers, taken: Iterable[Path], removed: Iterable[Path], *, force: bool) -> Managers:
    """`managers` without what was taken from them and what is gone; without `force` the first of these is a conflict."""
    taken, removed = frozenset(taken), frozenset(removed)
    conflicts = {who: entry.fields & taken for who, entry in managers.items() if entry.fields & taken}
    if conflicts and not force:
        raise _conflict(conflicts, managers)
    result: Managers = {}
    for who, entry in managers.items():
        left = entry.fields - taken - removed
        if left:
            result[who] = Entry(left, entry.api_version, entry.time)
    return result


def _given_up(schema: Schema, former: FieldSet, sent: Iterable[Path], others: Iterable[Entry]) -> FieldSet:
    """The fields that go: owned before, not sent any more, and owned by nobody else."""
    held: set[Path] = set(sent)
    for entry in others:
        held |= entry.fields
    return frozenset(with_parents(schema, former) - with_parents(schema, held) - _UNOWNED)


def _ownable(paths: Iterable[Path], reset: FieldSet) -> FieldSet:
    return _reachable(paths, reset) - _UNOWNED


def _reachable(paths: Iterable[Path], reset: FieldSet) -> FieldSet:
    """The paths that a request to this endpoint can change."""
    if not reset:
        return frozenset(paths)
    return frozenset(path for path in paths if not any(path[: len(prefix)] == prefix for prefix in reset))


def _bare(obj: Object) -> Object:
    """The object without managedFields, which nobody owns."""
    meta = obj.get("metadata")
    if not isinstance(meta, dict) or "managedFields" not in meta:
        return obj
    return {**obj, "metadata": {name: value for name, value in meta.items() if name != "managedFields"}}


def _with_entries(obj: Object, managers: Managers) -> Object:
    result = _bare(obj)
    if not managers:
        return result
    ordered = sorted(managers.items(), key=_order)
    entries = [_write(identity, entry) for identity, entry in ordered]
    return {**result, "metadata": {**(result.get("metadata") or {}), "managedFields": entries}}


def _order(item: tuple[ManagerId, Entry]) -> tuple[str, ...]:
    """Appliers first, then the oldest first, as the server writes them."""
    identity, entry = item
    return (identity.operation, entry.time, identity.name, entry.api_version, identity.subresource)


def _write(identity: ManagerId, entry: Entry) -> Object:
    result: Object = {
        "manager": identity.name,
        "operation": identity.operation,
        "apiVersion": entry.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": serialise(entry.fields),
    }
    if entry.time:
        result["time"] = entry.time
    if identity.subresource:
        result["subresource"] = identity.subresource
    return result


def _capped(managers: Managers) -> Managers:
    """At most ten updaters: the oldest ones become one, so that the list cannot grow for ever."""
    updaters = [item for item in managers.items() if item[0].operation == "Update"]
    if len(updaters) <= _MAX_UPDATERS:
        return managers
    updaters.sort(key=_order)
    result = dict(managers)
    merged: dict[str, Entry] = {}
    for identity, entry in updaters[: len(updaters) - _MAX_UPDATERS + 1]:
        del result[identity]
        so_far = merged.get(entry.api_version)
        fields = entry.fields | (so_far.fields if so_far else EMPTY)
        merged[entry.api_version] = Entry(fields, entry.api_version, entry.time)
    for version, entry in merged.items():
        result[ManagerId(_ANCIENT, "Update", "", version)] = entry
    return result


def _conflict(conflicts: Mapping[ManagerId, FieldSet], managers: Managers) -> ApplyConflict:
    causes: list[Cause] = []
    lines: list[str] = []
    for who in sorted(conflicts):
        title = _title(who, managers[who])
        names = [describe(path) for path in sorted(conflicts[who], key=_reading_order)]
        causes += [Cause("FieldManagerConflict", f"conflict with {title}", name) for name in names]
        lines += [f"conflicts with {title}:", *(f"- {name}" for name in names)]
    if len(causes) == 1:
        text = f"Apply failed with 1 conflict: {causes[0].message}: {causes[0].field}"
    else:
        text = f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
    return ApplyConflict(text, causes)


def _reading_order(path: Path) -> tuple[tuple[bool, str], ...]:
    """Of the fields of one struct, those that end there come before those that go deeper."""
    return tuple((depth < len(path), element) for depth, element in enumerate(path, start=1))


def _title(who: ManagerId, entry: Entry) -> str:
    """A manager as conflict messages name it: appliers without the version, for they have one entry whatever it is."""
    title = f'"{who.name}"'
    if who.subresource:
        title += f' with subresource "{who.subresource}"'
    return title if who.operation == "Apply" else f"{title} using {entry.api_version}"
