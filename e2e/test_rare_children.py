"""What few services have: it is made when they ask for it, and taken away when they do not any more."""

from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import uuid4

import pytest

from e2e.api import Api
from e2e.conftest import Configure
from e2e.node_agents import add_node
from e2e.services import STORAGE, custom, ready, service
from e2e.target import Target
from e2e.test_model_caches import cache, group
from e2e.test_registry import garden, trained_model
from kservectl.api.kinds import (
    INFERENCE_SERVICE,
    KNATIVE_SERVICE,
    LOCAL_MODEL_CACHE,
    LOCAL_MODEL_NODE,
    LOCAL_MODEL_NODE_GROUP,
    OPEN_TELEMETRY_COLLECTOR,
    TRAINED_MODEL,
    VIRTUAL_SERVICE,
)
from kservectl.client.errors import AlreadyExists
from kservectl.clock import SystemClock, rfc3339
from kservectl.controllers.inferenceservice.versions.history import LIMIT
from kservectl.devcluster.workloads import knative
from kservectl.manifests.node_agent import JOB_NAMESPACE
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, CONTROLLER_REVISION, NAMESPACE, NETWORK_POLICY, NODE, SERVICE, Kind
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.usefixtures("manager")

STOP = "serving.kserve.io/stop"


async def there(api: Api, kind: Kind, name: str, namespace: str) -> Object:
    return await api.until(kind, name, namespace, lambda found: True, "it is there")


@pytest.fixture
async def knative_serving(api: Api, cluster: Target) -> AsyncIterator[None]:
    """What an installation of Knative Serving has that others read. The devcluster has it always."""
    if cluster.is_devcluster:
        yield
        return
    for obj in knative.installation():
        await api.client.apply(NAMESPACE if obj["kind"] == "Namespace" else CONFIG_MAP, obj)
    yield
    await api.delete(NAMESPACE, knative.NAMESPACE)
    await api.until_gone(NAMESPACE, knative.NAMESPACE)


async def tell_ready(api: Api, name: str, namespace: str) -> None:
    """Say what Knative's controllers would of a Knative Service that works."""
    found = await api.get(KNATIVE_SERVICE, name, namespace)
    moment = rfc3339(SystemClock().now())
    revision = f"{name}-00001"
    status = {
        "observedGeneration": metadata.generation(found),
        "url": f"http://{name}.{namespace}.{knative.DOMAIN}",
        "address": {"url": f"http://{name}.{namespace}.svc.cluster.local"},
        "latestCreatedRevisionName": revision,
        "latestReadyRevisionName": revision,
        "traffic": [{"latestRevision": True, "percent": 100, "revisionName": revision}],
        "conditions": [
            {"type": type_, "status": "True", "lastTransitionTime": moment}
            for type_ in ("ConfigurationsReady", "Ready", "RoutesReady")
        ],
    }
    await api.merge(KNATIVE_SERVICE, name, namespace, {"status": status}, subresource="status")


@pytest.mark.usefixtures("knative_serving")
async def test_service_in_knative_mode_has_its_objects_until_it_is_stopped(
    api: Api, namespace: str, cluster: Target
) -> None:
    mode = {"serving.kserve.io/deploymentMode": "Knative"}
    await api.create(INFERENCE_SERVICE, service("iris", namespace, annotations=mode))
    await there(api, KNATIVE_SERVICE, "iris-predictor", namespace)
    if not cluster.is_devcluster:  # which plays Knative itself
        await tell_ready(api, "iris-predictor", namespace)
    await ready(api, namespace, "iris")
    children = ((KNATIVE_SERVICE, "iris-predictor"), (VIRTUAL_SERVICE, "iris"), (SERVICE, "iris"))
    for kind, name in children:
        assert await api.find(kind, name, namespace) is not None, kind

    await api.merge(INFERENCE_SERVICE, "iris", namespace, {"metadata": {"annotations": {STOP: "true"}}})

    for kind, name in children:
        await api.until_gone(kind, name, namespace)


async def test_network_policy_comes_and_goes_with_the_configuration(
    api: Api, namespace: str, configure: Configure
) -> None:
    await api.create(INFERENCE_SERVICE, service("iris", namespace))
    await ready(api, namespace, "iris")
    assert await api.find(NETWORK_POLICY, "iris", namespace) is None

    await configure("networkPolicy", enabled=True)
    await there(api, NETWORK_POLICY, "iris", namespace)

    await configure("networkPolicy", enabled=False)
    await api.until_gone(NETWORK_POLICY, "iris", namespace)


