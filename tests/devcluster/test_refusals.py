"""What is refused, and in which words: each case was seen on kube-apiserver 1.34 (e2e/test_differential.py finds them)."""

import json
from typing import Any

import aiohttp
import pytest

from tests.devcluster.samples import (
    CONFIG_MAPS,
    DEFINITIONS,
    WIDGETS,
    config_map,
    create,
    definition,
    read,
    refused,
    widget,
)

SERVICES = "/api/v1/namespaces/default/services"
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
JSON, MERGE = "application/json-patch+json", "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


def about(kind: str, group: str = "v1", **content: Any) -> dict[str, Any]:
    return {"apiVersion": group, "kind": kind, "metadata": {"name": "x"}, **content}


@pytest.mark.parametrize(
    ("path", "body", "code", "message"),
    [
        (
            CONFIG_MAPS,
            about("Other"),
            400,
            'Other in version "v1" cannot be handled as a ConfigMap: no kind "Other" is registered for version "v1" in '
            'scheme "pkg/runtime/scheme.go:110"',
        ),
        (
            WIDGETS,
            about("Other", "example.com/v1"),
            422,
            'Other.example.com "x" is invalid: kind: Invalid value: "Other": must be Widget',
        ),
        (
            WIDGETS,
            {"kind": "Widget", "metadata": {"name": "x"}},
            400,
            "the API version in the data () does not match the expected API version (example.com/v1)",
        ),
        (
            WIDGETS,
            widget("x", replicas=-1),
            422,
            'Widget.example.com "x" is invalid: .spec.replicas: Invalid value: -1: should be a non-negative integer',
        ),
        (
            INGRESSES,
            about("Ingress", "networking.k8s.io/v1", spec={"rules": [{"host": "a.com", "http": {}}]}),
            422,
            'Ingress.networking.k8s.io "x" is invalid: spec.rules[0].http.paths: Required value',
        ),
        (
            POLICIES,
            about("NetworkPolicy", "networking.k8s.io/v1", spec={"podSelector": {}, "ingress": [{"from": [{}]}]}),
            422,
            'NetworkPolicy.networking.k8s.io "x" is invalid: spec.ingress[0].from[0]: Required value: must specify a peer',
        ),
        (
            f"{CONFIG_MAPS}?dryRun=Some",
            config_map(),
            422,
            'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
        ),
    ],
)
async def test_creation_is_refused_in_the_servers_words(
    http: aiohttp.ClientSession, path: str, body: dict[str, Any], code: int, message: str
) -> None:
    await create(http, DEFINITIONS, definition())
    async with http.post(path, json=body) as response:
        found = await refused(response)
    assert (found[0], found[2]) == (code, message)


@pytest.mark.parametrize(
    ("content_type", "patch", "code", "message"),
    [
        (JSON, [{"op": "test", "path": "/data/k", "value": "other"}], 422, "the server rejected our request due to an"),
        (
            JSON,
            [{"op": "odd", "path": "/data/k"}],
            422,
            "the server rejected our request due to an error in our request",
        ),
        (
            JSON,
            [1],
            400,
            "error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp",
        ),
        (
            JSON,
            [{"op": "remove", "path": "/metadata/name"}],
            400,
            "the name of the object (x based on URL) was undetermina",
        ),
        (MERGE, {"data": {"k": 1}}, 422, ' "" is invalid: patch: Invalid value: "{'),
        (APPLY, {"kind": "ConfigMap"}, 400, "invalid object type: /, Kind=ConfigMap"),
        (APPLY, about("Secret"), 400, "invalid object type: /v1, Kind=Secret"),
        (
            APPLY,
            config_map(unheard="of"),
            500,
            "failed to create typed patch object (/x; /v1, Kind=ConfigMap): .unheard: field not declared in schema",
        ),
    ],
)
async def test_patch_is_refused_in_the_servers_words(
    http: aiohttp.ClientSession, content_type: str, patch: Any, code: int, message: str
) -> None:
    await create(http, CONFIG_MAPS, config_map(data={"k": "v"}))
    headers = {"Content-Type": content_type}
    async with http.patch(f"{CONFIG_MAPS}/x?fieldManager=me", data=json.dumps(patch), headers=headers) as response:
        found = await refused(response)
    assert (found[0], found[2][: len(message)]) == (code, message)


async def test_patch_that_leads_to_no_object_blames_the_patch(http: aiohttp.ClientSession) -> None:
    await create(http, CONFIG_MAPS, config_map())
    async with http.patch(
        f"{CONFIG_MAPS}/x", data='{"metadata": {"annotations": {"a": 1}}}', headers={"Content-Type": MERGE}
    ) as response:
        (cause,) = (await response.json())["details"]["causes"]
    assert cause["field"] == "patch"
    assert cause["message"].endswith(
        ": json: cannot unmarshal number into Go struct field ObjectMeta.metadata.annotations of type string"
    )


async def test_subresource_that_a_custom_kind_has_not_is_as_an_object_that_is_not_there(
    http: aiohttp.ClientSession,
) -> None:
    await create(http, DEFINITIONS, definition())
    await create(http, WIDGETS, widget())
    async with http.get(f"{WIDGETS}/w/none") as response:
        assert await refused(response) == (404, "NotFound", 'widgets.example.com "w" not found')
    async with http.get(f"{WIDGETS}/w/scale") as response:
        assert (await refused(response))[2].endswith('the spec replicas field ".spec.replicas" does not exist')


async def test_service_is_created_by_an_update_and_gives_its_address_up_with_its_type(
    http: aiohttp.ClientSession,
) -> None:
    service = about("Service", spec={"ports": [{"port": 80}], "selector": {"app": "x"}})
    async with http.put(f"{SERVICES}/x", json=service) as response:
        assert response.status == 201
    patch = {"spec": {"type": "ExternalName", "externalName": "example.com"}}
    async with http.patch(f"{SERVICES}/x", json=patch, headers={"Content-Type": MERGE}) as response:
        assert "clusterIP" not in (await response.json())["spec"]


async def test_custom_resources_are_selected_by_the_fields_that_their_definition_names(
    http: aiohttp.ClientSession,
) -> None:
    await create(http, DEFINITIONS, definition(selectableFields=[{"jsonPath": ".spec.color"}]))
    for name, color in (("a", "red"), ("b", "green")):
        await create(http, WIDGETS, widget(name, color=color))
    found = await read(http, f"{WIDGETS}?fieldSelector=spec.color%3Dred")
    assert [each["metadata"]["name"] for each in found["items"]] == ["a"]
    assert found["metadata"]["continue"] == ""


async def test_dry_run_of_a_deletion_shows_what_would_be_marked(http: aiohttp.ClientSession) -> None:
    held = config_map()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await create(http, CONFIG_MAPS, held)
    async with http.delete(f"{CONFIG_MAPS}/x?dryRun=All") as response:
        assert (await response.json())["metadata"]["deletionTimestamp"]
    assert "deletionTimestamp" not in (await read(http, f"{CONFIG_MAPS}/x"))["metadata"]
    async with http.delete(f"{CONFIG_MAPS}/x", json={"dryRun": ["Some"]}) as response:
        assert (await refused(response))[:2] == (422, "Invalid")
