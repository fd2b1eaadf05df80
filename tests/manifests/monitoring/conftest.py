"""What needs a real Prometheus runs when it is asked for: `-m prometheus` (make monitoring)."""

import pytest

from tests.manifests.monitoring.prometheus import program


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "prometheus" in (config.getoption("-m") or ""):
        program("prometheus")  # fetched before any test's time runs
        return
    dropped = [item for item in items if item.get_closest_marker("prometheus")]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]
