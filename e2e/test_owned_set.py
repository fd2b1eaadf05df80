"""After every change of a service, or of the configuration, it owns exactly what `kservectl render` prints: no more, no less."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from e2e.api import Api, condition
from e2e.conftest import Configure
from e2e.installation import SYSTEM_NAMESPACE
from e2e.rendering import Rendered, rendered, until_as_rendered
from e2e.services import ready, service
from kservectl.api.config import CONFIG_MAP_NAME
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.usefixtures("manager")

Settled = Callable[[], Awaitable[Rendered]]

TRANSFORMER: Object = {"containers": [{"name": "kserve-container", "image": "example/transformer:1"}]}
STOP = "serving.kserve.io/stop"
SCALER = "serving.kserve.io/autoscalerClass"
BY_GATEWAY = "networking.kserve.io/gateway-api"
LOCAL = "networking.kserve.io/visibility"


@pytest.fixture
async def settled(api: Api, namespace: str, tmp_path: Path) -> Settled:
    """Waits until the service owns exactly what is rendered for it as it is now; answers with that."""

    async def wait() -> Rendered:
        stored = await api.get(INFERENCE_SERVICE, "iris", namespace)
        kept = {key: metadata.metadata(stored)[key] for key in ("name", "namespace")}
        written = {**kept, "labels": metadata.labels(stored), "annotations": metadata.annotations(stored)}
        config = await api.get(CONFIG_MAP, CONFIG_MAP_NAME, SYSTEM_NAMESPACE)
        plain = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CONFIG_MAP_NAME}, "data": config["data"]}
        manifest = {"apiVersion": stored["apiVersion"], "kind": stored["kind"], "metadata": written}
        wanted = await rendered([{**manifest, "spec": stored["spec"]}], tmp_path, plain)
        await until_as_rendered(api, namespace, wanted)
        return wanted

    return wait


async def create(api: Api, namespace: str, settled: Settled) -> Rendered:
    """A Ready service with a transformer."""
    obj = service("iris", namespace)
    await api.create(INFERENCE_SERVICE, {**obj, "spec": {**obj["spec"], "transformer": TRANSFORMER}})
    await ready(api, namespace, "iris")
    return await settled()


async def change(api: Api, namespace: str, **fields: Any) -> None:
    await api.merge(INFERENCE_SERVICE, "iris", namespace, fields)


def kinds(owned: Rendered) -> set[str]:
    return {kind for kind, _ in owned}


async def test_gateway_api_is_switched_off_and_on_for_all(
    api: Api, namespace: str, settled: Settled, configure: Configure
) -> None:
    before = await create(api, namespace, settled)
    assert {name for kind, name in before if kind == "HTTPRoute"} == {"iris", "iris-predictor", "iris-transformer"}

    await configure("ingress", enableGatewayApi=False)
    off = await settled()
    assert "HTTPRoute" not in kinds(off)
    assert ("Ingress", "iris") in off
    await ready(api, namespace, "iris")

    await configure("ingress", enableGatewayApi=True)
    assert await settled() == before
    await ready(api, namespace, "iris")


async def test_gateway_api_is_switched_off_and_on_for_one_service(api: Api, namespace: str, settled: Settled) -> None:
    before = await create(api, namespace, settled)

    await change(api, namespace, metadata={"annotations": {BY_GATEWAY: "false"}})
    assert "HTTPRoute" not in kinds(await settled())
    await ready(api, namespace, "iris")

    for chosen in ("true", None):
        await change(api, namespace, metadata={"annotations": {BY_GATEWAY: chosen}})
        again = await settled()
        assert again.keys() == before.keys()
        await ready(api, namespace, "iris")
    assert again == before


async def test_transformer_is_dropped_and_comes_back(api: Api, namespace: str, settled: Settled) -> None:
    before = await create(api, namespace, settled)

    await change(api, namespace, spec={"transformer": None})
    left = await settled()
    assert {name for _, name in left} == {"iris", "iris-predictor"}
    found = await ready(api, namespace, "iris")
    assert list(found["status"]["components"]) == ["predictor"]
    assert condition(found, "TransformerReady") == {}

    await change(api, namespace, spec={"transformer": TRANSFORMER})
    await ready(api, namespace, "iris")
    assert await settled() == before


async def test_service_becomes_cluster_local_and_public_again(api: Api, namespace: str, settled: Settled) -> None:
    before = await create(api, namespace, settled)

    await change(api, namespace, metadata={"labels": {LOCAL: "cluster-local"}})
    assert not kinds(await settled()) & {"HTTPRoute", "Ingress"}
    await ready(api, namespace, "iris")

    await change(api, namespace, metadata={"labels": {LOCAL: None}})
    assert await settled() == before
    await ready(api, namespace, "iris")


async def test_service_is_stopped_and_started(api: Api, namespace: str, settled: Settled) -> None:
    before = await create(api, namespace, settled)

    await change(api, namespace, metadata={"annotations": {STOP: "true"}})
    assert await settled() == {}

    await change(api, namespace, metadata={"annotations": {STOP: None}})
    await ready(api, namespace, "iris")
    assert await settled() == before


async def test_all_of_it_at_once_while_it_is_stopped(api: Api, namespace: str, settled: Settled) -> None:
    await create(api, namespace, settled)

    await change(api, namespace, metadata={"annotations": {STOP: "true"}})
    assert await settled() == {}
    await change(
        api,
        namespace,
        metadata={"annotations": {STOP: None, BY_GATEWAY: "false", SCALER: "none"}, "labels": {"team": "blue"}},
        spec={"transformer": None},
    )
    started = await settled()
    assert set(started) == {("Deployment", "iris-predictor"), ("Service", "iris-predictor"), ("Ingress", "iris")}
    await ready(api, namespace, "iris")


async def test_scaler_is_changed_to_keda_and_back(api: Api, namespace: str, settled: Settled) -> None:
    before = await create(api, namespace, settled)

    await change(api, namespace, metadata={"annotations": {SCALER: "keda"}})
    assert kinds(await settled()) & {"HorizontalPodAutoscaler", "ScaledObject"} == {"ScaledObject"}

    await change(api, namespace, metadata={"annotations": {SCALER: None}})
    assert await settled() == before


async def test_labels_of_a_service_are_followed_by_its_objects(api: Api, namespace: str, settled: Settled) -> None:
    before = await create(api, namespace, settled)

    await change(api, namespace, metadata={"labels": {"team": "blue"}})
    labelled = await settled()
    assert all(metadata.labels(obj)["team"] == "blue" for (kind, _), obj in labelled.items())

    await change(api, namespace, metadata={"labels": {"team": None}})
    assert await settled() == before
