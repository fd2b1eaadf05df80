"""The cluster as a whole: discovery, addresses, events in both APIs, restarts, TLS, the door for code in the process."""

import random
import ssl
from pathlib import Path

import aiohttp
import orjson
import pytest

from kservectl.client.errors import AlreadyExists, Conflict, Invalid, NotFound
from kservectl.clock import SystemClock
from kservectl.devcluster.cluster import DevCluster
from kservectl.devcluster.object_meta import generate_name
from kservectl.devcluster.types import builtin_types
from kservectl.objects.kind import CONFIG_MAP, EVENT, JOB, POD, SERVICE, Kind
from kservectl.objects.metadata import Object
from tests.devcluster.samples import (
    CONFIG_MAPS,
    DEFINITIONS,
    DEPLOYMENTS,
    WIDGETS,
    config_map,
    create,
    definition,
    deployment,
    read,
    refused,
    widget,
)
from tests.devcluster.webhook_server import self_signed

CORE_EVENT = Kind("", "v1", "Event", "events")


def service(name: str, **spec: object) -> Object:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"ports": [{"port": 80}], **spec}}


async def test_health_version_and_paths(http: aiohttp.ClientSession) -> None:
    for path in ("/healthz", "/readyz", "/livez", "/readyz/ping"):
        async with http.get(path) as response:
            assert (response.status, await response.text()) == (200, "ok")
    assert (await read(http, "/version"))["gitVersion"].startswith("v1.34.")
    assert "/apis/apps/v1" in (await read(http, "/"))["paths"]
    groups = await read(http, "/apis")
    assert groups["kind"] == "APIGroupList"
    assert "apps" in {group["name"] for group in groups["groups"]}
    assert (await read(http, "/apis/autoscaling"))["preferredVersion"]["version"] == "v2"


async def test_openapi_v2_as_protobuf_knows_no_kind_which_leaves_kubectl_with_v3(http: aiohttp.ClientSession) -> None:
    accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    async with http.get("/openapi/v2", headers={"Accept": accept}) as response:
        assert response.headers["Content-Type"] == accept.replace("@", ".")
        assert await response.read() == b"\n\x032.0"
    async with http.get("/openapi/v2", headers={"Accept": "application/xml"}) as response:
        assert response.status == 406
    index = await read(http, "/openapi/v3")
    document = await read(http, index["paths"]["apis/apps/v1"]["serverRelativeURL"])
    assert document["openapi"].startswith("3.")


async def test_reviews_are_answered_and_not_stored(http: aiohttp.ClientSession) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    review = await create(http, path, {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}})
    assert review["status"]["allowed"] is True
    async with http.get(path) as response:
        assert response.status == 404


async def test_services_get_addresses_of_their_own(cluster: DevCluster) -> None:
    made = [await cluster.create(SERVICE, service(name)) for name in ("a", "b")]
    addresses = {one["spec"]["clusterIP"] for one in made}
    assert len(addresses) == 2
    assert all(one["spec"]["clusterIPs"] == [one["spec"]["clusterIP"]] for one in made)
    headless = await cluster.create(SERVICE, service("c", clusterIP="None"))
    assert headless["spec"]["clusterIP"] == "None"
    with pytest.raises(Invalid, match="provided IP is already allocated"):
        await cluster.create(SERVICE, service("d", clusterIP=made[0]["spec"]["clusterIP"]))
    await cluster.delete(SERVICE, "a", "default")
    await cluster.create(SERVICE, service("d", clusterIP=made[0]["spec"]["clusterIP"]))


