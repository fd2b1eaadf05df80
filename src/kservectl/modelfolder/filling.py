"""Filling the folder of a model: whatever moment a download is killed at, the next one goes on from there.

    .kservectl/model/        where the model is put once it was fetched whole; what is fetched until then is beside it
    .kservectl/marker.json   the marker to be; from when it is there, files move up, and nothing is fetched any more

The folder itself may be a mount, in whose place nothing can be renamed: the model's parts move into it one by one.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kservectl.modelfolder.layout import MARKER, WORK, open_folder
from kservectl.modelfolder.marker import BY_DOWNLOAD, Marker
from kservectl.modelfolder.progress import DownloadProgress

_MODEL = "model"
_PENDING = "marker.json"


class Busy(Exception):
    """Another process fills the folder."""


class Filling:
    """One process at work on one folder. Everything here blocks, and raises OSError."""

    def __init__(self, folder: Path, number: int, work: int) -> None:
        self._folder = folder
        self._number = number
        self._work = work
        self.target = folder / WORK / _MODEL
        """The folder to fetch to, whole or not at all; it is there once that was done."""

    @property
    def is_whole(self) -> bool:
        """Whether the folder holds the whole model already."""
        marker = Marker.read(self._number)
        return marker is not None and not marker.missing(self._number)

    @property
    def is_fetched(self) -> bool:
        """Whether nothing has to be fetched any more."""
        return self.target.is_dir() or self._is_publishing

    def tell(self, progress: DownloadProgress) -> None:
        """Let the agent know."""
        progress.write(self._work)

    def publish(self, completed: str) -> None:
        """Move what was fetched to where it is served from, in the place of what was there, and mark it whole."""
        if not self._is_publishing:
            self._clear()
            fetched = open_folder(_MODEL, self._work)
            try:
                marker = Marker.of_folder(fetched, by=BY_DOWNLOAD, completed=completed)
            finally:
                os.close(fetched)
            marker.write(self._work)
            os.replace(MARKER, _PENDING, src_dir_fd=self._work, dst_dir_fd=self._work)
        self._move_up()
        os.fsync(self._number)
        os.replace(_PENDING, MARKER, src_dir_fd=self._work, dst_dir_fd=self._number)
        os.fsync(self._number)
        shutil.rmtree(WORK, dir_fd=self._number)

    def clean(self) -> None:
        """Remove what a download needs, once the folder is whole."""
        shutil.rmtree(WORK, dir_fd=self._number)

    @property
    def _is_publishing(self) -> bool:
        return (self._folder / WORK / _PENDING).exists()

    def _clear(self) -> None:
        """The marker goes first: what is cleared half-way must not pass for whole."""
        if (self._folder / MARKER).exists():
            os.unlink(MARKER, dir_fd=self._number)
        for name in os.listdir(self._number):
            if name != WORK:
                _remove(name, self._number)

    def _move_up(self) -> None:
        if not self.target.is_dir():
            return
        source = open_folder(_MODEL, self._work)
        try:
            for name in sorted(os.listdir(source)):
                os.replace(name, name, src_dir_fd=source, dst_dir_fd=self._number)
        finally:
            os.close(source)


@contextmanager
def filling(folder: Path) -> Iterator[Filling]:
    """`folder`, made if missing, with a place to download to in it; raises Busy while another process fills it."""
    folder.mkdir(parents=True, exist_ok=True)
    number = open_folder(str(folder))
    try:
        (folder / WORK).mkdir(exist_ok=True)
        work = open_folder(WORK, number)
        try:
            _lock(work, folder)
            yield Filling(folder, number, work)
        finally:
            os.close(work)
    finally:
        os.close(number)


def _lock(work: int, folder: Path) -> None:
    """Held until the descriptor is closed, at the latest by the end of the process."""
    try:
        fcntl.flock(work, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Busy(f"another download fills {folder}") from error


def _remove(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except (IsADirectoryError, PermissionError):  # the latter is what POSIX allows for a folder
        shutil.rmtree(name, dir_fd=folder)
