"""Tables: what `kubectl get` shows of each kind, computed by the server."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from kservectl.clock import Clock
from kservectl.devcluster.columns import AGE, CREATED_AT, TableColumn
from kservectl.devcluster.config_columns import CONFIG_COLUMNS
from kservectl.devcluster.contract import Column, ServedKind
from kservectl.devcluster.duration import age
from kservectl.devcluster.jsonpath import find
from kservectl.devcluster.workload_columns import WORKLOAD_COLUMNS
from kservectl.objects.metadata import Object

_NAME = TableColumn("Name", lambda obj, now: obj["metadata"]["name"], format="name")
_BUILT_IN: Mapping[str, Sequence[TableColumn]] = {**WORKLOAD_COLUMNS, **CONFIG_COLUMNS}
_FIRST_IS_NOT_NAME = {"events", "events.events.k8s.io"}


class Tables:
    """Columns and cells; ages are told by the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def definitions(self, served: ServedKind) -> list[Object]:
        return [_definition(column) for column in _columns(served)]

    def cells(self, served: ServedKind, obj: Object) -> list[Any]:
        now = self._clock.now()
        return [column.cell(obj, now) for column in _columns(served)]


def _columns(served: ServedKind) -> Sequence[TableColumn]:
    if served.custom:
        own = [_custom_column(column) for column in served.columns]
        return [_NAME, *own] if own else [_NAME, AGE]
    columns = _BUILT_IN.get(served.kind.resource, (CREATED_AT,))
    return columns if served.kind.resource in _FIRST_IS_NOT_NAME else [_NAME, *columns]


def _definition(column: TableColumn) -> Object:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    }


def _custom_column(column: Column) -> TableColumn:
    """A printer column of a CustomResourceDefinition; a value that is not there leaves the cell empty."""

    def cell(obj: Object, now: datetime) -> Any:
        found = find(obj, column.path)
        return _converted(found[0], column.type, now) if found and found[0] is not None else None

    return TableColumn(column.name, cell, column.type, column.priority, column.format, column.description)


def _converted(value: Any, type_: str, now: datetime) -> Any:
    match type_:
        case "integer":
            return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        case "number":
            return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "date":
            return age(value, now) if isinstance(value, str) else None
        case _:
            return value if isinstance(value, str) else orjson.dumps(value).decode()
