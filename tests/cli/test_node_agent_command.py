"""`kservectl node-agent` as a process: what it needs to start, and when it ends by itself."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from e2e.node_agent import NodeAgentProcess
from kservectl.api.crds import crds
from kservectl.clock import SystemClock
from kservectl.devcluster.cluster import DevCluster
from kservectl.devcluster.types import builtin_types
from kservectl.manifests.configuration import config_map
from kservectl.objects.kind import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, NAMESPACE

_SECONDS = 30.0


@pytest.fixture
async def cluster() -> AsyncIterator[DevCluster]:
    async with DevCluster(builtin_types(), clock=SystemClock(), seed=1) as made:
        for definition in crds():
            await made.create(CUSTOM_RESOURCE_DEFINITION, definition)
        for name in ("kserve", "kserve-localmodel-jobs", "elsewhere"):
            await made.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        yield made


@pytest.fixture
async def agent(cluster: DevCluster, tmp_path: Path) -> AsyncIterator[NodeAgentProcess]:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(cluster.kubeconfig()))
    process = NodeAgentProcess(kubeconfig, "worker-1", tmp_path / "disk", tmp_path / "agent.log")
    yield process
    await asyncio.to_thread(process.stop)


async def test_without_the_configuration_it_says_what_to_do(agent: NodeAgentProcess) -> None:
    agent.start()
    assert await asyncio.to_thread(agent.wait, _SECONDS) == 1
    assert "Error: ConfigMap kserve/inferenceservice-config does not exist; install kservectl first" in agent.tail()


@pytest.mark.parametrize(
    ("value", "told"),
    [("{}", "localModel.jobNamespace is not set"), ("{", "key localModel of ConfigMap kserve/inferenceservice-config")],
)
async def test_a_configuration_that_cannot_be_used_is_named(
    cluster: DevCluster, agent: NodeAgentProcess, value: str, told: str
) -> None:
    config = config_map()
    config["data"]["localModel"] = value
    await cluster.create(CONFIG_MAP, config)
    agent.start()
    assert await asyncio.to_thread(agent.wait, _SECONDS) == 1
    assert told in agent.tail()


async def test_it_ends_to_be_started_anew_when_jobs_are_to_be_made_elsewhere(
    cluster: DevCluster, agent: NodeAgentProcess
) -> None:
    await cluster.create(CONFIG_MAP, config_map())
    agent.start()
    await asyncio.to_thread(agent.wait_until, agent.is_ready, "ready", _SECONDS)
    moved = {"data": {"localModel": '{"jobNamespace": "elsewhere"}'}}
    await cluster.patch(CONFIG_MAP, "inferenceservice-config", "kserve", moved)
    assert await asyncio.to_thread(agent.wait, _SECONDS) == 0
    assert "localModel.jobNamespace has changed" in agent.tail()
