"""Models named as a registry knows them, from the ConfigMap's key to the list that the model server reads."""

import base64
import json
from collections.abc import AsyncIterator, Callable

import pytest

from e2e.api import Api
from e2e.installation import SYSTEM_NAMESPACE
from e2e.services import custom, ready
from kservectl.api.config import CONFIG_MAP_NAME
from kservectl.api.kinds import INFERENCE_SERVICE, TRAINED_MODEL
from kservectl.objects.kind import CONFIG_MAP, CONTROLLER_REVISION, SECRET
from kservectl.objects.metadata import Object
from tests.modelregistry.registry import Registry, serving_registry

pytestmark = pytest.mark.usefixtures("manager")

TOKEN = "t0k-of-the-registry"


@pytest.fixture
async def registry(api: Api) -> AsyncIterator[Registry]:
    """A registry that the configuration names while the test runs."""
    async with serving_registry() as served:
        served.token = TOKEN
        served.versions["roses"] = {"1": "gs://b/roses/1", "2": "gs://b/roses/2"}
        served.aliases["roses"] = {"champion": "1"}
        values = {"MLFLOW_TRACKING_TOKEN": base64.b64encode(TOKEN.encode()).decode()}
        head = {"name": "mlflow", "namespace": SYSTEM_NAMESPACE}
        await api.create(SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": head, "data": values})
        await configure(api, {"url": served.url, "secretName": "mlflow"})
        yield served
        await configure(api, None)
        await api.delete(SECRET, "mlflow", SYSTEM_NAMESPACE)


async def configure(api: Api, registry: Object | None) -> None:
    data = {"registry": None if registry is None else json.dumps(registry)}
    await api.merge(CONFIG_MAP, CONFIG_MAP_NAME, SYSTEM_NAMESPACE, {"data": data})


def trained_model(name: str, namespace: str, uri: str) -> Object:
    return {
        "apiVersion": TRAINED_MODEL.api_version,
        "kind": "TrainedModel",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "inferenceService": "garden",
            "model": {"storageUri": uri, "framework": "sklearn", "memory": "10Mi"},
        },
    }


async def garden(api: Api, namespace: str) -> None:
    predictor = {"model": {"modelFormat": {"name": "sklearn"}, "resources": {"limits": {"memory": "4Gi"}}}}
    await api.create(INFERENCE_SERVICE, custom("garden", namespace, predictor))
    await ready(api, namespace, "garden")


def says(type_: str, status: str, message: str = "") -> Callable[[Object], bool]:
    def judge(model: Object) -> bool:
        conditions = (model.get("status") or {}).get("conditions") or ()
        return any(
            each["type"] == type_ and each["status"] == status and message in each.get("message", "")
            for each in conditions
        )

    return judge


async def test_registered_models_are_served_and_follow_their_alias(
    api: Api, namespace: str, registry: Registry
) -> None:
    await garden(api, namespace)
    await api.create(TRAINED_MODEL, trained_model("rose", namespace, "models:/roses@champion"))
    await api.create(TRAINED_MODEL, trained_model("lily", namespace, "models:/lilies/4"))

    rose = await api.until(TRAINED_MODEL, "rose", namespace, says("Ready", "True"), "the rose is Ready")
    assert rose["status"]["registeredModel"]["version"] == "1"
    lineage = rose["status"]["lineage"]
    assert lineage["clusterServingRuntimeName"] == "kserve-sklearnserver"
    await api.until(
        CONTROLLER_REVISION, lineage["revision"], namespace, lambda kept: True, "the version that serves it is kept"
    )
    missing = "Model Version (name=lilies, version=4) not found"
    await api.until(TRAINED_MODEL, "lily", namespace, says("Ready", "False", missing), "the lily is not found")
    await api.until(
        CONFIG_MAP,
        "modelconfig-garden-0",
        namespace,
        lambda made: (
            [each["modelSpec"]["storageUri"] for each in json.loads(made["data"]["models.json"])] == ["gs://b/roses/1"]
        ),
        "the rose alone is listed",
    )

    registry.aliases["roses"]["champion"] = "2"
    registry.versions["lilies"] = {"4": "gs://b/lilies/4"}
    await configure(api, {"url": registry.url + "/", "secretName": "mlflow"})  # has everything asked again at once
    await api.until(
        CONFIG_MAP,
        "modelconfig-garden-0",
        namespace,
        lambda made: (
            [each["modelSpec"]["storageUri"] for each in json.loads(made["data"]["models.json"])]
            == ["gs://b/lilies/4", "gs://b/roses/2"]
        ),
        "both are listed, the rose in its new version",
    )
    assert set(registry.authorizations) == {f"Bearer {TOKEN}"}


async def test_a_registry_that_is_not_configured_is_told_and_a_wrong_reference_refused(
    api: Api, namespace: str
) -> None:
    await garden(api, namespace)
    await api.create(TRAINED_MODEL, trained_model("rose", namespace, "models:/roses/1"))
    await api.until(
        TRAINED_MODEL,
        "rose",
        namespace,
        says("ModelResolved", "False", "there is no model registry"),
        "it is told that there is no registry",
    )
    with pytest.raises(Exception, match="write models:/NAME/VERSION"):
        await api.create(TRAINED_MODEL, trained_model("lily", namespace, "models:/roses"))
