"""The sample of model caches on a whole cluster: from YAML to a service that reads the disk, and away again."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from kservectl.api.kinds import INFERENCE_SERVICE, LOCAL_MODEL_CACHE, LOCAL_MODEL_NODE, LOCAL_MODEL_NODE_GROUP
from kservectl.assembly import CONTROLLERS
from kservectl.cli.files import read_objects
from kservectl.client.errors import ApiError
from kservectl.clock import SystemClock
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.devcluster.workloads.node import NODE_NAME
from kservectl.development.environment import Environment, EnvironmentOptions, local_options, running
from kservectl.explaining import explain
from kservectl.inspection.tree import tree
from kservectl.objects.kind import CONFIG_MAP, NODE, PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, POD, Kind
from kservectl.objects.metadata import Object

SAMPLES = Path(__file__).parents[2] / "manifests" / "samples" / "caches"
PATIENCE = 30.0


@pytest.fixture
async def environment() -> AsyncIterator[Environment]:
    async with running(EnvironmentOptions()) as made:
        change = {"data": {"localModel": json.dumps({"enabled": True, "jobNamespace": "kserve-localmodel-jobs"})}}
        await made.client.patch(CONFIG_MAP, "inferenceservice-config", "kserve", change)
        yield made


def samples() -> list[Object]:
    """The group first, then the cache, so that the service finds it."""
    found = [obj for path in sorted(SAMPLES.glob("*.yaml")) for obj in read_objects([str(path)])]
    order = ("LocalModelNodeGroup", "LocalModelCache", "InferenceService")
    return sorted((obj for obj in found if obj["kind"] in order), key=lambda obj: order.index(obj["kind"]))


async def until(
    environment: Environment, kind: Kind, name: str, namespace: str, holds: Callable[[Object | None], bool]
) -> Object | None:
    changes = environment.cluster.follow(kind)
    async with asyncio.timeout(PATIENCE):
        while not holds(found := environment.cluster.get(kind, name, namespace)):
            await anext(changes)
    return found


def ready(obj: Object | None) -> bool:
    conditions = ((obj or {}).get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


async def test_the_sample_downloads_serves_explains_itself_and_leaves_nothing(environment: Environment) -> None:
    await environment.apply(samples())
    cache = await until(environment, LOCAL_MODEL_CACHE, "iris", "", ready)
    assert cache is not None
    assert cache["status"]["nodeStatus"] == {NODE_NAME: "NodeDownloaded"}
    await until(environment, INFERENCE_SERVICE, "iris-from-disk", "default", ready)
    (pod,) = [pod for pod in environment.cluster.list(POD) if pod["metadata"]["namespace"] == "default"]
    assert "iris-workers" in {
        (volume.get("persistentVolumeClaim") or {}).get("claimName") for volume in pod["spec"]["volumes"]
    }
    assert "initContainers" not in pod["spec"]

    def bound(obj: Object | None) -> bool:
        return bool(obj) and (obj or {})["status"].get("phase") == "Bound"

    await until(environment, PERSISTENT_VOLUME_CLAIM, "iris-workers", "default", bound)
    owned = [obj for kind in (PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM) for obj in environment.cluster.list(kind)]
    found = tree(cache, owned)
    assert [child.obj["metadata"]["name"] for child in found.children] == [
        "iris-workers-default",
        "iris-workers-download",
        "iris-workers",
        "iris-workers",
    ]
    group = await until(
        environment,
        LOCAL_MODEL_NODE_GROUP,
        "workers",
        "",
        lambda obj: (obj or {}).get("status", {}).get("used") == "1Gi",
    )
    assert group is not None
    assert group["status"]["available"] == "99Gi"

    answer = await explain(
        environment.client, LOCAL_MODEL_CACHE, "iris", "", settings=Settings(), now=SystemClock().now()
    )
    assert answer.ready
    assert all(each.ok for each in answer.explanations)

    with pytest.raises(ApiError, match="is being used by InferenceService iris-from-disk"):
        await environment.client.delete(LOCAL_MODEL_CACHE, "iris")
    await environment.client.delete(INFERENCE_SERVICE, "iris-from-disk", "default")
    # The cache says that nobody uses it, so the webhook, which looks at the same, knows too.
    await until(
        environment,
        LOCAL_MODEL_CACHE,
        "iris",
        "",
        lambda obj: "inferenceServices" not in (obj or {"status": {}})["status"],
    )
    await environment.client.delete(LOCAL_MODEL_CACHE, "iris")
    for kind, name, namespace in (
        (LOCAL_MODEL_CACHE, "iris", ""),
        (PERSISTENT_VOLUME, "iris-workers-default", ""),
        (PERSISTENT_VOLUME_CLAIM, "iris-workers", "kserve-localmodel-jobs"),
    ):
        await until(environment, kind, name, namespace, lambda obj: obj is None)
    order = environment.cluster.get(LOCAL_MODEL_NODE, NODE_NAME, "")
    assert order is not None
    assert order["spec"] == {"localModels": [], "maxParallelDownloads": 2}


async def test_a_source_that_cannot_be_reached_is_explained(environment: Environment) -> None:
    group, cache, _ = samples()
    cache["spec"]["sourceModelUri"] = "https://models.invalid/iris"
    await environment.apply([group, cache])
    await until(
        environment,
        LOCAL_MODEL_CACHE,
        "iris",
        "",
        lambda obj: bool(((obj or {}).get("status") or {}).get("nodeMessages")),
    )
    answer = await explain(
        environment.client, LOCAL_MODEL_CACHE, "iris", "", settings=Settings(), now=SystemClock().now()
    )
    assert not answer.ready
    assert "https://models.invalid/iris cannot be reached" in answer.explanations[0].message


def downloaded(obj: Object | None) -> bool:
    return ((obj or {}).get("status") or {}).get("nodeStatus") == {NODE_NAME: "NodeDownloaded"}


async def test_a_cache_waits_for_its_group_and_goes_on_by_itself(environment: Environment) -> None:
    group, cache, _ = samples()
    await environment.apply([cache])

    def waits(obj: Object | None) -> bool:
        conditions = ((obj or {}).get("status") or {}).get("conditions") or ()
        return any(each["type"] == "Ready" and each.get("reason") == "NodeGroupNotFound" for each in conditions)

    await until(environment, LOCAL_MODEL_CACHE, "iris", "", waits)
    assert environment.cluster.list(PERSISTENT_VOLUME) == []
    await environment.apply([group])
    await until(environment, LOCAL_MODEL_CACHE, "iris", "", ready)


async def test_a_node_that_becomes_ready_gets_its_models(environment: Environment) -> None:
    group, cache, _ = samples()
    await say_ready(environment, "False")
    await environment.apply([group, cache])

    def not_ready(obj: Object | None) -> bool:
        return ((obj or {}).get("status") or {}).get("nodeStatus") == {NODE_NAME: "NodeNotReady"}

    await until(environment, LOCAL_MODEL_CACHE, "iris", "", not_ready)
    assert environment.cluster.get(LOCAL_MODEL_NODE, NODE_NAME, "") is None
    await say_ready(environment, "True")
    await until(environment, LOCAL_MODEL_CACHE, "iris", "", downloaded)


async def say_ready(environment: Environment, status: str) -> None:
    conditions = [{"type": "Ready", "status": status}]
    await environment.client.patch(NODE, NODE_NAME, "", {"status": {"conditions": conditions}}, subresource="status")


async def test_the_order_that_another_manager_left_is_taken_over(environment: Environment) -> None:
    left = {"modelName": "forgotten", "sourceModelUri": "s3://models/forgotten", "nodeGroup": "workers"}
    await environment.apply(
        [
            {
                "apiVersion": LOCAL_MODEL_NODE.api_version,
                "kind": LOCAL_MODEL_NODE.kind,
                "metadata": {"name": NODE_NAME},
                "spec": {"localModels": [left]},
            }
        ]
    )
    group, cache, _ = samples()
    await environment.apply([group, cache])
    await until(environment, LOCAL_MODEL_CACHE, "iris", "", downloaded)
    order = environment.cluster.get(LOCAL_MODEL_NODE, NODE_NAME, "")
    assert order is not None
    assert [entry["modelName"] for entry in order["spec"]["localModels"]] == ["iris"]
    (owner,) = order["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("Node", NODE_NAME)


async def test_an_order_that_is_edited_by_hand_is_put_right(environment: Environment) -> None:
    group, cache, _ = samples()
    await environment.apply([group, cache])
    await until(environment, LOCAL_MODEL_CACHE, "iris", "", downloaded)
    await environment.client.patch(LOCAL_MODEL_NODE, NODE_NAME, "", {"spec": {"localModels": []}})
    await until(environment, LOCAL_MODEL_NODE, NODE_NAME, "", lambda obj: len((obj or {})["spec"]["localModels"]) == 1)


async def test_a_manager_of_some_namespaces_leaves_nodes_alone() -> None:
    options = replace(local_options(), namespaces=("team",), webhooks=None)
    with structlog.testing.capture_logs() as logs:
        async with running(EnvironmentOptions(options=options)) as environment:
            group, cache, _ = samples()
            await environment.apply([group, cache])
    skipped = {entry["controller"] for entry in logs if entry["event"].startswith("controller is not run")}
    assert skipped == {name for name in CONTROLLERS if name.startswith("localmodel")}


async def test_a_cache_goes_from_node_to_node_no_more_at_once_than_it_allows(environment: Environment) -> None:
    group, cache, _ = samples()
    first = environment.cluster.get(NODE, NODE_NAME, "")
    assert first is not None
    names = [NODE_NAME, *(f"more-{number}" for number in range(5))]
    for name in names[1:]:
        body = {"metadata": {"name": name, "labels": first["metadata"].get("labels") or {}}}
        await environment.cluster.create(NODE, body)
        await environment.cluster.patch(NODE, name, "", {"status": first["status"]}, subresource="status")
    changes, most = environment.cluster.follow(LOCAL_MODEL_NODE), 0
    await environment.apply([group, {**cache, "spec": {**cache["spec"], "maxParallelDownloads": 2}}])
    done: set[str] = set()
    async with asyncio.timeout(PATIENCE):
        while len(done) < len(names):
            await anext(changes)
            orders = environment.cluster.list(LOCAL_MODEL_NODE)
            told = {order["metadata"]["name"] for order in orders if order["spec"]["localModels"]}
            done = {
                order["metadata"]["name"]
                for order in orders
                if ((order.get("status") or {}).get("modelStatus") or {}).get("iris") == "ModelDownloaded"
            }
            most = max(most, len(told - done))
    assert most == 2
