"""The real control plane with kservectl installed, and a manager on it: what every API-bound row runs on.

Each phase of a row gets a fresh one, so that nothing that one phase left costs the next one anything.
"""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from benchmarks.delaying_proxy import delaying_proxy
from benchmarks.usage import Usage, usage
from e2e.api import Api, connect
from e2e.cluster import start_cluster
from e2e.installation import account_kubeconfig, install
from e2e.manager import ManagerProcess
from kservectl.objects.kind import NAMESPACE

_READY_SECONDS = 120.0
_LOOK_SECONDS = 0.5
_STILL_LOOKS = 6


@dataclass(frozen=True, slots=True)
class Stack:
    """A cluster. `manager_kubeconfig` is the manager's own account, under the RBAC of the manifests.

    `audited` reads what pods' accounts have asked for, as events of `audit.k8s.io/v1`.
    """

    folder: Path
    kubeconfig: Path
    manager_kubeconfig: Path
    api: Api
    audited: Callable[[], list[dict[str, Any]]]

    async def namespaces(self, number: int, prefix: str = "bench") -> list[str]:
        """Make this many."""
        names = [f"{prefix}-{position}" for position in range(number)]
        for name in names:
            await self.api.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        return names

    @contextmanager
    def delayed(self, milliseconds: float) -> Iterator[tuple[Path, Path]]:
        """The administrator's and the manager's kubeconfig, each through one proxy that delays every request."""
        server = urlsplit(yaml.safe_load(self.kubeconfig.read_text())["clusters"][0]["cluster"]["server"])
        with delaying_proxy(server.hostname or "", server.port or 443, milliseconds) as port:
            yield _through(self.kubeconfig, port), _through(self.manager_kubeconfig, port)


@asynccontextmanager
async def stack() -> AsyncIterator[Stack]:
    """A new cluster; gone with the block."""
    with tempfile.TemporaryDirectory(prefix="kservectl-bench-") as name:
        folder = Path(name)
        with start_cluster(folder / "cluster", report=lambda line: None) as running:
            await asyncio.to_thread(install, running.kubeconfig)
            account = await asyncio.to_thread(account_kubeconfig, running.kubeconfig, folder)
            async with connect(running.kubeconfig, "benchmark") as api:
                yield Stack(folder, running.kubeconfig, account, api, running.audited)


@contextmanager
def manager(
    stack: Stack, *options: str, kubeconfig: Path | None = None, again: ManagerProcess | None = None
) -> Iterator[ManagerProcess]:
    """kservectl with its webhooks, ready: a new one, or `again` one that has ended, at the same addresses."""
    process = again or ManagerProcess(
        kubeconfig or stack.manager_kubeconfig, stack.folder / "manager.log", options=options
    )
    process.start_ready(_READY_SECONDS)
    try:
        yield process
    finally:
        process.stop()


@contextmanager
def peer(stack: Stack, program: str, kubeconfig: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Another manager: `program` is run with KUBECONFIG, without arguments; it has no webhooks but those it registers."""
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig or stack.kubeconfig), "POD_NAMESPACE": "kserve"}
    with (stack.folder / "peer.log").open("ab") as log:
        process = subprocess.Popen([program], env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


async def without_webhooks(stack: Stack) -> None:
    """Take their registrations away where nobody serves them: they would refuse everything."""
    for kind in ("mutating", "validating"):
        await stack.api.client.raw("DELETE", f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations")


@dataclass(frozen=True, slots=True)
class Counted:
    """What a manager has done and used since its start."""

    used: Usage
    requests: Mapping[str, float]
    reconciles: float
    unchanging: float

    def writes(self) -> float:
        return sum(number for method, number in self.requests.items() if method != "GET")


async def counted(process: ManagerProcess) -> Counted:
    """Read it all at one moment."""
    metrics = await asyncio.to_thread(process.metrics)
    requests: dict[str, float] = {}
    for (name, labels), value in metrics.items():
        if name == "rest_client_requests_total":
            method = dict(labels)["method"]
            requests[method] = requests.get(method, 0) + value

    def of_services(name: str) -> float:
        wanted = ("controller", "inferenceservice")
        return sum(value for (each, labels), value in metrics.items() if each == name and wanted in labels)

    return Counted(
        usage(process.pid),
        requests,
        of_services("controller_runtime_reconcile_total"),
        of_services("kservectl_reconcile_unchanging_total"),
    )


async def at_rest(process: ManagerProcess, seconds: float = 600) -> None:
    """Return once it has had no key in hand or waiting, and has decided nothing, for some seconds."""
    still, before = 0, -1.0
    async with asyncio.timeout(seconds):
        while still < _STILL_LOOKS:
            metrics = await asyncio.to_thread(process.metrics)
            busy = sum(
                value
                for (name, _), value in metrics.items()
                if name in ("workqueue_depth", "controller_runtime_active_workers")
            )
            decided = sum(value for (name, _), value in metrics.items() if name == "controller_runtime_reconcile_total")
            still = still + 1 if not busy and decided == before else 0
            before = decided
            await asyncio.sleep(_LOOK_SECONDS)


def _through(kubeconfig: Path, port: int) -> Path:
    """A copy beside it that leads to a proxy on this port."""
    config = yaml.safe_load(kubeconfig.read_text())
    for cluster in config["clusters"]:
        cluster["cluster"]["server"] = f"https://127.0.0.1:{port}"
    copy = kubeconfig.with_name(f"delayed-{port}-{kubeconfig.name}")
    copy.write_text(yaml.safe_dump(config))
    copy.chmod(0o600)
    return copy
