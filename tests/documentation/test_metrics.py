"""The page of metrics knows what the manager shows, and what alerts and dashboards ask for."""

import re

from prometheus_client.parser import text_string_to_metric_families

from documentation.metrics import pages
from kservectl.development.environment import EnvironmentOptions, running
from kservectl.manifests.monitoring.alerts import ALERTS
from kservectl.manifests.monitoring.dashboards import DASHBOARDS
from kservectl.runtime.metrics import exposition

_METRIC = re.compile(r"\b((?:kservectl|controller_runtime|workqueue|rest_client|leader_election|process)_\w+)\{?")


def documented() -> set[str]:
    (page,) = pages().values()
    return set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))


async def test_every_metric_of_the_manager_is_on_the_page() -> None:
    async with running(EnvironmentOptions()) as environment:
        assert environment.manager is not None
        text = exposition(environment.manager.registry).decode()
    shown = {
        family.name + ("_total" if family.type == "counter" else "") for family in text_string_to_metric_families(text)
    }
    assert "kservectl_objects" in shown
    assert shown <= documented()


def test_alerts_and_dashboards_ask_for_metrics_that_there_are() -> None:
    exprs = [alert.expr for alert in ALERTS]
    exprs += [expr for board in DASHBOARDS for panel in board.panels for expr in panel.queries.values()]
    asked = {re.sub(r"_bucket$", "", name) for expr in exprs for name in _METRIC.findall(expr)}
    assert "controller_runtime_webhook_latency_seconds" in asked
    assert asked <= documented()
