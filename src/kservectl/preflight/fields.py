"""Which fields differ between two states of an object, by their paths.

Items of lists that carry a name (containers, ports, environment) are compared by it, as server-side apply does; of other lists
item by item, as long as both are of one length.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

How = Literal["added", "changed", "removed"]

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field: `before` is None when it is added, `after` when it is removed."""

    path: str
    how: How
    before: Any = None
    after: Any = None

    def __str__(self) -> str:
        return f"{self.path} ({self.how})"

    def document(self) -> dict[str, Any]:
        """For `-o json`."""
        return {"path": self.path, "how": self.how, "before": self.before, "after": self.after}


def field_changes(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> list[FieldChange]:
    """Every field in which `after` is not as `before`; of a part that is new or gone, the part as a whole.

    An empty map or list counts as absent, as it does for the API server.
    """
    return list(_maps(before, after, prefix))


def _maps(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[FieldChange]:
    for name in dict.fromkeys((*before, *after)):
        yield from _values(before.get(name), after.get(name), _below(path, name))


def _values(before: Any, after: Any, path: str) -> Iterator[FieldChange]:
    gone, new = _is_empty(before), _is_empty(after)
    if gone and new:
        return
    if gone or new:
        yield FieldChange(path, "added" if gone else "removed", None if gone else before, None if new else after)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _maps(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(before, after, path)
    elif before != after:
        yield FieldChange(path, "changed", before, after)


def _lists(before: Sequence[Any], after: Sequence[Any], path: str) -> Iterator[FieldChange]:
    if _are_named(before) and _are_named(after):
        olds, news = ({item["name"]: item for item in items} for items in (before, after))
        for name in dict.fromkeys((*olds, *news)):
            yield from _values(olds.get(name), news.get(name), f"{path}[{name}]")
        if olds.keys() == news.keys() and list(olds) != list(news):
            yield FieldChange(path, "changed", list(olds), list(news))
    elif len(before) == len(after):
        for position, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _values(old, new, f"{path}[{position}]")
    else:
        yield FieldChange(path, "changed", before, after)


def _are_named(items: Sequence[Any]) -> bool:
    names = [item.get("name") if isinstance(item, Mapping) else None for item in items]
    return all(names) and len(set(names)) == len(names)


def _below(path: str, name: str) -> str:
    if not path:
        return name
    return f"{path}.{name}" if _PLAIN.fullmatch(name) else f"{path}[{name}]"


def _is_empty(value: Any) -> bool:
    return value is None or value == {} or value == []
