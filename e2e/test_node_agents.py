"""Node agents on several nodes: Jobs that the cluster runs, folders on real disks, and rights that end at one's own node."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from e2e.api import Api, connect
from e2e.node_agents import (
    CONTENT,
    AgentOfNode,
    add_node,
    arriving,
    claim_for,
    install_node_agents,
    order,
    start_agent,
)
from e2e.target import Target
from kservectl.api.kinds import LOCAL_MODEL_NODE
from kservectl.client.errors import ApiError, Forbidden
from kservectl.manifests.node_agent import JOB_NAMESPACE
from kservectl.modelstorage.local_model import storage_key
from kservectl.objects import metadata
from kservectl.objects.kind import JOB, NODE, POD, SECRET
from kservectl.objects.metadata import Object

# No manager: it would take the lists of models for its own.
pytestmark = pytest.mark.usefixtures("managers")

GROUP = "disks"


@pytest.fixture
async def agents(api: Api, cluster: Target, tmp_path: Path) -> AsyncIterator[list[AgentOfNode]]:
    """Three nodes with an agent each; all of it is gone afterwards."""
    await install_node_agents(api, cluster)
    names = [f"worker-{uuid4().hex[:6]}" for _ in range(3)]
    for name in names:
        await add_node(api, name)
    started = [await start_agent(api, cluster, name, tmp_path) for name in names]
    yield started
    for agent in started:
        agent.process.stop()
        for kind in (LOCAL_MODEL_NODE, NODE):
            if await api.find(kind, agent.node) is not None:
                await api.delete(kind, agent.node)


def entry(name: str) -> Object:
    return {"modelName": name, "sourceModelUri": f"hdfs://models/{name}", "nodeGroup": GROUP}


def key(name: str) -> str:
    return storage_key(f"hdfs://models/{name}")


async def downloaded(api: Api, node: str, *names: str) -> Object:
    """The LocalModelNode once exactly these models are on its node."""
    return await api.until(
        LOCAL_MODEL_NODE,
        node,
        "",
        lambda each: (each.get("status") or {}).get("modelStatus") == dict.fromkeys(names, "ModelDownloaded"),
        f"has {', '.join(names)}",
    )


async def test_models_come_to_the_nodes_that_list_them_and_go_with_the_lists(
    api: Api, cluster: Target, agents: list[AgentOfNode]
) -> None:
    first, second, third = agents
    rose, lily = (f"{name}-{uuid4().hex[:6]}" for name in ("rose", "lily"))
    for name in (rose, lily):
        await claim_for(api, name, GROUP)
    async with arriving(api, agents):
        await api.create(LOCAL_MODEL_NODE, order(first.node, entry(rose), entry(lily)))
        await api.create(LOCAL_MODEL_NODE, order(second.node, entry(rose)))
        await api.create(LOCAL_MODEL_NODE, order(third.node))
        await downloaded(api, first.node, rose, lily)
        status = (await downloaded(api, second.node, rose))["status"]
        await downloaded(api, third.node)

        assert status["models"][rose]["downloadedBytes"] == len(CONTENT)
        assert [each["reason"] for each in status["conditions"]] == ["DiskReady"]
        assert first.folders() == {key(rose), key(lily)}
        assert (second.folders(), third.folders()) == ({key(rose)}, set())
        await _every_job_ran_where_it_should(api, cluster, first.node, {rose, lily})

        await api.merge(LOCAL_MODEL_NODE, first.node, "", {"spec": {"localModels": [entry(lily)]}})
        await downloaded(api, first.node, lily)
        gone = f"model={rose},node={first.node}"
        await api.until_all(JOB, JOB_NAMESPACE, lambda jobs: not jobs, "the Job is gone", label_selector=gone)
        first.process.wait_until(lambda: first.folders() == {key(lily)}, "rid of what nobody lists", 20)
        assert second.folders() == {key(rose)}

        await api.delete(LOCAL_MODEL_NODE, second.node)
        orphaned = f"node={second.node}"
        await api.until_all(JOB, JOB_NAMESPACE, lambda jobs: not jobs, "its Jobs are gone", label_selector=orphaned)
        assert second.folders() == {key(rose)}


async def _every_job_ran_where_it_should(api: Api, cluster: Target, node: str, models: set[str]) -> None:
    jobs = await api.list(JOB, JOB_NAMESPACE, label_selector=f"node={node}")
    assert {metadata.labels(job)["model"] for job in jobs} == models
    owner = await api.get(LOCAL_MODEL_NODE, node)
    for job in jobs:
        assert metadata.is_controlled_by(job, metadata.uid(owner))
        pods = await api.list(POD, JOB_NAMESPACE, label_selector=f"job-name={metadata.name(job)}")
        if not cluster.is_devcluster:  # which has one node for everything that runs
            assert {pod["spec"]["nodeName"] for pod in pods} <= {node}


@pytest.mark.real
async def test_an_agent_may_write_for_its_own_node_only_and_read_no_secrets_in_bulk(
    api: Api, agents: list[AgentOfNode]
) -> None:
    mine, other, _ = agents
    for agent in (mine, other):
        await api.create(LOCAL_MODEL_NODE, order(agent.node))
        await downloaded(api, agent.node)
    lie = {"status": {"modelStatus": {"x": "ModelDownloaded"}}}
    async with connect(mine.kubeconfig) as agent_api:
        client = agent_api.client
        with pytest.raises(ApiError, match="its own node only"):
            await client.patch(LOCAL_MODEL_NODE, other.node, "", lie, subresource="status")
        for label, selected in ((other.node, mine.node), (mine.node, other.node)):
            with pytest.raises(ApiError, match="its own node only"):
                await client.create(JOB, job(label, selected))
        await client.create(JOB, job(mine.node, mine.node))
        await api.create(JOB, job(other.node, other.node, "another"))
        with pytest.raises(ApiError, match="its own node only"):
            await client.delete(JOB, "another", JOB_NAMESPACE)
        for namespace in (JOB_NAMESPACE, "kserve", ""):
            with pytest.raises(Forbidden):
                await client.list(SECRET, namespace)
        with pytest.raises(Forbidden):
            await client.patch(LOCAL_MODEL_NODE, mine.node, "", {"spec": {"localModels": []}})
    for name in ("stray", "another"):
        await api.delete(JOB, name, JOB_NAMESPACE)


def job(label: str, node: str, name: str = "stray") -> Object:
    pod = {
        "restartPolicy": "Never",
        "nodeSelector": {"kubernetes.io/hostname": node},
        "containers": [{"name": "x", "image": "x"}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": JOB_NAMESPACE, "labels": {"node": label}},
        "spec": {"template": {"spec": pod}},
    }
