"""A model cache through its life: three node groups on twenty nodes, a service, nodes that leave and join, and its end."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest

from e2e.api import Api, condition, is_ready
from e2e.conftest import Configure
from e2e.services import ready, service
from e2e.simulated_agents import simulated_agents
from e2e.target import Target
from kservectl.api.kinds import (
    INFERENCE_SERVICE,
    LOCAL_MODEL_CACHE,
    LOCAL_MODEL_NAMESPACE_CACHE,
    LOCAL_MODEL_NODE,
    LOCAL_MODEL_NODE_GROUP,
)
from kservectl.client.errors import AlreadyExists, Forbidden, Invalid, NotFound
from kservectl.modelstorage.local_model import storage_key
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, NAMESPACE, NODE, PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, POD, Kind
from kservectl.objects.metadata import Object

pytestmark = [pytest.mark.usefixtures("manager"), pytest.mark.timeout(400)]

JOBS = "kserve-localmodel-jobs"
SOURCE = "gs://kservectl-samples/llama"
POOLS = ("a", "b", "c")
LABEL = "internal.serving.kserve.io/localmodel"
SECONDS = 90.0


def node(number: int) -> Object:
    labels = {"e2e-pool": POOLS[number % 3], "kubernetes.io/hostname": f"models-{number}", "kubernetes.io/os": "linux"}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"models-{number}", "labels": labels}}


def group(pool: str, *, limit: str = "100Gi") -> Object:
    expression = {"key": "e2e-pool", "operator": "In", "values": [pool]}
    shared = {"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem", "storageClassName": "e2e-local"}
    return {
        "apiVersion": LOCAL_MODEL_NODE_GROUP.api_version,
        "kind": LOCAL_MODEL_NODE_GROUP.kind,
        "metadata": {"name": f"e2e-{pool}"},
        "spec": {
            "storageLimit": limit,
            "persistentVolumeSpec": {
                **shared,
                "capacity": {"storage": limit},
                "local": {"path": "/models"},
                "persistentVolumeReclaimPolicy": "Retain",
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}},
            },
            "persistentVolumeClaimSpec": {**shared, "resources": {"requests": {"storage": limit}}},
        },
    }


def cache(name: str = "llama", *pools: str, namespace: str = "", source: str = SOURCE, size: str = "10Gi") -> Object:
    kind = LOCAL_MODEL_NAMESPACE_CACHE if namespace else LOCAL_MODEL_CACHE
    spec = {"sourceModelUri": source, "modelSize": size, "nodeGroups": [f"e2e-{pool}" for pool in pools or POOLS]}
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "spec": spec}


async def join(api: Api, number: int) -> None:
    """A node that is ready: of itself where KWOK plays it, else because it is said here."""
    created = await api.create(NODE, node(number))
    status = {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]}
    if not created.get("status", {}).get("conditions"):
        await api.merge(NODE, f"models-{number}", "", {"status": status}, subresource="status")


@pytest.fixture
async def nodes(api: Api, cluster: Target, namespace: str) -> AsyncIterator[None]:
    """Twenty nodes with agents, three groups, and the namespace for downloads."""
    async with AsyncExitStack() as stack:
        if not cluster.is_devcluster:
            await stack.enter_async_context(simulated_agents(cluster.kubeconfig))
        with suppress(AlreadyExists):  # installed with the node agent
            await api.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": JOBS}})
        for pool in POOLS:
            await api.create(LOCAL_MODEL_NODE_GROUP, group(pool))
        for number in range(20):
            await join(api, number)
        yield
        for kind, where in ((INFERENCE_SERVICE, namespace), (LOCAL_MODEL_NAMESPACE_CACHE, namespace)):
            await _clean(api, kind, where)
        await _clean(api, LOCAL_MODEL_CACHE)
        for kind in (NODE, LOCAL_MODEL_NODE_GROUP):
            for obj in await api.list(kind):
                if metadata.name(obj).startswith(("models-", "e2e-")):
                    await api.delete(kind, metadata.name(obj))


async def _clean(api: Api, kind: Kind, namespace: str = "") -> None:
    """What a test that failed has left."""
    for obj in await api.list(kind, namespace):
        try:
            await api.delete(kind, metadata.name(obj), namespace)
            await api.until_gone(kind, metadata.name(obj), namespace)
        except NotFound:
            continue


async def names(api: Api, kind: Kind) -> list[str]:
    return sorted(str(metadata.key(obj)) for obj in await api.list(kind, label_selector=LABEL))


async def cached(api: Api, count: int, name: str = "llama", namespace: str = "") -> Object:
    """The cache once so many nodes have it and no other is asked to."""
    kind = LOCAL_MODEL_NAMESPACE_CACHE if namespace else LOCAL_MODEL_CACHE

    def holds(obj: Object) -> bool:
        return is_ready(obj) and obj["status"].get("copies") == {"total": count, "available": count}

    return await api.until(kind, name, namespace, holds, f"{count} nodes have it", seconds=SECONDS)


async def told(api: Api, number: int) -> Sequence[Any]:
    order = await api.find(LOCAL_MODEL_NODE, f"models-{number}")
    return [] if order is None else [entry["modelName"] for entry in order["spec"]["localModels"]]


async def until_names(api: Api, kind: Kind, expected: Sequence[str]) -> None:
    await api.until_all(
        kind,
        "",
        lambda objects: sorted(str(metadata.key(obj)) for obj in objects) == sorted(expected),
        f"exactly {expected} are there",
        label_selector=LABEL,
        seconds=SECONDS,
    )


@pytest.mark.usefixtures("nodes")
async def test_a_cache_of_three_groups_through_its_life(api: Api, namespace: str, configure: Configure) -> None:
    await configure("localModel", enabled=True)

    # It downloads to every node of its groups, and to no other.
    await api.create(LOCAL_MODEL_CACHE, cache())
    found = await cached(api, 20)
    assert found["status"]["nodeStatus"] == {f"models-{number}": "NodeDownloaded" for number in range(20)}
    assert found["status"]["progress"]["percent"] == 100
    assert metadata.metadata(found)["finalizers"] == ["localmodel.kserve.io/finalizer"]
    order = await api.get(LOCAL_MODEL_NODE, "models-4")
    assert order["spec"]["localModels"] == [
        {"modelName": "llama", "sourceModelUri": SOURCE, "nodeGroup": "e2e-b", "modelSize": "10Gi"}
    ]
    (owner,) = metadata.metadata(order)["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("Node", "models-4")
    assert len(await api.list(LOCAL_MODEL_NODE)) == 20
    downloads = [f"llama-e2e-{pool}-download" for pool in POOLS]
    await until_names(api, PERSISTENT_VOLUME, downloads)
    await until_names(api, PERSISTENT_VOLUME_CLAIM, [f"{JOBS}/llama-e2e-{pool}" for pool in POOLS])
    await api.until(
        LOCAL_MODEL_NODE_GROUP,
        "e2e-a",
        "",
        lambda obj: obj.get("status", {}).get("used") == "70Gi",
        "seven nodes hold 10Gi each",
    )

    # A service uses it: its namespace gets a volume, its pods mount the folder of the model.
    await api.create(INFERENCE_SERVICE, service("chat", namespace, storageUri=f"{SOURCE}/v1"))
    isvc = await ready(api, namespace, "chat", seconds=SECONDS)
    assert metadata.labels(isvc)[LABEL] == "llama"
    await until_names(api, PERSISTENT_VOLUME, [*downloads, f"llama-e2e-a-{namespace}"])
    claim = await api.until(
        PERSISTENT_VOLUME_CLAIM,
        "llama-e2e-a",
        namespace,
        lambda obj: obj.get("status", {}).get("phase") == "Bound",
        "it is bound",
        seconds=SECONDS,
    )
    assert claim["spec"]["volumeName"] == f"llama-e2e-a-{namespace}"
    await api.until(
        LOCAL_MODEL_CACHE,
        "llama",
        "",
        lambda obj: obj["status"].get("inferenceServices") == [{"namespace": namespace, "name": "chat"}],
        "it lists the service",
    )
    (pod,) = await api.list(POD, namespace)
    mounts = [mount for mount in pod["spec"]["containers"][0]["volumeMounts"] if mount["mountPath"] == "/mnt/models"]
    assert mounts[0]["subPath"].rstrip("/") == f"models/{storage_key(SOURCE)}/v1"
    with pytest.raises((Forbidden, Invalid), match="is being used by InferenceService chat"):
        await api.delete(LOCAL_MODEL_CACHE, "llama")

    # A node leaves and another joins.
    await api.delete(NODE, "models-0")
    await cached(api, 19)
    await api.until_gone(LOCAL_MODEL_NODE, "models-0")
    await join(api, 20)
    found = await cached(api, 20)
    assert found["status"]["nodeStatus"]["models-20"] == "NodeDownloaded"
    assert "models-0" not in found["status"]["nodeStatus"]

    # The service goes, and with it what only it needed; then the cache, and with it everything.
    await api.delete(INFERENCE_SERVICE, "chat", namespace)
    await api.until_gone(DEPLOYMENT, "chat-predictor", namespace, seconds=SECONDS)
    await until_names(api, PERSISTENT_VOLUME_CLAIM, [f"{JOBS}/llama-e2e-{pool}" for pool in POOLS])
    await until_names(api, PERSISTENT_VOLUME, downloads)
    await api.delete(LOCAL_MODEL_CACHE, "llama")
    await api.until_gone(LOCAL_MODEL_CACHE, "llama", seconds=SECONDS)
    await until_names(api, PERSISTENT_VOLUME, [])
    await until_names(api, PERSISTENT_VOLUME_CLAIM, [])
    assert [await told(api, number) for number in range(1, 21)] == [[]] * 20
    for number in range(1, 21):
        await api.delete(NODE, f"models-{number}")
    await api.until_all(LOCAL_MODEL_NODE, "", lambda orders: not orders, "every order goes with its node")


@pytest.mark.usefixtures("nodes")
async def test_a_namespaced_cache_wins_over_one_of_the_cluster_and_leaves_nothing(
    api: Api, namespace: str, configure: Configure
) -> None:
    await configure("localModel", enabled=True)
    await api.create(LOCAL_MODEL_CACHE, cache("shared", "b"))
    await api.create(LOCAL_MODEL_NAMESPACE_CACHE, cache("own", "b", namespace=namespace))
    await cached(api, 7, "shared")
    await cached(api, 7, "own", namespace)

    await api.create(INFERENCE_SERVICE, service("chat", namespace, storageUri=SOURCE))
    isvc = await ready(api, namespace, "chat", seconds=SECONDS)
    assert metadata.labels(isvc)[LABEL] == "own"
    assert metadata.labels(isvc)["internal.serving.kserve.io/localmodel-namespace"] == namespace
    download = f"own-e2e-b-{namespace}-download"
    await until_names(api, PERSISTENT_VOLUME, ["shared-e2e-b-download", download, f"own-e2e-b-{namespace}"])
    await until_names(
        api, PERSISTENT_VOLUME_CLAIM, [f"{JOBS}/shared-e2e-b", f"{JOBS}/{download}", f"{namespace}/own-e2e-b"]
    )

    await api.delete(INFERENCE_SERVICE, "chat", namespace)
    await api.until_gone(DEPLOYMENT, "chat-predictor", namespace, seconds=SECONDS)
    await until_names(api, PERSISTENT_VOLUME, ["shared-e2e-b-download", download])
    await api.delete(LOCAL_MODEL_NAMESPACE_CACHE, "own", namespace)
    await until_names(api, PERSISTENT_VOLUME, ["shared-e2e-b-download"])
    await until_names(api, PERSISTENT_VOLUME_CLAIM, [f"{JOBS}/shared-e2e-b"])
    assert await told(api, 1) == ["shared"]


@pytest.mark.usefixtures("nodes")
async def test_a_cache_that_does_not_fit_is_refused_with_the_numbers_before_anything_is_downloaded(api: Api) -> None:
    with pytest.raises((Forbidden, Invalid), match="takes 200Gi, and node group e2e-a allows 100Gi"):
        await api.create(LOCAL_MODEL_CACHE, cache("huge", "a", size="200Gi"))
    await api.create(LOCAL_MODEL_CACHE, cache("large", "a", size="80Gi"))
    await cached(api, 7, "large")
    await api.create(LOCAL_MODEL_CACHE, cache("second", "a", source=f"{SOURCE}-2", size="30Gi"))
    refused = await api.until(
        LOCAL_MODEL_CACHE,
        "second",
        "",
        lambda obj: condition(obj, "StorageAvailable").get("reason") == "InsufficientStorage",
        "it is told that there is no room",
        seconds=SECONDS,
    )
    assert "large (80Gi) take 80Gi; second needs 30Gi, 20Gi are left" in condition(refused, "Ready")["message"]
    assert await told(api, 0) == ["large"]
    await api.delete(LOCAL_MODEL_CACHE, "large")
    await cached(api, 7, "second")
