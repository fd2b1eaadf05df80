"""A program of kservectl as a process of its own, as an operator would run it: started, asked, stopped, frozen, killed.

A process never outlives the test run: where the system can (Linux), it is killed with the process that started it.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROJECT = Path(__file__).parents[1]
PROGRAM = (sys.executable, "-m", "kservectl")

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.02
_PROBE_SECONDS = 5.0
# "Parent" means a thread to Linux: this one stays until the interpreter ends, unlike those of an event loop.
_SPAWNER = ThreadPoolExecutor(1, thread_name_prefix="spawner")
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class NotReady(AssertionError):
    """The process ended, or did not get ready in time; the message has the end of its output."""


class Process:
    """`PROGRAM ARGUMENTS`, which is kservectl unless it is another; its output goes to `log`, appended over restarts."""

    def __init__(
        self,
        arguments: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self.arguments = tuple(arguments)
        self._program = tuple(program)
        self.log = log
        self._environment = {**os.environ, **(environment or {})}
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._child.poll() if self._child is not None else None

    def start(self) -> None:
        """Start it, again if it ran before. It is not ready yet."""
        assert not self.alive, f"{self} runs already"
        self._child = _SPAWNER.submit(self._spawn).result()

    def kill9(self) -> None:
        """SIGKILL, as the kernel's OOM killer would, and wait for the end."""
        self._signal(signal.SIGKILL)
        self.wait(10)

    def terminate(self, seconds: float = 20) -> int:
        """SIGTERM, as a kubelet would; the exit code."""
        self._signal(signal.SIGTERM)
        return self.wait(seconds)

    def pause(self) -> None:
        """Freeze it, as a machine that swaps or a suspended laptop would."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def wait(self, seconds: float) -> int:
        """The exit code; fails the test when it does not end in time."""
        try:
            return self._running().wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} did not end within {seconds} s:\n{self.tail()}") from None

    def stop(self, seconds: float = 20) -> None:
        """End it, whatever state it is in: cleanly if it can."""
        if not self.alive:
            return
        self.resume()
        self._signal(signal.SIGTERM)
        try:
            self._running().wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill9()

    def wait_until(self, holds: Callable[[], bool], what: str, seconds: float) -> None:
        """Ask until it holds; NotReady when the process ends before, or the time is over."""
        deadline = time.monotonic() + seconds
        while not holds():
            if not self.alive:
                raise NotReady(f"{self} ended with {self.exit_code} before {what}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise NotReady(f"{self}: not {what} after {seconds} s:\n{self.tail()}")
            time.sleep(_POLL_SECONDS)

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [*self._program, *self.arguments]
        with self.log.open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_die_with_parent,
            )

    def _signal(self, number: signal.Signals) -> None:
        os.kill(self._running().pid, number)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._child is not None, f"{self} was never started"
        return self._child

    def __str__(self) -> str:
        return f"kservectl {self.arguments[0]} ({self.log.name})"


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def probe(port: int, path: str) -> str | None:
    """The body of a 200 on a port of the loopback; None for any other answer or none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=_PROBE_SECONDS) as answer:
            text: str = answer.read().decode()
            return text
    except (OSError, urllib.error.HTTPError):
        return None


def kservectl(*arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command of kservectl to its end."""
    command = [sys.executable, "-m", "kservectl", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=seconds, check=False)


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
