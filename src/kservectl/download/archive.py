"""Archives: which downloads are one, and how they are unpacked.

Nothing is ever written outside of the folder, and links that lead out of it are refused. What an archive grows to is bounded
by the space on the disk, so that a bomb does not fill it.
"""

import shutil
import stat
import tarfile
import threading
import zipfile
from pathlib import Path

from kservectl.download.errors import DownloadRefused
from kservectl.download.source import inside

_TYPES = {
    "application/zip": "zip",
    "application/x-zip-compressed": "zip",
    "application/tar": "tar",
    "application/x-tar": "tar",
    "application/gtar": "tar",
    "application/x-gtar": "tar",
    "application/gzip": "tar",
    "application/x-gzip": "tar",
}
_ENDINGS = {".zip": "zip", ".tar": "tar", ".tar.gz": "tar", ".tgz": "tar"}
_VAGUE = ("", "application/octet-stream", "binary/octet-stream")
_PIECE = 1 << 20
_SPARE = 64 << 20
"""Bytes of the disk that stay free."""


def archive_kind(content_type: str, name: str) -> str:
    """`zip`, `tar`, or "" for what is no archive: by its content type, by its name where that says nothing."""
    media = content_type.partition(";")[0].strip().lower()
    if media in _VAGUE:
        return next((kind for ending, kind in _ENDINGS.items() if name.lower().endswith(ending)), "")
    return _TYPES.get(media, "")


def unpack(archive: Path, kind: str, folder: Path, stop: threading.Event) -> None:
    """Unpack into `folder`. Blocks; ends early once `stop` is set. Raises DownloadRefused, or OSError of the disk."""
    try:
        if kind == "zip":
            _unpack_zip(archive, folder, stop)
        else:
            _unpack_tar(archive, folder, stop)
    except tarfile.FilterError as error:
        raise DownloadRefused(f"the archive is refused: {error}") from error
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise DownloadRefused(f"the archive cannot be unpacked: {error or type(error).__name__}") from error
    except OSError as error:
        if error.errno is None:  # gzip says so of what is not its own
            raise DownloadRefused(f"the archive cannot be unpacked: {error}") from error
        raise


def _unpack_tar(archive: Path, folder: Path, stop: threading.Event) -> None:
    room = _room(folder)
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            if stop.is_set():
                return
            room -= member.size
            _check_room(room, folder)
            tar.extract(member, folder, filter="data")


def _unpack_zip(archive: Path, folder: Path, stop: threading.Event) -> None:
    room = _room(folder)
    with zipfile.ZipFile(archive) as found:
        for entry in found.infolist():
            if stat.S_ISLNK(entry.external_attr >> 16):
                raise DownloadRefused(f"the archive is refused: {entry.filename!r} is a link")
            target = inside(folder, entry.filename)
            if entry.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            room -= entry.file_size
            _check_room(room, folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            with found.open(entry) as packed, target.open("wb") as plain:
                while piece := packed.read(_PIECE):
                    if stop.is_set():
                        return
                    plain.write(piece)


def _room(folder: Path) -> int:
    return shutil.disk_usage(folder).free - _SPARE


def _check_room(room: int, folder: Path) -> None:
    if room < 0:
        raise DownloadRefused(f"the archive is larger than the space that is left at {folder}")
