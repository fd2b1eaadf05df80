"""A node agent, and the downloads that it has made, killed at random moments; and what there is to say of it afterwards."""

import asyncio
import hashlib
import random
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from e2e.kubelet import Kubelet
from e2e.model_server import ModelServer, serving_models
from e2e.node_agent import NodeAgentProcess
from kservectl.api.crds import crds
from kservectl.api.kinds import LOCAL_MODEL_NODE
from kservectl.client.client import Client
from kservectl.client.config import ConnectionConfig
from kservectl.client.connection import Connection
from kservectl.clock import SystemClock
from kservectl.devcluster.cluster import DevCluster
from kservectl.devcluster.types import builtin_types
from kservectl.manifests.configuration import config_map
from kservectl.manifests.node_agent import JOB_NAMESPACE, download_container
from kservectl.modelstorage.local_model import storage_key
from kservectl.objects.kind import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, JOB, NAMESPACE, Kind
from kservectl.objects.metadata import Object

NODE = "worker-1"
_STORAGE_CONTAINER = Kind("serving.kserve.io", "v1alpha1", "ClusterStorageContainer", "clusterstoragecontainers", False)


@dataclass(frozen=True, slots=True)
class Plan:
    """How many models of how many bytes, at how many bytes a second each; how often something is killed, and by which dice."""

    models: int
    size: int
    rate: float
    kills: int
    seed: int = 1
    seconds: float = 120.0


@dataclass(slots=True)
class Report:
    """What came of it. `interrupted` counts for each model the kills that hit its download."""

    seconds: float = 0.0
    agent_kills: int = 0
    download_kills: int = 0
    containers: int = 0
    jobs: int = 0
    served: dict[str, int] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    interrupted: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    foreign_changes: list[str] = field(default_factory=list)
    status: Object = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.served.values())


async def run(plan: Plan, folder: Path) -> Report:
    """Have all models downloaded while things are killed, and look at the disk."""
    root = folder / "disk"
    foreign = _foreign_files(root, folder / "elsewhere")
    before = _state(foreign)
    report = Report()
    with serving_models(plan.size, plan.rate) as models:
        async with _cluster(folder) as (client, kubeconfig):
            names = [f"model-{number:02}.bin" for number in range(plan.models)]
            await client.create(LOCAL_MODEL_NODE, _order(names, models, plan.size))
            kubelet = Kubelet(client, NODE, JOB_NAMESPACE, root, folder / "containers.log")
            agent = NodeAgentProcess(kubeconfig, NODE, root, folder / "agent.log")
            agent.start()
            started = time.monotonic()
            running = asyncio.create_task(kubelet.run())
            try:
                async with asyncio.timeout(plan.seconds):
                    await _kill(plan, agent, kubelet, models, report)
                report.status = await _downloaded(client, names, plan.seconds, agent)
                report.seconds = time.monotonic() - started
                await asyncio.sleep(1.5)  # what would still be fetched without need, or removed, shows
                report.jobs = len((await client.list(JOB, JOB_NAMESPACE))["items"])
            finally:
                agent.stop()
                for name in kubelet.running:
                    kubelet.kill(name)
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
        report.containers = kubelet.started
        report.served, report.requests = dict(models.served), dict(models.requests)
        report.broken = [name for name in names if not _is_whole(name, models, root)]
        ours = [storage_key(f"{models.url}/{name}") for name in names]
    report.foreign_changes = sorted({path for path, _ in _state(foreign, ours).items() ^ before.items()})
    return report


async def _kill(plan: Plan, agent: NodeAgentProcess, kubelet: Kubelet, models: ModelServer, report: Report) -> None:
    """Kill the agent, a download, or everything (as a node that loses its power), at moments that only the dice know.

    The moments are points of the progress of all downloads together, so that each comes while something is going on.
    """
    dice = random.Random(plan.seed)
    for moment in sorted(dice.uniform(0.02, 0.97) for _ in range(plan.kills)):
        while sum(models.served.values()) < moment * plan.models * plan.size:
            assert agent.alive, agent.tail()
            await asyncio.sleep(0.01)
        victims = sorted(name for name, process in kubelet.running.items() if process.alive)
        what = dice.choice(("agent", "download", "everything"))
        if what != "agent" and victims:
            for job in victims if what == "everything" else [dice.choice(victims)]:
                model = kubelet.running[job].arguments[1].rpartition("/")[2]
                kubelet.kill(job)
                report.download_kills += 1
                report.interrupted[model] = report.interrupted.get(model, 0) + 1
        if what != "download" or not victims:
            await asyncio.to_thread(agent.kill9)
            report.agent_kills += 1
            agent.start()


