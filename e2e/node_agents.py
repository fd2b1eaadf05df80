"""Several nodes with an agent each, on any cluster: nodes, volumes, agents under their own rights, and models that arrive."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.api import Api, condition
from e2e.installation import account_kubeconfig
from e2e.node_agent import NodeAgentProcess
from e2e.services import volume_claim
from e2e.target import Target
from kservectl.api.kinds import LOCAL_MODEL_NODE
from kservectl.client.errors import AlreadyExists
from kservectl.devcluster.workloads.node_agent import OWN_AGENT_ANNOTATION
from kservectl.manifests.layout import node_agent_objects
from kservectl.manifests.node_agent import AGENT_NAMESPACE, JOB_NAMESPACE, NODE_AGENT, daemon_set, download_container
from kservectl.objects import metadata
from kservectl.objects.kind import JOB, NAMESPACE, NODE, POD, SERVICE_ACCOUNT, Kind
from kservectl.objects.metadata import Object

_RBAC, _ADMISSION = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
_KINDS = {
    kind.kind: kind
    for kind in (
        NAMESPACE,
        SERVICE_ACCOUNT,
        Kind(_RBAC, "v1", "ClusterRole", "clusterroles", namespaced=False),
        Kind(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
        Kind(_RBAC, "v1", "Role", "roles"),
        Kind(_RBAC, "v1", "RoleBinding", "rolebindings"),
        Kind(_ADMISSION, "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", namespaced=False),
        Kind(_ADMISSION, "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", False),
    )
}
CONTENT = b"a model that KServe's storage initializer brought"


@dataclass(frozen=True, slots=True)
class AgentOfNode:
    """A node, its disk, its agent, and what the agent connects with."""

    node: str
    disk: Path
    process: NodeAgentProcess
    kubeconfig: Path

    def folders(self) -> set[str]:
        models = self.disk / "models"
        return {path.name for path in models.iterdir()} if models.exists() else set()


async def install_node_agents(api: Api, target: Target) -> None:
    """What manifests/node-agent holds, but for the DaemonSet and what the devcluster does not have.

    The container for downloads is left out too: nothing is really run here, least of all KServe's image.
    """
    for obj in node_agent_objects():
        kind = _KINDS.get(obj["kind"])
        if kind is not None and not (target.is_devcluster and kind.group == _ADMISSION):
            await api.client.apply(kind, obj)
    assert obj == daemon_set()
    assert download_container() in node_agent_objects()


async def add_node(api: Api, name: str, more: Mapping[str, str] | None = None) -> None:
    """A Ready node with room for everything, with `more` labels."""
    capacity = {"cpu": "8000", "memory": "32Ti", "ephemeral-storage": "100Ti", "pods": "8000"}
    labels = {"kubernetes.io/hostname": name, "kserve/localmodel": "worker", **(more or {})}
    meta = {"name": name, "labels": labels, "annotations": {OWN_AGENT_ANNOTATION: ""}}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": meta}
    try:
        await api.create(NODE, node)
    except AlreadyExists:
        return
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready"}
    status = {"capacity": capacity, "allocatable": capacity, "conditions": [ready]}
    await api.merge(NODE, name, "", {"status": status}, subresource="status")
    await api.until(NODE, name, "", lambda each: condition(each, "Ready").get("status") == "True", "it is Ready")


async def start_agent(api: Api, target: Target, node: str, folder: Path) -> AgentOfNode:
    """The agent of a node, under its own account and with a token of its own node where the cluster knows such things."""
    disk = folder / node
    kubeconfig = target.kubeconfig
    if not target.is_devcluster:
        pod = await api.create(POD, _pod(node))
        kubeconfig = await asyncio.to_thread(
            account_kubeconfig, target.kubeconfig, folder, account=NODE_AGENT, namespace=AGENT_NAMESPACE, pod=pod
        )
    process = NodeAgentProcess(kubeconfig, node, disk, folder / f"{node}.log")
    process.start()
    return AgentOfNode(node, disk, process, kubeconfig)


def _pod(node: str) -> Object:
    """What the DaemonSet's controller would make for a node."""
    template = daemon_set()["spec"]["template"]
    meta = {**template["metadata"], "name": f"agent-{node}", "namespace": AGENT_NAMESPACE}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {**template["spec"], "nodeName": node}}


@asynccontextmanager
async def arriving(api: Api, agents: Iterable[AgentOfNode]) -> AsyncIterator[None]:
    """While the block runs, what Jobs download is put on the disk of their node, as a storage initializer would."""
    disks = {agent.node: agent.disk for agent in agents}

    async def put() -> None:
        seen: set[str] = set()
        version = (await api.client.list(JOB, JOB_NAMESPACE))["metadata"]["resourceVersion"]
        while True:
            async with api.client.watch(JOB, JOB_NAMESPACE, resource_version=version) as events:
                async for event in events:
                    version = metadata.resource_version(event.object)
                    if event.type == "ADDED" and metadata.uid(event.object) not in seen:
                        seen.add(metadata.uid(event.object))
                        _put(event.object, disks)

    putting = asyncio.create_task(put())
    try:
        yield
        if putting.done():
            putting.result()
    finally:
        putting.cancel()
        await asyncio.gather(putting, return_exceptions=True)


def _put(job: Object, disks: dict[str, Path]) -> None:
    disk = disks.get(metadata.labels(job).get("node", ""))
    if disk is None:
        return
    (container,) = job["spec"]["template"]["spec"]["containers"]
    folder = disk / container["volumeMounts"][0]["subPath"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.bin").write_bytes(CONTENT)


def order(node: str, *models: Object) -> Object:
    """A LocalModelNode."""
    return {
        "apiVersion": LOCAL_MODEL_NODE.api_version,
        "kind": LOCAL_MODEL_NODE.kind,
        "metadata": {"name": node},
        "spec": {"localModels": list(models)},
    }


async def claim_for(api: Api, model: str, group: str) -> None:
    """The claim to which a model is downloaded."""
    await volume_claim(api, f"{model}-{group}", JOB_NAMESPACE)
