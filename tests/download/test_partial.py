"""The folder of an unfinished download, after crashes at any moment."""

from pathlib import Path

import pytest

from kservectl.download.partial import Begun, Partial, is_partial, remove_partial
from tests.download.files import content

URI = "http://host/m?signature=secret#x"


def test_what_was_begun_is_known_to_the_next_one(tmp_path: Path) -> None:
    first = Partial.open(tmp_path / "m", URI)
    first.note(Begun("1/a", "v1", "text/plain"))
    first.write("1/a", 0, [b"abc", b"def"])
    first.note(Begun("gone", "v1"))

    second = Partial.open(tmp_path / "m", URI)
    assert second.begun("1/a") == Begun("1/a", "v1", "text/plain")
    assert second.size("1/a") == 6
    assert second.begun("gone") is None, "nothing of it reached the disk"
    second.write("1/a", 3, [b"x"])
    assert content(second.files) == {"1/a": b"abcx"}


def test_another_query_goes_on_and_another_path_does_not(tmp_path: Path) -> None:
    Partial.open(tmp_path / "m", URI).write("a", 0, [b"a"])
    assert Partial.open(tmp_path / "m", "http://host/m?signature=fresh").size("a") == 1
    assert Partial.open(tmp_path / "m", "http://host/other").size("a") == 0


def test_no_secret_is_written(tmp_path: Path) -> None:
    Partial.open(tmp_path / "m", URI)
    assert not any(b"secret" in data for data in content(tmp_path).values())


@pytest.mark.parametrize("line", [b'{"path": "b", "ver', b"[]\n", b'{"other": 1}\n'])
def test_a_journal_that_a_crash_cut_loses_its_last_line_alone(tmp_path: Path, line: bytes) -> None:
    partial = Partial.open(tmp_path / "m", URI)
    partial.note(Begun("a", "v1", whole=True))
    partial.write("a", 0, [b"a"])
    with (tmp_path / ".m.partial" / "journal").open("ab") as journal:
        journal.write(line)
    assert Partial.open(tmp_path / "m", URI).begun("a") == Begun("a", "v1", whole=True)


def test_a_crash_between_the_two_renames_brings_the_old_folder_back(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "old").write_bytes(b"old")
    Partial.open(tmp_path / "m", URI).write("new", 0, [b"new"])
    (tmp_path / "m").rename(tmp_path / ".m.partial" / "before")

    partial = Partial.open(tmp_path / "m", URI)
    assert content(tmp_path / "m") == {"old": b"old"}
    partial.put_in_place()
    assert content(tmp_path) == {"m/new": b"new"}


def test_a_crash_while_unpacking_starts_from_the_archive(tmp_path: Path) -> None:
    partial = Partial.open(tmp_path / "m", URI)
    partial.note(Begun("m.zip", "v1", whole=True))
    partial.write("m.zip", 0, [b"PK"])
    partial.take_archive("m.zip")
    partial.write("half", 0, [b"half"])

    again = Partial.open(tmp_path / "m", URI)
    again.put_back_archive("m.zip")
    assert content(again.files) == {"m.zip": b"PK"}
    assert again.begun("m.zip") == Begun("m.zip", "v1", whole=True)


def test_unfinished_downloads_are_told_from_models_and_removed(tmp_path: Path) -> None:
    Partial.open(tmp_path / "m", URI)
    assert [is_partial(path) for path in tmp_path.iterdir()] == [True]
    assert not is_partial(tmp_path / "m")
    remove_partial(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []
