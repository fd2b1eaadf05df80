"""What a disk held when somebody looked, as plain values: the part of a decision's world that is no API object."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from kservectl.modelfolder.marker import Marker
from kservectl.modelfolder.progress import DownloadProgress

_STORAGE_KEY = re.compile("[0-9a-f]{16}")


def is_storage_key(name: str) -> bool:
    """Whether a folder of this name is one of ours. No other is ever looked into, or removed."""
    return _STORAGE_KEY.fullmatch(name) is not None


class Content(Enum):
    """What a folder holds."""

    ABSENT = "there is no folder"
    EMPTY = "nothing"
    UNMARKED = "files that nobody vouches for"
    UNFINISHED = "a download that is under way, or broke off"
    BROKEN = "a model of which something is missing"
    WHOLE = "a whole model"
    STRANGE = "not a folder that can be read"


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of a model. `problem` says what is wrong with a BROKEN or STRANGE one."""

    content: Content
    bytes: int = 0
    marker: Marker | None = None
    progress: DownloadProgress | None = None
    problem: str = ""
    hashing: bool = False
    """Checksums of its files are being worked out."""


@dataclass(frozen=True, slots=True)
class DiskState:
    """`folders` by storage key; `problem` is why nothing could be looked at, with the rest of it empty then.

    capacity, available
        Bytes of the file system, and of them those that the agent may fill.
    rubbish
        Whether something that was taken away is not deleted yet.
    """

    problem: str = ""
    folders: Mapping[str, Folder] = field(default_factory=dict)
    capacity: int = 0
    available: int = 0
    rubbish: bool = False

    @property
    def used(self) -> int:
        return sum(folder.bytes for folder in self.folders.values())


@dataclass(frozen=True, slots=True)
class Remove:
    """Take the folder of a storage key away, with all that is in it; it is rubbish then."""

    key: str


@dataclass(frozen=True, slots=True)
class Prepare:
    """Make the folder that a download is about to fill, so that it belongs to the agent's user and not to the kubelet's."""

    key: str


@dataclass(frozen=True, slots=True)
class Adopt:
    """Mark a model whole that somebody downloaded who does not."""

    key: str


@dataclass(frozen=True, slots=True)
class WorkOutDigests:
    """Work out the SHA-256 of files, and keep them in the marker."""

    key: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EmptyRubbish:
    """Delete what was taken away and is still there."""


Slow = WorkOutDigests | EmptyRubbish
"""What may take as long as the disk is large."""

Effect = Remove | Prepare | Adopt | WorkOutDigests | EmptyRubbish
