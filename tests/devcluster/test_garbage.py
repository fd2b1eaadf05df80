"""What is owned goes with its owner, before it, or is set free; namespaces are furnished and emptied."""

from typing import Any

import pytest

from kservectl.client.errors import Forbidden, NotFound
from kservectl.devcluster.cluster import DevCluster
from kservectl.objects.kind import CONFIG_MAP, NAMESPACE, POD, SECRET, SERVICE_ACCOUNT
from kservectl.objects.metadata import Object, controller_reference
from tests.devcluster.settling import until


async def put(cluster: DevCluster, name: str, *owners: Object, **metadata: Any) -> Object:
    references = [controller_reference(owner) for owner in owners]
    for reference in references[1:]:
        reference["controller"] = False
    meta = {"name": name, "namespace": "default", **metadata} | ({"ownerReferences": references} if references else {})
    return await cluster.create(CONFIG_MAP, {"metadata": meta})


def there(cluster: DevCluster, name: str) -> bool:
    return cluster.get(CONFIG_MAP, name, "default") is not None


async def test_dependents_follow_their_owner_in_the_background(cluster: DevCluster) -> None:
    owner = await put(cluster, "owner")
    child = await put(cluster, "child", owner)
    await put(cluster, "grandchild", child)
    await put(cluster, "stranger")
    await cluster.delete(CONFIG_MAP, "owner", "default")
    await until(cluster, CONFIG_MAP, lambda: not there(cluster, "grandchild"))
    assert not there(cluster, "child")
    assert there(cluster, "stranger")


async def test_foreground_deletion_takes_the_owner_last(cluster: DevCluster) -> None:
    owner = await put(cluster, "owner")
    await put(cluster, "child", owner, finalizers=["example.com/hold"])
    await cluster.delete(CONFIG_MAP, "owner", "default", propagation="Foreground")
    await until(
        cluster,
        CONFIG_MAP,
        lambda: "deletionTimestamp" in (cluster.get(CONFIG_MAP, "child", "default") or {"metadata": {}})["metadata"],
    )
    held = cluster.get(CONFIG_MAP, "owner", "default")
    assert held is not None
    assert held["metadata"]["finalizers"] == ["foregroundDeletion"]
    await cluster.patch(CONFIG_MAP, "child", "default", {"metadata": {"finalizers": None}})
    await until(cluster, CONFIG_MAP, lambda: not there(cluster, "owner"))


async def test_orphans_lose_the_reference_and_stay(cluster: DevCluster) -> None:
    owner = await put(cluster, "owner")
    await put(cluster, "child", owner)
    await cluster.delete(CONFIG_MAP, "owner", "default", propagation="Orphan")
    await until(cluster, CONFIG_MAP, lambda: not there(cluster, "owner"))
    child = cluster.get(CONFIG_MAP, "child", "default")
    assert child is not None
    assert "ownerReferences" not in child["metadata"]


async def test_one_living_owner_keeps_a_dependent(cluster: DevCluster) -> None:
    first, second = await put(cluster, "first"), await put(cluster, "second")
    await put(cluster, "child", first, second)
    await cluster.delete(CONFIG_MAP, "first", "default")

    def owners() -> list[str]:
        child = cluster.get(CONFIG_MAP, "child", "default")
        assert child is not None
        return [reference["name"] for reference in child["metadata"]["ownerReferences"]]

    await until(cluster, CONFIG_MAP, lambda: owners() == ["second"])


async def test_owner_with_another_uid_is_no_owner(cluster: DevCluster) -> None:
    owner = await put(cluster, "owner")
    gone = {**owner, "metadata": {**owner["metadata"], "uid": "11111111-1111-1111-1111-111111111111"}}
    await put(cluster, "child", gone)
    await until(cluster, CONFIG_MAP, lambda: not there(cluster, "child"))
    assert there(cluster, "owner")


async def test_new_namespace_is_furnished(cluster: DevCluster) -> None:
    await cluster.create(NAMESPACE, {"metadata": {"name": "n"}})
    await until(cluster, CONFIG_MAP, lambda: cluster.get(CONFIG_MAP, "kube-root-ca.crt", "n") is not None)
    assert cluster.get(SERVICE_ACCOUNT, "default", "n") is not None
    namespace = cluster.get(NAMESPACE, "n")
    assert namespace is not None
    assert namespace["status"] == {"phase": "Active"}
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "n"}


async def test_namespace_goes_after_its_contents(cluster: DevCluster) -> None:
    await cluster.create(NAMESPACE, {"metadata": {"name": "n"}})
    held = {"metadata": {"name": "held", "namespace": "n", "finalizers": ["example.com/hold"]}}
    await cluster.create(SECRET, held)
    await cluster.delete(NAMESPACE, "n")
    await until(cluster, CONFIG_MAP, lambda: not cluster.list(CONFIG_MAP, "n"))
    namespace = cluster.get(NAMESPACE, "n")
    assert namespace is not None
    assert namespace["status"]["phase"] == "Terminating"
    with pytest.raises(Forbidden, match="because it is being terminated") as refused:
        await cluster.create(CONFIG_MAP, {"metadata": {"name": "late", "namespace": "n"}})
    assert refused.value.details["causes"][0]["reason"] == "NamespaceTerminating"
    await cluster.patch(SECRET, "held", "n", {"metadata": {"finalizers": None}})
    await until(cluster, NAMESPACE, lambda: cluster.get(NAMESPACE, "n") is None)


async def test_system_namespaces_may_not_be_deleted(cluster: DevCluster) -> None:
    with pytest.raises(Forbidden, match="this namespace may not be deleted"):
        await cluster.delete(NAMESPACE, "default")


async def test_scheduled_pod_is_given_time_to_end(cluster: DevCluster) -> None:
    spec = {"containers": [{"name": "main", "image": "x"}], "nodeName": "node", "terminationGracePeriodSeconds": 7}
    await cluster.create(POD, {"metadata": {"name": "p", "namespace": "default"}, "spec": spec})
    await cluster.delete(POD, "p", "default")
    pod = cluster.get(POD, "p", "default")
    assert pod is not None
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 7
    await cluster.delete(POD, "p", "default", grace=0)  # what a kubelet does once the containers have ended
    assert cluster.get(POD, "p", "default") is None


async def test_delete_of_what_is_absent_is_not_found(cluster: DevCluster) -> None:
    with pytest.raises(NotFound, match='configmaps "nope" not found'):
        await cluster.delete(CONFIG_MAP, "nope", "default")
