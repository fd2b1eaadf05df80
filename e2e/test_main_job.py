"""An InferenceService goes from YAML to Ready."""

import pytest

from e2e.api import Api, condition
from e2e.manager import ManagerProcess
from e2e.services import STORAGE, custom, ready, service, volume_claim
from kservectl.api.kinds import HTTP_ROUTE, INFERENCE_SERVICE
from kservectl.manifests.samples import samples
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, POD, SERVICE
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.usefixtures("manager")

_CHILDREN = (
    (DEPLOYMENT, "{}-predictor"),
    (SERVICE, "{}-predictor"),
    (HORIZONTAL_POD_AUTOSCALER, "{}-predictor"),
    (HTTP_ROUTE, "{}"),
    (HTTP_ROUTE, "{}-predictor"),
)


async def test_service_becomes_ready_with_url_objects_and_conditions(api: Api, namespace: str) -> None:
    await api.create(INFERENCE_SERVICE, service("iris", namespace))

    found = await ready(api, namespace, "iris")

    status = found["status"]
    assert status["url"] == f"http://iris-{namespace}.example.com"
    assert status["address"]["url"] == f"http://iris-predictor.{namespace}.svc.cluster.local"
    assert status["components"]["predictor"]["url"] == f"http://iris-predictor-{namespace}.example.com"
    assert status["deploymentMode"] == "Standard"
    assert status["modelStatus"]["transitionStatus"] == "UpToDate"
    assert status["modelStatus"]["states"]["activeModelState"] == "Loaded"
    for type_ in ("PredictorReady", "IngressReady", "Ready"):
        assert condition(found, type_)["status"] == "True", type_
    for kind, pattern in _CHILDREN:
        child = await api.get(kind, pattern.format("iris"), namespace)
        assert metadata.is_controlled_by(child, metadata.uid(found)), kind


async def test_pods_went_through_the_webhook(api: Api, namespace: str) -> None:
    await api.create(INFERENCE_SERVICE, service("iris", namespace))
    await ready(api, namespace, "iris")

    (pod,) = await api.list(POD, namespace, label_selector="serving.kserve.io/inferenceservice=iris")

    (initializer,) = pod["spec"]["initContainers"]
    assert initializer["name"] == "storage-initializer"
    assert initializer["args"] == [STORAGE, "/mnt/models"]
    (container,) = [each for each in pod["spec"]["containers"] if each["name"] == "kserve-container"]
    assert "/mnt/models" in [mount["mountPath"] for mount in container["volumeMounts"]]


async def test_legacy_framework_field_is_defaulted_to_a_model(api: Api, namespace: str) -> None:
    created = await api.create(INFERENCE_SERVICE, custom("legacy", namespace, {"sklearn": {"storageUri": STORAGE}}))

    assert "sklearn" not in created["spec"]["predictor"]
    assert created["spec"]["predictor"]["model"]["modelFormat"]["name"] == "sklearn"
    found = await ready(api, namespace, "legacy")
    assert found["status"]["url"]


@pytest.mark.parametrize("sample", samples(), ids=metadata.name)
async def test_sample_becomes_ready(api: Api, namespace: str, sample: Object) -> None:
    name = metadata.name(sample)
    await volume_claim(api, "model-store", namespace)
    await api.create(INFERENCE_SERVICE, {**sample, "metadata": {**sample["metadata"], "namespace": namespace}})

    found = await ready(api, namespace, name)

    assert found["status"]["url"] == f"http://{name}-{namespace}.example.com"


async def test_change_of_a_ready_service_rolls_out(api: Api, namespace: str) -> None:
    await api.create(INFERENCE_SERVICE, service("iris", namespace))
    await ready(api, namespace, "iris")

    patch = {"spec": {"predictor": {"model": {"env": [{"name": "MODE", "value": "fast"}]}}}}
    changed = await api.merge(INFERENCE_SERVICE, "iris", namespace, patch)

    assert metadata.generation(changed) == 2
    deployment = await api.until(
        DEPLOYMENT,
        "iris-predictor",
        namespace,
        lambda each: {"name": "MODE", "value": "fast"} in each["spec"]["template"]["spec"]["containers"][0]["env"],
        "it has the variable",
    )
    assert metadata.generation(deployment) == 2
    await ready(api, namespace, "iris")


async def test_scale_bounds_reach_the_autoscaler(api: Api, namespace: str) -> None:
    predictor = {"minReplicas": 2, "maxReplicas": 4, **service("x", namespace)["spec"]["predictor"]}
    await api.create(INFERENCE_SERVICE, custom("wide", namespace, predictor))

    await ready(api, namespace, "wide")

    autoscaler = await api.get(HORIZONTAL_POD_AUTOSCALER, "wide-predictor", namespace)
    assert (autoscaler["spec"]["minReplicas"], autoscaler["spec"]["maxReplicas"]) == (2, 4)


async def test_metrics_count_what_was_done(api: Api, namespace: str, manager: ManagerProcess) -> None:
    before = manager.metric("controller_runtime_reconcile_total", controller="inferenceservice", result="success")
    await api.create(INFERENCE_SERVICE, service("iris", namespace))
    await ready(api, namespace, "iris")

    after = manager.metric("controller_runtime_reconcile_total", controller="inferenceservice", result="success")

    assert after > before
    assert manager.metric("controller_runtime_reconcile_panics_total") == 0