async def test_collector_follows_the_metrics_that_the_service_scales_by(api: Api, namespace: str) -> None:
    def metrics(*names: str) -> Object:
        metric = {"backend": "opentelemetry", "metricNames": list(names), "query": "sum(busy)"}
        return {
            "metrics": [
                {"type": "PodMetric", "podmetric": {"metric": metric, "target": {"type": "Value", "value": "4"}}}
            ]
        }

    def picks_up(collector: Object) -> list[str]:
        found: list[str] = collector["spec"]["config"]["processors"]["filter/metrics"]["metrics"]["include"][
            "metric_names"
        ]
        return found

    obj = service("iris", namespace, annotations={"serving.kserve.io/autoscalerClass": "keda"})
    obj["spec"]["predictor"]["autoScaling"] = metrics("busy")
    await api.create(INFERENCE_SERVICE, obj)
    await there(api, OPEN_TELEMETRY_COLLECTOR, "iris-predictor", namespace)

    more = {"spec": {"predictor": {"autoScaling": metrics("busy", "waiting")}}}
    await api.merge(INFERENCE_SERVICE, "iris", namespace, more)
    await api.until(
        OPEN_TELEMETRY_COLLECTOR,
        "iris-predictor",
        namespace,
        lambda found: picks_up(found) == ["busy", "waiting"],
        "it picks up both metrics",
    )

    await api.merge(INFERENCE_SERVICE, "iris", namespace, {"spec": {"predictor": {"autoScaling": None}}})
    await api.until_gone(OPEN_TELEMETRY_COLLECTOR, "iris-predictor", namespace)


async def test_list_of_models_goes_when_the_service_gets_one_model_of_its_own(api: Api, namespace: str) -> None:
    await api.create(INFERENCE_SERVICE, custom("many", namespace, {"model": {"modelFormat": {"name": "sklearn"}}}))
    await there(api, CONFIG_MAP, "modelconfig-many-0", namespace)

    await api.merge(INFERENCE_SERVICE, "many", namespace, {"spec": {"predictor": {"model": {"storageUri": STORAGE}}}})

    await api.until_gone(CONFIG_MAP, "modelconfig-many-0", namespace)


async def test_oldest_of_too_many_versions_is_forgotten(api: Api, namespace: str) -> None:
    await api.create(INFERENCE_SERVICE, service("iris", namespace))
    await ready(api, namespace, "iris")
    (first,) = await api.until_all(CONTROLLER_REVISION, namespace, lambda found: len(found) == 1, "one is kept")

    for number in range(1, LIMIT + 1):
        await api.merge(INFERENCE_SERVICE, "iris", namespace, {"spec": {"predictor": {"maxReplicas": 2 + number}}})
        await api.until_all(
            CONTROLLER_REVISION,
            namespace,
            lambda found, number=number: number + 1 in [each["revision"] for each in found],  # type: ignore[misc]  # mypy cannot infer a default
            f"version {number + 1} is kept",
        )

    await api.until_gone(CONTROLLER_REVISION, metadata.name(first), namespace)
    assert len(await api.list(CONTROLLER_REVISION, namespace)) == LIMIT


async def test_models_that_others_add_to_a_service_go_with_it(api: Api, namespace: str) -> None:
    await garden(api, namespace)
    await api.create(TRAINED_MODEL, trained_model("rose", namespace, STORAGE))
    await api.until(TRAINED_MODEL, "rose", namespace, lambda found: bool(found.get("status")), "it was looked at")

    await api.delete(INFERENCE_SERVICE, "garden", namespace)

    await api.until_gone(TRAINED_MODEL, "rose", namespace)
    await api.until_gone(INFERENCE_SERVICE, "garden", namespace)


async def test_order_that_outlives_its_node_goes_with_the_cache(api: Api, configure: Configure) -> None:
    pool = f"left-{uuid4().hex[:6]}"
    with suppress(AlreadyExists):  # installed with the node agent
        await api.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": JOB_NAMESPACE}})
    await configure("localModel", enabled=True)
    await api.create(LOCAL_MODEL_NODE_GROUP, group(pool))
    await add_node(api, pool, {"e2e-pool": pool})
    await api.create(LOCAL_MODEL_CACHE, cache(pool, pool))
    await there(api, LOCAL_MODEL_NODE, pool, "")

    await api.delete(NODE, pool, propagation="Orphan")
    await api.until_gone(NODE, pool)
    assert await api.find(LOCAL_MODEL_NODE, pool) is not None
    await api.delete(LOCAL_MODEL_CACHE, pool)

    await api.until_gone(LOCAL_MODEL_NODE, pool)
    await api.until_gone(LOCAL_MODEL_CACHE, pool)
    await api.delete(LOCAL_MODEL_NODE_GROUP, f"e2e-{pool}")
