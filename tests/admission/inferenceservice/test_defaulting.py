import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.admission.inferenceservice.defaulting import FINALIZER, default
from kservectl.admission.inferenceservice.local_model import LocalModelCaches
from kservectl.api.config import ConfigError
from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import MODE, cache, config, model, service

SHIPPED = config(
    inferenceService={"resource": {"cpuRequest": "1", "memoryRequest": "2Gi", "cpuLimit": "1", "memoryLimit": "2Gi"}},
    explainers={"art": {"image": "art", "defaultImageVersion": "v0.4.0"}},
    deploy={"defaultDeploymentMode": "Serverless"},
    security={"autoMountServiceAccountToken": True},
)
STANDARD = config(deploy={"defaultDeploymentMode": "Standard"}, security={"autoMountServiceAccountToken": True})
KNATIVE = config(deploy={"defaultDeploymentMode": "Knative"}, security={"autoMountServiceAccountToken": True})
CACHING = config(
    deploy={"defaultDeploymentMode": "Knative"},
    security={"autoMountServiceAccountToken": True},
    localModel={"enabled": True},
)
FULL = {"limits": {"cpu": "1", "memory": "2Gi"}, "requests": {"cpu": "1", "memory": "2Gi"}}
LOCAL = "internal.serving.kserve.io/localmodel"


def annotations(obj: Object) -> dict[str, str]:
    found: dict[str, str] = obj["metadata"].get("annotations", {})
    return found


def test_a_framework_field_becomes_a_model_and_nothing_of_it_is_lost() -> None:
    tensorflow = {
        "storageUri": "gs://bucket/model",
        "runtimeVersion": "1.14",
        "env": [{"name": "A", "value": "b"}],
        "resources": {"limits": {"cpu": "2"}},
        "somethingNewer": {"kept": True},
    }
    answer = default(service({"tensorflow": tensorflow, "minReplicas": 0}), SHIPPED)
    assert answer["spec"]["predictor"] == {
        "model": {"modelFormat": {"name": "tensorflow"}, **tensorflow},
        "minReplicas": 0,
    }
    assert annotations(answer) == {"modelFormat": "tensorflow"}


@pytest.mark.parametrize(
    ("framework", "protocol"),
    [
        ("sklearn", None),
        ("tensorflow", None),
        ("xgboost", None),
        ("pytorch", None),
        ("triton", "v2"),
        ("onnx", "v2"),
        ("huggingface", "v2"),
        ("pmml", None),
        ("lightgbm", None),
        ("paddle", None),
    ],
)
def test_a_converted_framework_gets_the_protocol_it_is_known_for(framework: str, protocol: str | None) -> None:
    converted = default(service({framework: {"storageUri": "gs://b/m"}}), KNATIVE)["spec"]["predictor"]
    assert converted["model"]["modelFormat"] == {"name": framework}
    assert converted["model"].get("protocolVersion") == protocol
    explicit = default(service({framework: {"protocolVersion": "v1"}}), KNATIVE)["spec"]["predictor"]
    assert explicit["model"]["protocolVersion"] == "v1"


@pytest.mark.parametrize(
    ("name", "protocol"), [("triton", "v2"), ("vLLM", "v2"), ("onnx", None), ("huggingface", None)]
)
def test_a_model_written_by_the_user_gets_a_protocol_for_two_formats_only(name: str, protocol: str | None) -> None:
    assert default(service(model(name)), KNATIVE)["spec"]["predictor"]["model"].get("protocolVersion") == protocol


def test_the_model_format_annotation_of_the_user_wins() -> None:
    assert annotations(default(service(model(), annotations={"modelFormat": "mine"}), KNATIVE)) == {
        "modelFormat": "mine"
    }


def test_a_framework_beside_the_model_of_a_new_object_is_not_converted_so_that_validation_sees_both() -> None:
    both = model("onnx") | {"sklearn": {"storageUri": "gs://b/other"}}
    assert default(service(both), KNATIVE, creating=True)["spec"]["predictor"] == both


def test_a_framework_that_an_update_brings_takes_the_place_of_the_model_it_once_became() -> None:
    stored = default(service({"sklearn": {"storageUri": "gs://b/old"}}), KNATIVE, creating=True)
    patched = stored["spec"]["predictor"] | {"sklearn": {"storageUri": "gs://b/new"}}

    updated = default(stored | {"spec": {"predictor": patched}}, KNATIVE)["spec"]["predictor"]

    assert updated.keys() == {"model"}
    assert updated["model"]["storageUri"] == "gs://b/new"


