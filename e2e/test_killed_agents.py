"""The node agent on a real disk, with everything that it runs killed again and again; the full size is in benchmarks/."""

from pathlib import Path

import pytest

from e2e.killed_agents import Plan, run

_MIB = 1 << 20
_LOST = 6 * _MIB
"""Bytes of one download that a kill may cost: what was not written yet, and what the kernel holds of a connection."""


@pytest.mark.devcluster
@pytest.mark.timeout(300)
async def test_models_are_whole_and_fetched_once_however_often_agent_and_downloads_are_killed(tmp_path: Path) -> None:
    plan = Plan(models=8, size=6 * _MIB, rate=4 * _MIB, kills=8, seed=7)

    report = await run(plan, tmp_path)

    assert report.broken == []
    assert report.foreign_changes == []
    assert report.agent_kills + report.download_kills >= plan.kills
    for name, served in report.served.items():
        assert served >= plan.size
        assert served <= plan.size + _LOST * report.interrupted.get(name, 0), name
        assert report.requests[name] <= 1 + report.interrupted.get(name, 0), name
    assert all(each["percent"] == 100 for each in report.status["models"].values())