async def _downloaded(client: Client, names: list[str], seconds: float, agent: NodeAgentProcess) -> Object:
    """The status once every model is on the disk; fails with what it says when that takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        found = (await client.get(LOCAL_MODEL_NODE, NODE)).get("status") or {}
        states = found.get("modelStatus") or {}
        if len(states) == len(names) and set(states.values()) == {"ModelDownloaded"}:
            status: Object = found
            return status
        assert agent.alive, agent.tail()
        assert time.monotonic() < deadline, f"not all were downloaded after {seconds} s: {found}\n{agent.tail()}"
        await asyncio.sleep(0.1)


def _order(names: list[str], models: ModelServer, size: int) -> Object:
    entries = [
        {
            "modelName": name,
            "sourceModelUri": f"{models.url}/{name}",
            "nodeGroup": "disks",
            "modelSize": str(size),
            "checksums": {name: hashlib.sha256(models.content(name)).hexdigest()},
        }
        for name in names
    ]
    return {
        "apiVersion": LOCAL_MODEL_NODE.api_version,
        "kind": LOCAL_MODEL_NODE.kind,
        "metadata": {"name": NODE},
        "spec": {"localModels": entries, "maxParallelDownloads": 4},
    }


def _is_whole(name: str, models: ModelServer, root: Path) -> bool:
    folder = root / "models" / storage_key(f"{models.url}/{name}")
    found = {path.name for path in folder.iterdir()}
    return found == {name, ".kservectl.json"} and (folder / name).read_bytes() == models.content(name)


def _foreign_files(root: Path, elsewhere: Path) -> list[Path]:
    """What others keep on the disk: beside our folders, with names that look like ours, and behind links."""
    models = root / "models"
    for path in (root / "other" / "data", models / "lost+found" / "x", models / "notes.txt", elsewhere / "treasure"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"this is {path.name}")
    (models / ("a" * 16)).write_text("a file with the name of a folder of ours")
    (models / ("b" * 16)).symlink_to(elsewhere)
    (models / "link").symlink_to(elsewhere)
    (models / "0123456789ABCDEF").mkdir()
    return [root, elsewhere]


def _state(folders: list[Path], ours: Collection[str] = ()) -> dict[str, tuple[int, int, int, bytes]]:
    """Everything below `folders` but what is below `ours`, with what would change if anybody touched it."""
    found = {}
    for path in (path for folder in folders for path in folder.rglob("*") if not set(ours) & set(path.parts)):
        status = path.lstat()
        is_folder = path.is_dir() and not path.is_symlink()
        content = str(path.readlink()).encode() if path.is_symlink() else b"" if is_folder else path.read_bytes()
        found[str(path)] = (status.st_ino, status.st_mode, 0 if is_folder else status.st_mtime_ns, content)
    return found


@asynccontextmanager
async def _cluster(folder: Path) -> AsyncIterator[tuple[Client, Path]]:
    """A devcluster without simulated workloads: the test is kubelet and Job controller itself."""
    clock = SystemClock()
    async with DevCluster(builtin_types(), clock=clock, seed=1) as cluster:
        for definition in crds():
            await cluster.create(CUSTOM_RESOURCE_DEFINITION, definition)
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(cluster.kubeconfig()))
        async with Connection(ConnectionConfig(cluster.url), clock=clock, rng=random.Random(1)) as connection:
            client = Client(connection, field_manager="test")
            for name in ("kserve", JOB_NAMESPACE):
                await client.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            await client.create(CONFIG_MAP, config_map())
            await client.create(_STORAGE_CONTAINER, download_container())
            yield client, kubeconfig
