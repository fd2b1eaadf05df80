"""kubernetes-asyncio, unchanged, works on the devcluster."""

from typing import Any

import pytest
from kubernetes_asyncio import client, config, watch

from kservectl.devcluster.cluster import DevCluster
from tests.devcluster.samples import definition, deployment, widget


@pytest.fixture
async def api(cluster: DevCluster) -> Any:
    settings = client.Configuration()
    await config.load_kube_config_from_dict(cluster.kubeconfig(), client_configuration=settings)
    async with client.ApiClient(settings) as connection:
        yield connection


async def test_typed_objects_make_the_round_trip(api: Any) -> None:
    core: Any = client.CoreV1Api(api)
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="x", labels={"mine": "yes"}), data={"a": "b"})
    created = await core.create_namespaced_config_map("default", body)
    assert created.metadata.uid
    listed = await core.list_namespaced_config_map("default", label_selector="mine=yes")
    assert [item.metadata.name for item in listed.items] == ["x"]
    replaced = await core.replace_namespaced_config_map("x", "default", {**body.to_dict(), "data": {"a": "c"}})
    assert replaced.data == {"a": "c"}
    with pytest.raises(client.ApiException) as refused:
        await core.read_namespaced_config_map("nope", "default")
    assert (refused.value.status, refused.value.reason) == (404, "Not Found")
    deleted = await core.delete_namespaced_config_map("x", "default")
    assert deleted.status == "Success"


async def test_watch_follows_a_list(api: Any) -> None:
    core: Any = client.CoreV1Api(api)
    secret = client.V1Secret(metadata=client.V1ObjectMeta(name="s"), string_data={"a": "b"})
    version = (await core.list_namespaced_secret("default")).metadata.resource_version
    await core.create_namespaced_secret("default", secret)
    seen = []
    async with watch.Watch() as watcher:
        async for event in watcher.stream(
            core.list_namespaced_secret, "default", resource_version=version, timeout_seconds=1
        ):
            seen.append((event["type"], event["object"].metadata.name, event["object"].data))
    assert seen == [("ADDED", "s", {"a": "Yg=="})]


async def test_workloads_scale_and_custom_objects(api: Any) -> None:
    apps: Any = client.AppsV1Api(api)
    custom: Any = client.CustomObjectsApi(api)
    definitions: Any = client.ApiextensionsV1Api(api)
    await apps.create_namespaced_deployment("default", deployment())
    scale = await apps.patch_namespaced_deployment_scale("d", "default", {"spec": {"replicas": 4}})
    assert scale.spec.replicas == 4
    await definitions.create_custom_resource_definition(definition())
    where = ("example.com", "v1", "default", "widgets")
    await custom.create_namespaced_custom_object(*where, widget(size=1))
    merge = {"_content_type": "application/merge-patch+json"}
    patched = await custom.patch_namespaced_custom_object(*where, "w", {"spec": {"size": 2}}, **merge)
    assert patched["spec"]["size"] == 2
    await custom.delete_namespaced_custom_object(*where, "w")
    assert (await custom.list_namespaced_custom_object(*where))["items"] == []
