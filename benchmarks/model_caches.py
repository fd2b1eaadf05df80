"""How model caches converge: time, CPU and requests of the manager for so many nodes and caches.

    python -m benchmarks.model_caches [NODESxCACHES …]

The devcluster, with simulated node agents, is one process and the manager another. All nodes belong to one group, all caches
are created at once, and a run ends when the status of every cache says that every node has its model. Each run has a fresh
cluster. The number of copies is nodes times caches; what a copy costs should stay what it is.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.api import Api, connect
from e2e.manager import ManagerProcess
from e2e.process import Process
from kservectl.api.kinds import LOCAL_MODEL_CACHE, LOCAL_MODEL_NODE_GROUP
from kservectl.objects.kind import NODE
from kservectl.objects.metadata import Object

_SIZES = ("50x25", "50x100", "200x25", "200x100")
_CONTROLLERS = "localmodelcache,localmodelnamespacecache,localmodelplacement,localmodelnodegroup"
_START_SECONDS = 60.0
_LIMIT_SECONDS = 600.0
_QUIET_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: seconds until all was said, CPU seconds of the manager, its requests by verb, and those at rest after it."""

    nodes: int
    caches: int
    seconds: float
    cpu: float
    requests: dict[str, float]
    at_rest: float

    def row(self) -> str:
        copies = self.nodes * self.caches
        writes = sum(count for method, count in self.requests.items() if method != "GET")
        cells = (
            str(self.nodes),
            str(self.caches),
            f"{self.seconds:.1f}",
            f"{1000 * self.seconds / copies:.2f}",
            f"{self.cpu:.1f}",
            f"{1000 * self.cpu / copies:.2f}",
            f"{writes:.0f}",
            f"{writes / self.nodes:.1f}",
            f"{writes / copies:.3f}",
            f"{self.at_rest:.0f}",
        )
        return f"| {' | '.join(cells)} |"


HEADER = (
    "| nodes | caches | seconds | ms a copy | CPU-s | CPU-ms a copy "
    "| writes | writes a node | writes a copy | requests at rest |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


async def measure(nodes: int, caches: int) -> Measured:
    """One run on a fresh devcluster."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kubeconfig = folder / "kubeconfig"
        cluster = Process(["dev", "--no-manager", f"--write-kubeconfig={kubeconfig}"], folder / "devcluster.log")
        manager = ManagerProcess(
            kubeconfig, folder / "manager.log", options=(f"--controllers={_CONTROLLERS}", "--no-webhooks")
        )
        cluster.start()
        try:
            cluster.wait_until(kubeconfig.exists, "serving", _START_SECONDS)
            async with connect(kubeconfig) as api:
                await _prepare(api, nodes)
                manager.start_ready(_START_SECONDS)
                return await _run(api, manager, nodes, caches)
        finally:
            manager.stop()
            cluster.stop()


async def _prepare(api: Api, nodes: int) -> None:
    await api.create(LOCAL_MODEL_NODE_GROUP, _group())
    for number in range(nodes):
        await api.create(NODE, _node(number))
        await api.merge(NODE, f"n{number}", "", {"status": _node(number)["status"]}, subresource="status")


async def _run(api: Api, manager: ManagerProcess, nodes: int, caches: int) -> Measured:
    before, cpu = manager.requests(), _cpu(manager)
    started = time.monotonic()
    for number in range(caches):
        await api.create(LOCAL_MODEL_CACHE, _cache(number))
    done = {"total": nodes, "available": nodes}
    await api.until_all(
        LOCAL_MODEL_CACHE,
        "",
        lambda found: len(found) == caches and all((obj.get("status") or {}).get("copies") == done for obj in found),
        "every node has every model",
        seconds=_LIMIT_SECONDS,
    )
    seconds, cpu = time.monotonic() - started, _cpu(manager) - cpu
    after = manager.requests()
    await asyncio.sleep(_QUIET_SECONDS / 2)  # what was gathered is written
    settled = manager.requests()
    await asyncio.sleep(_QUIET_SECONDS)
    at_rest = sum(manager.requests().values()) - sum(settled.values())
    requests = {method: count - before.get(method, 0) for method, count in after.items()}
    return Measured(nodes, caches, seconds, cpu, requests, at_rest)


def _cpu(manager: ManagerProcess) -> float:
    return manager.metric("process_cpu_seconds_total")


def _node(number: int) -> Object:
    meta = {"name": f"n{number}", "labels": {"pool": "models", "kubernetes.io/hostname": f"n{number}"}}
    status = {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta, "status": status}


def _group() -> Object:
    expression = {"key": "pool", "operator": "In", "values": ["models"]}
    return {
        "apiVersion": LOCAL_MODEL_NODE_GROUP.api_version,
        "kind": LOCAL_MODEL_NODE_GROUP.kind,
        "metadata": {"name": "models"},
        "spec": {
            "storageLimit": "100Ti",
            "maxParallelDownloads": 1000,
            "persistentVolumeSpec": {
                "accessModes": ["ReadWriteOnce"],
                "capacity": {"storage": "100Ti"},
                "local": {"path": "/models"},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}},
            },
            "persistentVolumeClaimSpec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "100Ti"}},
            },
        },
    }


def _cache(number: int) -> Object:
    spec = {"sourceModelUri": f"s3://models/m{number}", "modelSize": "1Gi", "nodeGroups": ["models"]}
    return {
        "apiVersion": LOCAL_MODEL_CACHE.api_version,
        "kind": LOCAL_MODEL_CACHE.kind,
        "metadata": {"name": f"m{number}"},
        "spec": spec,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", default=list(_SIZES), metavar="NODESxCACHES")
    print(HEADER, flush=True)
    for size in parser.parse_args(arguments).sizes:
        nodes, _, caches = size.partition("x")
        print(asyncio.run(measure(int(nodes), int(caches))).row(), flush=True)


if __name__ == "__main__":
    main()
