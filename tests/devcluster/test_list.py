"""Lists: selection, pages of one moment, and what a resourceVersion asks for."""

import aiohttp
import pytest

from kservectl.devcluster.cluster import DevCluster
from tests.devcluster.samples import CONFIG_MAPS, config_map, create, read, refused

MINE = f"{CONFIG_MAPS}?labelSelector=mine"


async def fill(http: aiohttp.ClientSession, count: int = 5) -> None:
    for number in range(count):
        await create(http, CONFIG_MAPS, config_map(f"x{number}", labels={"mine": "yes", "number": str(number)}))


def names(listed: dict[str, object]) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]  # type: ignore[attr-defined]  # JSON


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("number=1", ["x1"]),
        ("number!=1,mine", ["x0", "x2", "x3", "x4"]),
        ("number in (1,3)", ["x1", "x3"]),
        ("mine,number notin (1,3)", ["x0", "x2", "x4"]),
        ("mine,!absent", ["x0", "x1", "x2", "x3", "x4"]),
        ("number>2", ["x3", "x4"]),
        ("number==1,number==2", []),
    ],
)
async def test_labels_select(http: aiohttp.ClientSession, selector: str, expected: list[str]) -> None:
    await fill(http)
    async with http.get(CONFIG_MAPS, params={"labelSelector": selector}) as response:
        assert names(await response.json()) == expected


async def test_fields_select_and_unknown_ones_are_refused(http: aiohttp.ClientSession) -> None:
    await fill(http)
    assert names(await read(http, f"{CONFIG_MAPS}?fieldSelector=metadata.name%3Dx2")) == ["x2"]
    assert "x2" not in names(await read(http, f"{CONFIG_MAPS}?fieldSelector=metadata.name!%3Dx2"))
    async with http.get(f"{CONFIG_MAPS}?fieldSelector=spec.color%3Dred") as response:
        code, _, message = await refused(response)
    assert code == 400
    assert message == '"spec.color" is not a known field selector: only "metadata.name", "metadata.namespace"'


async def test_pages_show_the_moment_of_the_first_one(http: aiohttp.ClientSession) -> None:
    await fill(http)
    first = await read(http, f"{MINE}&limit=2")
    await create(http, CONFIG_MAPS, config_map("x1a", labels={"mine": "yes"}))
    async with http.delete(f"{CONFIG_MAPS}/x3"):
        pass
    second = await read(http, f"{MINE}&limit=2&continue={first['metadata']['continue']}")
    third = await read(http, f"{MINE}&limit=2&continue={second['metadata']['continue']}")
    assert [names(page) for page in (first, second, third)] == [["x0", "x1"], ["x2", "x3"], ["x4"]]
    assert {page["metadata"]["resourceVersion"] for page in (first, second, third)} == {
        first["metadata"]["resourceVersion"]
    }
    assert "continue" not in third["metadata"]


async def test_rest_is_counted_when_nothing_selects(http: aiohttp.ClientSession) -> None:
    await fill(http)
    page = await read(http, f"{CONFIG_MAPS}?limit=2")
    assert page["metadata"]["remainingItemCount"] == 4  # with the ConfigMap that every namespace has


async def test_expired_page_is_410(http: aiohttp.ClientSession, cluster: DevCluster) -> None:
    await fill(http)
    first = await read(http, f"{MINE}&limit=2")
    cluster.expire_history()
    async with http.get(f"{MINE}&limit=2&continue={first['metadata']['continue']}") as response:
        code, reason, message = await refused(response)
    assert (code, reason) == (410, "Expired")
    assert message.startswith("The provided continue parameter is too old")


async def test_exact_version_shows_the_past(http: aiohttp.ClientSession) -> None:
    await fill(http, 2)
    version = (await read(http, MINE))["metadata"]["resourceVersion"]
    async with http.delete(f"{CONFIG_MAPS}/x0"):
        pass
    past = await read(http, f"{MINE}&resourceVersion={version}&resourceVersionMatch=Exact")
    assert names(past) == ["x0", "x1"]
    assert names(await read(http, f"{MINE}&resourceVersion={version}&resourceVersionMatch=NotOlderThan")) == ["x1"]
    assert names(await read(http, f"{MINE}&resourceVersion=0")) == ["x1"]


async def test_future_version_is_too_large(http: aiohttp.ClientSession) -> None:
    async with http.get(f"{CONFIG_MAPS}?resourceVersion=999999") as response:
        status = await response.json()
    assert (response.status, status["reason"]) == (504, "Timeout")
    assert status["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert response.headers["Retry-After"] == "1"


async def test_all_namespaces_in_key_order_and_typed_items_without_identity(http: aiohttp.ClientSession) -> None:
    listed = await read(http, "/api/v1/configmaps")
    assert (listed["kind"], listed["apiVersion"]) == ("ConfigMapList", "v1")
    assert [item["metadata"]["namespace"] for item in listed["items"]] == sorted(
        item["metadata"]["namespace"] for item in listed["items"]
    )
    assert "kind" not in listed["items"][0] and "apiVersion" not in listed["items"][0]


async def test_only_metadata_on_request(http: aiohttp.ClientSession) -> None:
    await create(http, CONFIG_MAPS, config_map("a", labels={"mine": "yes"}, data={"k": "v"}))
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    listed = await read(http, MINE, Accept=accept)
    assert listed["kind"] == "PartialObjectMetadataList"
    assert [sorted(item) for item in listed["items"]] == [["apiVersion", "kind", "metadata"]]


async def test_yaml_on_request_and_protobuf_is_not_acceptable(http: aiohttp.ClientSession) -> None:
    async with http.get(f"{CONFIG_MAPS}/kube-root-ca.crt", headers={"Accept": "application/yaml"}) as response:
        assert response.content_type == "application/yaml"
        assert (await response.text()).startswith("apiVersion: v1\nkind: ConfigMap\n")
    async with http.get(CONFIG_MAPS, headers={"Accept": "application/vnd.kubernetes.protobuf"}) as response:
        assert response.status == 406
