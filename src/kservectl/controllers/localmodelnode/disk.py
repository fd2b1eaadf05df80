"""The disk of a node: looks at the folders of models, and does to them what was decided.

Only folders whose name is a storage key are ours. Whatever else is in the root is not looked into and not touched, and no
symbolic link is followed out of it. A folder is renamed before it is deleted, so that a half-deleted one never passes for a
model. Everything here blocks; `observing` runs it in a thread.
"""

import contextlib
import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from kservectl.controllers.localmodelnode.disk_state import (
    Adopt,
    Content,
    DiskState,
    Effect,
    EmptyRubbish,
    Folder,
    Prepare,
    Remove,
    WorkOutDigests,
    is_storage_key,
)
from kservectl.modelfolder.layout import WORK, open_folder, walk
from kservectl.modelfolder.marker import BY_AGENT, Marker
from kservectl.modelfolder.progress import DownloadProgress

_RUBBISH = ".kservectl-removed-"


class Disk:
    """The folder `root`. `now` is for what is written into markers, as in RFC 3339."""

    def __init__(self, root: Path, now: Callable[[], str]) -> None:
        self._root = root
        self._now = now
        self._hashing: set[str] = set()
        self._deleting = threading.Lock()
        self._log = structlog.get_logger(component="disk", root=str(root))

    def look(self) -> DiskState:
        """What is there now. Makes the root if it is missing. Trouble is part of the answer, and never raised."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return DiskState(problem=f"failed to ensure model root folder: {_told(error)}")
        try:
            with _opened(str(self._root)) as root:
                space = os.fstatvfs(root)
                names = os.listdir(root)
                if not os.access(self._root, os.W_OK | os.X_OK):
                    return DiskState(problem=f"user {os.geteuid()} may not write to model root folder {self._root}")
                return DiskState(
                    folders={name: self._folder(name, root) for name in sorted(names) if is_storage_key(name)},
                    capacity=space.f_blocks * space.f_frsize,
                    available=space.f_bavail * space.f_frsize,
                    rubbish=not self._deleting.locked() and any(name.startswith(_RUBBISH) for name in names),
                )
        except OSError as error:
            return DiskState(problem=f"failed to read model root folder: {_told(error)}")

    def carry_out(self, effect: Effect) -> None:
        """Do it. Raises OSError for what could not be done; doing it again is safe."""
        with _opened(str(self._root)) as root:
            match effect:
                case Remove(key):
                    self._remove(key, root)
                case Prepare(key):
                    self._prepare(key, root)
                case Adopt(key):
                    self._adopt(key, root)
                case WorkOutDigests(key, paths):
                    self._work_out_digests(key, paths, root)
                case EmptyRubbish():
                    self._empty_rubbish(root)

    def _folder(self, name: str, root: int) -> Folder:
        try:
            with _opened(name, root) as folder:
                return self._content(name, folder)
        except NotADirectoryError:
            return Folder(Content.STRANGE, problem=f"{self._root / name} is not a folder; it was left alone")
        except OSError as error:
            return Folder(Content.STRANGE, problem=f"{self._root / name} cannot be read: {_told(error)}")

    def _content(self, name: str, folder: int) -> Folder:
        marker = Marker.read(folder)
        if marker is not None:
            problem = marker.missing(folder)
            content = Content.BROKEN if problem else Content.WHOLE
            hashing = name in self._hashing
            if not problem:
                return Folder(content, marker.bytes, marker, hashing=hashing)
        else:
            problem, content = "", Content.UNMARKED
        held = sum(found.st_size for _, found in walk(folder))
        progress, fetched = _work(folder)
        if fetched is not None:
            return Folder(Content.UNFINISHED, held + fetched, marker, progress, problem)
        return Folder(content if held or problem else Content.EMPTY, held, marker, problem=problem)

    def _remove(self, key: str, root: int) -> None:
        try:
            found = os.stat(_checked(key), dir_fd=root, follow_symlinks=False)
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(found.st_mode) or found.st_dev != os.fstat(root).st_dev:
            return  # a file, a link or a mount: somebody else's
        self._log.info("removing a model that is no longer wanted", folder=key)
        os.rename(key, f"{_RUBBISH}{key}-{found.st_ino}", src_dir_fd=root, dst_dir_fd=root)

    def _empty_rubbish(self, root: int) -> None:
        if not self._deleting.acquire(blocking=False):
            return  # somebody is at it, after a pass that took too long
        try:
            for name in os.listdir(root):
                if name.startswith(_RUBBISH):
                    shutil.rmtree(name, dir_fd=root)
        finally:
            self._deleting.release()

    def _prepare(self, key: str, root: int) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(_checked(key), 0o775, dir_fd=root)

    def _adopt(self, key: str, root: int) -> None:
        with _opened(_checked(key), root) as folder:
            try:
                Marker.of_folder(folder, by=BY_AGENT, completed=self._now()).write(folder)
            except PermissionError as error:
                # Nothing is lost but that later damage goes unnoticed: the model is there.
                self._log.warning("a model cannot be marked as whole", folder=key, error=_told(error))

    def _work_out_digests(self, key: str, paths: tuple[str, ...], root: int) -> None:
        if key in self._hashing:
            return
        self._hashing.add(key)
        try:
            with _opened(_checked(key), root) as folder:
                marker = Marker.read(folder)
                if marker is not None:
                    marker.with_digests(folder, paths).write(folder)
        finally:
            self._hashing.discard(key)


def _checked(key: str) -> str:
    if not is_storage_key(key):
        raise ValueError(f"{key!r} is no storage key")
    return key


@contextmanager
def _opened(name: str, within: int | None = None) -> Iterator[int]:
    # The root is what the operator says it is, a link too; below it no link is followed.
    number = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) if within is None else open_folder(name, within)
    try:
        yield number
    finally:
        os.close(number)


def _work(folder: int) -> tuple[DownloadProgress | None, int | None]:
    """What an unfinished download in an open folder says, and how many bytes it has; None for no such download."""
    try:
        with _opened(WORK, folder) as work:
            return DownloadProgress.read(work), sum(found.st_size for _, found in walk(work))
    except (FileNotFoundError, NotADirectoryError):
        return None, None


def _told(error: OSError) -> str:
    where = f" ({error.filename})" if isinstance(error.filename, str) else ""
    return f"{error.strerror or error}{where}"
