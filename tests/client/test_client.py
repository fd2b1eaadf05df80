"""The verbs: what goes out, what comes back, and which errors."""

import json
import re

import pytest
import structlog

from kservectl.client.client import JSON_PATCH, STRATEGIC_MERGE_PATCH, Client
from kservectl.client.errors import (
    AlreadyExists,
    ApiError,
    BadRequest,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    ServerError,
    TooManyRequests,
    Undecodable,
)
from kservectl.objects.kind import CONFIG_MAP, DEPLOYMENT, NODE
from tests.client.scripted_server import ScriptedServer, answer, status

OBJ = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n", "resourceVersion": "5"}}


async def test_get_asks_for_one_object_by_path(server: ScriptedServer, client: Client) -> None:
    server.answer(answer(OBJ))
    assert await client.get(CONFIG_MAP, "a", "n") == OBJ
    assert (server.asked[0].method, server.asked[0].path) == ("GET", "/api/v1/namespaces/n/configmaps/a")
    assert server.asked[0].headers["Accept"] == "application/json"


async def test_user_agent_names_version_and_platform(server: ScriptedServer, client: Client) -> None:
    server.answer(answer(OBJ))
    await client.get(CONFIG_MAP, "a", "n")
    assert re.fullmatch(r"kservectl/\d\S* \((linux|darwin)/[a-z0-9_]+\)", server.asked[0].headers["User-Agent"])


async def test_list_items_carry_their_kind_although_the_server_leaves_it_out(
    server: ScriptedServer, client: Client
) -> None:
    server.answer(
        answer({"kind": "DeploymentList", "metadata": {"continue": "c"}, "items": [{"metadata": {"name": "x"}}]})
    )
    found = await client.list(DEPLOYMENT, limit=1, label_selector="a in (b,c)", resource_version="0")
    assert found["items"] == [{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}}]
    assert found["metadata"] == {"continue": "c"}
    assert server.asked[0].path == "/apis/apps/v1/deployments"
    assert server.asked[0].query == {"labelSelector": "a in (b,c)", "limit": "1", "resourceVersion": "0"}


async def test_list_without_items_is_empty(server: ScriptedServer, client: Client) -> None:
    server.answer(answer({"kind": "NodeList", "metadata": {}, "items": None}))
    assert (await client.list(NODE))["items"] == []


async def test_metadata_only_list_asks_for_partial_objects(server: ScriptedServer, client: Client) -> None:
    item = {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": {"name": "x"}}
    server.answer(answer({"kind": "PartialObjectMetadataList", "metadata": {}, "items": [item]}))
    found = await client.list(DEPLOYMENT, metadata_only=True)
    assert found["items"] == [{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}}]
    assert server.asked[0].headers["Accept"] == (
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
    )


async def test_writes_name_the_field_manager(server: ScriptedServer, client: Client) -> None:
    server.answer(*[answer(OBJ)] * 4)
    await client.create(CONFIG_MAP, OBJ, dry_run=True)
    await client.update(CONFIG_MAP, OBJ, subresource="status")
    await client.patch(CONFIG_MAP, "a", "n", {"data": None})
    await client.apply(CONFIG_MAP, OBJ)
    assert [(asked.method, asked.path) for asked in server.asked] == [
        ("POST", "/api/v1/namespaces/n/configmaps"),
        ("PUT", "/api/v1/namespaces/n/configmaps/a/status"),
        ("PATCH", "/api/v1/namespaces/n/configmaps/a"),
        ("PATCH", "/api/v1/namespaces/n/configmaps/a"),
    ]
    assert [asked.query for asked in server.asked] == [
        {"fieldManager": "kservectl", "dryRun": "All"},
        {"fieldManager": "kservectl"},
        {"fieldManager": "kservectl"},
        {"fieldManager": "kservectl", "force": "true"},
    ]
    assert [asked.headers["Content-Type"] for asked in server.asked] == [
        "application/json",
        "application/json",
        "application/merge-patch+json",
        "application/apply-patch+yaml",
    ]
    assert json.loads(server.asked[3].body) == OBJ


async def test_patch_types_are_told_by_content_type(server: ScriptedServer, client: Client) -> None:
    server.answer(*[answer(OBJ)] * 2)
    await client.patch(CONFIG_MAP, "a", "n", [{"op": "remove", "path": "/data"}], content_type=JSON_PATCH)
    await client.patch(CONFIG_MAP, "a", "n", {"data": {}}, content_type=STRATEGIC_MERGE_PATCH)
    assert [asked.headers["Content-Type"] for asked in server.asked] == [JSON_PATCH, STRATEGIC_MERGE_PATCH]


async def test_apply_without_force_says_so(server: ScriptedServer, client: Client) -> None:
    server.answer(answer(OBJ))
    await client.apply(CONFIG_MAP, OBJ, force=False)
    assert server.asked[0].query["force"] == "false"


