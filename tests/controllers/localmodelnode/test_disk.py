"""A real folder: what is seen of it, and what is done to it; nothing that is not ours is ever touched."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kservectl.controllers.localmodelnode.disk import Disk
from kservectl.controllers.localmodelnode.disk_state import (
    Adopt,
    Content,
    EmptyRubbish,
    Prepare,
    Remove,
    WorkOutDigests,
)
from kservectl.modelfolder.marker import BY_DOWNLOAD, Marker

KEY, OTHER = "0123456789abcdef", "fedcba9876543210"
WHEN = "2026-01-01T00:00:00Z"
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

needs_permissions = pytest.mark.skipif(os.geteuid() == 0, reason="root may read and remove everything")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "mnt" / "models"


@pytest.fixture
def disk(root: Path) -> Disk:
    return Disk(root, lambda: WHEN)


def model(root: Path, key: str = KEY, *, marked: bool = True, **files: bytes) -> Path:
    """The folder of a model, with files `a`, `b` …, marked whole unless it should not be."""
    folder = root / key
    (folder / "inner").mkdir(parents=True)
    for name, content in (files or {"a": b"abc"}).items():
        (folder / "inner" / name).write_bytes(content)
    if marked:
        mark(folder)
    return folder


def mark(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    Marker.of_folder(number, by=BY_DOWNLOAD, completed=WHEN).write(number)
    os.close(number)


def listing(folder: Path) -> dict[str, bytes]:
    """All files below a folder, with their content; links as what they are."""
    return {
        str(path.relative_to(folder)): str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_root_is_made_with_its_parents(disk: Disk, root: Path) -> None:
    state = disk.look()
    assert (state.problem, state.folders) == ("", {})
    assert root.is_dir()
    assert state.capacity >= state.available > 0


def test_root_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    problem = Disk(tmp_path / "file" / "models", lambda: WHEN).look().problem
    assert problem.startswith("failed to ensure model root folder: Not a directory")


def test_root_that_is_a_file_is_told(root: Path, disk: Disk) -> None:
    root.parent.mkdir(parents=True)
    root.touch()
    assert "failed to ensure model root folder" in disk.look().problem


def test_whole_model_is_seen_with_its_size(root: Path, disk: Disk) -> None:
    model(root)
    folder = disk.look().folders[KEY]
    assert (folder.content, folder.bytes, folder.problem) == (Content.WHOLE, 3, "")


def test_missing_and_cut_files_are_noticed(root: Path, disk: Disk) -> None:
    folder = model(root, a=b"abc", b=b"de")
    (folder / "inner" / "a").write_bytes(b"ab")
    (folder / "inner" / "b").unlink()
    found = disk.look().folders[KEY]
    assert found.content is Content.BROKEN
    assert found.problem == "inner/b is missing, and 1 more"


def test_files_without_a_marker_empty_folders_and_unfinished_downloads_are_told_apart(root: Path, disk: Disk) -> None:
    model(root, marked=False)
    (root / OTHER).mkdir()
    assert disk.look().folders[KEY].content is Content.UNMARKED
    assert disk.look().folders[OTHER].content is Content.EMPTY
    (root / OTHER / ".kservectl").mkdir()
    (root / OTHER / ".kservectl" / "part").write_bytes(b"12345")
    unfinished = disk.look().folders[OTHER]
    assert (unfinished.content, unfinished.bytes) == (Content.UNFINISHED, 5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 1}',
        '{"version": 9, "files": {}}',
        '{"version": 1, "files": {}, "completed": "soon"}',
        '{"version": 1, "files": {"a": 3}, "completed": "2026-01-01T00:00:00Z"}',
    ],
)
def test_marker_that_makes_no_sense_is_none(root: Path, disk: Disk, text: str) -> None:
    (model(root, marked=False) / ".kservectl.json").write_text(text)
    assert disk.look().folders[KEY].content is Content.UNMARKED


def test_marker_that_is_a_link_is_not_followed(root: Path, disk: Disk, tmp_path: Path) -> None:
    folder = model(root)
    (folder / ".kservectl.json").rename(tmp_path / "elsewhere.json")
    (folder / ".kservectl.json").symlink_to(tmp_path / "elsewhere.json")
    assert disk.look().folders[KEY].content is Content.STRANGE


def test_adopting_marks_what_is_there(root: Path, disk: Disk) -> None:
    model(root, marked=False)
    disk.carry_out(Adopt(KEY))
    found = disk.look().folders[KEY]
    assert found.content is Content.WHOLE
    assert found.marker is not None
    assert (found.marker.by_agent, found.marker.completed, dict(found.marker.sizes)) == (True, WHEN, {"inner/a": 3})


def test_digests_are_worked_out_and_kept(root: Path, disk: Disk) -> None:
    model(root)
    disk.carry_out(WorkOutDigests(KEY, ("inner/a", "absent")))
    marker = disk.look().folders[KEY].marker
    assert marker is not None
    assert marker.digests == {"inner/a": ABC}


@pytest.mark.parametrize("path", ["inner/link", "way/secret"])
def test_digests_of_what_links_lead_to_are_not_worked_out(root: Path, disk: Disk, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = model(root, marked=False)
    (folder / "inner" / "link").symlink_to(tmp_path / "secret")
    (folder / "way").mkdir()
    (folder / "way" / "secret").write_text("x")
    mark(folder)
    (folder / "way" / "secret").unlink()
    (folder / "way").rmdir()
    (folder / "way").symlink_to(tmp_path)
    disk.carry_out(WorkOutDigests(KEY, (path,)))
    marker = disk.look().folders[KEY].marker
    assert marker is not None
    assert marker.digests == {path: ""}


def test_folder_of_a_model_is_removed_with_all_it_holds(root: Path, disk: Disk) -> None:
    model(root)
    (root / KEY / ".kservectl").mkdir()
    disk.carry_out(Remove(KEY))
    state = disk.look()
    assert (state.folders, state.rubbish) == ({}, True)
    disk.carry_out(EmptyRubbish())
    assert list(root.iterdir()) == []


def test_folder_is_prepared_once_and_nothing_in_it_is_touched(root: Path, disk: Disk) -> None:
    root.mkdir(parents=True)
    disk.carry_out(Prepare(KEY))
    assert disk.look().folders[KEY].content is Content.EMPTY
    (root / KEY / "a").touch()
    disk.carry_out(Prepare(KEY))
    assert list(listing(root)) == [f"{KEY}/a"]


def test_removing_what_is_gone_is_no_error(root: Path, disk: Disk) -> None:
    root.mkdir(parents=True)
    disk.carry_out(Remove(KEY))


def test_removal_that_broke_off_is_finished_later(root: Path, disk: Disk) -> None:
    model(root).rename(root / f".kservectl-removed-{KEY}-7")
    state = disk.look()
    assert (state.folders, state.rubbish) == ({}, True)
    disk.carry_out(EmptyRubbish())
    assert (list(root.iterdir()), disk.look().rubbish) == ([], False)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../models", "lost+found", "0123456789ABCDEF", f"{KEY}/inner", f"{KEY}0"]
)
def test_nothing_but_a_storage_key_can_be_removed(root: Path, disk: Disk, name: str) -> None:
    model(root)
    before = listing(root)
    for effect in (Remove(name), Prepare(name), Adopt(name), WorkOutDigests(name, ("a",))):
        with pytest.raises(ValueError, match="is no storage key"):
            disk.carry_out(effect)
    assert listing(root) == before


@pytest.fixture
def foreign(root: Path, tmp_path: Path) -> Iterator[Path]:
    """What others keep in the root and next to it; the same afterwards, to the byte."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "treasure").write_text("mine")
    root.mkdir(parents=True)
    (root / "lost+found").mkdir()
    (root / "lost+found" / "x").write_text("x")
    (root / "notes.txt").write_text("notes")
    (root / ".kservectl").write_text("a file")
    (root / OTHER).write_text("a file with the name of a folder")
    (root / "aaaaaaaaaaaaaaaa").symlink_to(outside)
    (root / "link").symlink_to(outside)
    before = listing(tmp_path)
    yield outside
    assert listing(tmp_path) == before


