"""Admission webhooks are asked as kube-apiserver asks them, and their answers and failures are worded as it words them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from kservectl.client.errors import ApiError, ServerError
from kservectl.clock import SystemClock
from kservectl.devcluster.cluster import DevCluster
from kservectl.devcluster.types import builtin_types
from kservectl.objects import metadata
from kservectl.objects.kind import (
    CONFIG_MAP,
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    MUTATING_WEBHOOK_CONFIGURATION,
    NAMESPACE,
    VALIDATING_WEBHOOK_CONFIGURATION,
    Kind,
)
from kservectl.objects.metadata import controller_reference
from tests.devcluster.samples import CONFIG_MAPS, config_map, definition, deployment, refused, widget
from tests.devcluster.settling import until
from tests.devcluster.webhook_server import WebhookServer, patch, self_signed, webhook, webhook_server


@pytest.fixture
async def hook(tmp_path: Path) -> AsyncIterator[WebhookServer]:
    context, bundle = self_signed(tmp_path, "127.0.0.1")
    async with webhook_server(context, bundle) as server:
        yield server


async def configure(cluster: DevCluster, kind: Kind, *webhooks: dict[str, Any], name: str = "hooks") -> None:
    await cluster.create(kind, {"metadata": {"name": name}, "webhooks": list(webhooks)})


async def put(cluster: DevCluster, name: str = "x", **metadata: Any) -> dict[str, Any]:
    return await cluster.create(CONFIG_MAP, {"metadata": {"name": name, "namespace": "default", **metadata}})


async def test_mutation_is_stored_and_the_review_says_all(cluster: DevCluster, hook: WebhookServer) -> None:
    hook.answer = lambda request: (
        patch({"op": "add", "path": "/data", "value": {"by": "hook"}}) | {"warnings": ["careful"]}
    )
    await configure(cluster, MUTATING_WEBHOOK_CONFIGURATION, webhook("m", hook))
    assert (await put(cluster))["data"] == {"by": "hook"}
    (request,) = hook.requests
    assert hook.paths == ["/m?timeout=10s"]
    assert request["kind"] == request["requestKind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
    assert request["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
    assert (request["operation"], request["namespace"], request["name"]) == ("CREATE", "default", "x")
    assert request["userInfo"]["username"] == "kubernetes-admin"
    assert request["options"]["kind"] == "CreateOptions"
    assert (request["dryRun"], request["oldObject"]) == (False, None)
    assert "uid" not in request["object"]["metadata"]


async def test_validation_sees_the_object_as_it_will_be_stored(cluster: DevCluster, hook: WebhookServer) -> None:
    await configure(cluster, VALIDATING_WEBHOOK_CONFIGURATION, webhook("v", hook))
    body = {"metadata": {"generateName": "x-", "namespace": "default"}}
    stored = await cluster.create(CONFIG_MAP, body)
    assert hook.requests[0]["object"]["metadata"]["uid"] == stored["metadata"]["uid"]
    assert hook.requests[0]["name"] == stored["metadata"]["name"]


async def test_update_and_delete_carry_the_old_object(cluster: DevCluster, hook: WebhookServer) -> None:
    await put(cluster)
    await configure(cluster, VALIDATING_WEBHOOK_CONFIGURATION, webhook("v", hook))
    await cluster.patch(CONFIG_MAP, "x", "default", {"data": {"a": "b"}})
    await cluster.delete(CONFIG_MAP, "x", "default")
    update, delete = hook.requests
    assert (update["operation"], "data" in update["oldObject"], update["object"]["data"]) == (
        "UPDATE",
        False,
        {"a": "b"},
    )
    assert (delete["operation"], delete["object"], delete["oldObject"]["data"]) == ("DELETE", None, {"a": "b"})


@pytest.mark.parametrize(
    ("status", "code", "reason", "said"),
    [
        ({"message": "no"}, 400, "", "denied the request: no"),
        ({"message": "no", "code": 403, "reason": "Forbidden"}, 403, "Forbidden", "denied the request: no"),
        ({"reason": "Invalid", "code": 422}, 422, "Invalid", "denied the request: Invalid"),
        ({}, 400, "", "denied the request without explanation"),
        ({"message": "fine?", "code": 200}, 400, "", "denied the request: fine?"),
    ],
)
async def test_denial_is_told_with_the_webhooks_name(
    cluster: DevCluster,
    http: aiohttp.ClientSession,
    hook: WebhookServer,
    status: dict[str, Any],
    code: int,
    reason: str,
    said: str,
) -> None:
    hook.answer = lambda request: {"allowed": False, "status": status}
    await configure(cluster, VALIDATING_WEBHOOK_CONFIGURATION, webhook("v", hook))
    async with http.post(CONFIG_MAPS, json=config_map()) as response:
        assert await refused(response) == (code, reason, f'admission webhook "v.example.com" {said}')
    assert cluster.get(CONFIG_MAP, "x", "default") is None


async def test_warnings_reach_the_client(cluster: DevCluster, http: aiohttp.ClientSession, hook: WebhookServer) -> None:
    hook.answer = lambda request: {"allowed": True, "warnings": ["old field"]}
    await configure(cluster, VALIDATING_WEBHOOK_CONFIGURATION, webhook("v", hook))
    async with http.post(CONFIG_MAPS, json=config_map()) as response:
        assert response.headers["Warning"] == '299 - "old field"'


async def test_unreachable_webhook_fails_closed_or_open_as_it_says(cluster: DevCluster) -> None:
    dead = webhook("dead", WebhookServer("https://127.0.0.1:1"))
    await configure(cluster, VALIDATING_WEBHOOK_CONFIGURATION, {**dead, "failurePolicy": "Ignore"}, name="open")
    await put(cluster, "first")
    await configure(cluster, VALIDATING_WEBHOOK_CONFIGURATION, dead, name="shut")
    with pytest.raises(ServerError) as error:
        await put(cluster, "second")
    assert error.value.message == (
        'Internal error occurred: failed calling webhook "dead.example.com": failed to call webhook: '
        'Post "https://127.0.0.1:1/dead?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused'
    )


async def test_wrong_answer_is_a_failure(cluster: DevCluster, hook: WebhookServer) -> None:
    hook.answer = lambda request: {"allowed": True, "uid": "another"}
    await configure(cluster, VALIDATING_WEBHOOK_CONFIGURATION, webhook("v", hook))
    with pytest.raises(ServerError, match="received invalid webhook response: expected response"):
        await put(cluster)
    hook.answer = lambda request: {"allowed": True, "patch": "bm90IGpzb24="}
    with pytest.raises(ServerError, match="but not response"):
        await put(cluster)


async def test_mutating_webhooks_run_in_order_and_again_when_a_later_one_changed_the_object(
    cluster: DevCluster, hook: WebhookServer
) -> None:
    def answer(request: dict[str, Any]) -> dict[str, Any]:
        data = request["object"].get("data")
        if data is None:
            return patch({"op": "add", "path": "/data", "value": {"count": "1"}})
        return patch({"op": "replace", "path": "/data/count", "value": str(int(data["count"]) + 1)})

    hook.answer = answer
    again = webhook("again", hook, reinvocationPolicy="IfNeeded")
    await configure(cluster, MUTATING_WEBHOOK_CONFIGURATION, webhook("last", hook), name="b")
    await configure(cluster, MUTATING_WEBHOOK_CONFIGURATION, again, name="a")
    assert (await put(cluster))["data"] == {"count": "3"}
    assert [path.split("?")[0] for path in hook.paths] == ["/again", "/last", "/again"]


async def test_rules_and_selectors_decide_who_is_asked(cluster: DevCluster, hook: WebhookServer) -> None:
    await cluster.patch(NAMESPACE, "default", "", {"metadata": {"labels": {"watched": "yes"}}})
    only = {
        "operations": ["UPDATE"],
        "apiGroups": ["*"],
        "apiVersions": ["*"],
        "resources": ["*"],
        "scope": "Namespaced",
    }
    status = {"operations": ["*"], "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["*/status"]}
    await configure(
        cluster,
        VALIDATING_WEBHOOK_CONFIGURATION,
        webhook("updates", hook, rules=[only]),
        webhook("status", hook, rules=[status]),
        webhook("elsewhere", hook, namespaceSelector={"matchLabels": {"watched": "no"}}),
        webhook("labelled", hook, objectSelector={"matchLabels": {"mine": "yes"}}),
    )
    await put(cluster)
    assert hook.paths == []
    await cluster.patch(CONFIG_MAP, "x", "default", {"metadata": {"labels": {"mine": "yes"}}})
    await cluster.create(DEPLOYMENT, {**deployment(), "metadata": {"name": "d", "namespace": "default"}})
    await cluster.patch(DEPLOYMENT, "d", "default", {"status": {"replicas": 1}}, subresource="status")
    assert sorted(path.split("?")[0] for path in hook.paths) == ["/labelled", "/status", "/updates"]


@pytest.mark.parametrize(("policy", "sent"), [("Equivalent", ["v2"]), ("Exact", [])])
async def test_equivalent_version_is_sent_as_the_rule_names_it(
    cluster: DevCluster, hook: WebhookServer, policy: str, sent: list[str]
) -> None:
    crd = definition()
    second = {**crd["spec"]["versions"][0], "name": "v2", "storage": False}
    crd["spec"]["versions"].append(second)
    await cluster.create(CUSTOM_RESOURCE_DEFINITION, crd)
    hook.answer = lambda request: patch({"op": "replace", "path": "/spec/size", "value": 7})
    rule = {"operations": ["*"], "apiGroups": ["example.com"], "apiVersions": ["v2"], "resources": ["widgets"]}
    hooks = webhook("m", hook, rules=[rule], matchPolicy=policy)
    await configure(cluster, MUTATING_WEBHOOK_CONFIGURATION, hooks)
    body = {**widget(size=1), "metadata": {"name": "w", "namespace": "default"}}
    stored = await cluster.create(Kind("example.com", "v1", "Widget", "widgets"), body)
    assert [request["kind"]["version"] for request in hook.requests] == sent
    assert [request["requestKind"]["version"] for request in hook.requests] == ["v1"] * len(sent)
    assert (stored["apiVersion"], stored["spec"]["size"]) == ("example.com/v1", 7 if sent else 1)


async def test_match_conditions_are_evaluated(cluster: DevCluster, hook: WebhookServer) -> None:
    condition = {"name": "big", "expression": "has(object.data) && size(object.data) > 1"}
    await configure(cluster, VALIDATING_WEBHOOK_CONFIGURATION, webhook("v", hook, matchConditions=[condition]))
    await put(cluster)
    assert hook.requests == []
    await cluster.patch(CONFIG_MAP, "x", "default", {"data": {"a": "1", "b": "2"}})
    assert len(hook.requests) == 1


async def test_dry_run_is_said_to_be_one(cluster: DevCluster, http: aiohttp.ClientSession, hook: WebhookServer) -> None:
    await configure(cluster, VALIDATING_WEBHOOK_CONFIGURATION, webhook("v", hook, sideEffects="NoneOnDryRun"))
    async with http.post(f"{CONFIG_MAPS}?dryRun=All", json=config_map()) as response:
        assert response.status == 201
    assert hook.requests[0]["dryRun"] is True
    assert hook.requests[0]["options"]["dryRun"] == ["All"]


async def test_clusters_own_controllers_try_again_when_a_webhook_refuses(
    cluster: DevCluster, hook: WebhookServer
) -> None:
    owner = await put(cluster, "owner")
    await put(cluster, "child", ownerReferences=[controller_reference(owner)])
    refusals = iter([False, False])
    hook.answer = lambda request: {"allowed": request["name"] != "child" or next(refusals, True)}
    await configure(cluster, VALIDATING_WEBHOOK_CONFIGURATION, webhook("v", hook))
    await cluster.delete(CONFIG_MAP, "owner", "default")
    await until(cluster, CONFIG_MAP, lambda: cluster.get(CONFIG_MAP, "child", "default") is None)
    assert [request["name"] for request in hook.requests] == ["owner", "child", "child", "child"]


async def test_webhooks_do_not_judge_their_own_configurations(cluster: DevCluster, hook: WebhookServer) -> None:
    everything = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}
    hook.answer = lambda request: {"allowed": False}
    await configure(cluster, VALIDATING_WEBHOOK_CONFIGURATION, webhook("v", hook, rules=[everything]))
    await cluster.delete(VALIDATING_WEBHOOK_CONFIGURATION, "hooks")
    await put(cluster)


async def test_service_is_resolved_and_its_certificate_checked_for_its_name(tmp_path: Path) -> None:
    context, bundle = self_signed(tmp_path, "hooks.system.svc")
    async with webhook_server(context, bundle) as hook:
        where = {("system", "hooks", 443): hook.url}
        async with DevCluster(
            builtin_types(),
            clock=SystemClock(),
            resolver=lambda namespace, name, port: where.get((namespace, name, port)),
        ) as cluster:
            service = {"namespace": "system", "name": "hooks", "path": "/check"}
            config = {"service": service, "caBundle": bundle}
            await configure(cluster, VALIDATING_WEBHOOK_CONFIGURATION, webhook("v", hook, clientConfig=config))
            await put(cluster)
            assert hook.paths == ["/check?timeout=10s"]

            _, other = self_signed(tmp_path, "other.svc")
            untrusted = {"service": service, "caBundle": other}
            await configure(
                cluster, VALIDATING_WEBHOOK_CONFIGURATION, webhook("w", hook, clientConfig=untrusted), name="untrusted"
            )
            with pytest.raises(ApiError, match="tls: failed to verify certificate: x509: "):
                await put(cluster, "y")

            absent = {"service": {"namespace": "system", "name": "absent"}, "caBundle": bundle}
            await cluster.delete(VALIDATING_WEBHOOK_CONFIGURATION, "untrusted")
            await configure(
                cluster, VALIDATING_WEBHOOK_CONFIGURATION, webhook("a", hook, clientConfig=absent), name="absent"
            )
            with pytest.raises(ApiError, match='service "absent" not found'):
                await put(cluster, "z")


async def test_whoever_asks_while_the_server_stops_gets_an_answer_or_a_refusal(
    cluster: DevCluster, hook: WebhookServer
) -> None:
    await configure(cluster, VALIDATING_WEBHOOK_CONFIGURATION, webhook("v", hook))
    await put(cluster, "before")

    async def ask(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        with contextlib.suppress(ServerError):  # its connection was cut
            await put(cluster, f"turn-{turns}")

    async with asyncio.TaskGroup() as group:
        group.create_task(cluster.stop())
        for turns in range(200):
            group.create_task(ask(turns))
    assert metadata.name(await put(cluster, "after")) == "after"
    await cluster.stop()
