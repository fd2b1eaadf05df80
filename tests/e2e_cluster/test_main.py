"""``python -m e2e.cluster`` where there is no cluster."""

from pathlib import Path

import pytest

from e2e.cluster.__main__ import main


def test_status_without_a_cluster_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--dir", str(tmp_path)]) == 1
    assert capsys.readouterr().out == f"there is no cluster in {tmp_path}\n"


def test_a_folder_that_is_no_clusters_is_never_deleted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    assert main(["down", "--delete", "--dir", str(tmp_path)]) == 0
    assert (tmp_path / "thesis.txt").exists()


def test_an_error_is_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "state.json").write_text("scribble")

    assert main(["--dir", str(tmp_path), "status"]) == 2
    assert capsys.readouterr().err.startswith("error: ")
