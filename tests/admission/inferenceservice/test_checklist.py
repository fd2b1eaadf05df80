"""The checklist of the specification for InferenceServices, row by row, each through the webhooks as a user's request goes:
the defaulter, then the validator. D7 to D12 are the controller's (`tests/controllers/inferenceservice`); D13 to D18 and D24 are
in `test_defaulting.py` and `tests/modelstorage`; R1 to R12 in `tests/admission/runtimes`."""

import re
from typing import Any

import pytest

from kservectl.admission.inferenceservice.defaulting import default
from kservectl.admission.inferenceservice.validation.validator import validate
from kservectl.admission.review import Verdict
from kservectl.api.config import Config
from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import MODE, config, model, service

CLASS = "serving.kserve.io/autoscalerClass"
STANDARD = {MODE: "Standard"}
HPA = STANDARD | {CLASS: "hpa"}
KEDA = STANDARD | {CLASS: "keda"}
NO_CLASS = STANDARD | {CLASS: "none"}
PLAIN = config(deploy={"defaultDeploymentMode": "Knative"}, security={"autoMountServiceAccountToken": True})
SERVER = {"name": "kserve-container", "image": "i"}
URI = [{"name": "STORAGE_URI", "value": "gs://b/m"}]
PYTHONPATH = [{"name": "PYTHONPATH", "value": "/x"}]


def judged(obj: Object, old: Object | None = None, settings: Config = PLAIN) -> Verdict:
    return validate(default(obj, settings, creating=old is None), old, settings)


def predictor(notes: Any = None, /, **spec: Any) -> Object:
    return service(spec, annotations=dict(notes or {}))


def scaled(notes: Any, *metrics: Object, **more: Any) -> Object:
    return predictor(notes, **model(), autoScaling={"metrics": list(metrics)}, **more)


def resource(name: str, kind: str | None = None, **target: Any) -> Object:
    wanted = target | ({"type": kind} if kind else {})
    return {"type": "Resource", "resource": {"name": name, "target": wanted}}


def external(query: str = "q", value: str | None = "10") -> Object:
    target = {"type": "Value"} | ({"value": value} if value else {})
    return {"type": "External", "external": {"metric": {"backend": "prometheus", "query": query}, "target": target}}


def pod_metric(query: str = "q", value: str | None = "10") -> Object:
    target = {"type": "Value"} | ({"value": value} if value else {})
    metric = {"backend": "opentelemetry", "query": query, "metricNames": ["m"]}
    return {"type": "PodMetric", "podmetric": {"metric": metric, "target": target}}


def workers(notes: Any = None, /, spec: Any = None, **more: Any) -> Object:
    spec = {"containers": [{"name": "worker-container"}]} if spec is None else spec
    return predictor(NO_CLASS | (notes or {}), **model(**({"storageUri": "pvc://c/m"} | more)), workerSpec=spec)


def sources(*entries: Any) -> Object:
    uris = [{"uri": uri} | ({} if path is None else {"mountPath": path}) for uri, path in entries]
    return predictor(model={"modelFormat": {"name": "sklearn"}}, storageUris=uris)


def confidential(uri: str | None, **block: Any) -> Object:
    fields = {"modelFormat": {"name": "sklearn"}, "confidential": {"enabled": True} | block}
    return predictor(model=fields | ({} if uri is None else {"storageUri": uri}))


def canary(*entries: Any, stable: Any = None, notes: Any = STANDARD) -> Object:
    listed = [
        {
            "trafficPercent": percent,
            "predictor": ({"name": name} if name else {}) | model(storageUri=f"gs://b/{name}") | more,
        }
        for name, percent, more in entries
    ]
    return service(model() | (stable or {}), annotations=dict(notes), canary=listed)


