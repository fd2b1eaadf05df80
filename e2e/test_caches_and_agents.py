"""Caches and node agents together: what a cache asks for comes to real disks, and goes from them with the cache."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from e2e.api import Api
from e2e.node_agents import CONTENT, AgentOfNode, add_node, arriving, install_node_agents, start_agent
from e2e.target import Target
from e2e.test_model_caches import cache, group
from kservectl.api.kinds import LOCAL_MODEL_CACHE, LOCAL_MODEL_NODE, LOCAL_MODEL_NODE_GROUP
from kservectl.manifests.node_agent import JOB_NAMESPACE
from kservectl.modelstorage.local_model import storage_key
from kservectl.objects.kind import JOB, NODE, PERSISTENT_VOLUME_CLAIM
from kservectl.objects.metadata import Object

pytestmark = [pytest.mark.usefixtures("manager"), pytest.mark.timeout(240)]

SECONDS = 90.0


@pytest.fixture
def pool() -> str:
    return f"agents-{uuid4().hex[:6]}"


@pytest.fixture
async def agents(api: Api, cluster: Target, pool: str, tmp_path: Path) -> AsyncIterator[list[AgentOfNode]]:
    """Two nodes of one group, with an agent each."""
    await install_node_agents(api, cluster)
    await api.create(LOCAL_MODEL_NODE_GROUP, group(pool))
    started = []
    for number in range(2):
        name = f"{pool}-{number}"
        await add_node(api, name, {"e2e-pool": pool})
        started.append(await start_agent(api, cluster, name, tmp_path))
    yield started
    for agent in started:
        agent.process.stop()
        await api.delete(NODE, agent.node)
    await api.delete(LOCAL_MODEL_NODE_GROUP, f"e2e-{pool}")


def copies(found: Object) -> Object:
    return dict((found.get("status") or {}).get("copies") or {})


async def test_a_cache_comes_to_the_disks_of_its_nodes_and_goes_with_them(
    api: Api, pool: str, agents: list[AgentOfNode]
) -> None:
    name, uri = f"iris-{pool}", f"hdfs://models/{pool}"
    async with arriving(api, agents):
        await api.create(LOCAL_MODEL_CACHE, cache(name, pool, source=uri, size="1Gi"))
        whole = await api.until(
            LOCAL_MODEL_CACHE,
            name,
            "",
            lambda each: copies(each) == {"total": 2, "available": 2},
            "both nodes have it",
            seconds=SECONDS,
        )
        assert whole["status"]["nodeStatus"] == {agent.node: "NodeDownloaded" for agent in agents}
        for agent in agents:
            assert (agent.disk / "models" / storage_key(uri) / "model.bin").read_bytes() == CONTENT
        jobs = await api.list(JOB, JOB_NAMESPACE, label_selector=f"model={name}")
        claims = {job["spec"]["template"]["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] for job in jobs}
        assert len(jobs) == 2
        assert [await api.find(PERSISTENT_VOLUME_CLAIM, claim, JOB_NAMESPACE) is not None for claim in claims] == [True]

        await api.delete(LOCAL_MODEL_CACHE, name)
        await api.until_gone(LOCAL_MODEL_CACHE, name, seconds=SECONDS)
        for agent in agents:
            await api.until(
                LOCAL_MODEL_NODE,
                agent.node,
                "",
                lambda each: (each.get("status") or {}).get("modelStatus") in (None, {}),
                "it has no model",
                seconds=SECONDS,
            )
            agent.process.wait_until(lambda agent=agent: agent.folders() == set(), "rid of the model", 30)  # type: ignore[misc]  # mypy cannot infer a default
        selected = f"model={name}"
        await api.until_all(JOB, JOB_NAMESPACE, lambda found: not found, "no Job is left", label_selector=selected)
