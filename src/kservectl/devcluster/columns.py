"""What a table column is, and how the common ones are made out of a path."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kservectl.devcluster.duration import UNKNOWN, age
from kservectl.objects.metadata import Object

NONE = "<none>"
Cell = Callable[[Object, datetime], Any]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column: its definition and how its cell is made from an object at a moment."""

    name: str
    cell: Cell
    type: str = "string"
    priority: int = 0
    format: str = ""
    description: str = ""


def field_cell(path: str, default: Any = "") -> Cell:
    names = path.split(".")

    def cell(obj: Object, now: datetime) -> Any:
        value: Any = obj
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return default if value is None else value

    return cell


def count_cell(path: str) -> Cell:
    found = field_cell(path, ())
    return lambda obj, now: len(found(obj, now))


def text_column(name: str, path: str, default: Any = "", *, priority: int = 0) -> TableColumn:
    return TableColumn(name, field_cell(path, default), priority=priority)


def number_column(name: str, path: str, *, priority: int = 0) -> TableColumn:
    return TableColumn(name, field_cell(path, 0), type="integer", priority=priority)


AGE = TableColumn("Age", lambda obj, now: age(obj["metadata"].get("creationTimestamp"), now))
CREATED_AT = TableColumn("Created At", field_cell("metadata.creationTimestamp"), type="date")


def joined(values: Iterable[str], empty: str = NONE) -> str:
    return ",".join(values) or empty


def selector_cell(path: str) -> Cell:
    found = field_cell(path, {})

    def cell(obj: Object, now: datetime) -> str:
        selector = found(obj, now)
        labels = selector.get("matchLabels", {}) if path.endswith("elector") and "matchLabels" in selector else selector
        return joined(f"{key}={value}" for key, value in sorted(labels.items()) if isinstance(value, str))

    return cell


def containers_cell(field: str, path: str = "spec.template.spec.containers") -> Cell:
    found = field_cell(path, ())
    return lambda obj, now: ",".join(str(container.get(field, "")) for container in found(obj, now))


def since_cell(path: str, missing: str = UNKNOWN) -> Cell:
    found = field_cell(path)

    def cell(obj: Object, now: datetime) -> str:
        moment = found(obj, now)
        return age(moment, now) if moment else missing

    return cell
