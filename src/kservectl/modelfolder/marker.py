"""The marker of a whole model: which files it has, so that one that goes missing later, or is cut short, is noticed.

A download writes it last. For a download that does not (KServe's storage initializer), the agent does, from what it finds.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from kservectl.clock import parse_time, rfc3339
from kservectl.modelfolder.layout import MARKER, read_json, walk, write_json

BY_DOWNLOAD = "download"
BY_AGENT = "agent"

_VERSION = 1
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Marker:
    """`sizes` by path within the model; `digests` are SHA-256 as far as somebody asked; `completed` as in RFC 3339."""

    by: str
    completed: str
    sizes: Mapping[str, int]
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return sum(self.sizes.values())

    @property
    def by_agent(self) -> bool:
        return self.by == BY_AGENT

    @classmethod
    def of_folder(cls, folder: int, *, by: str, completed: str) -> Self:
        """From the files that are in an open folder now. Raises OSError."""
        return cls(by, completed, {path: status.st_size for path, status in walk(folder)})

    @classmethod
    def read(cls, folder: int) -> Self | None:
        """The marker of an open folder, if there is one that can be read. Raises OSError."""
        found = read_json(MARKER, folder)
        if not isinstance(found, dict) or found.get("version") != _VERSION or not isinstance(found.get("files"), dict):
            return None
        files: dict[str, Any] = found["files"]
        completed = _moment(found.get("completed"))
        if not completed or not all(
            isinstance(each, dict) and isinstance(each.get("size"), int) for each in files.values()
        ):
            return None
        return cls(
            str(found.get("by")),
            completed,
            {path: each["size"] for path, each in files.items()},
            {path: str(each["sha256"]) for path, each in files.items() if "sha256" in each},
        )

    def write(self, folder: int) -> None:
        """Put it into an open folder. Raises OSError."""
        files = {
            path: {"size": size} | ({"sha256": self.digests[path]} if path in self.digests else {})
            for path, size in self.sizes.items()
        }
        content = {"version": _VERSION, "by": self.by, "completed": self.completed, "files": files}
        write_json(MARKER, folder, content)

    def missing(self, folder: int) -> str:
        """What of the model is not in the open folder as it should be, in a sentence; "" for nothing. Raises OSError."""
        found = {path: status.st_size for path, status in walk(folder)}
        wrong = [f"{path} is missing" for path in self.sizes if path not in found]
        wrong += [
            f"{path} has {found[path]} bytes instead of {size}"
            for path, size in self.sizes.items()
            if path in found and found[path] != size
        ]
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return wrong[0] + more if wrong else ""

    def with_digests(self, folder: int, paths: Iterable[str]) -> Self:
        """This marker with the SHA-256 of these files, as far as it has them. Reads them whole. Raises OSError."""
        wanted = [path for path in paths if path in self.sizes]
        return replace(self, digests={**self.digests, **{path: _digest(path, folder) for path in wanted}})


def _moment(text: Any) -> str:
    """A time as objects have it; "" for what is none."""
    try:
        return rfc3339(parse_time(str(text)))
    except (ValueError, OverflowError):
        return ""


def _digest(path: str, folder: int) -> str:
    """The SHA-256 of a file; "", which nobody asks for, where a link is or leads through."""
    try:
        number = _open_below(path, folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            return ""
        raise
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return ""
        digest = hashlib.sha256()
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _open_below(path: str, folder: int) -> int:
    """A descriptor of a file, to which no part of the way may be a link. Raises OSError."""
    *folders, name = path.split("/")
    here = os.dup(folder)
    try:
        for each in folders:
            inner = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here = inner
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=here)
    finally:
        os.close(here)
