"""A process that outlives the one that started it, known by its pid and the moment it started."""

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ProcessId", "is_running", "kill", "spawn", "terminate"]

_POLL_SECONDS = 0.02

# The processes that this one started: they have to be waited for, or they stay as zombies.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class ProcessId:
    """Names one process for good: the system gives a pid again, but not with the same time of start."""

    pid: int
    started: str
    """Clock ticks since the machine's start; empty where the system does not tell."""


def spawn(command: list[str], log: Path) -> ProcessId:
    """Start a program in a session of its own, with its output appended to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    _children[child.pid] = child
    found = _look_up(child.pid)
    return ProcessId(child.pid, found.started if found else "")


def is_running(process: ProcessId) -> bool:
    """Tell whether it is there and not merely a zombie."""
    child = _children.get(process.pid)
    if child is not None and child.poll() is not None:
        del _children[process.pid]
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Another user's: the pid has been given again.
        return False
    found = _look_up(process.pid)
    return found is None or (not found.over and found.started == process.started)


def terminate(process: ProcessId, patience: float) -> None:
    """Ask it to end, and end it if it has not done so after ``patience`` seconds."""
    if not _signal(process, signal.SIGTERM):
        return
    if not _wait_for_end(process, patience):
        kill(process)


def kill(process: ProcessId) -> None:
    """End it at once, as a crash would."""
    if _signal(process, signal.SIGKILL) and not _wait_for_end(process, 10.0):
        raise TimeoutError(f"process {process.pid} is still there 10 s after SIGKILL")


def _signal(process: ProcessId, number: signal.Signals) -> bool:
    if not is_running(process):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)
        return True
    return False


def _wait_for_end(process: ProcessId, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


@dataclass(frozen=True)
class _Entry:
    """What the process table tells of a pid."""

    over: bool
    started: str


def _look_up(pid: int) -> _Entry | None:
    """Read the process table; nothing, where there is no /proc or the process has just gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field, the command's name, may hold spaces and brackets itself.
    state, *fields = text.rpartition(")")[2].split()
    threads, started = int(fields[16]), fields[18]
    # A killed process shows as a zombie while the last of its threads still hold its ports.
    return _Entry(over=state in {"Z", "X"} and threads <= 1, started=started)
