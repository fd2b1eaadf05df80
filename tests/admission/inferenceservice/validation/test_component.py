"""What one component must be."""

import pytest

from kservectl.admission.inferenceservice.defaulting import default
from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import MODE, model, service
from tests.admission.inferenceservice.validation.verdicts import CONFIG, PREDICTOR_CHOICE, allowed, only, refused

MODEL = {"modelFormat": {"name": "sklearn"}}


@pytest.mark.parametrize(
    "predictor",
    [
        {},
        {"minReplicas": 1},
        {"serviceAccountName": "sa"},
        {"tensorflow": {}, "xgboost": {}},
        {"sklearn": {}, "model": MODEL},
        {"model": MODEL, "containers": [{"name": "kserve-container"}, {"name": "transformer-container"}]},
    ],
)
def test_a_predictor_has_exactly_one_implementation(predictor: Object) -> None:
    assert only(service(predictor)).startswith(f"spec.predictor: {PREDICTOR_CHOICE}")
    assert only(default(service(predictor), CONFIG, creating=True)).startswith(f"spec.predictor: {PREDICTOR_CHOICE}")


@pytest.mark.parametrize("spec", [{}, {"predictor": None}])
def test_a_service_without_predictor_is_told_the_same(spec: Object) -> None:
    assert any(PREDICTOR_CHOICE in error for error in refused(service() | {"spec": spec}))


@pytest.mark.parametrize(
    "predictor",
    [
        {"tensorflow": {}, "serviceAccountName": "sa"},
        {"model": MODEL, "containers": [{"name": "transformer-container"}]},
        {"containers": [{"name": "mine"}]},
        {"containers": [{"name": "kserve-container"}, {"name": "proxy"}]},
    ],
)
def test_what_counts_as_one_implementation(predictor: Object) -> None:
    assert allowed(service(predictor))


def test_transformer_and_explainer_need_an_implementation_too() -> None:
    errors = refused(service(model(), transformer={}, explainer={}))
    assert [error.split(";")[0] for error in errors] == [
        "spec.transformer: exactly one of [PodSpec, ComponentExtensionSpec] must be specified in TransformerSpec",
        "spec.explainer: exactly one of [ART, PodSpec, ComponentExtensionSpec] must be specified in ExplainerSpec",
    ]
    assert allowed(service(model(), explainer={"art": {"storageUri": "gs://b/m"}}))


GPU = {"limits": {"nvidia.com/gpu": "1"}}
MIG = {"limits": {"nvidia.com/mig-1g.5gb": "1"}}


@pytest.mark.parametrize(
    ("predictor", "message"),
    [
        (
            {"tensorflow": {"runtimeVersion": "1.14", "resources": GPU}},
            "Tensorflow RuntimeVersion is not GPU enabled but GPU",
        ),
        (
            {"tensorflow": {"runtimeVersion": "1.14-gpu"}},
            "Tensorflow RuntimeVersion is GPU enabled but GPU resources are not",
        ),
        ({"pytorch": {"runtimeVersion": "0.4", "resources": MIG}}, "PyTorch RuntimeVersion is not GPU enabled but GPU"),
        ({"pytorch": {"runtimeVersion": "0.4-gpu"}}, "PyTorch RuntimeVersion is GPU enabled but GPU resources are not"),
        ({"onnx": {"storageUri": "gs://b/m.pb"}}, "expected storageUri file extension: '.onnx' but got '.pb'"),
        ({"pmml": {"storage": {}, "storageUri": "gs://b/m"}}, "StorageUri [gs://b/m] is not supported"),
        ({"pmml": {"storage": {"parameters": {"type": "gs"}}}}, "storage.spec.type [gs] is not supported"),
    ],
)
def test_rules_of_frameworks_that_were_not_converted(predictor: Object, message: str) -> None:
    assert message in only(service(predictor, annotations={MODE: "ModelMesh"}))


@pytest.mark.parametrize(
    "predictor",
    [
        {"tensorflow": {"runtimeVersion": "1.14-gpu", "resources": MIG}},
        {"tensorflow": {"resources": GPU}},
        {"onnx": {"storageUri": "gs://b/m.onnx"}},
        {"onnx": {"storageUri": "gs://b.c/m"}},
        {"pmml": {"storage": {}, "storageUri": "s3://b/m"}},
        {"pmml": {"storage": {"parameters": {"type": "s3"}}}},
        {"pmml": {"storage": {}}},
    ],
)
def test_frameworks_that_keep_their_rules_pass(predictor: Object) -> None:
    assert allowed(service(predictor, annotations={MODE: "ModelMesh"}))


PROTOCOLS = "Must be one of [v1, v2, grpc-v1, grpc-v2]"


@pytest.mark.parametrize(
    ("protocol", "ok"), [("v1", True), ("v2", True), ("grpc-v2", True), ("v3", False), ("", False)]
)
def test_a_custom_server_declares_a_known_protocol(protocol: str, ok: bool) -> None:
    server = {"name": "kserve-container", "env": [{"name": "PROTOCOL", "value": protocol}]}
    sidecar = {"name": "proxy", "env": [{"name": "PROTOCOL", "value": "http/3"}]}
    errors = refused(service({"containers": [sidecar, server]}))
    assert errors == ([] if ok else [f"spec.predictor.containers[1].env: invalid protocol {protocol}. {PROTOCOLS}"])


@pytest.mark.parametrize("component", ["predictor", "transformer", "explainer"])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"containerConcurrency": -1}, "parallelism cannot be less than 0"),
        ({"minReplicas": -1}, "'MinReplicas' cannot be less than 0"),
        ({"maxReplicas": -1}, "'MaxReplicas' cannot be less than 0"),
        ({"minReplicas": 2, "maxReplicas": 1}, "'MinReplicas' cannot be greater than MaxReplicas"),
        ({"canaryTrafficPercent": 130}, "canaryTrafficPercent must be between 0 and 100, got 130"),
        ({"canaryTrafficPercent": -5}, "canaryTrafficPercent must be between 0 and 100, got -5"),
        ({"logger": {"mode": "everything"}}, "invalid logger type: [everything]; use one of all, request, response"),
        ({"logger": {}}, "invalid logger type: it is missing"),
        (
            {"logger": {"mode": "all", "storage": {"path": "p"}}},
            "invalid logger storage configuration; set parameters, key too",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_every_component(
    component: str, settings: Object, message: str
) -> None:
    body = {"containers": [{"name": "kserve-container"}], **settings}
    obj = service(body) if component == "predictor" else service(model(), **{component: body})
    error = only(obj)
    assert error.startswith(f"spec.{component}.{next(iter(settings))}") or "minReplicas" in error
    assert message in error


@pytest.mark.parametrize(
    "settings",
    [
        {"minReplicas": 0, "maxReplicas": 0},
        {"minReplicas": 3},
        {"maxReplicas": 1},
        {"canaryTrafficPercent": 0},
        {"logger": {"mode": "request", "storage": {"path": "p", "parameters": {}, "key": "k"}}},
    ],
)
def test_settings_that_make_sense_are_allowed(settings: Object) -> None:
    assert allowed(service(model() | settings))
