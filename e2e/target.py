"""The cluster that the suite runs on: the devcluster, a real control plane, or the one of a kubeconfig."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import RunningCluster, start_cluster
from e2e.process import Process

DEVCLUSTER = "devcluster"
REAL = "real"

_START_SECONDS = 40.0


@dataclass(frozen=True)
class Target:
    """A running cluster. `name` is `devcluster`, `real`, or the path of the kubeconfig that was given."""

    name: str
    kubeconfig: Path
    folder: Path
    running: RunningCluster | None = None

    @property
    def is_devcluster(self) -> bool:
        return self.name == DEVCLUSTER


@contextmanager
def open_target(name: str, folder: Path) -> Iterator[Target]:
    """Start it if it is one of ours; it ends with the block."""
    if name == DEVCLUSTER:
        with _devcluster(folder) as kubeconfig:
            yield Target(name, kubeconfig, folder)
    elif name == REAL:
        with start_cluster(folder / "cluster") as running:
            yield Target(name, running.kubeconfig, folder, running)
    else:
        yield Target(name, Path(name).absolute(), folder)


@contextmanager
def _devcluster(folder: Path) -> Iterator[Path]:
    kubeconfig = folder / "devcluster.kubeconfig"
    process = Process(["dev", "--no-manager", f"--write-kubeconfig={kubeconfig}"], folder / "devcluster.log")
    process.start()
    try:
        process.wait_until(kubeconfig.exists, "serving", _START_SECONDS)
        yield kubeconfig
    finally:
        process.stop()