ALLOWED: dict[str, Object] = {
    "V2 cpu": predictor(HPA, **model(), scaleMetric="cpu", scaleTarget=80),
    "V2 memory": predictor(HPA, **model(), scaleMetric="memory", scaleTarget=10),
    "V2 metric": scaled(HPA, resource("cpu", "Utilization", averageUtilization=80)),
    "V3": scaled(
        HPA,
        resource("cpu", "Utilization", averageUtilization=80),
        resource("memory", "AverageValue", averageValue="1Gi"),
    ),
    "V8 cpu": scaled(KEDA, resource("cpu", "Utilization", averageUtilization=80)),
    "V8 memory 1Gi": scaled(KEDA, resource("memory", "AverageValue", averageValue="1Gi")),
    "V8 memory 2Gi": scaled(KEDA, resource("memory", "AverageValue", averageValue="2Gi")),
    "V8 external": scaled(KEDA, external()),
    "V8 pod metric": scaled(KEDA, pod_metric(value="5")),
    "V12": predictor(**model(), serviceAccountName="models"),
    "V16": predictor(**model(), minReplicas=0, maxReplicas=0),
    "V17 named": predictor(containers=[SERVER]),
    "V17 unnamed": predictor(containers=[{"image": "i"}]),
    "V19": service(model(), explainer={"art": {"type": "SquareAttack", "storageUri": "gs://b/e"}}),
    "V20": service(model(), name="abc-123"),
    "V22 none": predictor(**model(), containers=[{"name": "transformer-container", "image": "t"}]),
    "V22 on the server": predictor(
        containers=[{**SERVER, "env": URI}, {"name": "transformer-container", "image": "t"}]
    ),
    "V22 alone": predictor(containers=[{**SERVER, "env": URI}]),
    "V24 oci": workers(storageUri="oci://image"),
    "V24 pvc": workers(),
    "V24 worker gpu": workers(
        {"serving.kserve.io/gpu-resource-types": '["unknownGPU.com/gpu"]'},
        spec={"containers": [{"name": "w", "resources": {"limits": {"unknownGPU.com/gpu": "1"}}}]},
    ),
    "V24 gpu": workers(
        {"serving.kserve.io/gpu-resource-types": '["unknownGPU.com/gpu"]'},
        resources={"limits": {"unknownGPU.com/gpu": "1"}},
    ),
    "V30": sources(("gs://b/m", "/mnt/models")),
    "V31 empty": predictor(**model()),
    "V31 single": sources(("gs://b/m", None)),
    "V31 two": sources(("gs://b/a", "/mnt/models/a"), ("gs://b/b", "/mnt/models/b")),
    "V34 minimum unset": canary(("a", 10, {}), stable={"minReplicas": 4}),
    "V32": predictor(**model(env=[{"name": "PYTHONPATHS", "value": "x"}])),
    "V33 disabled": confidential(None, enabled=False),
    "V33 with id": confidential("s3://b/m", resourceId="kbs:///a/b/c"),
    "V33 without id": confidential("s3://b/m"),
    "V34 none": canary(),
    "V34 one": canary(("a", 10, {})),
    "V34 two": canary(("a", 10, {}), ("b", 20, {})),
    "V34 sum": canary(("a", 40, {}), ("b", 60, {})),
    "V34 dark": canary(("a", 0, {})),
    "V34 minimum": canary(("a", 10, {"minReplicas": 4}), stable={"minReplicas": 4}),
    "V34 default minimum": canary(("a", 10, {"minReplicas": 1})),
}

