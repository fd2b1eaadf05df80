"""Dashboards as Grafana's JSON model, from as little as a person has to say of each panel.

Panels are laid out in rows of two. Every query names the datasource by the variable `datasource`, so that a dashboard works
wherever it is imported.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kservectl.manifests.names import NAMESPACE, PART_OF
from kservectl.objects.metadata import Object

_WIDTH, _HEIGHT = 12, 8
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_SCHEMA = 39
"""Of Grafana 10.4, which later versions migrate from by themselves."""


@dataclass(frozen=True, slots=True)
class Panel:
    """`queries` are PromQL by their legend; `{{label}}` in a legend stands for a label's value."""

    title: str
    queries: Mapping[str, str]
    unit: str = "short"
    show: Literal["timeseries", "stat"] = "timeseries"
    description: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """What a reader of the dashboard may choose: one of the values of `label` in the answer to `query`."""

    name: str
    query: str
    label: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page. Its `uid` is part of its address and never changes."""

    uid: str
    title: str
    variables: Sequence[Variable]
    panels: Sequence[Panel]

    def model(self) -> dict[str, Any]:
        """Grafana's JSON model."""
        return {
            "uid": self.uid,
            "title": self.title,
            "tags": ["kserve", "kservectl"],
            "schemaVersion": _SCHEMA,
            "editable": True,
            "time": {"from": "now-1h", "to": "now"},
            "refresh": "30s",
            "templating": {"list": [_datasource(), *(_variable(each) for each in self.variables)]},
            "panels": [_panel(place, each) for place, each in enumerate(self.panels)],
        }

    def config_map(self) -> Object:
        """The dashboard where Grafana's side car looks for it."""
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self.uid,
                "namespace": NAMESPACE,
                "labels": {**PART_OF, "grafana_dashboard": "1"},
            },
            "data": {f"{self.uid}.json": json.dumps(self.model(), indent=1, ensure_ascii=False) + "\n"},
        }


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _variable(variable: Variable) -> dict[str, Any]:
    query = f"label_values({variable.query}, {variable.label})"
    return {
        "name": variable.name,
        "label": variable.name,
        "type": "query",
        "datasource": _DATASOURCE,
        "query": {"query": query, "refId": variable.name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
    }


def _panel(place: int, panel: Panel) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": place + 1,
        "title": panel.title,
        "type": panel.show,
        "datasource": _DATASOURCE,
        "gridPos": {"x": place % 2 * _WIDTH, "y": place // 2 * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": _DATASOURCE, "expr": expr, "legendFormat": legend}
            for number, (legend, expr) in enumerate(panel.queries.items())
        ],
    }
    if panel.description:
        made["description"] = panel.description
    if panel.show == "timeseries":
        made["options"] = {"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]}}
    return made
