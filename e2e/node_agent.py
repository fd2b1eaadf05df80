"""`kservectl node-agent` as a process, with its disk."""

from pathlib import Path

from e2e.process import Process, free_port, probe


class NodeAgentProcess(Process):
    """The agent of one node, with `root` as its disk."""

    def __init__(self, kubeconfig: Path, node: str, root: Path, log: Path) -> None:
        self.health_port, self.metrics_port = free_port(), free_port()
        arguments = (
            "node-agent",
            f"--kubeconfig={kubeconfig}",
            f"--node-name={node}",
            f"--root={root}",
            "--system-namespace=kserve",
            f"--metrics-bind=127.0.0.1:{self.metrics_port}",
            f"--health-bind=127.0.0.1:{self.health_port}",
            "--log-format=json",
        )
        super().__init__(arguments, log)

    def is_ready(self) -> bool:
        """What a kubelet's readiness probe would make of it now."""
        return probe(self.health_port, "/readyz") is not None