async def test_service_update_that_does_not_mention_its_address_keeps_it(cluster: DevCluster) -> None:
    made = await cluster.create(SERVICE, service("a", type="NodePort"))
    changed = await cluster.update(SERVICE, service("a", type="NodePort", sessionAffinity="ClientIP"))
    assert changed["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    assert changed["spec"]["ports"] == made["spec"]["ports"]
    assert changed["spec"]["sessionAffinity"] == "ClientIP"


async def test_event_is_the_same_object_in_both_apis(cluster: DevCluster, http: aiohttp.ClientSession) -> None:
    event = {
        "metadata": {"name": "e", "namespace": "default"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "tests",
        "reportingInstance": "tests-1",
        "action": "Test",
        "reason": "Tested",
        "type": "Normal",
        "note": "all is well",
        "regarding": {"apiVersion": "v1", "kind": "Pod", "name": "p", "namespace": "default"},
    }
    await cluster.create(EVENT, event)
    old = cluster.get(CORE_EVENT, "e", "default") or {}
    assert (old["apiVersion"], old["message"], old["involvedObject"]["name"]) == ("v1", "all is well", "p")
    listed = await read(http, "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dp")
    assert [item["reason"] for item in listed["items"]] == ["Tested"]
    listed = await read(http, "/apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=regarding.name%3Dp")
    assert [item["note"] for item in listed["items"]] == ["all is well"]


async def test_pod_and_job_get_what_the_server_adds(cluster: DevCluster) -> None:
    template = {"containers": [{"name": "main", "image": "x"}], "restartPolicy": "Never"}
    pod = await cluster.create(POD, {"metadata": {"name": "p", "namespace": "default"}, "spec": template})
    assert pod["spec"]["serviceAccountName"] == "default"
    assert pod["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    job = await cluster.create(
        JOB, {"metadata": {"name": "j", "namespace": "default"}, "spec": {"template": {"spec": template}}}
    )
    tie = {"batch.kubernetes.io/controller-uid": job["metadata"]["uid"]}
    assert job["spec"]["selector"] == {"matchLabels": tie}
    assert tie.items() <= job["spec"]["template"]["metadata"]["labels"].items()


async def test_errors_in_process_are_the_clients(cluster: DevCluster) -> None:
    body = {"metadata": {"name": "x", "namespace": "default"}}
    created = await cluster.create(CONFIG_MAP, body)
    with pytest.raises(AlreadyExists):
        await cluster.create(CONFIG_MAP, body)
    await cluster.update(CONFIG_MAP, {**created, "data": {"a": "b"}})
    with pytest.raises(Conflict):
        await cluster.update(CONFIG_MAP, {**created, "data": {"a": "c"}})
    assert [one["metadata"]["name"] for one in cluster.list(CONFIG_MAP, "default", {"no": "label"})] == []


async def test_restart_keeps_what_was_written_and_ends_watches(cluster: DevCluster) -> None:
    await cluster.create(CONFIG_MAP, {"metadata": {"name": "x", "namespace": "default"}})
    port = int(cluster.url.rpartition(":")[2])
    await cluster.stop()
    await cluster.start(port=port)
    async with aiohttp.ClientSession(cluster.url) as http:
        assert (await read(http, f"{CONFIG_MAPS}/x"))["metadata"]["name"] == "x"
        await create(http, CONFIG_MAPS, config_map("y"))


async def test_port_in_use_is_an_error_and_leaves_nothing_behind(cluster: DevCluster, tmp_path: Path) -> None:
    port = int(cluster.url.rpartition(":")[2])
    second = DevCluster(builtin_types(), clock=SystemClock(), data_dir=tmp_path)
    with pytest.raises(OSError, match="address already in use"):
        await second.start(port=port)
    await second.start()
    await second.stop()


async def test_kind_that_is_not_served_is_not_found_in_process(cluster: DevCluster) -> None:
    with pytest.raises(NotFound, match="could not find the requested resource"):
        await cluster.create(Kind("example.com", "v1", "Widget", "widgets"), {"metadata": {"name": "w"}})


async def test_tls_with_a_given_certificate(tmp_path: Path) -> None:
    context, bundle = self_signed(tmp_path, "127.0.0.1")
    cluster = DevCluster(builtin_types(), clock=SystemClock())
    await cluster.start(tls=context)
    try:
        trust = ssl.create_default_context(cafile=str(tmp_path / "both.pem"))
        async with aiohttp.ClientSession(cluster.url) as http, http.get("/readyz", ssl=trust) as response:
            assert response.status == 200
        config = cluster.kubeconfig(authority=(tmp_path / "both.pem").read_bytes())
        assert config["clusters"][0]["cluster"]["server"].startswith("https://127.0.0.1:")
        assert bundle[:40] in config["clusters"][0]["cluster"]["certificate-authority-data"]
    finally:
        await cluster.stop()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "couldn't get version/kind; json parse error"),
        (b"[]", "the object provided is unrecognized"),
        (b'{"apiVersion":"v1","kind":"Secret"}', "Secret"),
        (b'{"metadata":{"name":"x","namespace":"other"}}', "the namespace of the provided object does not match"),
    ],
)
async def test_body_that_makes_no_sense_is_a_bad_request(http: aiohttp.ClientSession, body: bytes, said: str) -> None:
    async with http.post(CONFIG_MAPS, data=body, headers={"Content-Type": "application/json"}) as response:
        code, reason, message = await refused(response)
    assert (code, reason) == (400, "BadRequest")
    assert said in message


