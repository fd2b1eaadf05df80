"""CustomResourceDefinitions: served at once, with their columns and subresources, and gone with their objects."""

import aiohttp

from kservectl.devcluster.cluster import DevCluster
from kservectl.objects.kind import CUSTOM_RESOURCE_DEFINITION, Kind
from tests.devcluster.samples import DEFINITIONS, MERGE, WIDGETS, create, definition, read, refused, widget
from tests.devcluster.settling import until
from tests.devcluster.watch_lines import watching

WIDGET = Kind("example.com", "v1", "Widget", "widgets")


async def test_kind_is_served_from_the_answer_on(http: aiohttp.ClientSession, cluster: DevCluster) -> None:
    await create(http, DEFINITIONS, definition())
    created = await create(http, WIDGETS, widget(size=1))
    assert created["spec"] == {"size": 1, "color": "blue"}
    assert created["metadata"]["generation"] == 1

    def conditions() -> dict[str, str]:
        crd = cluster.get(CUSTOM_RESOURCE_DEFINITION, "widgets.example.com") or {}
        return {one["type"]: one["status"] for one in crd.get("status", {}).get("conditions", ())}

    await until(
        cluster, CUSTOM_RESOURCE_DEFINITION, lambda: conditions() == {"NamesAccepted": "True", "Established": "True"}
    )


async def test_discovery_shows_the_kind_in_both_forms(http: aiohttp.ClientSession) -> None:
    await create(http, DEFINITIONS, definition())
    legacy = await read(http, "/apis/example.com/v1")
    assert [one["name"] for one in legacy["resources"]] == ["widgets", "widgets/scale", "widgets/status"]
    assert legacy["resources"][0]["shortNames"] == ["wd"]
    aggregated = await read(
        http, "/apis", Accept="application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
    )
    group = next(one for one in aggregated["items"] if one["metadata"].get("name") == "example.com")
    resource = group["versions"][0]["resources"][0]
    assert resource["responseKind"] == {"group": "example.com", "version": "v1", "kind": "Widget"}
    assert [one["subresource"] for one in resource["subresources"]] == ["scale", "status"]


async def test_table_has_the_definitions_columns(http: aiohttp.ClientSession) -> None:
    await create(http, DEFINITIONS, definition())
    await create(http, WIDGETS, widget(size=3))
    await create(http, WIDGETS, widget("without"))
    table = await read(http, WIDGETS, Accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Size", "Age"]
    assert [row["cells"][:2] for row in table["rows"]] == [["w", 3], ["without", None]]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


async def test_scale_reads_and_writes_through_the_declared_paths(http: aiohttp.ClientSession) -> None:
    await create(http, DEFINITIONS, definition())
    await create(http, WIDGETS, widget(size=3, replicas=2))
    scale = await read(http, f"{WIDGETS}/w/scale")
    assert (scale["kind"], scale["spec"], scale["status"]) == ("Scale", {"replicas": 2}, {"replicas": 0})
    async with http.patch(f"{WIDGETS}/w/scale", json={"spec": {"replicas": 5}}, headers=MERGE) as response:
        assert (await response.json())["spec"] == {"replicas": 5}
    stored = await read(http, f"{WIDGETS}/w")
    assert (stored["spec"]["replicas"], stored["metadata"]["generation"]) == (5, 2)
    async with http.put(f"{WIDGETS}/w/scale", json={**scale, "spec": {"replicas": 9}}) as response:
        assert (await refused(response))[:2] == (409, "Conflict")


async def test_status_of_a_custom_object_is_written_apart(http: aiohttp.ClientSession) -> None:
    await create(http, DEFINITIONS, definition())
    created = await create(http, WIDGETS, {**widget(size=3), "status": {"phase": "Wrong"}})
    assert "status" not in created
    async with http.put(
        f"{WIDGETS}/w/status", json={**created, "spec": {"size": 9}, "status": {"phase": "Good"}}
    ) as response:
        written = await response.json()
    assert (written["spec"]["size"], written["status"], written["metadata"]["generation"]) == (3, {"phase": "Good"}, 1)


async def test_schema_is_enforced_and_unknown_fields_are_warned_of(http: aiohttp.ClientSession) -> None:
    await create(http, DEFINITIONS, definition())
    async with http.post(WIDGETS, json=widget(size=-1)) as response:
        code, reason, message = await refused(response)
    assert (code, reason) == (422, "Invalid")
    assert message == (
        'Widget.example.com "w" is invalid: spec.size: Invalid value: -1: spec.size in body should be greater than or equal to 0'
    )
    async with http.post(WIDGETS, json=widget(shape="round")) as response:
        assert response.headers["Warning"] == '299 - "unknown field \\"spec.shape\\""'
        assert (await response.json())["spec"] == {"color": "blue"}
    async with http.post(f"{WIDGETS}?fieldValidation=Strict", json=widget("v", shape="round")) as response:
        assert await refused(response) == (
            400,
            "BadRequest",
            'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.shape"',
        )


async def test_strategic_merge_patch_is_not_for_custom_objects(http: aiohttp.ClientSession) -> None:
    await create(http, DEFINITIONS, definition())
    await create(http, WIDGETS, widget())
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    async with http.patch(f"{WIDGETS}/w", json={"spec": {"size": 1}}, headers=headers) as response:
        assert (await refused(response))[:2] == (415, "UnsupportedMediaType")


async def test_deleted_definition_takes_its_objects_its_kind_and_its_watches(
    http: aiohttp.ClientSession, cluster: DevCluster
) -> None:
    await create(http, DEFINITIONS, definition())
    await create(http, WIDGETS, widget())
    async with watching(http, WIDGETS) as watch:
        assert await watch.seen(1) == [("ADDED", "w")]
        async with http.delete(f"{DEFINITIONS}/widgets.example.com") as response:
            assert response.status == 200
        assert await watch.seen(1) == [("DELETED", "w")]
        assert await watch.next() is None
    await until(
        cluster,
        CUSTOM_RESOURCE_DEFINITION,
        lambda: cluster.get(CUSTOM_RESOURCE_DEFINITION, "widgets.example.com") is None,
    )
    async with http.get(WIDGETS) as response:
        assert response.status == 404
    assert cluster.registry.find(WIDGET) is None


async def test_object_with_a_finalizer_holds_its_definition(http: aiohttp.ClientSession, cluster: DevCluster) -> None:
    await create(http, DEFINITIONS, definition())
    body = widget()
    body["metadata"]["finalizers"] = ["example.com/hold"]
    await create(http, WIDGETS, body)
    async with http.delete(f"{DEFINITIONS}/widgets.example.com"):
        pass
    assert (await read(http, f"{DEFINITIONS}/widgets.example.com"))["metadata"]["deletionTimestamp"]
    async with http.patch(f"{WIDGETS}/w", json={"metadata": {"finalizers": None}}, headers=MERGE) as response:
        assert response.status == 200
    await until(
        cluster,
        CUSTOM_RESOURCE_DEFINITION,
        lambda: cluster.get(CUSTOM_RESOURCE_DEFINITION, "widgets.example.com") is None,
    )
