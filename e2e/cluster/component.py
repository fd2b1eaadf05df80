"""One program of a running cluster: start it, ask whether it is well, stop it, kill it."""

import ssl
import time
from datetime import UTC, datetime
from pathlib import Path

from e2e.cluster import process
from e2e.cluster.arguments import COMMAND_LINES
from e2e.cluster.connection import health_problem, tls_context
from e2e.cluster.errors import ComponentError
from e2e.cluster.layout import Layout
from e2e.cluster.process import ProcessId
from e2e.cluster.state import process_of, record_process

__all__ = ["Component"]

_HEALTH_PATHS = {
    "etcd": "/health",
    "kube-apiserver": "/readyz",
    "kube-controller-manager": "/healthz",
    "kube-scheduler": "/readyz",
    "kwok": "/healthz",
}
_READY_SECONDS = 90.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.05
_LOG_LINES = 25
_CRASH = ("panic:", "fatal error:")
"""How the trace of a Go program that crashes begins. It is longer than what is shown, and the reason stands at its head."""
_STARTS_AGAIN = 1
"""How often a program that ends while it starts is started once more: KWOK 0.8.0 did that once in hundreds of starts."""


class Component:
    """A program of a cluster. Whoever has the cluster's folder can control it, not only the process that started it."""

    def __init__(self, name: str, layout: Layout) -> None:
        self.name = name
        self.log: Path = layout.log(name)
        self._layout = layout
        self.starts: list[tuple[datetime, datetime]] = []
        """From when to when it was starting, each time that somebody waited for it here."""
        self._started_at: datetime | None = None

    @property
    def pid(self) -> int | None:
        """The process id, while it runs."""
        recorded = self._recorded()
        return recorded.pid if recorded and process.is_running(recorded) else None

    @property
    def port(self) -> int:
        """Its loopback port."""
        return self._layout.ports[self.name]

    def start(self) -> None:
        """Start it, unless it runs; do not wait until it is ready."""
        if self.pid is not None:
            return
        command = [str(self._layout.binaries[self.name]), *COMMAND_LINES[self.name](self._layout)]
        try:
            running = process.spawn(command, self.log)
        except OSError as error:
            raise ComponentError(f"could not start {command[0]}: {error}") from error
        self._started_at = datetime.now(UTC)
        record_process(self._layout.folder, self.name, running)

    def is_ready(self) -> bool:
        """Ask it once whether it is ready to serve."""
        return self._problem() is None

    def wait_ready(self, seconds: float = _READY_SECONDS) -> None:
        """Wait until it is ready, and start it once more if it ends before that.

        :raises ComponentError: with the end of its log, when it dies again or takes longer than this.
        """
        deadline, again = time.monotonic() + seconds, _STARTS_AGAIN
        while problem := self._problem():
            if self.pid is None:
                if not again:
                    raise ComponentError(f"{self.name} has ended; {self._end_of_log()}")
                again -= 1
                self.start()
            if time.monotonic() > deadline:
                raise ComponentError(
                    f"{self.name} is not ready after {seconds:.0f} s ({problem}); {self._end_of_log()}"
                )
            time.sleep(_POLL_SECONDS)
        if self._started_at:
            self.starts.append((self._started_at, datetime.now(UTC)))
            self._started_at = None

    def stop(self, patience: float = _STOP_SECONDS) -> None:
        """Ask it to end, and wait until it has."""
        if recorded := self._recorded():
            process.terminate(recorded, patience)
            record_process(self._layout.folder, self.name, None)

    def kill(self) -> None:
        """End it at once, as a crash would (SIGKILL)."""
        if recorded := self._recorded():
            process.kill(recorded)
            record_process(self._layout.folder, self.name, None)

    def restart(self) -> None:
        """Stop it if it runs, start it again on the same data and port, and wait until it is ready."""
        self.stop()
        self.start()
        self.wait_ready()

    def _recorded(self) -> ProcessId | None:
        return process_of(self._layout.folder, self.name)

    def _problem(self) -> str | None:
        if self.pid is None:
            return "it does not run"
        scheme = "http" if self.name == "kwok" else "https"
        return health_problem(f"{scheme}://127.0.0.1:{self.port}{_HEALTH_PATHS[self.name]}", self._tls())

    def _tls(self) -> ssl.SSLContext | None:
        pki = self._layout.pki
        if self.name == "kwok":
            return None
        return tls_context(pki.etcd_ca, pki.etcd_client) if self.name == "etcd" else tls_context(pki.ca, pki.admin)

    def _end_of_log(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return f"it has written no log ({self.log})"
        crash = max((number for number, line in enumerate(lines) if line.startswith(_CRASH)), default=None)
        told, shown = "the end of", lines[-_LOG_LINES:]
        if crash is not None:
            told, shown = "the crash in", lines[crash : crash + _LOG_LINES]
        return f"{told} {self.log}:\n" + "\n".join(f"  {line}" for line in shown)
