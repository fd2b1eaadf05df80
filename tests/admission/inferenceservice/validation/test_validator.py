"""The rules one by one. `refused` answers every error as `field: message`."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.admission.inferenceservice.defaulting import default
from kservectl.admission.inferenceservice.validation.validator import validate
from kservectl.admission.review import Verdict
from kservectl.api.config import Config, ConfigError
from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import MODE, config, model, service

CLASS = "serving.kserve.io/autoscalerClass"
GPU_TYPES = "serving.kserve.io/gpu-resource-types"
STANDARD = {MODE: "Standard"}
CONFIG = config()


def verdict(obj: Object, old: Object | None = None, settings: Config = CONFIG) -> Verdict:
    before = copy.deepcopy(obj)
    answer = validate(obj, old, settings)
    assert obj == before
    return answer


def refused(obj: Object, old: Object | None = None) -> list[str]:
    return [f"{error.field}: {error.message}" for error in verdict(obj, old).errors]


def only(obj: Object, old: Object | None = None) -> str:
    """The one error; anything but exactly one fails the test."""
    (error,) = refused(obj, old)
    return error


def allowed(obj: Object, old: Object | None = None) -> bool:
    return refused(obj, old) == []


@pytest.mark.parametrize("name", ["abc-123", "a", "x" * 48])
def test_good_names_pass(name: str) -> None:
    assert allowed(service(model(), name=name))


@pytest.mark.parametrize("name", ["1abcde", "abc.de", "-a", "a-", "A", "a\n"])
def test_a_name_that_is_no_dns_label_is_refused(name: str) -> None:
    error = only(service(model(), name=name))
    assert error.startswith(
        f'metadata.name: the InferenceService "{name}" is invalid: a InferenceService name must consist of'
    )


def test_a_name_leaves_room_for_the_names_derived_from_it() -> None:
    assert "pods are labelled" in only(service(model(), name="x" * 49))
    assert allowed(service(model(), name="x" * 40))
    long_canary = [{"trafficPercent": 1, "predictor": {"name": "y" * 20, **model()}}]
    assert "5 characters shorter" in only(service(model(), name="x" * 32, canary=long_canary, annotations=STANDARD))


@pytest.mark.parametrize("value", ["test", "", "kpa"])
def test_an_unknown_autoscaler_class_is_refused(value: str) -> None:
    error = only(service(model(), annotations={CLASS: value}))
    assert f"[{value}] is not a supported autoscaler class type; use one of hpa, external, keda, none" in error


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("spec.predictor.model", {"predictor": model(env=[{"name": "PYTHONPATH"}])}),
        (
            "spec.predictor.containers[0]",
            {"predictor": {"containers": [{"name": "mine", "env": [{"name": "PYTHONPATH"}]}]}},
        ),
        (
            "spec.predictor.initContainers[0]",
            {"predictor": model() | {"initContainers": [{"name": "mine", "env": [{"name": "PYTHONPATH"}]}]}},
        ),
        (
            "spec.transformer.containers[0]",
            {"predictor": model(), "transformer": {"containers": [{"name": "mine", "env": [{"name": "PYTHONPATH"}]}]}},
        ),
        ("spec.explainer.art", {"predictor": model(), "explainer": {"art": {"env": [{"name": "PYTHONPATH"}]}}}),
        (
            "spec.canary[0].predictor.model",
            {
                "predictor": model(),
                "canary": [{"trafficPercent": 1, "predictor": {"name": "c", **model(env=[{"name": "PYTHONPATH"}])}}],
            },
        ),
    ],
)
def test_no_container_may_set_pythonpath(path: str, spec: Object) -> None:
    error = only(service(annotations=STANDARD, **spec))
    assert error.startswith(f"{path}.env[0].name: ")
    assert "setting PYTHONPATH in container" in error and "is not allowed for security reasons" in error


def test_worker_containers_may_not_set_pythonpath_either() -> None:
    worker = {"containers": [{"name": "worker-container", "env": [{"name": "PYTHONPATH"}]}]}
    predictor = model(storageUri="pvc://claim") | {"workerSpec": worker}
    error = only(service(predictor, annotations=STANDARD | {CLASS: "none"}))
    assert 'in container "worker-container"' in error


def test_other_environment_is_free() -> None:
    assert allowed(service(model(env=[{"name": "PYTHONPATHS", "value": "x"}, {"name": "pythonpath"}])))


def multinode(worker: Object | None = None, notes: Any = None, **more: Any) -> Object:
    spec = model("huggingface", **({"storageUri": "pvc://claim/model"} | more))
    annotations = STANDARD | ({CLASS: "none"} if notes is None else notes)
    return service(spec | {"workerSpec": worker or {}}, annotations=annotations)


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (
            multinode({"containers": [{"name": "a"}, {"name": "b"}]}),
            "setting multiple containers in workerSpec is not allowed",
        ),
        (
            multinode(env=[{"name": "PIPELINE_PARALLEL_SIZE"}]),
            "setting PIPELINE_PARALLEL_SIZE in environment variables is not allowed",
        ),
        (
            multinode(env=[{"name": "TENSOR_PARALLEL_SIZE"}]),
            "setting TENSOR_PARALLEL_SIZE in environment variables is not allowed",
        ),
        (multinode(resources={"limits": {"unknownGPU.com/gpu": "1"}}), "Unknown GPU resource type."),
        (
            multinode({"containers": [{"name": "worker-container", "resources": {"requests": {"odd.com/gpu": 1}}}]}),
            "(odd.com/gpu)",
        ),
        (multinode(storageUri=None), "StorageURI must be set for multinode enabled"),
        (multinode(storageUri="s3://bucket"), "Multinode only supports 'pvc' and 'oci' Storage Protocol(s3)"),
        (multinode(notes={CLASS: "hpa"}), "Multinode only supports 'none' autoscaler(hpa)"),
        (multinode(notes={}), "Multinode only supports 'none' autoscaler()"),
        (multinode({"pipelineParallelSize": 0}), "WorkerSpec.PipelineParallelSize cannot be less than 1(0)"),
        (multinode({"tensorParallelSize": -1}), "WorkerSpec.TensorParallelSize cannot be less than 1(-1)"),
        (multinode(notes={CLASS: "none", GPU_TYPES: "[]"}), "invalid GPU format([]) for"),
        (multinode(notes={CLASS: "none", GPU_TYPES: '["a", ""]'}), "must be a valid JSON array"),
    ],
)
def test_what_several_nodes_cannot_do_is_refused(obj: Object, message: str) -> None:
    assert message in only(obj)


@pytest.mark.parametrize(
    "obj",
    [
        multinode(storageUri="oci://image"),
        multinode(storageUri="oci+native://image"),
        multinode({"pipelineParallelSize": 2, "tensorParallelSize": 1}),
        multinode(
            resources={"limits": {"nvidia.com/gpu": "1", "cpu": 1, "hugepages-2Mi": "4Mi", "nvidia.com/mig-1g": 1}}
        ),
        multinode(
            {"containers": [{"name": "worker-container", "resources": {"limits": {"unknownGPU.com/gpu": "1"}}}]},
            notes={CLASS: "none", GPU_TYPES: '["unknownGPU.com/gpu"]'},
            resources={"limits": {"unknownGPU.com/gpu": "1"}},
        ),
    ],
)
def test_what_several_nodes_can_do_is_allowed(obj: Object) -> None:
    assert allowed(obj)


def test_configured_gpu_types_are_known_and_a_broken_list_names_its_key() -> None:
    obj = multinode(resources={"limits": {"custom.com/gpu": "1"}})
    assert validate(obj, None, config(multiNode={"customGPUResourceTypeList": ["custom.com/gpu"]})).errors == ()
    with pytest.raises(ConfigError):
        validate(obj, None, config(multiNode="nonsense"))
    assert validate(service(model()), None, config(multiNode="nonsense")).errors == ()


def test_a_collocated_transformer_downloads_nothing() -> None:
    def predictor(server: Any, transformer: Any) -> Object:
        return {
            "containers": [
                {"name": "kserve-container", "env": server},
                {"name": "transformer-container", "env": transformer},
            ]
        }

    uri = [{"name": "STORAGE_URI", "value": "gs://b/m"}]
    assert "storage uri should not be specified in transformer container" in only(service(predictor([], uri)))
    assert allowed(service(predictor(uri, [])))
    assert allowed(service(predictor([], [])))


def test_a_framework_has_no_container_name() -> None:
    error = only(service(model(name="invalid-name")))
    assert error.startswith("spec.predictor.model.name: the 'name' field is not allowed in standard predictor")
    assert allowed(service(model(name="")))


def sources(*pairs: tuple[str, str | None], **more: Any) -> Object:
    entries = [{"uri": uri} | ({} if path is None else {"mountPath": path}) for uri, path in pairs]
    return service({"model": {"modelFormat": {"name": "sklearn"}, **more}, "storageUris": entries})


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (
            sources(("gs://a", "/mnt/a"), storageUri="gs://b"),
            "Setting both StorageURI and StorageURIs is not supported.",
        ),
        (sources(("", "/mnt/a")), "storage URI cannot be empty"),
        (sources(("gs://a", "/")), "storage path cannot be empty"),
        (sources(("gs://a", "//")), "storage path cannot be empty"),
        (sources(("gs://a", "mnt/models")), "storage path must be absolute: mnt/models"),
        (sources(("gs://a", "")), "storage path must be absolute: "),
        (sources(("gs://a", "/mnt/../etc")), "storage path cannot contain '..' for security reasons: /mnt/../etc"),
        (sources(("pvc://a", "/mnt/a"), ("pvc://b", "/mnt/a/")), "PVC storage paths must be unique"),
        (sources(("gs://a", "/mnt/a"), ("gs://b", "/mnt/a")), "storage paths must be unique"),
        (sources(("gs://a", None), ("gs://b", None)), "storage paths must be unique"),
        (
            sources(("gs://a", "/mnt/models"), ("gs://b", "/opt/models")),
            "storage paths must have a common parent directory. Current paths: [/mnt/models /opt/models] have no common parent"
            " beyond root",
        ),
    ],
)
def test_sources_that_cannot_be_mounted_are_refused(obj: Object, message: str) -> None:
    assert message in only(obj)


@pytest.mark.parametrize(
    "obj",
    [
        sources(("gs://a", "/mnt/models")),
        sources(("gs://a", None)),
        sources(("gs://a", "/mnt/a..b")),
        sources(("gs://a", "/mnt/models/a"), ("gs://b", "/mnt/models/b")),
        sources(("gs://a", "/mnt/a"), ("pvc://b", "/opt/b"), ("pvc://b", "/opt/c")),
    ],
)
def test_sources_that_can_be_mounted_are_allowed(obj: Object) -> None:
    assert allowed(obj)


def test_an_empty_list_of_sources_is_refused_by_shape() -> None:
    assert "spec.predictor.storageUris: must not be empty" in only(sources())


def confidential(uri: str | None, key: str | None = None, enabled: bool = True) -> Object:
    block: Object = {"enabled": enabled} | ({} if key is None else {"resourceId": key})
    return service(model(storageUri=uri, confidential=block) if uri else {"model": {**MODEL, "confidential": block}})


MODEL = {"modelFormat": {"name": "sklearn"}}


@pytest.mark.parametrize(
    ("obj", "error", "warning"),
    [
        (confidential(None, enabled=False), "", ""),
        (confidential("s3://b/m", "kbs:///repo/type/tag"), "", ""),
        (confidential("s3://b/m"), "", ""),
        (confidential(None), "confidential model serving requires storageUri to be set", ""),
        (confidential("oci://image"), "", "confidential has no effect with OCI URIs"),
        (confidential("pvc://claim"), "", "confidential has no effect with PVC URIs"),
        (confidential("s3://b/m", "kbs://repo/type/tag"), "must be in the format kbs:///<repo>/<type>/<tag>", ""),
    ],
)
def test_confidential_serving(obj: Object, error: str, warning: str) -> None:
    answer = verdict(obj)
    assert error in (answer.errors[0].message if answer.errors else "") and bool(answer.errors) == bool(error)
    assert warning in (answer.warnings[0] if answer.warnings else "") and bool(answer.warnings) == bool(warning)


PREDICTOR_CHOICE = (
    "exactly one of [Name, SKLearn, XGBoost, Tensorflow, PyTorch, Triton, ONNX, HuggingFace, PMML, LightGBM, Paddle, Model,"
    " StorageUris, StorageContainerName, WorkerSpec, PodSpec] must be specified in PredictorSpec"
)


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
    assert only(default(service(predictor), CONFIG)).startswith(f"spec.predictor: {PREDICTOR_CHOICE}")


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


@pytest.mark.parametrize(
    ("protocol", "ok"), [("v1", True), ("v2", True), ("grpc-v2", True), ("v3", False), ("", False)]
)
def test_a_custom_server_declares_a_known_protocol(protocol: str, ok: bool) -> None:
    server = {"name": "kserve-container", "env": [{"name": "PROTOCOL", "value": protocol}]}
    sidecar = {"name": "proxy", "env": [{"name": "PROTOCOL", "value": "http/3"}]}
    errors = refused(service({"containers": [sidecar, server]}))
    assert errors == ([] if ok else [f"spec.predictor.containers[1].env: invalid protocol {protocol}. {PROTOCOLS}"])


PROTOCOLS = "Must be one of [v1, v2, grpc-v1, grpc-v2]"


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


def scaled(notes: Object, **settings: Any) -> Object:
    return service(model() | settings, annotations=notes)


def metrics(*entries: Object) -> Object:
    return {"autoScaling": {"metrics": list(entries)}}


def resource(name: str, **target: Any) -> Object:
    return {"type": "Resource", "resource": {"name": name, "target": target}}


HPA = STANDARD | {CLASS: "hpa"}
KEDA = STANDARD | {CLASS: "keda"}
KNATIVE_HPA = {"autoscaling.knative.dev/class": "hpa.autoscaling.knative.dev"}


@pytest.mark.parametrize("notes", [HPA, KNATIVE_HPA])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scaleMetric": "rps"}, "[rps] is not a supported metric"),
        ({"scaleMetric": "cpu", "scaleTarget": 120}, "the target utilization percentage should be a [1-100] integer"),
        ({"scaleTarget": 0}, "the target utilization percentage should be a [1-100] integer"),
        ({"scaleMetric": "memory", "scaleTarget": 0}, "the target memory should be greater than 1 MiB"),
        (metrics({"type": "Resource"}), "metricSpec.Resource is not set for resource metric source type"),
        (
            metrics({"type": "External", "external": {"metric": {}, "target": {}}}),
            "invalid HPA metric source type with value [External],valid metric source types are Resource",
        ),
    ],
)
def test_what_an_hpa_cannot_do_is_refused(notes: Object, settings: Object, message: str) -> None:
    assert message in only(scaled(notes, **settings))


@pytest.mark.parametrize(
    "settings",
    [
        {"scaleMetric": "cpu", "scaleTarget": 80},
        {"scaleMetric": "memory", "scaleTarget": 1024},
        metrics(resource("cpu", type="Utilization", averageUtilization=80), resource("memory", averageValue="1Gi")),
    ],
)
def test_what_an_hpa_can_do_is_allowed(settings: Object) -> None:
    assert allowed(scaled(HPA, **settings))


def test_without_a_class_the_hpa_refuses_targets_and_warns_of_what_it_ignores() -> None:
    assert "[1-100] integer, not 140" in only(scaled(STANDARD, scaleTarget=140))
    answer = verdict(scaled(STANDARD, scaleMetric="concurrency"))
    assert answer.errors == ()
    assert answer.warnings == (
        "spec.predictor.scaleMetric has no effect with the default autoscaler (hpa): [concurrency] is not a supported metric;"
        " use cpu or memory",
    )
    assert verdict(scaled(STANDARD | {CLASS: "external"}, scaleMetric="rps", scaleTarget=500)) == Verdict()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scaleMetric": "cpu"}, "ScaleMetric is not supported for KEDA"),
        (metrics({"type": "Resource"}), "metricSpec.Resource is not set for resource metric source type"),
        (
            metrics(resource("cpu", type="AverageValue", averageValue="1")),
            "the cpu target value type should be Utilization",
        ),
        (
            metrics(resource("memory", type="Value", value="1Gi")),
            "the memory target value type should be AverageValue or Utilization",
        ),
        (metrics(resource("memory", type="AverageValue", averageValue="512Ki")), "should be greater than 1 MiB"),
        (metrics(resource("memory", type="AverageValue", averageValue="much")), "is not a quantity"),
        (metrics(resource("memory", type="AverageValue")), "the AverageValue type should be set"),
        (metrics(resource("disk", type="Utilization", averageUtilization=5)), "resource type disk is not supported"),
        (metrics(resource("cpu", type="Utilization")), "the AverageUtilization type should be set"),
        (
            metrics(resource("cpu", type="Utilization", averageUtilization=101)),
            "the target utilization percentage should be a [1-100] integer",
        ),
        (metrics({"type": "External"}), "metricSpec.External is not set for external metric source type"),
        (metrics({"type": "PodMetric"}), "metricSpec.PodMetric is not set for pod metric source type"),
        (
            metrics({"type": "External", "external": {"metric": {}, "target": {"type": "Value", "value": "1"}}}),
            "the query should not be empty",
        ),
        (
            metrics({"type": "PodMetric", "podmetric": {"metric": {"query": ""}, "target": {"value": "1"}}}),
            "the query should not be empty",
        ),
        (
            metrics({"type": "External", "external": {"metric": {"query": "q"}, "target": {"type": "Value"}}}),
            "the target threshold value should not be empty",
        ),
        (
            metrics({"type": "UnknownType"}),
            "unknown KEDA metric type with value [UnknownType].Valid types are Resource,External,PodMetric",
        ),
    ],
)
def test_what_keda_cannot_do_is_refused(settings: Object, message: str) -> None:
    assert message in only(scaled(KEDA, **settings))


@pytest.mark.parametrize(
    "entry",
    [
        resource("cpu", type="Utilization", averageUtilization=80),
        resource("memory", type="AverageValue", averageValue="1Gi"),
        resource("memory", type="AverageValue", averageValue="1Mi"),
        {"type": "External", "external": {"metric": {"query": "q"}, "target": {"type": "Value", "value": "10"}}},
        {"type": "PodMetric", "podmetric": {"metric": {"query": "q"}, "target": {"type": "Value", "value": 5}}},
    ],
)
def test_what_keda_can_do_is_allowed(entry: Object) -> None:
    assert allowed(scaled(KEDA, **metrics(entry)))


@pytest.mark.parametrize("notes", [{}, {MODE: "Knative"}, {MODE: "Serverless"}, {MODE: "ModelMesh"}])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"deploymentStrategy": {"type": "Recreate"}},
            "customizing deploymentStrategy is only supported for raw deployment mode",
        ),
        ({"scaleMetric": "cpu"}, "[cpu] is not a supported metric; use concurrency or rps"),
        ({"scaleMetric": "rps", "scaleTarget": 0}, "the target for rps should be greater than 1"),
    ],
)
def test_what_knatives_autoscaler_cannot_do_is_refused(notes: Object, settings: Object, message: str) -> None:
    assert message in only(scaled(notes, **settings))


def test_a_raw_service_may_choose_its_strategy_and_knative_any_concurrency() -> None:
    assert allowed(scaled(STANDARD, deploymentStrategy={"type": "Recreate"}))
    assert allowed(service(model() | {"deploymentStrategy": {}}, status={"deploymentMode": "Standard"}))
    assert allowed(scaled({}, scaleMetric="concurrency", scaleTarget=5000))


def canaried(*entries: Object, **stable: Any) -> Object:
    return service(model() | stable, canary=list(entries), annotations=STANDARD)


def canary(name: str | None = "next", percent: int = 10, **more: Any) -> Object:
    return {"trafficPercent": percent, "predictor": model() | ({} if name is None else {"name": name}) | more}


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (
            service(model(), canary=[canary()]),
            "canary is only supported in Standard deployment mode",
        ),
        (
            service({"containers": [{"name": "kserve-container"}]}, canary=[canary()], annotations=STANDARD),
            "canary requires a stable predictor with a model (multi-model serving is not supported with canary)",
        ),
        (canaried(canary(), canary(None)), "canary[1] predictor.name is required"),
        (canaried(canary(), canary()), 'canary predictor.name "next" is duplicated'),
        (canaried(canary("main"), name="main"), 'canary predictor.name "main" conflicts with stable predictor name'),
        (canaried(canary(percent=101)), 'canary "next" trafficPercent must be between 0 and 100, got 101'),
        (canaried(canary(percent=-1)), 'canary "next" trafficPercent must be between 0 and 100, got -1'),
        (canaried(canary("a", 60), canary("b", 50)), "sum of canary trafficPercent values (110) must be <= 100"),
        (canaried(canary(containerConcurrency=-1)), 'canary "next" predictor: parallelism cannot be less than 0'),
        (canaried({"trafficPercent": 1, "predictor": {"name": "c"}}), f'canary "c" predictor: {PREDICTOR_CHOICE}'),
        (canaried(canary(workerSpec={})), 'canary "next" must not set workerSpec'),
        (canaried(canary(maxReplicas=5)), 'canary "next" must not set maxReplicas (canary uses fixed replicas)'),
        (canaried(canary(scaleTarget=5)), 'canary "next" must not set scaleTarget'),
        (canaried(canary(scaleMetric="cpu")), 'canary "next" must not set scaleMetric'),
        (canaried(canary(autoScaling={})), 'canary "next" must not set autoScaling'),
        (
            canaried(canary(minReplicas=5), minReplicas=4),
            'canary "next" minReplicas (5) must not exceed stable predictor minReplicas (4)',
        ),
        (
            canaried(canary(minReplicas=2)),
            'canary "next" minReplicas (2) must not exceed stable predictor minReplicas (1)',
        ),
    ],
)
def test_canaries_that_cannot_be_are_refused(obj: Object, message: str) -> None:
    assert any(message in error for error in refused(obj))
    assert len(refused(obj)) <= 2, "a share above 100 is wrong by itself and in the sum"


@pytest.mark.parametrize(
    "obj",
    [
        canaried(),
        canaried(canary()),
        canaried(canary("a", 60), canary("b", 40)),
        canaried(canary(percent=0)),
        canaried(canary(minReplicas=4), minReplicas=4),
        canaried(canary(minReplicas=1)),
        service(
            {"containers": [{"name": "kserve-container", "env": [{"name": "STORAGE_URI", "value": "gs://b/m"}]}]},
            canary=[canary()],
            annotations=STANDARD,
        ),
    ],
)
def test_canaries_that_can_be_are_allowed(obj: Object) -> None:
    assert allowed(obj)


@pytest.mark.parametrize(
    ("status", "annotation", "ok"),
    [
        ("Knative", "Standard", False),
        ("Knative", "Knative", True),
        ("RawDeployment", "Standard", True),
        ("Serverless", "Knative", True),
        ("RawDeployment", "Knative", False),
        ("Standard", "Serverless", False),
        (None, "Knative", True),
        (None, "Serverless", True),
        (None, "Standard", True),
        (None, None, True),
        ("Knative", None, True),
    ],
)
def test_the_deployment_mode_stays_as_it_started(status: str | None, annotation: str | None, ok: bool) -> None:
    notes = {} if annotation is None else {MODE: annotation}
    old = service(model(), status={} if status is None else {"deploymentMode": status})
    errors = refused(service(model(), annotations=notes), old)
    assert bool(errors) != ok
    if not ok:
        assert "update rejected: deploymentMode cannot be changed from" in errors[0]


def test_an_unknown_deployment_mode_is_refused_when_it_is_new() -> None:
    odd = service(model(), annotations={MODE: "Odd"})
    assert "[Odd] is not a supported deployment mode; use one of Standard, Knative, ModelMesh" in only(odd)
    assert only(odd, service(model()))
    assert allowed(odd, copy.deepcopy(odd))


@pytest.mark.parametrize(
    ("new", "ok"),
    [
        ({"name": "b"} | model(), False),
        ({"name": "b"} | model(storageUri="gs://b/new"), True),
        ({"name": "b"} | model("onnx"), True),
        ({"name": "b"} | model() | {"storageUris": [{"uri": "gs://x", "mountPath": "/mnt/x"}]}, None),
        ({"name": "a"} | model(storageUri="gs://b/new"), True),
        ({"name": "a"} | model(), True),
        (model(), False),
    ],
)
def test_a_predictor_is_renamed_only_together_with_its_model(new: Object, ok: bool | None) -> None:
    errors = refused(service(new), service({"name": "a"} | model()))
    renamed = [error for error in errors if "predictor.name change requires a model change (e.g. storageUri)" in error]
    assert renamed == [] if ok is not False else len(renamed) == 1


def test_an_object_that_is_being_deleted_is_always_allowed() -> None:
    broken = service({}, name="1", annotations={MODE: "Standard"}, deletionTimestamp="2026-01-01T00:00:00Z")
    assert verdict(broken, service(model(), status={"deploymentMode": "Knative"})) == Verdict()


def test_several_problems_are_reported_together() -> None:
    errors = refused(
        service(model() | {"minReplicas": -1, "containerConcurrency": -1}, name="1x", annotations={CLASS: "x"})
    )
    assert [error.split(":")[0] for error in errors] == [
        "metadata.name",
        f"metadata.annotations[{CLASS}]",
        "spec.predictor.containerConcurrency",
        "spec.predictor.minReplicas",
    ]


def test_what_has_the_wrong_shape_is_refused_where_it_is() -> None:
    errors = refused(service({"model": {"modelFormat": {"name": 5}}, "minReplicas": "two"}))
    assert [error.split(":")[0] for error in errors] == [
        "spec.predictor.minReplicas",
        "spec.predictor.model.modelFormat.name",
    ]
    assert "must be a whole number, not 'two'" in errors[0]


FIELDS = [
    *(
        "predictor",
        "model",
        "sklearn",
        "triton",
        "containers",
        "transformer",
        "explainer",
        "art",
        "canary",
        "workerSpec",
    ),
    *("resources", "limits", "requests", "cpu", "logger", "storage", "modelFormat", "name", "env", "storageUri"),
    *(
        "storageUris",
        "autoScaling",
        "metrics",
        "type",
        "resource",
        "target",
        "minReplicas",
        "confidential",
        "uri",
        "mountPath",
    ),
]

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 200)
    | st.sampled_from(["", "v1", "kserve-container", "1Gi", "pvc://x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(spec=values, notes=values, mode=st.sampled_from(["Standard", "Knative"]))
def test_any_json_gets_a_verdict(spec: Any, notes: Any, mode: str) -> None:
    obj = {"metadata": {"name": "x", "annotations": notes}, "spec": spec}
    annotated = {"metadata": {"name": "x", "annotations": {MODE: mode, CLASS: "keda"}}, "spec": spec}
    for subject in (obj, annotated):
        assert isinstance(verdict(subject, subject), Verdict)