@pytest.mark.usefixtures("foreign")
def test_what_belongs_to_others_is_not_looked_into_and_not_touched(root: Path, disk: Disk) -> None:
    state = disk.look()
    assert {key: folder.content for key, folder in state.folders.items()} == {
        OTHER: Content.STRANGE,
        "aaaaaaaaaaaaaaaa": Content.STRANGE,
    }
    assert state.folders[OTHER].problem == f"{root / OTHER} is not a folder; it was left alone"
    for key in state.folders:
        disk.carry_out(Remove(key))
    disk.carry_out(EmptyRubbish())


def test_links_inside_of_a_model_are_removed_and_not_what_they_lead_to(root: Path, disk: Disk, foreign: Path) -> None:
    folder = model(root, marked=False)
    (folder / "link").symlink_to(foreign)
    (folder / "file").symlink_to(foreign / "treasure")
    assert disk.look().folders[KEY].bytes == 3 + 2 * len(str(foreign)) + len("/treasure")
    disk.carry_out(Remove(KEY))
    disk.carry_out(EmptyRubbish())
    assert not folder.exists()


@needs_permissions
def test_folder_that_may_not_be_read_is_told(root: Path, disk: Disk) -> None:
    folder = model(root)
    folder.chmod(0)
    try:
        assert "cannot be read: Permission denied" in disk.look().folders[KEY].problem
    finally:
        folder.chmod(0o755)