async def test_body_too_large_is_refused(http: aiohttp.ClientSession) -> None:
    async with http.post(CONFIG_MAPS, json=config_map(data={"a": "x" * (3 * 1024 * 1024)})) as response:
        assert (await refused(response))[:2] == (413, "RequestEntityTooLarge")


async def test_unknown_patch_type_and_bad_options_are_refused(http: aiohttp.ClientSession) -> None:
    await create(http, CONFIG_MAPS, config_map())
    async with http.patch(f"{CONFIG_MAPS}/x", json={}) as response:
        assert (await refused(response))[:2] == (415, "UnsupportedMediaType")
    for query in ("dryRun=Some", "fieldValidation=Maybe"):
        async with http.put(f"{CONFIG_MAPS}/x?{query}", json=config_map()) as response:
            assert (await refused(response))[:2] == (422, "Invalid")
    async with http.delete("/api/v1/configmaps") as response:
        assert response.status == 405


_WRONG: tuple[object, ...] = (None, 1, "x", [], [1], {}, {"a": 1}, True, [None], {"a": None})


@pytest.mark.parametrize("wrong", _WRONG, ids=repr)
async def test_value_of_a_wrong_type_is_never_the_servers_own_trouble(
    http: aiohttp.ClientSession, wrong: object
) -> None:
    await create(http, DEFINITIONS, definition())
    await create(http, WIDGETS, widget())
    await create(http, DEPLOYMENTS, deployment())
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "main", "image": "x"}]}}
    bodies = [
        *({**config_map("y"), part: wrong} for part in ("metadata", "data", "kind", "apiVersion")),
        *({"metadata": {"name": "y", part: wrong}} for part in _METADATA),
    ]
    wrong_specs = [{**base, "spec": wrong} for base in (deployment("y"), pod, widget("y"))]
    requests: list[tuple[str, str, object]] = [("POST", CONFIG_MAPS, body) for body in bodies]
    paths = (DEPLOYMENTS, "/api/v1/namespaces/default/pods", WIDGETS)
    requests += [("POST", path, body) for path, body in zip(paths, wrong_specs, strict=True)]
    for path in (
        f"{DEPLOYMENTS}/d",
        f"{DEPLOYMENTS}/d/status",
        f"{DEPLOYMENTS}/d/scale",
        f"{WIDGETS}/w",
        f"{WIDGETS}/w/scale",
    ):
        requests += [("PUT", path, wrong), ("DELETE", path, wrong)]
        requests += [
            (type_, path, body) for type_ in _PATCHES for body in (wrong, {"metadata": wrong}, {"spec": wrong})
        ]
    for method, path, body in requests:
        headers = {"Content-Type": method} if "/" in method else {}
        verb = "PATCH" if headers else method
        async with http.request(
            verb, f"{path}?dryRun=All&fieldManager=me", data=orjson.dumps(body), headers=headers
        ) as response:
            assert response.status < 500 or "should not be set" in await response.text(), (verb, path, body)


_METADATA = (
    "name",
    "generateName",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
    "resourceVersion",
    "uid",
    "namespace",
    "deletionTimestamp",
)
_PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)


async def test_streaming_list_from_the_future_is_refused_before_it_begins(http: aiohttp.ClientSession) -> None:
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=999999"
    async with http.get(f"{CONFIG_MAPS}?{query}") as response:
        assert (await refused(response))[:2] == (504, "Timeout")


def test_generated_names_are_cut_to_fit() -> None:
    assert len(generate_name("x" * 100, random.Random(1))) == 63
