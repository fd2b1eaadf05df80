"""A short run of chaos by fixed dice; `make chaos` plays longer ones, with several managers."""

from pathlib import Path

import pytest

from e2e.chaos.run import Plan, run


@pytest.mark.devcluster
@pytest.mark.chaos
@pytest.mark.timeout(300)
async def test_everything_comes_right_once_trouble_is_over(tmp_path: Path) -> None:
    report = await run(Plan(seed=2, seconds=25), tmp_path)

    assert report.wrong == [], f"again: {report.plan}"
    assert report.granted > 0
    assert report.made
