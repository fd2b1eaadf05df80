"""Create, read, update, patch and delete over HTTP, with the answers that kube-apiserver gives."""

import aiohttp

from tests.devcluster.samples import CONFIG_MAPS, DEPLOYMENTS, MERGE, config_map, create, deployment


async def test_created_object_carries_what_the_server_sets(http: aiohttp.ClientSession) -> None:
    created = await create(http, CONFIG_MAPS, config_map(data={"a": "b"}))
    metadata = created["metadata"]
    assert metadata["namespace"] == "default"
    assert metadata["uid"]
    assert int(metadata["resourceVersion"]) > 1
    assert metadata["creationTimestamp"].endswith("Z")
    assert "generation" not in metadata
    assert created["data"] == {"a": "b"}


async def test_name_is_generated_from_its_base(http: aiohttp.ClientSession) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "made-"}}
    first, second = await create(http, CONFIG_MAPS, body), await create(http, CONFIG_MAPS, body)
    assert first["metadata"]["name"] != second["metadata"]["name"]
    assert first["metadata"]["name"].startswith("made-")
    assert len(first["metadata"]["name"]) == len("made-") + 5


async def test_name_in_use_is_already_exists(http: aiohttp.ClientSession) -> None:
    await create(http, CONFIG_MAPS, config_map())
    async with http.post(CONFIG_MAPS, json=config_map()) as response:
        status = await response.json()
    assert (response.status, status["reason"]) == (409, "AlreadyExists")
    assert status["message"] == 'configmaps "x" already exists'
    assert status["details"] == {"name": "x", "kind": "configmaps"}


async def test_bad_name_is_invalid(http: aiohttp.ClientSession) -> None:
    async with http.post(CONFIG_MAPS, json=config_map("Not_OK")) as response:
        status = await response.json()
    assert (response.status, status["reason"]) == (422, "Invalid")
    assert status["message"].startswith(
        'ConfigMap "Not_OK" is invalid: metadata.name: Invalid value: "Not_OK": a lowercase'
    )
    assert status["details"]["causes"][0]["field"] == "metadata.name"


async def test_absent_namespace_is_not_found(http: aiohttp.ClientSession) -> None:
    async with http.post("/api/v1/namespaces/nope/configmaps", json=config_map()) as response:
        status = await response.json()
    assert (response.status, status["message"]) == (404, 'namespaces "nope" not found')


async def test_absent_object_is_not_found(http: aiohttp.ClientSession) -> None:
    async with http.get(f"{DEPLOYMENTS}/d") as response:
        status = await response.json()
    assert response.status == 404
    assert status["message"] == 'deployments.apps "d" not found'
    assert status["details"] == {"name": "d", "group": "apps", "kind": "deployments"}


async def test_unknown_path_is_a_plain_404(http: aiohttp.ClientSession) -> None:
    async with http.get("/apis/none.example.com/v1/things") as response:
        assert response.status == 404
        assert await response.text() == "404 page not found\n"