REFUSED: dict[str, tuple[Object, str]] = {
    "V1": (predictor(sklearn={"name": "invalid-name", "storageUri": "gs://b"}), "the 'name' field is not allowed"),
    "V4": (scaled(HPA, {"type": "Resource"}), "metricSpec.Resource is not set"),
    "V5": (scaled(HPA, external()), "invalid HPA metric source type with value [External]"),
    "V6": (predictor(HPA, **model(), scaleMetric="cpu", scaleTarget=120), "[1-100] integer"),
    "V7": (predictor(STANDARD | {CLASS: "test"}, **model()), "[test] is not a supported autoscaler class type"),
    "V9 missing": (scaled(KEDA, {"type": "Resource"}), "metricSpec.Resource is not set"),
    "V9 cpu": (scaled(KEDA, resource("cpu", "AverageValue", averageValue="1")), "cpu target value type should be Util"),
    "V9 memory": (scaled(KEDA, resource("memory", "Value", value="1Gi")), "should be AverageValue or Utilization"),
    "V9 512Ki": (scaled(KEDA, resource("memory", "AverageValue", averageValue="512Ki")), "greater than"),
    "V9 disk": (
        scaled(KEDA, resource("disk", "Utilization", averageUtilization=1)),
        "resource type disk is not supported",
    ),
    "V9 query": (scaled(KEDA, external("")), "the query should not be empty"),
    "V9 pod query": (scaled(KEDA, pod_metric("")), "the query should not be empty"),
    "V9 unknown": (scaled(KEDA, {"type": "UnknownType"}), "unknown KEDA metric type with value [UnknownType]"),
    "V10": (predictor(tensorflow={}, xgboost={}), "exactly one of [.*] must be specified in PredictorSpec"),
    "V11": (predictor(**model(), deploymentStrategy={"type": "Recreate"}), "only supported for raw deployment mode"),
    "V13": (predictor(), "exactly one of [.*] must be specified in PredictorSpec"),
    "V14": (predictor(**model(), containerConcurrency=-1), "parallelism cannot be less than 0"),
    "V18 transformer": (service(model(), transformer={}), "exactly one of [.*] must be specified in TransformerSpec"),
    "V18 explainer": (service(model(), explainer={}), "exactly one of [.*] must be specified in ExplainerSpec"),
    "V20 digit": (service(model(), name="1abcde"), 'the InferenceService "1abcde" is invalid'),
    "V20 dot": (service(model(), name="abc.de"), 'the InferenceService "abc.de" is invalid'),
    "V21": (
        predictor(**model(), containers=[SERVER, {"name": "transformer-container", "image": "t"}]),
        "exactly one of [.*] must be specified in PredictorSpec",
    ),
    "V22": (
        predictor(**model(), containers=[{"name": "transformer-container", "image": "t", "env": URI}]),
        "storage uri should not be specified in transformer container",
    ),
    "V23 tensor env": (workers(env=[{"name": "TENSOR_PARALLEL_SIZE", "value": "1"}]), "setting TENSOR_PARALLEL_SIZE"),
    "V23 pipeline env": (
        workers(env=[{"name": "PIPELINE_PARALLEL_SIZE", "value": "1"}]),
        "setting PIPELINE_PARALLEL_SIZE",
    ),
    "V23 tensor": (
        workers(spec={"tensorParallelSize": 0, "containers": [{"name": "w"}]}),
        "TensorParallelSize cannot be",
    ),
    "V23 pipeline": (
        workers(spec={"pipelineParallelSize": 0, "containers": [{"name": "w"}]}),
        "PipelineParallelSize cannot",
    ),
    "V23 gpu": (workers(resources={"limits": {"unknownGPU.com/gpu": "1"}}), "Unknown GPU resource type"),
    "V23 worker gpu": (
        workers(spec={"containers": [{"name": "w", "resources": {"limits": {"unknownGPU.com/gpu": "1"}}}]}),
        "Unknown GPU resource type",
    ),
    "V23 s3": (workers(storageUri="s3://b"), "Multinode only supports 'pvc' and 'oci' Storage Protocol(s3)"),
    "V23 hpa": (workers({CLASS: "hpa"}), "Multinode only supports 'none' autoscaler(hpa)"),
    "V23 two": (
        workers(spec={"containers": [{"name": "a"}, {"name": "b"}]}),
        "setting multiple containers in workerSpec",
    ),
    "V30 root": (sources(("gs://b", "/")), "storage path cannot be empty"),
    "V30 empty": (sources(("", "/mnt/models")), "storage URI cannot be empty"),
    "V30 relative": (sources(("gs://b", "mnt/models")), "storage path must be absolute: mnt/models"),
    "V31 parents": (
        sources(("gs://a", "/mnt/models"), ("gs://b", "/opt/models")),
        "must have a common parent directory",
    ),
    "V31 empty uri": (sources(("gs://a", "/mnt/a"), ("", "/mnt/b")), "storage URI cannot be empty"),
    "V31 relative": (sources(("gs://a", "/mnt/a"), ("gs://b", "mnt/b")), "storage path must be absolute"),
    "V32 model": (predictor(**model(env=PYTHONPATH)), "setting PYTHONPATH in container"),
    "V32 custom": (predictor(containers=[{**SERVER, "env": PYTHONPATH}]), "setting PYTHONPATH"),
    "V32 init": (predictor(**model(), initContainers=[{"name": "i", "env": PYTHONPATH}]), "setting PYTHONPATH"),
    "V32 worker": (workers(spec={"containers": [{"name": "w", "env": PYTHONPATH}]}), "setting PYTHONPATH"),
    "V32 worker init": (
        workers(spec={"containers": [{"name": "w"}], "initContainers": [{"name": "i", "env": PYTHONPATH}]}),
        "setting PYTHONPATH",
    ),
    "V32 transformer": (
        service(model(), transformer={"containers": [{**SERVER, "env": PYTHONPATH}]}),
        "setting PYTHONPATH",
    ),
    "V32 transformer init": (
        service(model(), transformer={"containers": [SERVER], "initContainers": [{"name": "i", "env": PYTHONPATH}]}),
        "setting PYTHONPATH",
    ),
    "V32 art": (service(model(), explainer={"art": {"type": "SquareAttack", "env": PYTHONPATH}}), "setting PYTHONPATH"),
    "V32 explainer init": (
        service(model(), explainer={"containers": [SERVER], "initContainers": [{"name": "i", "env": PYTHONPATH}]}),
        "setting PYTHONPATH",
    ),
    "V33 no uri": (confidential(None), "confidential model serving requires storageUri to be set"),
    "V33 id": (confidential("s3://b", resourceId="a/b/c"), "must be in the format kbs:///<repo>/<type>/<tag>"),
    "V35 mode": (canary(("a", 10, {}), notes={}), "canary is only supported in Standard deployment mode"),
    "V35 name": (canary((None, 10, {})), "canary[0] predictor.name is required"),
    "V35 custom": (
        service({"containers": [SERVER]}, annotations=STANDARD, canary=[{"predictor": {"name": "a", **model()}}]),
        "canary requires a stable predictor with a model",
    ),
    "V35 duplicate": (canary(("a", 10, {}), ("a", 10, {})), 'canary predictor.name "a" is duplicated'),
    "V35 stable": (canary(("a", 10, {}), stable={"name": "a"}), "conflicts with stable predictor name"),
    "V35 sum": (canary(("a", 60, {}), ("b", 50, {})), "(110) must be <= 100"),
    "V35 maximum": (canary(("a", 10, {"maxReplicas": 5})), "must not set maxReplicas"),
    "V35 minimum": (
        canary(("a", 10, {"minReplicas": 5}), stable={"minReplicas": 4}),
        "minReplicas (5) must not exceed stable predictor minReplicas (4)",
    ),
    "V35 default": (
        canary(("a", 10, {"minReplicas": 2})),
        "minReplicas (2) must not exceed stable predictor minReplicas (1)",
    ),
    "V35 workers": (canary(("a", 10, {"workerSpec": {"containers": []}})), "must not set workerSpec"),
}
for component, container in (
    ("predictor", model()),
    ("transformer", {"containers": [SERVER]}),
    ("explainer", {"containers": [SERVER]}),
):
    for fault, told in (
        ({"minReplicas": -1}, "'MinReplicas' cannot be less than 0"),
        ({"maxReplicas": -1}, "'MaxReplicas' cannot be less than 0"),
        ({"minReplicas": 2, "maxReplicas": 1}, "'MinReplicas' cannot be greater than MaxReplicas"),
    ):
        bad = container | fault
        obj = service(bad) if component == "predictor" else service(model(), **{component: bad})
        REFUSED[f"V15 {component} {fault}"] = (obj, told)


