"""The alert rules as data, and the page that each of them names."""

import json
import re
from pathlib import Path

import pytest
import yaml

from kservectl.manifests.layout import monitoring_objects
from kservectl.manifests.monitoring.alerts import ALERTS, Alert, groups, prometheus_rule
from kservectl.manifests.monitoring.dashboards import DASHBOARDS
from kservectl.manifests.monitoring.grafana import Dashboard
from tests.manifests.monitoring.prometheus import promtool

PROJECT = Path(__file__).parents[3]
HEADINGS = ["## What it means", "## How to see it", "## What to do"]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_each_alert_has_a_page_with_its_rule_and_what_to_do(alert: Alert) -> None:
    page = (PROJECT / alert.runbook).read_text()
    assert page.startswith(f"# {alert.name}\n")
    assert f"```promql\n{alert.expr}\n```" in page, "the rule has changed: is what the page says still true?"
    when = "at once" if alert.wait == "0m" else f"after {alert.wait}"
    assert f"Severity {alert.severity}; fires {when}:" in page
    assert [line for line in page.splitlines() if line.startswith("## ")] == HEADINGS


def test_no_page_is_about_an_alert_that_is_gone() -> None:
    assert {page.stem for page in (PROJECT / "docs" / "runbooks").glob("*.md")} == {alert.name for alert in ALERTS}


def test_rules_are_those_of_the_installed_object() -> None:
    assert prometheus_rule()["spec"] == groups()
    assert prometheus_rule() in monitoring_objects()


def test_each_live_test_of_a_fault_names_its_alert_and_none_is_left_out() -> None:
    here = Path(__file__).parent
    tested = "".join((here / name).read_text() for name in ("test_live.py", "rules_test.yaml"))
    assert {alert.name for alert in ALERTS} <= set(re.findall(r"Kservectl\w+", tested))


@pytest.mark.prometheus
def test_rules_are_quiet_before_and_after_and_fire_in_between(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(groups()))
    (tmp_path / "rules_test.yaml").write_text((Path(__file__).parent / "rules_test.yaml").read_text())
    assert "SUCCESS" in promtool("test", "rules", "rules_test.yaml", folder=tmp_path)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_a_dashboard_is_json_with_panels_that_lie_side_by_side(dashboard: Dashboard) -> None:
    (found,) = [obj for obj in monitoring_objects() if obj["metadata"]["name"] == dashboard.uid]
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    (text,) = found["data"].values()
    panels = json.loads(text)["panels"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len({panel["id"] for panel in panels}) == len(panels)
    assert all(x + 12 <= 24 for x, _ in places)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_queries_use_no_variable_that_the_dashboard_lacks(dashboard: Dashboard) -> None:
    model = dashboard.model()
    known = {variable["name"] for variable in model["templating"]["list"]} | {"__rate_interval"}
    used = {
        name
        for panel in model["panels"]
        for query in panel["targets"]
        for name in re.findall(r"\$(\w+)", query["expr"])
    }
    assert used <= known


def test_the_documentation_lists_every_alert() -> None:
    page = (PROJECT / "docs" / "monitoring.md").read_text()
    assert re.findall(r"^\| \[(\w+)\]\(runbooks/(\w+)\.md\) \| (\w+) ", page, re.MULTILINE) == [
        (alert.name, alert.name, alert.severity) for alert in ALERTS
    ]