async def test_update_from_an_old_version_is_a_conflict(http: aiohttp.ClientSession) -> None:
    created = await create(http, DEPLOYMENTS, deployment())
    async with http.put(f"{DEPLOYMENTS}/d", json={**created, "spec": {**created["spec"], "replicas": 2}}) as response:
        assert response.status == 200
    async with http.put(f"{DEPLOYMENTS}/d", json={**created, "spec": {**created["spec"], "replicas": 3}}) as response:
        status = await response.json()
    assert (response.status, status["reason"]) == (409, "Conflict")
    assert status["message"] == (
        'Operation cannot be fulfilled on deployments.apps "d": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


async def test_update_without_version_overwrites(http: aiohttp.ClientSession) -> None:
    await create(http, CONFIG_MAPS, config_map())
    async with http.put(f"{CONFIG_MAPS}/x", json=config_map(data={"k": "v"})) as response:
        assert (await response.json())["data"] == {"k": "v"}


async def test_update_that_changes_nothing_is_not_a_write(http: aiohttp.ClientSession) -> None:
    created = await create(http, CONFIG_MAPS, config_map(data={"k": "v"}))
    async with http.put(f"{CONFIG_MAPS}/x", json=created) as response:
        assert (await response.json())["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]


async def test_generation_follows_the_spec_and_a_deployments_annotations(http: aiohttp.ClientSession) -> None:
    await create(http, DEPLOYMENTS, deployment())
    for patch, generation in (
        ({"metadata": {"labels": {"a": "b"}}}, 1),
        ({"spec": {"replicas": 5}}, 2),
        ({"spec": {"replicas": 5}}, 2),
        ({"metadata": {"annotations": {"a": "b"}}}, 3),
    ):
        async with http.patch(f"{DEPLOYMENTS}/d", json=patch, headers=MERGE) as response:
            assert (await response.json())["metadata"]["generation"] == generation
    async with http.patch(f"{DEPLOYMENTS}/d/status", json={"status": {"replicas": 5}}, headers=MERGE) as response:
        assert (await response.json())["metadata"]["generation"] == 3


async def test_main_writes_leave_status_and_status_writes_leave_the_rest(http: aiohttp.ClientSession) -> None:
    created = await create(http, DEPLOYMENTS, {**deployment(), "status": {"replicas": 9}})
    assert created["status"] == {}
    changed = {**created, "spec": {**created["spec"], "replicas": 7}, "status": {"replicas": 7}}
    async with http.put(f"{DEPLOYMENTS}/d/status", json=changed) as response:
        written = await response.json()
    assert (written["spec"]["replicas"], written["status"]) == (1, {"replicas": 7})
    changed = {**written, "spec": {**written["spec"], "replicas": 2}, "status": {}}
    async with http.put(f"{DEPLOYMENTS}/d", json=changed) as response:
        written = await response.json()
    assert (written["spec"]["replicas"], written["status"]) == (2, {"replicas": 7})


async def test_dry_run_stores_nothing(http: aiohttp.ClientSession) -> None:
    async with http.post(f"{CONFIG_MAPS}?dryRun=All", json=config_map()) as response:
        assert response.status == 201
        assert (await response.json())["metadata"]["uid"]
    async with http.get(f"{CONFIG_MAPS}/x") as response:
        assert response.status == 404


async def test_delete_answers_what_was_deleted(http: aiohttp.ClientSession) -> None:
    created = await create(http, CONFIG_MAPS, config_map())
    async with http.delete(f"{CONFIG_MAPS}/x") as response:
        status = await response.json()
    assert status["status"] == "Success"
    assert status["details"] == {"name": "x", "kind": "configmaps", "uid": created["metadata"]["uid"]}


async def test_delete_with_another_uid_is_a_conflict(http: aiohttp.ClientSession) -> None:
    created = await create(http, CONFIG_MAPS, config_map())
    async with http.delete(f"{CONFIG_MAPS}/x", json={"preconditions": {"uid": "other"}}) as response:
        status = await response.json()
    assert response.status == 409
    assert status["message"] == (
        f'Operation cannot be fulfilled on ConfigMap "x": the UID in the precondition (other) does not match the UID in '
        f"record ({created['metadata']['uid']}). The object might have been deleted and then recreated"
    )


async def test_finalizer_holds_a_deleted_object_until_it_is_taken_off(http: aiohttp.ClientSession) -> None:
    body = config_map()
    body["metadata"]["finalizers"] = ["example.com/hold"]
    await create(http, CONFIG_MAPS, body)
    async with http.delete(f"{CONFIG_MAPS}/x") as response:
        marked = (await response.json())["metadata"]
        assert marked["deletionTimestamp"]
    async with http.get(f"{CONFIG_MAPS}/x") as response:
        assert response.status == 200
    async with http.patch(f"{CONFIG_MAPS}/x", json={"metadata": {"finalizers": None}}, headers=MERGE) as response:
        assert response.status == 200
        last = (await response.json())["metadata"]
        assert (last["resourceVersion"], last.get("finalizers")) == (marked["resourceVersion"], None)
    async with http.get(f"{CONFIG_MAPS}/x") as response:
        assert response.status == 404


async def test_collection_is_deleted_by_selector(http: aiohttp.ClientSession) -> None:
    for number in range(4):
        body = config_map(f"x{number}")
        body["metadata"]["labels"] = {"even": str(number % 2 == 0)}
        await create(http, CONFIG_MAPS, body)
    async with http.delete(f"{CONFIG_MAPS}?labelSelector=even%3DTrue") as response:
        assert [item["metadata"]["name"] for item in (await response.json())["items"]] == ["x0", "x2"]
    async with http.get(f"{CONFIG_MAPS}?labelSelector=even") as response:
        assert [item["metadata"]["name"] for item in (await response.json())["items"]] == ["x1", "x3"]