@pytest.mark.parametrize("row", ALLOWED)
def test_what_the_checklist_allows_is_allowed(row: str) -> None:
    assert judged(ALLOWED[row]).errors == ()


@pytest.mark.parametrize("row", REFUSED)
def test_what_the_checklist_refuses_is_refused_in_its_words_with_the_field(row: str) -> None:
    obj, told = REFUSED[row]
    wanted = re.escape(told).replace(re.escape("[.*]"), ".*")
    found = [error for error in judged(obj).errors if re.search(wanted, error.message)]
    assert found, [str(error) for error in judged(obj).errors]
    assert all(error.field for error in found)


RUNNING = {"deploymentMode": "Knative"}
RAW = {"deploymentMode": "RawDeployment"}
DELETED = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("row", "status", "mode", "fine"),
    [
        ("V25 changed", "Knative", "Standard", False),
        ("V25 same", "Standard", "Standard", True),
        ("V26", "RawDeployment", "Standard", True),
        ("V26", "Serverless", "Knative", True),
        ("V26", "RawDeployment", "Knative", False),
        ("V27", "", "Knative", True),
        ("V27", "", "Serverless", True),
        ("V27", "", "Standard", True),
        ("V27", "", None, True),
    ],
)
def test_the_mode_of_an_update(row: str, status: str, mode: str | None, fine: bool) -> None:
    notes = {MODE: mode} if mode else {}
    state = {"deploymentMode": status} if status else {}
    old = service(model(), annotations=notes, status=state)
    errors = judged(service(model(), annotations=notes, status=state), old).errors
    assert (errors == ()) is fine
    assert (
        fine
        or f"deploymentMode cannot be changed from '{'Standard' if status == 'RawDeployment' else status}'"
        in str(errors[0])
    )


