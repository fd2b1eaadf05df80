"""The manager under test: `kservectl run` as a process, with its probes, metrics and log."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from e2e.process import PROGRAM, Process, free_port, probe

_READY_SECONDS = 30.0


class ManagerProcess(Process):
    """One replica. Ports are its own; `webhook_url` is where the API server reaches its webhooks, itself unless given."""

    def __init__(
        self,
        kubeconfig: Path,
        log: Path,
        *,
        leader_elect: bool = False,
        webhook_url: str = "",
        options: tuple[str, ...] = (),
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self.metrics_port, self.health_port, self.webhook_port = free_port(), free_port(), free_port()
        arguments = (
            "run",
            f"--kubeconfig={kubeconfig}",
            f"--webhook-url={webhook_url or f'https://127.0.0.1:{self.webhook_port}'}",
            f"--webhook-bind=127.0.0.1:{self.webhook_port}",
            f"--metrics-bind=127.0.0.1:{self.metrics_port}",
            f"--health-bind=127.0.0.1:{self.health_port}",
            "--leader-elect" if leader_elect else "--no-leader-elect",
            "--log-format=json",
            *options,
        )
        super().__init__(arguments, log, program=program)

    def start_ready(self, seconds: float = _READY_SECONDS) -> None:
        """Start it and wait for its readiness probe."""
        self.start()
        self.wait_ready(seconds)

    def wait_ready(self, seconds: float = _READY_SECONDS) -> None:
        self.wait_until(self.is_ready, "ready", seconds)

    def is_ready(self) -> bool:
        """What a kubelet's readiness probe would make of it now."""
        return probe(self.health_port, "/readyz") is not None

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Every sample of `/metrics`, by name and labels."""
        text = probe(self.metrics_port, "/metrics")
        assert text is not None, f"{self} shows no metrics:\n{self.tail()}"
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name that carry these labels."""
        wanted = set(labels.items())
        return sum(value for (each, having), value in self.metrics().items() if each == name and wanted <= set(having))

    def requests(self) -> Mapping[str, float]:
        """How many requests it has sent to the API server, by HTTP method."""
        found: dict[str, float] = {}
        for (name, labels), value in self.metrics().items():
            if name == "rest_client_requests_total":
                method = dict(labels)["method"]
                found[method] = found.get(method, 0) + value
        return found

    def lines(self) -> list[dict[str, Any]]:
        """Its log, over all starts; lines that are no JSON (a traceback) under the key `text`."""
        return [_decoded(line) for line in self.log.read_text(errors="replace").splitlines() if line.strip()]


def _decoded(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {"text": line}
    return found if isinstance(found, dict) else {"text": line}
