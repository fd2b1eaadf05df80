"""What the folder of a model holds beside the model, and how files of it are read and written without surprises."""

import os
import stat
from collections.abc import Iterator
from typing import Any

import orjson

MARKER = ".kservectl.json"
WORK = ".kservectl"
PROGRESS = "progress.json"

_LARGEST = 64 << 20
"""Bytes of a file of ours that are read: a marker with a million files is smaller."""


def open_folder(name: str, within: int | None = None) -> int:
    """A descriptor of the folder `name`, below the open folder `within` where given; never of what a link leads to.

    Raises OSError: NotADirectoryError for a link as for a file. The caller closes it.
    """
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=within)


def walk(folder: int) -> Iterator[tuple[str, os.stat_result]]:
    """Every file of the model in an open folder, with its path and what is known of it. Links are files, and not followed."""
    for root, folders, files, number in os.fwalk(".", topdown=True, follow_symlinks=False, dir_fd=folder):
        if root == ".":
            folders[:] = [name for name in folders if name != WORK]
        for name in (*files, *folders):
            path = name if root == "." else f"{root[2:]}/{name}"
            try:
                found = os.stat(name, dir_fd=number, follow_symlinks=False)
            except FileNotFoundError:
                continue  # somebody is at work here
            if path != MARKER and not stat.S_ISDIR(found.st_mode):
                yield path, found


def read_json(name: str, folder: int) -> Any:
    """What a file of ours in an open folder says; None when there is none, or it makes no sense. Raises OSError."""
    try:
        number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        return None
    with os.fdopen(number, "rb") as file:
        try:
            return orjson.loads(file.read(_LARGEST))
        except orjson.JSONDecodeError:
            return None


def write_json(name: str, folder: int, value: Any, *, durable: bool = True) -> None:
    """Put a file of ours into an open folder: all of it or nothing; if `durable`, over a power cut too. Raises OSError."""
    unfinished = f"{name}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(unfinished, flags, 0o644, dir_fd=folder), "wb") as file:
        file.write(orjson.dumps(value))
        file.flush()
        if durable:
            os.fsync(file.fileno())
    os.replace(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)