async def test_delete_is_conditional_and_in_the_background(server: ScriptedServer, client: Client) -> None:
    server.answer(answer({"kind": "Status", "status": "Success"}), answer({}))
    await client.delete(CONFIG_MAP, "a", "n", uid="u", resource_version="7")
    await client.delete(CONFIG_MAP, "a", "n", propagation="Foreground")
    assert json.loads(server.asked[0].body) == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
        "preconditions": {"uid": "u", "resourceVersion": "7"},
    }
    assert json.loads(server.asked[1].body)["propagationPolicy"] == "Foreground"
    assert "preconditions" not in json.loads(server.asked[1].body)


async def test_raw_reaches_any_path(server: ScriptedServer, client: Client) -> None:
    server.answer(answer({"gitVersion": "v1.34.0"}))
    assert await client.raw("GET", "/version", params={"timeout": "5s"}) == {"gitVersion": "v1.34.0"}
    assert (server.asked[0].path, server.asked[0].query) == ("/version", {"timeout": "5s"})
    server.answer(answer({"kind": "Table"}))
    table = "application/json;as=Table;g=meta.k8s.io;v=v1"
    assert await client.raw("GET", "/api/v1/pods", accept=table) == {"kind": "Table"}
    assert server.asked[1].headers["Accept"] == table


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (400, "BadRequest", BadRequest),
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (409, "Conflict", Conflict),
        (409, "AlreadyExists", AlreadyExists),
        (410, "Expired", Expired),
        (422, "Invalid", Invalid),
        (302, "", ApiError),
        (418, "", ApiError),
    ],
)
async def test_every_refusal_has_its_error(
    server: ScriptedServer, client: Client, code: int, reason: str, expected: type[ApiError]
) -> None:
    server.answer(status(code, reason, "because", details={"causes": [{"field": "spec.x"}]}))
    with pytest.raises(ApiError) as raised:
        await client.create(CONFIG_MAP, OBJ)
    assert type(raised.value) is expected
    assert (raised.value.code, raised.value.reason, raised.value.message) == (code, reason, "because")
    assert raised.value.details == {"causes": [{"field": "spec.x"}]}
    assert len(server.asked) == 1


async def test_a_proxys_error_page_is_named_by_request_and_code(server: ScriptedServer, client: Client) -> None:
    server.answer(answer(b"<html>bad gateway</html>", 502))
    with pytest.raises(ServerError, match="POST /api/v1/namespaces/n/configmaps was answered with HTTP status 502"):
        await client.create(CONFIG_MAP, OBJ)


async def test_success_that_is_not_json_is_an_error(server: ScriptedServer, client: Client) -> None:
    server.answer(answer(b"<html>welcome</html>"), answer([1]))
    with pytest.raises(Undecodable, match="GET /api/v1/namespaces/n/configmaps/a"):
        await client.get(CONFIG_MAP, "a", "n")
    with pytest.raises(Undecodable, match="no object"):
        await client.get(CONFIG_MAP, "a", "n")


async def test_errors_never_quote_a_body(server: ScriptedServer, client: Client) -> None:
    server.answer(answer(b"hunter2 {"), status(500, "", "internal"), *[status(429, "", retry_after=60)])
    secret = {**OBJ, "data": {"password": "hunter2"}}
    for expected in (Undecodable, ServerError, TooManyRequests):
        with pytest.raises(expected) as raised:
            await client.create(CONFIG_MAP, secret)
        assert "hunter2" not in str(raised.value)


async def test_warnings_of_the_server_are_logged_once_each(server: ScriptedServer, client: Client) -> None:
    warning = {"Warning": r'299 - "unknown field \"spec.foo\""'}
    server.answer(answer(OBJ, headers=warning), answer(OBJ, headers=warning), answer(OBJ))
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            await client.apply(CONFIG_MAP, OBJ)
    assert [log["warning"] for log in logs if log["event"] == "the API server warns"] == ['unknown field "spec.foo"']


async def test_a_guard_is_asked_before_each_write_and_never_before_a_read(
    server: ScriptedServer, client: Client
) -> None:
    class Stale(Exception):
        pass

    def refuse() -> None:
        raise Stale

    guarded = client.guarded_by(refuse)
    server.answer(answer(OBJ))
    await guarded.get(CONFIG_MAP, "a", "n")
    for write in (
        guarded.create(CONFIG_MAP, OBJ),
        guarded.apply(CONFIG_MAP, OBJ),
        guarded.update(CONFIG_MAP, OBJ),
        guarded.patch(CONFIG_MAP, "a", "n", {}),
        guarded.delete(CONFIG_MAP, "a", "n"),
        guarded.raw("POST", "/x", body={}),
    ):
        with pytest.raises(Stale):
            await write
    assert len(server.asked) == 1
    server.answer(answer(OBJ))
    await client.create(CONFIG_MAP, OBJ)
    assert len(server.asked) == 2