def test_two_frameworks_in_an_update_are_left_for_validation() -> None:
    both = model("onnx") | {"sklearn": {"storageUri": "gs://b/1"}, "xgboost": {"storageUri": "gs://b/2"}}
    assert default(service(both), KNATIVE)["spec"]["predictor"] == both


@pytest.mark.parametrize(
    "predictor", [None, {}, {"minReplicas": 1}, "text", {"containers": "text"}, {"containers": [1]}]
)
def test_a_predictor_without_implementation_is_left_for_validation(predictor: Any) -> None:
    obj = service(predictor)
    assert default(obj, KNATIVE)["spec"] == obj["spec"]


@pytest.mark.parametrize("spec", [None, "text", [], 1])
def test_a_spec_of_the_wrong_type_passes_unchanged(spec: Any) -> None:
    obj = service() | {"spec": spec}
    assert default(obj, KNATIVE)["spec"] == spec


@pytest.mark.parametrize(
    ("written", "stored"), [("RawDeployment", "Standard"), ("Serverless", "Knative"), ("Odd", "Odd")]
)
def test_old_spellings_of_the_deployment_mode_are_rewritten(written: str, stored: str) -> None:
    assert annotations(default(service(annotations={MODE: written}), STANDARD))[MODE] == stored


@pytest.mark.parametrize(
    ("configured", "written"),
    [("Standard", "Standard"), ("RawDeployment", "Standard"), ("ModelMesh", "ModelMesh"), ("Knative", None)],
)
def test_the_configured_mode_is_written_unless_it_is_knative(configured: str, written: str | None) -> None:
    answer = default(service(model()), config(deploy={"defaultDeploymentMode": configured}))
    assert annotations(answer).get(MODE) == written


def test_a_running_service_keeps_its_mode_when_its_annotation_is_removed() -> None:
    knative = default(service(model(), status={"deploymentMode": "Serverless"}), STANDARD)
    assert MODE not in annotations(knative)
    raw = default(service(model(), status={"deploymentMode": "RawDeployment"}), KNATIVE)
    assert annotations(raw)[MODE] == "Standard"


def test_a_model_mesh_predictor_stays_as_it_is() -> None:
    predictor = {"tensorflow": {"storageUri": "gs://b/m"}}
    by_user = default(service(predictor, annotations={MODE: "ModelMesh"}), SHIPPED)
    assert by_user["spec"]["predictor"] == predictor
    by_config = default(service(predictor), config(deploy={"defaultDeploymentMode": "ModelMesh"}, security={}))
    assert "model" not in by_config["spec"]["predictor"]
    assert default(by_config, config(deploy={"defaultDeploymentMode": "ModelMesh"})) == by_config


def test_transformer_and_explainer_get_names_and_resources() -> None:
    answer = default(
        service(
            {"tensorflow": {}},
            transformer={"containers": [{"image": "t"}]},
            explainer={"art": {"type": "SquareAttack"}},
        ),
        SHIPPED,
    )
    assert answer["spec"]["transformer"]["containers"] == [
        {"image": "t", "name": "kserve-container", "resources": FULL}
    ]
    art = answer["spec"]["explainer"]["art"]
    assert art == {"type": "SquareAttack", "name": "kserve-container", "runtimeVersion": "v0.4.0", "resources": FULL}
    assert "resources" not in answer["spec"]["predictor"]["model"]


@pytest.mark.parametrize("name", [None, "kserve-container", "mine"])
def test_a_lone_custom_container_is_the_server_whatever_its_name(name: str | None) -> None:
    container = {"image": "i"} | ({} if name is None else {"name": name})
    answer = default(service({"containers": [container]}), SHIPPED)
    assert answer["spec"]["predictor"]["containers"] == [{"image": "i", "name": "kserve-container", "resources": FULL}]