def test_v28_an_object_that_is_being_deleted_passes_whatever_it_is() -> None:
    old = service(model(), annotations=STANDARD, status=RUNNING)
    assert (
        validate(service(model(), annotations=STANDARD, status=RUNNING, deletionTimestamp=DELETED), old, PLAIN)
        == Verdict()
    )
    several = workers({CLASS: "external"})
    several["metadata"]["deletionTimestamp"] = DELETED
    assert validate(several, several, PLAIN) == Verdict()


@pytest.mark.parametrize("uri", ["oci://image", "pvc://claim"])
def test_v33_confidential_models_that_are_not_downloaded_are_a_warning(uri: str) -> None:
    verdict = judged(confidential(uri))
    assert verdict.errors == () and any("confidential has no effect" in text for text in verdict.warnings)


@pytest.mark.parametrize(
    ("name", "uri", "fine"),
    [("b", "gs://new", True), ("b", "gs://old", False), ("a", "gs://new", True), ("a", "gs://old", True)],
)
def test_v36_a_predictor_is_renamed_with_its_model_only(name: str, uri: str, fine: bool) -> None:
    old = default(predictor(name="a", **model(storageUri="gs://old")), PLAIN)
    errors = judged(predictor(name=name, **model(storageUri=uri)), old).errors
    assert (errors == ()) is fine


D_CONFIG: dict[str, Any] = {
    "inferenceService": {
        "resource": {"cpuRequest": "1", "memoryRequest": "2Gi", "cpuLimit": "1", "memoryLimit": "2Gi"}
    },
    "explainers": {"art": {"image": "a", "defaultImageVersion": "v0.4.0"}},
}
BOTH = {"limits": {"cpu": "1", "memory": "2Gi"}, "requests": {"cpu": "1", "memory": "2Gi"}}


