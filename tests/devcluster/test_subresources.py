"""Subresources of built-in kinds, and several versions of one custom kind."""

import asyncio

import aiohttp

from kservectl.clock import SystemClock
from kservectl.devcluster.cluster import DevCluster
from kservectl.devcluster.types import builtin_types
from kservectl.objects.kind import DEPLOYMENT, NAMESPACE, POD, VALIDATING_WEBHOOK_CONFIGURATION, Kind
from kservectl.objects.metadata import Object
from tests.devcluster.samples import (
    DEFINITIONS,
    DEPLOYMENTS,
    MERGE,
    WIDGETS,
    create,
    definition,
    deployment,
    read,
    refused,
    widget,
)

PODS = "/api/v1/namespaces/default/pods"
LATER = "/apis/example.com/v2/namespaces/default/widgets"


def pod(**spec: object) -> Object:
    containers = [{"name": "main", "image": "x"}]
    return {"metadata": {"name": "p"}, "spec": {"containers": containers, **spec}}


async def test_scale_of_a_deployment_tells_its_selector(http: aiohttp.ClientSession, cluster: DevCluster) -> None:
    await create(http, DEPLOYMENTS, deployment(replicas=2))
    scale = await read(http, f"{DEPLOYMENTS}/d/scale")
    assert (scale["spec"], scale["status"]) == ({"replicas": 2}, {"replicas": 0, "selector": "app=d"})
    operations = [{"op": "replace", "path": "/spec/replicas", "value": 0}]
    headers = {"Content-Type": "application/json-patch+json"}
    async with http.patch(f"{DEPLOYMENTS}/d/scale", json=operations, headers=headers) as response:
        assert (await response.json())["spec"] == {}  # as Go writes zero
    assert (cluster.get(DEPLOYMENT, "d", "default") or {})["spec"]["replicas"] == 0
    async with http.put(f"{DEPLOYMENTS}/d/scale", json={"spec": {"replicas": -1}}) as response:
        said = 'Scale.autoscaling "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
        assert await refused(response) == (422, "Invalid", said)


async def test_pod_is_bound_once(http: aiohttp.ClientSession, cluster: DevCluster) -> None:
    await create(http, PODS, pod())
    binding = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}
    async with http.post(f"{PODS}/p/binding", json=binding) as response:
        assert response.status == 201
    bound = cluster.get(POD, "p", "default") or {}
    assert bound["spec"]["nodeName"] == "n1"
    assert [one["type"] for one in bound["status"]["conditions"]] == ["PodScheduled"]
    async with http.post(f"{PODS}/p/binding", json=binding) as response:
        code, _, message = await refused(response)
    assert code == 409
    assert message.endswith('pod p is already assigned to node "n1"')


async def test_evicted_pod_is_deleted(http: aiohttp.ClientSession, cluster: DevCluster) -> None:
    await create(http, PODS, pod())
    async with http.post(f"{PODS}/p/eviction", json={"metadata": {"name": "p"}}) as response:
        assert response.status == 201
    assert cluster.get(POD, "p", "default") is None


async def test_log_is_text_and_names_its_container(http: aiohttp.ClientSession) -> None:
    containers = [{"name": "a", "image": "x"}, {"name": "b", "image": "x"}]
    await create(http, PODS, pod(containers=containers))
    async with http.get(f"{PODS}/p/log?container=a") as response:
        assert response.content_type == "text/plain"
    async with http.get(f"{PODS}/p/log") as response:
        assert (await refused(response))[2] == "a container name must be specified for pod p, choose one of: [a b]"
    async with http.get(f"{PODS}/p/log?container=c") as response:
        assert (await refused(response))[2] == "container c is not valid for pod p"


async def test_the_end_of_a_log_can_be_had_and_that_of_a_process_before_cannot() -> None:
    async with (
        DevCluster(builtin_types(), clock=SystemClock(), log_of=lambda pod, container: "one\ntwo\nthree\n") as cluster,
        aiohttp.ClientSession(cluster.url) as http,
    ):
        await create(http, PODS, pod())
        for lines, text in ((0, ""), (2, "two\nthree\n"), (9, "one\ntwo\nthree\n")):
            async with http.get(f"{PODS}/p/log?tailLines={lines}") as response:
                assert await response.text() == text
        async with http.get(f"{PODS}/p/log?previous=true") as response:
            said = 'previous terminated container "main" in pod "p" not found'
            assert await refused(response) == (400, "BadRequest", said)


async def test_namespace_is_finalized_through_its_subresource(http: aiohttp.ClientSession, cluster: DevCluster) -> None:
    namespace = await create(http, "/api/v1/namespaces", {"metadata": {"name": "n"}})
    async with http.put("/api/v1/namespaces/n", json={**namespace, "spec": {}}) as response:
        assert (await response.json())["spec"] == {"finalizers": ["kubernetes"]}
    async with http.put("/api/v1/namespaces/n/finalize", json={**namespace, "spec": {}}) as response:
        assert response.status == 200
    assert not (cluster.get(NAMESPACE, "n") or {}).get("spec", {}).get("finalizers")


async def test_subresource_that_is_not_there_is_a_plain_404_and_a_wrong_verb_405(http: aiohttp.ClientSession) -> None:
    await create(http, PODS, pod())
    async with http.get(f"{PODS}/p/exec") as response:
        assert response.status == 404
    async with http.get(f"{PODS}/p/binding") as response:
        assert response.status == 405


def two_versions() -> Object:
    crd = definition()
    second = {**crd["spec"]["versions"][0], "name": "v2", "storage": False}
    return {**crd, "spec": {**crd["spec"], "versions": [*crd["spec"]["versions"], second]}}


async def test_object_is_the_same_in_all_its_versions(http: aiohttp.ClientSession, cluster: DevCluster) -> None:
    await create(http, DEFINITIONS, two_versions())
    created = await create(http, WIDGETS, widget(size=1))
    later = await read(http, f"{LATER}/w")
    assert later["apiVersion"] == "example.com/v2"
    assert (later["metadata"]["uid"], later["spec"]) == (created["metadata"]["uid"], created["spec"])
    async with http.patch(f"{LATER}/w", json={"spec": {"size": 2}}, headers=MERGE) as response:
        assert (await response.json())["apiVersion"] == "example.com/v2"
    assert (await read(http, f"{WIDGETS}/w"))["spec"]["size"] == 2
    listed = await read(http, LATER)
    assert [(item["apiVersion"], item["kind"]) for item in listed["items"]] == [("example.com/v2", "Widget")]
    assert cluster.get(Kind("example.com", "v2", "Widget", "widgets"), "w", "default") == await read(http, f"{LATER}/w")


async def test_concurrent_patches_are_all_kept(http: aiohttp.ClientSession, cluster: DevCluster) -> None:
    await create(http, DEPLOYMENTS, deployment())
    assert cluster.list(VALIDATING_WEBHOOK_CONFIGURATION) == []

    async def label(number: int) -> int:
        body = {"metadata": {"labels": {f"l{number}": "x"}}}
        async with http.patch(f"{DEPLOYMENTS}/d", json=body, headers=MERGE) as response:
            return response.status

    assert set(await asyncio.gather(*(label(number) for number in range(20)))) == {200}
    assert len((cluster.get(DEPLOYMENT, "d", "default") or {})["metadata"]["labels"]) == 20
