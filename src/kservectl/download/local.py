"""Files that are on a disk of this machine already: `file:///PATH`, and `pvc://CLAIM/PATH` where claims are mounted.

Only what is below one folder is read, whatever links say: a URI comes from somebody who may not read the rest.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from yarl import URL

from kservectl.download.blocking import in_thread
from kservectl.download.checksum import Checksum
from kservectl.download.errors import DownloadRefused
from kservectl.download.source import Opened, RemoteFile

_PIECE = 1 << 20


class LocalFiles:
    """The file or folder at a URI, if it is below `root`. pvc://CLAIM/PATH is CLAIM/PATH below it."""

    def __init__(self, uri: str, root: Path) -> None:
        url = URL(uri)
        if url.scheme == "file" and url.host not in (None, "", "localhost"):
            raise DownloadRefused(f"{uri} is on another machine")
        self._uri = uri
        self._root = root
        self._path = root / (url.host or "") / url.path.lstrip("/") if url.scheme == "pvc" else Path(url.path)
        self._checksum = Checksum.of_fragment(url.fragment)
        self._base = self._path

    async def files(self) -> Sequence[RemoteFile]:
        """Every file, with its size; its time of change stands for its version."""
        found = await in_thread(lambda _: self._list())
        if not found:
            raise DownloadRefused(f"{self._uri} has no files or does not exist below {self._root}")
        return found

    def _list(self) -> list[RemoteFile]:
        root, path = self._root.resolve(), self._path.resolve()
        if not path.is_relative_to(root):
            raise DownloadRefused(f"{self._uri} is not below {self._root}, the only folder that is read")
        if path.is_file():
            self._base = path.parent
            return [self._entry(path, self._checksum, may_be_archive=True)]
        self._base = path
        return [
            self._entry(entry)
            for entry in sorted(path.rglob("*"))
            if entry.is_file() and entry.resolve().is_relative_to(root)
        ]

    def _entry(self, path: Path, checksum: Checksum | None = None, *, may_be_archive: bool = False) -> RemoteFile:
        status = path.stat()
        name = path.relative_to(self._base).as_posix()
        return RemoteFile(name, status.st_size, str(status.st_mtime_ns), checksum, may_be_archive)

    @asynccontextmanager
    async def open(self, file: RemoteFile, offset: int, version: str) -> AsyncIterator[Opened]:
        """The file, from `offset` if it did not change."""
        start = offset if version == file.version else 0
        yield Opened(start, file.size, file.version, self._chunks(self._base / file.path, start))

    async def _chunks(self, path: Path, offset: int) -> AsyncIterator[bytes]:
        def read(at: int) -> bytes:
            with path.open("rb") as file:
                file.seek(at)
                return file.read(_PIECE)

        while piece := await in_thread(lambda _, at=offset: read(at)):  # type: ignore[misc]  # mypy cannot infer a default
            yield piece
            offset += len(piece)
