"""Does a live object differ from what is desired of it?

The record of what this field manager applied is the server's own: the `Apply` entry in `metadata.managedFields` (KEP-555).
With it the question has an exact answer that survives a restart: an object drifted when

- a desired field is missing or has another value (quantities compare by value, zero values that servers drop count as
  absent), or
- a field that this manager applied earlier is no longer desired.

What others set (defaults of the server, an autoscaler's replicas, injected annotations, somebody's label) is not looked at.
The record also tells which lists merge by key and which are replaced as a whole, so no schema is needed here.

Of what was applied as one piece (an atomic list, such as the containers of a Knative Service) it does not tell the fields
inside. What such a piece has beyond the desired one may be a default of the server, or be ours of earlier: see `Comparison`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from kservectl.informers import apply_record
from kservectl.objects import quantity
from kservectl.objects.metadata import Object

Owned = Mapping[str, Any]
"""A node of a fieldsV1 tree: `f:` names a field, `k:` a list item by its keys, `v:` a value of a set, `.` the node itself."""

_IDENTITY = frozenset(
    {"name", "namespace", "uid", "resourceVersion", "managedFields", "creationTimestamp", "generation"}
)
_QUANTITY = re.compile(r"\.(?:limits|requests|capacity|hard)\.|\.(?:sizeLimit|averageValue|divisor)$|\.target\.value$")
_NOTHING: Owned = {}
_SORTED = orjson.OPT_SORT_KEYS


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as desired: `missing`, `changed`, or `stale` (applied earlier, no longer desired).

    `added` is none: a field that nobody asked for, inside of what was applied as one piece.
    """

    path: str
    how: Literal["missing", "changed", "stale", "added"]

    def __str__(self) -> str:
        return f"{self.path} ({self.how})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`differences` are those of the function of that name. `additions` are the paths of fields that are not desired, inside
    of what was applied as one piece: whoever knows which ones the last apply left there knows that others are stale."""

    differences: tuple[Difference, ...]
    additions: frozenset[str] = frozenset()

    def beyond(self, known: frozenset[str]) -> Sequence[Difference]:
        """The differences, and the additions that are not among the `known` ones."""
        new = self.additions - known
        return (*self.differences, *(Difference(path, "stale") for path in sorted(new))) if new else self.differences


def differences(live: Object, desired: Object, manager: str) -> Sequence[Difference]:
    """Every field in which `live` is not as `desired`, as far as `manager` is concerned; empty when nothing is to do.

    An object that `manager` never applied differs in `metadata.managedFields`: applying it once takes the ownership
    that later comparisons need.
    """
    return compare(live, desired, manager).differences


def compare(live: Object, desired: Object, manager: str) -> Comparison:
    """The differences, and what could be one."""
    owned = applied_fields(live, manager)
    if owned is None:
        return Comparison((Difference("metadata.managedFields", "missing"),))
    found = tuple(_differences(live, desired, owned))
    added = frozenset(each.path for each in found if each.how == "added")
    return Comparison(tuple(each for each in found if each.how != "added") if added else found, added)


def applied_fields(live: Object, manager: str) -> Owned | None:
    """The fieldsV1 tree of what `manager` applied to the main resource; None when it never did."""
    meta = live.get("metadata") or {}
    for entry in meta.get("managedFields") or ():
        if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource"):
            return apply_record.fields_of(entry, meta)
    return None


def _differences(live: Object, desired: Object, owned: Owned) -> Iterator[Difference]:
    for name, value in desired.items():
        if name in ("apiVersion", "kind"):
            continue
        if name == "metadata":
            wanted = {field: inner for field, inner in value.items() if field not in _IDENTITY}
            yield from _map(live.get(name) or {}, wanted, owned.get("f:metadata", _NOTHING), "metadata")
        else:
            yield from _field(live, name, value, owned, name)
    yield from _stale(live, desired, owned, "")


def _map(live: Any, desired: Mapping[str, Any], owned: Owned, path: str) -> Iterator[Difference]:
    if not isinstance(live, dict):
        yield Difference(path, "changed")
        return
    for name, value in desired.items():
        yield from _field(live, name, value, owned, f"{path}.{name}")
    yield from _stale(live, desired, owned, f"{path}.")


def _field(live: Mapping[str, Any], name: str, value: Any, owned: Owned, path: str) -> Iterator[Difference]:
    inner = owned.get(f"f:{name}")
    if name not in live or live[name] is None:
        if value is None or value in ({}, []) or (inner is not None and _is_zero(value)):
            return  # the last case: it was applied, and the server dropped a zero value as its encoding does
        yield Difference(path, "missing")
    elif value is None:
        if inner is not None:
            yield Difference(path, "stale")
    elif isinstance(value, dict | list):
        if _is_identical(live[name], value):
            return  # the usual case: nothing of it is missing, changed, stale or added
        if isinstance(value, dict):
            yield from _mapping(live[name], value, inner, path)
        else:
            yield from _list(live[name], value, inner, path)
    elif not _same(live[name], value, path):
        yield Difference(path, "changed")


def _mapping(live: Any, desired: Mapping[str, Any], owned: Owned | None, path: str) -> Iterator[Difference]:
    if owned is not None and not any(name != "." for name in owned):
        # Applied as one piece (an atomic map, or an empty one): the server kept it whole since.
        if not _covers(live, desired, path) or (desired and _all_text(live) and live.keys() != desired.keys()):
            yield Difference(path, "changed")
        elif desired:
            yield from _added(live, desired, path)
        return
    yield from _map(live, desired, owned if owned is not None else _NOTHING, path)


def _list(live: Any, desired: list[Any], owned: Owned | None, path: str) -> Iterator[Difference]:
    if not isinstance(live, list):
        yield Difference(path, "changed")
    elif owned is not None and any(name.startswith("k:") for name in owned):
        yield from _keyed_list(live, desired, owned, path)
    elif owned is not None and any(name.startswith("v:") for name in owned):
        held = {orjson.loads(name[2:]) for name in owned if name.startswith("v:")}
        yield from (Difference(f"{path}[{item}]", "missing") for item in desired if item not in live)
        yield from (Difference(f"{path}[{item}]", "stale") for item in sorted(held - set(desired)) if item in live)
    elif owned is None and desired != live:
        # Nobody applied this list, or somebody else has taken it since.
        yield Difference(path, "changed")
    elif len(live) != len(desired) or not all(
        _covers(got, wanted, path) for got, wanted in zip(live, desired, strict=True)
    ):
        yield Difference(path, "changed")
    else:
        yield from _added(live, desired, path)


def _keyed_list(live: list[Any], desired: list[Any], owned: Owned, path: str) -> Iterator[Difference]:
    held = {name: orjson.loads(name[2:]) for name in owned if name.startswith("k:")}
    names = tuple(next(iter(held.values())))
    unmatched = dict(held)
    for item in desired:
        label = ",".join(str(item.get(name)) for name in names if name in item)
        matched = _matching(unmatched, item)
        got = next((entry for entry in live if _is_named(entry, held[matched] if matched else item, names)), None)
        if got is None:
            yield Difference(f"{path}[{label}]", "missing")
        else:
            inner = owned[matched] if matched else _NOTHING
            yield from _map(got, item, {k: v for k, v in inner.items() if k[2:] not in names}, f"{path}[{label}]")
        if matched is not None:
            del unmatched[matched]
    for keys in unmatched.values():
        if any(_is_named(entry, keys, names) for entry in live):
            yield Difference(f"{path}[{','.join(str(value) for value in keys.values())}]", "stale")


def _matching(held: Mapping[str, Mapping[str, Any]], item: Mapping[str, Any]) -> str | None:
    """The applied item that a desired one continues. A key that it leaves out is one that the server defaults."""
    exact = [name for name, keys in held.items() if all(item.get(key) == value for key, value in keys.items())]
    loose = [name for name, keys in held.items() if all(item.get(key, value) == value for key, value in keys.items())]
    return next(iter(exact or loose), None)


def _is_named(entry: Any, keys: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    return isinstance(entry, dict) and all(entry.get(name) == keys.get(name, entry.get(name)) for name in names)


def _stale(live: Mapping[str, Any], desired: Mapping[str, Any], owned: Owned, prefix: str) -> Iterator[Difference]:
    for name in owned:
        if name.startswith("f:") and name[2:] not in desired and name[2:] in live:
            yield Difference(prefix + name[2:], "stale")


def _covers(live: Any, desired: Any, path: str) -> bool:
    """Whether `live` is `desired` with nothing but additions (defaults of the server) inside its maps."""
    if isinstance(desired, dict):
        return isinstance(live, dict) and all(
            _covers(live[name], value, f"{path}.{name}") if name in live else _is_zero(value)
            for name, value in desired.items()
        )
    if isinstance(desired, list):
        return (
            isinstance(live, list)
            and len(live) == len(desired)
            and all(_covers(got, wanted, path) for got, wanted in zip(live, desired, strict=True))
        )
    return _same(live, desired, path)


def _added(live: Any, desired: Any, path: str) -> Iterator[Difference]:
    """What `live`, which covers `desired`, has beyond it."""
    if isinstance(desired, dict):
        for name, value in live.items():
            if name in desired:
                yield from _added(value, desired[name], f"{path}.{name}")
            elif not _is_zero(value):
                yield Difference(f"{path}.{name}", "added")
    elif isinstance(desired, list):
        for position, (got, wanted) in enumerate(zip(live, desired, strict=True)):
            if isinstance(got, dict | list):
                yield from _added(got, wanted, f"{path}[{position}]")


def _is_identical(live: Any, desired: Any) -> bool:
    """Whether two trees are the same JSON: true is not 1 there, as it is to Python."""
    return bool(live == desired) and orjson.dumps(live, option=_SORTED) == orjson.dumps(desired, option=_SORTED)


def _same(live: Any, desired: Any, path: str) -> bool:
    if live == desired:
        return type(live) is type(desired) or not (isinstance(live, bool) or isinstance(desired, bool))
    return _QUANTITY.search(path) is not None and quantity.same(live, desired)


def _is_zero(value: Any) -> bool:
    return value is None or value is False or value in ("", 0, {}, [])


def _all_text(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
