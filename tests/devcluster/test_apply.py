"""Server-side apply with claims about the live object: what a real kube-apiserver v1.34 answers."""

import aiohttp
import pytest

from kservectl.devcluster.refusals import MODIFIED
from tests.devcluster.samples import (
    APPLY,
    CONFIG_MAPS,
    MERGE,
    WIDGETS,
    config_map,
    create,
    definition,
    read,
    refused,
    widget,
)

X = f"{CONFIG_MAPS}/x?fieldManager=me"
OTHER = "11111111-1111-1111-1111-111111111111"


@pytest.mark.parametrize("version", [None, "", "0", "1", "999999999"])
@pytest.mark.parametrize("force", ["true", "false"])
async def test_apply_creates_what_is_absent_whatever_version_it_claims(
    http: aiohttp.ClientSession, version: str | None, force: str
) -> None:
    body = config_map(data={"a": "b"})
    if version is not None:
        body["metadata"]["resourceVersion"] = version
    async with http.patch(f"{X}&force={force}", json=body, headers=APPLY) as response:
        created = await response.json()
    assert response.status == 201
    assert [(one["manager"], one["operation"]) for one in created["metadata"]["managedFields"]] == [("me", "Apply")]


async def test_apply_with_a_uid_never_recreates(http: aiohttp.ClientSession) -> None:
    body = config_map()
    body["metadata"]["uid"] = OTHER
    async with http.patch(X, json=body, headers=APPLY) as response:
        assert await refused(response) == (
            409,
            "Conflict",
            f'Operation cannot be fulfilled on configmaps "x": uid mismatch: the provided object specified uid {OTHER}, '
            "and no existing object was found",
        )


async def test_forced_apply_with_version_one_is_create_only(http: aiohttp.ClientSession) -> None:
    before = await create(http, CONFIG_MAPS, config_map(data={"who": "bob"}))
    body = config_map(data={"who": "me"})
    body["metadata"]["resourceVersion"] = "1"
    async with http.patch(f"{X}&force=true", json=body, headers=APPLY) as response:
        assert await refused(response) == (
            409,
            "Conflict",
            f'Operation cannot be fulfilled on configmaps "x": {MODIFIED}',
        )
    assert await read(http, f"{CONFIG_MAPS}/x") == before


async def test_fields_of_somebody_else_are_found_before_the_version_is_compared(http: aiohttp.ClientSession) -> None:
    async with http.post(f"{CONFIG_MAPS}?fieldManager=bob", json=config_map(data={"who": "bob"})) as response:
        assert response.status == 201
    body = config_map(data={"who": "me"})
    body["metadata"]["resourceVersion"] = "1"
    async with http.patch(X, json=body, headers=APPLY) as response:
        status = await response.json()
    assert status["message"] == 'Apply failed with 1 conflict: conflict with "bob" using v1: .data.who'
    assert [(one["reason"], one["field"]) for one in status["details"]["causes"]] == [
        ("FieldManagerConflict", ".data.who")
    ]


async def test_apply_that_changes_nothing_is_no_write_and_still_compares_the_version(
    http: aiohttp.ClientSession,
) -> None:
    async with http.patch(X, json=config_map(data={"a": "b"}), headers=APPLY) as response:
        first = await response.json()
    body = config_map(data={"a": "b"})
    body["metadata"]["resourceVersion"] = first["metadata"]["resourceVersion"]
    async with http.patch(X, json=body, headers=APPLY) as response:
        assert (await response.json())["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    body["metadata"]["resourceVersion"] = "2"
    async with http.patch(X, json=body, headers=APPLY) as response:
        assert response.status == 409


async def test_wrong_uid_is_immutable_unless_the_version_is_wrong_as_well(http: aiohttp.ClientSession) -> None:
    async with http.patch(X, json=config_map(), headers=APPLY) as response:
        assert response.status == 201
    body = config_map()
    body["metadata"]["uid"] = OTHER
    async with http.patch(X, json=body, headers=APPLY) as response:
        assert await refused(response) == (
            422,
            "Invalid",
            f'ConfigMap "x" is invalid: metadata.uid: Invalid value: "{OTHER}": field is immutable',
        )
    body["metadata"]["resourceVersion"] = "2"
    async with http.patch(X, json=body, headers=APPLY) as response:
        assert (await refused(response))[:2] == (409, "Conflict")


@pytest.mark.parametrize("version", ["", "0"])
async def test_a_version_of_nothing_overwrites_built_in_kinds_and_is_refused_for_custom_ones(
    http: aiohttp.ClientSession, version: str
) -> None:
    await create(http, CONFIG_MAPS, config_map(data={"who": "bob"}))
    body = config_map(data={"who": "me"})
    body["metadata"]["resourceVersion"] = version
    async with http.patch(f"{X}&force=true", json=body, headers=APPLY) as response:
        assert (await response.json())["data"] == {"who": "me"}
    await create(http, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition())
    await create(http, WIDGETS, widget(size=1))
    custom = widget(size=2)
    custom["metadata"]["resourceVersion"] = version
    said = (
        422,
        "Invalid",
        'widgets.example.com "w" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    )
    async with http.patch(f"{WIDGETS}/w?fieldManager=me&force=true", json=custom, headers=APPLY) as response:
        assert await refused(response) == said
    async with http.patch(f"{WIDGETS}/w", json={"metadata": {"resourceVersion": version}}, headers=MERGE) as response:
        assert await refused(response) == said
    async with http.put(f"{WIDGETS}/w", json=widget(size=2)) as response:
        assert await refused(response) == said


async def test_apply_needs_a_manager_and_brings_no_managed_fields(http: aiohttp.ClientSession) -> None:
    async with http.patch(f"{CONFIG_MAPS}/x", json=config_map(), headers=APPLY) as response:
        assert await refused(response) == (
            422,
            "Invalid",
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
        )
    body = config_map()
    body["metadata"]["managedFields"] = []
    async with http.patch(X, json=body, headers=APPLY) as response:
        assert await refused(response) == (400, "BadRequest", "metadata.managedFields must be nil")


async def test_stale_merge_patch_is_a_conflict_and_a_wrong_uid_is_immutable(http: aiohttp.ClientSession) -> None:
    await create(http, CONFIG_MAPS, config_map())
    async with http.patch(f"{CONFIG_MAPS}/x", json={"metadata": {"resourceVersion": "2"}}, headers=MERGE) as response:
        assert (await refused(response))[:2] == (409, "Conflict")
    async with http.patch(f"{CONFIG_MAPS}/x", json={"metadata": {"uid": OTHER}}, headers=MERGE) as response:
        assert (await refused(response))[:2] == (422, "Invalid")


async def test_put_with_a_wrong_uid_is_a_storage_error(http: aiohttp.ClientSession) -> None:
    created = await create(http, CONFIG_MAPS, config_map())
    body = config_map()
    body["metadata"]["uid"] = OTHER
    async with http.put(f"{CONFIG_MAPS}/x", json=body) as response:
        code, reason, message = await refused(response)
    assert (code, reason) == (409, "Conflict")
    assert (
        f"Precondition failed: UID in precondition: {OTHER}, UID in object meta: {created['metadata']['uid']}"
        in message
    )


async def test_post_with_a_version_is_refused_and_its_uid_ignored(http: aiohttp.ClientSession) -> None:
    body = config_map()
    body["metadata"]["uid"] = OTHER
    created = await create(http, CONFIG_MAPS, body)
    assert created["metadata"]["uid"] != OTHER
    async with http.post(CONFIG_MAPS, json=created) as response:
        assert await refused(response) == (500, "", "resourceVersion should not be set on objects to be created")