def defaulted(obj: Object, mode: str = "Knative", **keys: Any) -> Object:
    settings = config(**{"deploy": {"defaultDeploymentMode": mode}, **D_CONFIG, **keys})
    return default(obj, settings, creating=True)


@pytest.mark.parametrize("framework", ["tensorflow", "onnx", "pmml", "paddle"])
def test_d1_d3_frameworks_are_converted_and_components_get_their_defaults(framework: str) -> None:
    obj = service(
        {framework: {"storageUri": "gs://b/m"}},
        transformer={"containers": [{"image": "t"}]},
        explainer={"art": {"type": "SquareAttack"}},
    )
    made = defaulted(obj)
    assert framework not in made["spec"]["predictor"]
    assert made["spec"]["predictor"]["model"]["modelFormat"] == {"name": framework}
    assert made["metadata"]["annotations"] == {"modelFormat": framework}
    assert made["spec"]["transformer"]["containers"][0] == {"image": "t", "name": "kserve-container", "resources": BOTH}
    art = made["spec"]["explainer"]["art"]
    assert (art["resources"], art["runtimeVersion"]) == (BOTH, "v0.4.0")


@pytest.mark.parametrize("framework", ["tensorflow", "onnx"])
def test_d2_d21_the_configured_mode_is_written_down(framework: str) -> None:
    made = defaulted(service({framework: {}}), "Standard")
    assert made["metadata"]["annotations"] == {MODE: "Standard", "modelFormat": framework}


@pytest.mark.parametrize("name", ["kserve-container", None])
def test_d4_d5_a_custom_predictor_gets_name_and_resources(name: str | None) -> None:
    made = defaulted(predictor(containers=[{"image": "i"} | ({"name": name} if name else {})]))
    assert made["spec"]["predictor"]["containers"] == [{"name": "kserve-container", "image": "i", "resources": BOTH}]


def test_d6_model_mesh_keeps_its_framework() -> None:
    made = defaulted(predictor({MODE: "ModelMesh"}, tensorflow={}), security={"autoMountServiceAccountToken": True})
    assert made["spec"]["predictor"] == {"tensorflow": {}}


def test_d19_the_token_is_switched_off() -> None:
    obj = service(model(), transformer={"containers": [SERVER]})
    made = defaulted(obj, security={"autoMountServiceAccountToken": False})["spec"]
    assert made["predictor"]["automountServiceAccountToken"] is False
    assert made["transformer"]["automountServiceAccountToken"] is False


@pytest.mark.parametrize(
    ("framework", "given", "protocol"),
    [("triton", None, "v2"), ("huggingface", None, "v2"), ("huggingface", "v1", "v1")],
)
def test_d20_d22_protocols(framework: str, given: str | None, protocol: str) -> None:
    body = {"storageUri": "gs://b/m"} | ({"protocolVersion": given} if given else {})
    made = defaulted(predictor(**{framework: body}))["spec"]["predictor"]
    assert framework not in made
    assert (made["model"]["protocolVersion"], made["model"]["storageUri"]) == (protocol, "gs://b/m")


@pytest.mark.parametrize(("written", "stored"), [("RawDeployment", "Standard"), ("Serverless", "Knative")])
def test_d23_old_modes(written: str, stored: str) -> None:
    assert defaulted(predictor({MODE: written}, **model()))["metadata"]["annotations"][MODE] == stored


def test_d25_no_configuration_at_all() -> None:
    made = default(predictor(**model()), Config(None), creating=True)
    # An absent key `security` means no token (weakness W31, kept), also where the whole ConfigMap is absent.
    assert made["spec"] == {"predictor": model() | {"automountServiceAccountToken": False}}
    assert made["metadata"]["annotations"] == {MODE: "Standard", "modelFormat": "sklearn"}
