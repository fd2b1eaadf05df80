"""Filling a folder: killed at any step, the next download goes on, and half a model never passes for one."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kservectl.modelfolder.filling import Busy, Filling, filling
from kservectl.modelfolder.layout import open_folder
from kservectl.modelfolder.marker import Marker
from kservectl.modelfolder.progress import DownloadProgress

WHEN = "2026-01-01T00:00:00Z"
FILES = {"a": b"1", "deep/b": b"22", "deep/er/c": b"333", "z": b""}


class Killed(BaseException):
    """The process ends here."""


def fetch(place: Filling) -> None:
    """Have the model in the target, whole, as a Downloader does."""
    for path, content in FILES.items():
        file = place.target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def marker(folder: Path) -> Marker | None:
    number = open_folder(str(folder))
    try:
        found = Marker.read(number)
        return None if found is None or found.missing(number) else found
    finally:
        os.close(number)


def content(folder: Path) -> dict[str, bytes]:
    """The files of the model."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".kservectl" not in str(path.relative_to(folder))
    }


def test_filled_folder_has_the_model_its_marker_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with filling(folder) as place:
        assert not place.is_fetched
        fetch(place)
        assert place.is_fetched
        place.publish(WHEN)
    assert content(folder) == FILES
    found = marker(folder)
    assert found is not None
    assert (found.by, found.completed, found.bytes) == ("download", WHEN, 6)
    assert {path.name for path in folder.iterdir()} == {"a", "deep", "z", ".kservectl.json"}


def test_model_that_is_whole_is_recognised(tmp_path: Path) -> None:
    with filling(tmp_path) as place:
        fetch(place)
        place.publish(WHEN)
    with filling(tmp_path) as place:
        assert place.is_whole
        place.clean()
    assert content(tmp_path) == FILES
    (tmp_path / "a").unlink()
    with filling(tmp_path) as place:
        assert not place.is_whole
        assert not place.is_fetched


def test_what_was_there_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "old" / "deep").mkdir(parents=True)
    (tmp_path / "old" / "deep" / "x").touch()
    (tmp_path / "a").mkdir()
    with filling(tmp_path) as place:
        fetch(place)
        place.publish(WHEN)
    assert content(tmp_path) == FILES


def test_links_that_were_there_are_removed_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "treasure").touch()
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "deep").symlink_to(outside)
    with filling(folder) as place:
        fetch(place)
        place.publish(WHEN)
    assert content(folder) == FILES
    assert [path.name for path in outside.iterdir()] == ["treasure"]


@contextmanager
def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process dies just before its change number `step` of the disk."""
    changes = 0

    def counting(change: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: object, **options: object) -> object:
            nonlocal changes
            changes += 1
            if changes == step:
                raise Killed
            return change(*arguments, **options)

        return run

    with monkeypatch.context() as patch:
        for name in ("replace", "unlink", "fsync"):
            patch.setattr(os, name, counting(getattr(os, name)))
        patch.setattr(shutil, "rmtree", counting(shutil.rmtree))
        yield


@pytest.mark.parametrize("step", range(1, 16))
def test_killed_at_any_step_of_publishing_the_next_one_ends_it_without_fetching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    with filling(tmp_path) as place:
        fetch(place)
        place.publish(WHEN)
    (tmp_path / "a").write_bytes(b"damaged")  # so that there is something to be replaced
    with filling(tmp_path) as place:
        assert not place.is_whole
        fetch(place)
        try:
            with killed_at(step, monkeypatch):
                place.publish(WHEN)
        except Killed:
            assert marker(tmp_path) is None or content(tmp_path) == FILES
    with filling(tmp_path) as place:
        if not place.is_whole:
            assert place.is_fetched
            place.publish(WHEN)
        else:
            place.clean()
    assert content(tmp_path) == FILES
    assert marker(tmp_path) is not None
    assert not (tmp_path / ".kservectl").exists()


def test_two_downloads_do_not_fill_one_folder(tmp_path: Path) -> None:
    with filling(tmp_path), pytest.raises(Busy, match="another download fills"), filling(tmp_path):
        pass
    with filling(tmp_path):
        pass


def test_progress_comes_back_as_it_was_told(tmp_path: Path) -> None:
    told = DownloadProgress(5, 10, 2, WHEN, "no route", "DownloadFailed")
    with filling(tmp_path) as place:
        place.tell(told)
        work = os.open(tmp_path / ".kservectl", os.O_RDONLY)
        assert DownloadProgress.read(work) == told
        os.close(work)


@pytest.mark.parametrize("text", ["", "[]", '{"done": "x", "total": -1, "failure": 3}'])
def test_progress_that_makes_no_sense_is_harmless(tmp_path: Path, text: str) -> None:
    (tmp_path / "progress.json").write_text(text)
    number = os.open(tmp_path, os.O_RDONLY)
    found = DownloadProgress.read(number)
    os.close(number)
    assert found is None or (found.done, found.total) == (0, 0)


def test_numbers_and_words_that_no_status_can_hold_are_dropped(tmp_path: Path) -> None:
    (tmp_path / "progress.json").write_text('{"done": 1e300, "total": 99999999999999999999, "reason": "<script>"}')
    number = os.open(tmp_path, os.O_RDONLY)
    found = DownloadProgress.read(number)
    os.close(number)
    assert found is not None
    assert (found.done, found.total, found.reason) == (0, 0, "")