def test_defaults_go_to_the_serving_container_not_to_whatever_comes_first() -> None:
    sidecar, server = {"name": "proxy", "image": "p"}, {"name": "kserve-container", "image": "s"}
    answer = default(service({"containers": [sidecar, server]}, transformer={"containers": [sidecar, server]}), SHIPPED)
    for component in ("predictor", "transformer"):
        assert answer["spec"][component]["containers"] == [sidecar, server | {"resources": FULL}]
    collocated = default(service({"containers": [{"name": "transformer-container"}, {"name": "mine"}]}), SHIPPED)
    assert collocated["spec"]["predictor"]["containers"] == [
        {"name": "transformer-container"},
        {"name": "mine", "resources": FULL},
    ]


def test_a_resource_of_the_user_is_never_changed_nor_contradicted() -> None:
    big = {"requests": {"cpu": "2"}, "limits": {"memory": "1Gi", "nvidia.com/gpu": "1"}}
    answer = default(service({"containers": [{"name": "kserve-container", "resources": big}]}), SHIPPED)
    assert answer["spec"]["predictor"]["containers"][0]["resources"] == {
        "requests": {"cpu": "2", "memory": "1Gi"},
        "limits": {"cpu": "2", "memory": "1Gi", "nvidia.com/gpu": "1"},
    }


def test_a_model_gets_what_is_configured_for_its_format_and_no_other_does() -> None:
    formats = {"huggingface": {"cpuRequest": "4", "memoryRequest": "16Gi", "memoryLimit": "32Gi", "memoryFloor": "8Gi"}}
    settings = config(inferenceService={"resourceByModelFormat": formats})
    large = default(service({"huggingface": {"resources": {"limits": {"memory": "12Gi"}}}}), settings)
    assert large["spec"]["predictor"]["model"]["resources"] == {
        "requests": {"cpu": "4", "memory": "12Gi"},
        "limits": {"memory": "12Gi"},
    }
    assert default(large, settings) == large
    assert "resources" not in default(service(model("sklearn")), settings)["spec"]["predictor"]["model"]


def test_a_malformed_amount_for_a_format_names_its_key() -> None:
    settings = config(inferenceService={"resourceByModelFormat": {"sklearn": {"memoryFloor": "much"}}})
    with pytest.raises(ConfigError, match="memoryFloor") as problem:
        default(service(model("sklearn")), settings)
    assert problem.value.key == "inferenceService"


def test_without_configured_resources_none_are_set() -> None:
    container = {"name": "kserve-container", "image": "i"}
    assert default(service({"containers": [container]}), KNATIVE)["spec"]["predictor"]["containers"] == [container]


def test_a_malformed_configured_quantity_names_its_key() -> None:
    broken = config(inferenceService={"resource": {"cpuRequest": "lots"}})
    with pytest.raises(ConfigError, match="lots") as refused:
        default(service({"containers": [{"image": "i"}]}), broken)
    assert refused.value.key == "inferenceService"


def test_a_logger_without_mode_logs_everything() -> None:
    answer = default(service(model() | {"logger": {"url": "http://sink"}}), KNATIVE)
    assert answer["spec"]["predictor"]["logger"] == {"url": "http://sink", "mode": "all"}


def test_token_is_switched_off_where_the_user_says_nothing() -> None:
    off = config(deploy={"defaultDeploymentMode": "Knative"})
    answer = default(
        service(model(), transformer={"automountServiceAccountToken": True}, explainer={}),
        off,
    )["spec"]
    assert [answer[part]["automountServiceAccountToken"] for part in ("predictor", "transformer", "explainer")] == [
        False,
        True,
        False,
    ]
    assert "automountServiceAccountToken" not in default(service(model()), KNATIVE)["spec"]["predictor"]


def test_canary_predictors_are_defaulted_like_the_stable_one() -> None:
    answer = default(
        service(
            model(),
            canary=[{"trafficPercent": 10, "predictor": {"name": "next", "triton": {"storageUri": "gs://b/2"}}}],
        ),
        STANDARD,
    )
    assert answer["spec"]["canary"][0]["predictor"] == {
        "name": "next",
        "model": {"modelFormat": {"name": "triton"}, "storageUri": "gs://b/2", "protocolVersion": "v2"},
    }
    assert annotations(answer)["modelFormat"] == "sklearn"


def test_the_finalizer_is_set_on_creation_only_and_once() -> None:
    created = default(service(model(), finalizers=["mine"]), KNATIVE, creating=True)
    assert created["metadata"]["finalizers"] == ["mine", FINALIZER]
    assert default(created, KNATIVE, creating=True)["metadata"]["finalizers"] == ["mine", FINALIZER]
    assert "finalizers" not in default(service(model()), KNATIVE)["metadata"]


