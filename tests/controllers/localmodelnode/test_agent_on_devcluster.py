"""The agent as the runtime runs it: a real API over HTTP, a real disk, and Jobs that the test ends by hand."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from kservectl.api.crds import crds
from kservectl.api.kinds import LOCAL_MODEL_NODE
from kservectl.client.client import Client
from kservectl.client.config import ConnectionConfig
from kservectl.client.connection import Connection
from kservectl.clock import SystemClock, rfc3339
from kservectl.controllers.localmodelnode.controller import build
from kservectl.controllers.localmodelnode.disk import Disk
from kservectl.controllers.localmodelnode.observing import Observer
from kservectl.devcluster.cluster import DevCluster
from kservectl.devcluster.faults import Fault
from kservectl.devcluster.request import RequestInfo
from kservectl.devcluster.types import builtin_types
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, JOB, NAMESPACE, SECRET, SERVICE_ACCOUNT
from kservectl.objects.metadata import Object
from kservectl.runtime.manager import Manager, ManagerOptions
from kservectl.runtime.reading import LiveReader
from tests.controllers.localmodelnode.worlds import DOWNLOADED, JOBS, KEY, PENDING, SETTINGS, URI, config_map, entry
from tests.fake_clock import eventually


@dataclass
class World:
    """The cluster, the disk, and what the agent asks of the cluster."""

    cluster: DevCluster
    disk: Path
    requests: list[str] = field(default_factory=list)

    def note(self, info: RequestInfo) -> Fault | None:
        if info.verb != "watch" and info.plural:
            self.requests.append(f"{info.verb} {info.plural}")
        return None

    async def order(self, *entries: Object, name: str = "worker-1") -> None:
        body = {
            "apiVersion": LOCAL_MODEL_NODE.api_version,
            "kind": "LocalModelNode",
            "metadata": {"name": name},
            "spec": {"localModels": list(entries)},
        }
        await self.cluster.create(LOCAL_MODEL_NODE, body)

    def status(self, name: str = "worker-1") -> Object:
        found = self.cluster.get(LOCAL_MODEL_NODE, name, "")
        return dict((found or {}).get("status") or {})

    def states(self) -> dict[str, str]:
        return dict(self.status().get("modelStatus") or {})

    @property
    def jobs(self) -> list[Object]:
        return list(self.cluster.list(JOB))

    async def complete(self, job: Object) -> None:
        """What a storage initializer and the Job controller do: the model is on the disk, the Job is at its end."""
        folder = self.disk / job["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][0]["subPath"]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.bin").write_bytes(b"iris")
        now = rfc3339(SystemClock().now())
        done: list[dict[str, Any]] = [
            {"type": type_, "status": "True", "lastTransitionTime": now} for type_ in ("SuccessCriteriaMet", "Complete")
        ]
        status = {"succeeded": 1, "startTime": now, "completionTime": now, "conditions": done}
        await self.cluster.patch(JOB, metadata.name(job), JOBS, {"status": status}, subresource="status")

    @asynccontextmanager
    async def agent(self) -> AsyncIterator[Manager]:
        clock, stop = SystemClock(), asyncio.Event()
        async with Connection(ConnectionConfig(self.cluster.url), clock=clock, rng=random.Random(1)) as connection:
            client = Client(connection)
            observer = Observer(Disk(self.disk / "models", lambda: rfc3339(clock.now())), LiveReader(client), SETTINGS)
            options = ManagerOptions(metrics_bind="", health_bind="", namespaces=(JOBS,))
            manager = Manager(client, clock, options, rng=random.Random(1))
            manager.add(build(SETTINGS, observer))
            manager.add_runnable("work on the disk", observer.work, needs_leader=True)
            running = asyncio.create_task(manager.run(stop))
            try:
                await eventually(lambda: manager.started.is_set() or running.done())
                yield manager
            finally:
                stop.set()
                await asyncio.wait_for(running, 10)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with DevCluster(builtin_types(), clock=SystemClock(), seed=1) as cluster:
        for definition in crds():
            await cluster.create(CUSTOM_RESOURCE_DEFINITION, definition)
        for name in ("kserve", JOBS):
            await cluster.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        await cluster.create(CONFIG_MAP, config_map())
        made = World(cluster, tmp_path)
        cluster.faults.add(made.note)
        yield made


async def at_rest(world: World) -> None:
    """Return once the agent has asked for nothing for a while: what the disk told it last is in the status."""
    asked = -1
    while asked != len(world.requests):
        asked = len(world.requests)
        await asyncio.sleep(0.5)


async def test_a_model_is_downloaded_once_and_kept_whatever_restarts(world: World) -> None:
    await world.order(entry())
    async with world.agent():
        await eventually(lambda: world.states() == {"iris": PENDING} and (world.disk / "models" / KEY).is_dir())
        (job,) = world.jobs
        assert metadata.controller_of(job) is not None
        await world.complete(job)
        await eventually(lambda: world.states() == {"iris": DOWNLOADED})
        await eventually((world.disk / "models" / KEY / ".kservectl.json").exists)
        await at_rest(world)
    world.requests.clear()
    async with world.agent():
        await asyncio.sleep(0.5)
    assert [request for request in world.requests if request.split()[0] not in ("list", "get")] == []
    assert "get secrets" not in world.requests
    assert len(world.jobs) == 1


async def test_a_model_that_loses_a_file_is_downloaded_again(world: World) -> None:
    config = config_map(reconcilationFrequencyInSecs=1)
    await world.cluster.patch(CONFIG_MAP, "inferenceservice-config", "kserve", {"data": config["data"]})
    await world.order(entry())
    async with world.agent():
        await eventually(lambda: len(world.jobs) == 1)
        await world.complete(world.jobs[0])
        marker = world.disk / "models" / KEY / ".kservectl.json"
        await eventually(marker.exists)
        (world.disk / "models" / KEY / "model.bin").unlink()
        await eventually(lambda: len(world.jobs) == 2 and world.states() == {"iris": PENDING})
        newest = max(world.jobs, key=lambda job: metadata.annotations(job)["localmodel.kserve.io/attempt"])
        await world.complete(newest)
        await eventually(lambda: world.states() == {"iris": DOWNLOADED})


async def test_a_model_that_is_no_longer_listed_goes_with_its_job(world: World) -> None:
    await world.order(entry(), entry("other", f"{URI}/other"))
    async with world.agent():
        await eventually(lambda: len(world.jobs) == 2)
        for job in world.jobs:
            await world.complete(job)
        await eventually(lambda: set(world.states().values()) == {DOWNLOADED})
        (world.disk / "models" / "somebody-elses").mkdir()
        await world.cluster.patch(LOCAL_MODEL_NODE, "worker-1", "", {"spec": {"localModels": [entry()]}})
        await eventually(lambda: world.states() == {"iris": DOWNLOADED} and len(world.jobs) == 1)
        await eventually(lambda: {path.name for path in (world.disk / "models").iterdir()} == {KEY, "somebody-elses"})


async def test_the_object_of_another_node_is_ignored(world: World) -> None:
    await world.order(entry(), name="worker-2")
    async with world.agent():
        await world.order(entry("mine"))
        await eventually(lambda: world.states() == {"mine": PENDING})
        assert world.status("worker-2") == {}
        assert [metadata.labels(job)["model"] for job in world.jobs] == ["mine"]


async def test_an_object_that_is_deleted_leaves_the_disk_alone(world: World) -> None:
    await world.order(entry())
    async with world.agent():
        await eventually(lambda: len(world.jobs) == 1)
        await world.complete(world.jobs[0])
        await eventually((world.disk / "models" / KEY / ".kservectl.json").exists)
        await world.cluster.delete(LOCAL_MODEL_NODE, "worker-1")
        await eventually(lambda: world.jobs == [])  # by garbage collection
        await asyncio.sleep(0.3)
        assert (world.disk / "models" / KEY / "model.bin").read_bytes() == b"iris"


async def test_credentials_are_read_by_name_when_a_job_is_made(world: World) -> None:
    secret = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "hf", "namespace": JOBS}}
    account = {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "reader", "namespace": JOBS}}
    await world.cluster.create(SECRET, {**secret, "stringData": {"HF_TOKEN": "s3cr3t"}})
    await world.cluster.create(SERVICE_ACCOUNT, {**account, "secrets": [{"name": "hf"}]})
    await world.order(entry(serviceAccountName="reader"))
    async with world.agent():
        await eventually(lambda: len(world.jobs) == 1)
    container = world.jobs[0]["spec"]["template"]["spec"]["containers"][0]
    assert container["env"] == [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf", "key": "HF_TOKEN"}}}]
    assert "list secrets" not in world.requests
    assert b"s3cr3t" not in orjson.dumps(world.jobs)


async def test_a_disk_that_cannot_be_used_is_told_and_used_once_it_can(world: World) -> None:
    config = config_map(reconcilationFrequencyInSecs=1)
    await world.cluster.patch(CONFIG_MAP, "inferenceservice-config", "kserve", {"data": config["data"]})
    (world.disk / "models").write_text("in the way")
    await world.order(entry())
    async with world.agent():
        await eventually(lambda: bool(world.status().get("conditions")))
        (condition,) = world.status()["conditions"]
        assert (condition["status"], condition["reason"]) == ("False", "DiskUnusable")
        assert world.jobs == []
        (world.disk / "models").unlink()
        await eventually(lambda: len(world.jobs) == 1)
        await eventually(lambda: world.status()["conditions"][0]["reason"] == "DiskReady")
