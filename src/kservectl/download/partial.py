"""The folder in which an unfinished download waits: beside the one it will become, so that one rename puts it in place.

    .NAME.partial/uri       what is being fetched, without secrets; another URI starts anew
    .NAME.partial/journal   a line for every file that was begun or became whole, with its version
    .NAME.partial/files/    what will become NAME

Nothing in here is asynchronous; all of it may block for a moment.
"""

import contextlib
import os
import shutil
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import orjson

from kservectl.download.errors import shown
from kservectl.download.source import inside

_SUFFIX = ".partial"


@dataclass(frozen=True, slots=True)
class Begun:
    """What is known of a file of which something was received."""

    path: str
    version: str
    content_type: str = ""
    whole: bool = False


class Partial:
    """The unfinished download of one folder. One process at a time may use it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = folder.with_name(f".{folder.name}{_SUFFIX}")
        self._journal = self._root / "journal"
        self._begun: dict[str, Begun] = {}
        self._lock = threading.Lock()
        self._before = self._root / "before"
        self.files = self._root / "files"
        """What will become the folder."""

    @classmethod
    def open(cls, folder: Path, uri: str) -> Self:
        """What an earlier try left of `uri`; an empty one otherwise. Raises OSError."""
        partial = cls(folder)
        marker = partial._root / "uri"
        partial._undo_exchange()
        if partial._root.exists() and _text(marker) != shown(uri):
            shutil.rmtree(partial._root)
        partial.files.mkdir(parents=True, exist_ok=True)
        marker.write_text(shown(uri))
        partial._read_journal()
        return partial

    def begun(self, path: str) -> Begun | None:
        """What is known of a file, if anything of it is on the disk."""
        found = self._begun.get(path)
        return found if found is not None and inside(self.files, path).is_file() else None

    def size(self, path: str) -> int:
        """Bytes of the file that are on the disk."""
        target = inside(self.files, path)
        return target.stat().st_size if target.is_file() else 0

    def note(self, begun: Begun) -> None:
        """Remember, also over a crash."""
        with self._lock, self._journal.open("ab") as journal:
            journal.write(orjson.dumps(asdict(begun), option=orjson.OPT_APPEND_NEWLINE))
            self._begun[begun.path] = begun

    def write(self, path: str, offset: int, pieces: list[bytes]) -> None:
        """Write `pieces` at `offset`, after which the file ends."""
        target = inside(self.files, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("r+b" if target.exists() else "wb") as file:
            file.seek(offset)
            file.writelines(pieces)
            file.truncate()

    def discard(self, path: str) -> None:
        """Forget what there is of a file."""
        inside(self.files, path).unlink(missing_ok=True)
        self._begun.pop(path, None)

    def take_archive(self, path: str) -> Path:
        """Move a file out of the way, to be unpacked; answers where it is."""
        aside = self._root / "archive"
        inside(self.files, path).replace(aside)
        return aside

    def put_back_archive(self, path: str) -> None:
        """Undo `take_archive` after a crash, so that unpacking starts from nothing."""
        aside = self._root / "archive"
        if aside.exists():
            shutil.rmtree(self.files)
            target = inside(self.files, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            aside.replace(target)

    def keep_only(self, paths: set[str]) -> None:
        """Delete files that no longer belong to it."""
        for found in list(self.files.rglob("*")):
            if not found.is_dir() and found.relative_to(self.files).as_posix() not in paths:
                found.unlink()

    def put_in_place(self) -> tuple[int, int]:
        """Make it the folder, in whose place nothing half-done is ever seen; answers its files and bytes."""
        _sync(self.files)
        found = [entry for entry in self.files.rglob("*") if entry.is_file() and not entry.is_symlink()]
        amount = len(found), sum(entry.stat().st_size for entry in found)
        if self._folder.exists():
            self._folder.replace(self._before)
        self.files.replace(self._folder)
        _sync_folder(self._folder.parent)
        shutil.rmtree(self._root)
        return amount

    def remove(self) -> None:
        """Delete all of it."""
        shutil.rmtree(self._root, ignore_errors=True)

    def _undo_exchange(self) -> None:
        """After a crash between the two renames that put a new folder in the place of an old one."""
        if self._before.exists():
            if self._folder.exists():
                shutil.rmtree(self._before)
            else:
                self._before.replace(self._folder)

    def _read_journal(self) -> None:
        lines = self._journal.read_bytes().splitlines() if self._journal.exists() else []
        for line in lines:
            # A crash may have cut the last line: what it told of is fetched again.
            with contextlib.suppress(orjson.JSONDecodeError, TypeError):
                begun = Begun(**orjson.loads(line))
                self._begun[begun.path] = begun


def is_partial(path: Path) -> bool:
    """Whether `path` is an unfinished download, not a model."""
    return path.name.startswith(".") and path.name.endswith(_SUFFIX)


def remove_partial(folder: Path) -> None:
    """Delete what unfinished downloads left of `folder`."""
    Partial(folder).remove()


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def _sync(folder: Path) -> None:
    """Have the disk hold every file below `folder`: a rename that survives a power cut must not outlive its content."""
    for found in folder.rglob("*"):
        if found.is_file() and not found.is_symlink():
            with found.open("rb") as file:
                os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