def test_an_empty_configuration_is_enough() -> None:
    answer = default(service({"sklearn": {}}, explainer={"art": {}}), config())
    assert annotations(answer) == {MODE: "Standard", "modelFormat": "sklearn"}


CACHES = [
    cache("model1", "gs://bucket/model", ["gpu1", "gpu2"]),
    cache("model2", "gs://bucket/model2/", ["gpu1"]),
    cache("nested", "gs://bucket/model/big", ["gpu2"]),
]


@pytest.mark.parametrize(
    ("uri", "group", "name", "claim"),
    [
        ("gs://bucket/model", None, "model1", "model1-gpu1"),
        ("gs://bucket/model/", None, "model1", "model1-gpu1"),
        ("gs://bucket/model/sub", None, "model1", "model1-gpu1"),
        ("gs://bucket/model", "gpu2", "model1", "model1-gpu2"),
        ("gs://bucket/model2", None, "model2", "model2-gpu1"),
        ("gs://bucket/model/big/part", None, "nested", "nested-gpu2"),
        ("gs://bucket/model/big/part", "gpu1", "model1", "model1-gpu1"),
        ("gs://bucket/model3", None, None, None),
        ("gs://bucket/model", "some-random-gpu", None, None),
        (None, None, None, None),
    ],
)
def test_the_closest_cache_that_has_the_node_group_is_used(
    uri: str | None, group: str | None, name: str | None, claim: str | None
) -> None:
    notes = {} if group is None else {"serving.kserve.io/nodegroup": group}
    answer = default(
        service(model(storageUri=uri), annotations=notes), CACHING, caches=LocalModelCaches(cluster=CACHES)
    )
    assert answer["metadata"].get("labels", {}).get(LOCAL) == name
    assert annotations(answer).get(f"{LOCAL}-pvc-name") == claim


def test_a_cache_of_the_namespace_wins_and_names_it() -> None:
    own = [cache("own", "gs://bucket/model", ["cpu"], namespace="default")]
    answer = default(service(model()), CACHING, caches=LocalModelCaches(namespaced=own, cluster=CACHES))
    assert answer["metadata"]["labels"] == {LOCAL: "own", f"{LOCAL}-namespace": "default"}
    assert annotations(answer)[f"{LOCAL}-sourceuri"] == "gs://bucket/model"


@pytest.mark.parametrize(
    ("settings", "notes", "uri"),
    [
        (KNATIVE, {}, "gs://bucket/model"),
        (CACHING, {"serving.kserve.io/disable-localmodel": ""}, "gs://bucket/model"),
        (CACHING, {}, None),
    ],
)
def test_marks_of_a_cache_no_longer_used_are_removed(settings: Any, notes: dict[str, str], uri: str | None) -> None:
    stale = service(
        model(storageUri=uri),
        labels={LOCAL: "old", f"{LOCAL}-namespace": "default", "mine": "kept"},
        annotations=notes | {f"{LOCAL}-sourceuri": "gs://bucket/model", f"{LOCAL}-pvc-name": "old-gpu"},
    )
    answer = default(stale, settings, caches=LocalModelCaches(cluster=CACHES))
    assert answer["metadata"]["labels"] == {"mine": "kept"}
    assert not any(LOCAL in key for key in annotations(answer))


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

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 200) | st.sampled_from(["", "v1", "kserve-container", "1Gi"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "predictor",
                    "model",
                    "sklearn",
                    "triton",
                    "containers",
                    "transformer",
                    "explainer",
                    "art",
                    "canary",
                    "resources",
                    "limits",
                    "requests",
                    "cpu",
                    "logger",
                    "modelFormat",
                    "name",
                    "env",
                    "storageUri",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(spec=json_values, meta=json_values)
def test_any_json_is_defaulted_without_crash_idempotently_and_without_touching_the_original(
    spec: Any, meta: Any
) -> None:
    obj = {"metadata": {"name": "x", "annotations": meta, "labels": meta}, "spec": spec}
    before = copy.deepcopy(obj)
    once = default(obj, SHIPPED, creating=True)
    assert obj == before
    assert default(once, SHIPPED, creating=True) == once
