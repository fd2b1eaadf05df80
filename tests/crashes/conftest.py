"""Killing a manager at every call takes minutes: it is done when it is asked for, with `-m crashes` (make crashes)."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "crashes" in (config.getoption("-m") or ""):
        return
    dropped = [item for item in items if item.get_closest_marker("crashes")]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]
