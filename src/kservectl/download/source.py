"""What every place to fetch from can do: say which files there are, and open one from a given byte on."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from kservectl.download.checksum import Checksum
from kservectl.download.errors import DownloadRefused


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file to fetch. `path` is where it goes below the folder; what is not known beforehand is None or empty.

    `version` changes whenever the content does (an ETag); `may_be_archive` says that it is unpacked if it turns out to be one.
    """

    path: str
    size: int | None = None
    version: str = ""
    checksum: Checksum | None = None
    may_be_archive: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """An open file: `chunks` are its bytes from `offset` on, which is 0 when the rest of what was there is of no use.

    `size` is that of the whole file, None if the other side does not say.
    """

    offset: int
    size: int | None
    version: str
    chunks: AsyncIterator[bytes]
    content_type: str = ""
    checksum: Checksum | None = None


class Source(Protocol):
    """A place to fetch from. Its methods raise Interrupted for what may pass, DownloadRefused for what does not."""

    async def files(self) -> Sequence[RemoteFile]:
        """All files; at least one."""
        ...

    def open(self, file: RemoteFile, offset: int, version: str) -> AbstractAsyncContextManager[Opened]:
        """`file` from `offset` on, if it is still the one that had `version`; from 0 on otherwise."""
        ...


def inside(folder: Path, path: str) -> Path:
    """Where `path` is below `folder`; raises DownloadRefused for one that leads out of it."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise DownloadRefused(f"a file called {path!r} would be outside of the model's folder")
    return folder.joinpath(*parts)
