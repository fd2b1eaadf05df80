"""The cache holds finished files only, and one process at a time fills it."""

from pathlib import Path

import pytest

from e2e.cluster.cache import cache_folder, locked, put_in_place
from e2e.cluster.errors import ClusterError


def test_the_user_chooses_where_the_cache_is(tmp_path: Path) -> None:
    assert cache_folder({"KSERVECTL_CACHE": str(tmp_path)}) == tmp_path / "cluster"
    assert cache_folder({}) == Path.home() / ".cache" / "kservectl" / "cluster"


def test_a_file_appears_under_its_name_when_it_is_whole(tmp_path: Path) -> None:
    final = tmp_path / "folder" / "program"

    def make(path: Path) -> None:
        path.write_text("half")
        assert not final.exists()
        path.write_text("whole")

    put_in_place(make, final)

    assert final.read_text() == "whole"
    assert list(final.parent.iterdir()) == [final]


def test_a_file_that_could_not_be_finished_leaves_nothing(tmp_path: Path) -> None:
    def make(path: Path) -> None:
        path.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put_in_place(make, tmp_path / "program")

    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_held_by_one_and_free_after_it(tmp_path: Path, said: list[str]) -> None:
    path = tmp_path / "lock"

    with locked(path, said.append):
        with (
            pytest.raises(ClusterError, match=r"another process has held .*lock for 0 s"),
            locked(path, said.append, patience=0.0),
        ):
            pytest.fail("two hold it")
        assert said == []

    with locked(path, said.append, patience=0.0):
        pass


def test_whoever_waits_for_a_lock_is_told_once(tmp_path: Path, said: list[str]) -> None:
    path = tmp_path / "lock"

    with locked(path, said.append), pytest.raises(ClusterError), locked(path, said.append, patience=1.0):
        pytest.fail("two hold it")

    assert said == [f"waiting for another process that holds {path}"]
