"""Stops a cluster when the process that uses it has died without doing so, be it by SIGKILL."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["guarded"]

_PROJECT = Path(__file__).parents[2]
_STOP_SECONDS = 120.0


@contextmanager
def guarded(folder: Path, *, delete: bool) -> Iterator[None]:
    """Make sure that the cluster of a folder is stopped after the block, even if this process never gets there.

    Another process holds the end of a pipe, whose end here the operating system closes whatever happens.
    """
    command = [sys.executable, "-m", "e2e.cluster", "down", "--when-input-ends", "--dir", str(folder.absolute())]
    if delete:
        command.append("--delete")
    # In a session of its own: Ctrl-C in the terminal is for the process that it guards.
    guard = subprocess.Popen(
        command, cwd=_PROJECT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )
    assert guard.stdin is not None
    try:
        yield
    finally:
        guard.stdin.close()
        guard.wait(_STOP_SECONDS)
