"""What the InferenceService model promises: round trips, inline parts, effective defaults, clear complaints."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes_asyncio.client import models

from kservectl.api.errors import Malformed
from kservectl.api.inferenceservice import FRAMEWORKS, InferenceService, PredictorExtensionSpec, framework_protocol
from kservectl.api.pod import ContainerFields, PodFields

FULL: dict[str, Any] = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "flowers", "namespace": "lab", "labels": {"team": "a"}},
    "spec": {
        "predictor": {
            "minReplicas": 0,
            "serviceAccountName": "reader",
            "hostIPC": True,
            "setHostnameAsFQDN": False,
            "volumes": [{"name": "cache", "emptyDir": {}}],
            "tolerations": [],
            "newInALaterVersion": {"kept": [1, None]},
            "model": {
                "modelFormat": {"name": "sklearn", "version": "1"},
                "storageUri": "gs://lab/flowers",
                "name": "kserve-container",
                "args": ["--workers=2"],
                "resources": {"limits": {"cpu": "1"}},
            },
            "autoScaling": {
                "metrics": [
                    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Value", "value": 100}}},
                    {
                        "type": "External",
                        "external": {"metric": {"backend": "prometheus"}, "target": {"averageValue": "0.50"}},
                    },
                ]
            },
            "deploymentStrategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
        },
        "transformer": None,
        "canary": [{"predictor": {"name": "next", "containers": [{"image": "x"}]}, "trafficPercent": 10}],
    },
    "status": {"modelStatus": {"transitionStatus": ""}, "clusterServingRuntimeName": "kserve-sklearnserver"},
}


def service(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "spec": spec}


def problems(obj: Any) -> list[str]:
    with pytest.raises(Malformed) as caught:
        InferenceService.parse(obj)
    return [str(problem) for problem in caught.value.problems]


def test_what_was_parsed_comes_back_with_unknown_fields_and_nulls() -> None:
    assert InferenceService.parse(FULL).to_object() == FULL


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(min_size=1), children, max_size=3),
    max_leaves=8,
)


@given(unknown=st.dictionaries(st.text(min_size=1).map(lambda name: f"x-{name}"), JSON, max_size=3))
def test_any_unknown_field_survives_at_every_level(unknown: dict[str, Any]) -> None:
    obj = service(predictor={"model": {"modelFormat": {"name": "a", **unknown}, **unknown}, **unknown}, **unknown)
    assert InferenceService.parse(obj).to_object() == obj


def test_the_pod_part_of_a_component_is_cut_out_under_wire_names() -> None:
    assert InferenceService.parse(FULL).spec.predictor.pod_spec() == {
        "serviceAccountName": "reader",
        "hostIPC": True,
        "setHostnameAsFQDN": False,
        "volumes": [{"name": "cache", "emptyDir": {}}],
        "tolerations": [],
    }


def test_the_container_part_of_a_model_is_cut_out_under_wire_names() -> None:
    model = InferenceService.parse(FULL).spec.predictor.model
    assert model is not None
    assert model.container() == {
        "name": "kserve-container",
        "args": ["--workers=2"],
        "resources": {"limits": {"cpu": "1"}},
    }


@pytest.mark.parametrize(
    ("inline", "core", "left_out"),
    [
        (PodFields, models.V1PodSpec, {"ephemeralContainers", "schedulingGroup"}),
        (ContainerFields, models.V1Container, set()),
    ],
)
def test_inline_fields_are_those_of_the_kubernetes_api(inline: Any, core: Any, left_out: set[str]) -> None:
    assert {field.alias for field in inline.model_fields.values()} == set(core.attribute_map.values()) - left_out


def test_quantities_of_scaling_targets_keep_their_spelling() -> None:
    scaling = InferenceService.parse(FULL).spec.predictor.auto_scaling
    assert scaling is not None and scaling.metrics is not None
    resource, external = scaling.metrics
    assert resource.resource is not None and external.external is not None
    assert resource.resource.target.value == 100
    assert external.external.target.average_value == "0.50"


def test_the_first_framework_field_is_the_implementation_and_model_comes_last() -> None:
    predictor = InferenceService.parse(
        service(predictor={"sklearn": {"storageUri": "a"}, "xgboost": {"storageUri": "b"}})
    ).spec.predictor
    assert list(predictor.frameworks()) == ["xgboost", "sklearn"]
    assert predictor.implementation() is predictor.xgboost
    model = InferenceService.parse(FULL).spec.predictor
    assert model.implementation() is model.model
    assert InferenceService.parse(service(predictor={"containers": []})).spec.predictor.implementation() is None


def test_frameworks_speak_v1_unless_they_are_known_to_speak_v2() -> None:
    unset = PredictorExtensionSpec()
    assert {name for name in FRAMEWORKS if framework_protocol(name, unset) == "v2"} == {"triton", "huggingface"}
    assert framework_protocol("triton", PredictorExtensionSpec(protocol_version="grpc-v2")) == "grpc-v2"


def test_documented_defaults_are_read_not_written() -> None:
    obj = service(predictor={"logger": {}, "storageUris": [{"uri": "gs://a"}]})
    parsed = InferenceService.parse(obj)
    logger, uris = parsed.spec.predictor.logger, parsed.spec.predictor.storage_uris
    assert logger is not None and uris is not None
    assert logger.effective_marshaller_url == "http://localhost:9083/marshal"
    assert (logger.effective_batch_size, logger.effective_batch_interval) == (1, "0")
    assert uris[0].effective_mount_path == "/mnt/models"
    assert parsed.to_object() == obj


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        ({"metadata": {}}, ["spec: is required"]),
        ("text", ["must be an object, not 'text'"]),
        (service(), ["spec.predictor: is required"]),
        (service(predictor=[]), ["spec.predictor: must be an object, not a list"]),
        (service(predictor={"model": {}}), ["spec.predictor.model.modelFormat: is required"]),
        (
            service(predictor={"minReplicas": "1", "containers": {"image": "x"}}),
            [
                "spec.predictor.minReplicas: must be a whole number, not '1'",
                "spec.predictor.containers: must be a list, not an object",
            ],
        ),
        (
            service(predictor={}, canary=[{"predictor": {"name": "a"}, "trafficPercent": 101}]),
            ["spec.canary[0].trafficPercent: must be at most 100, not the number 101"],
        ),
        (
            service(predictor={"name": "Upper"}),
            ["spec.predictor.name: must match ^[a-z]([-a-z0-9]*[a-z0-9])?$, which 'Upper' does not"],
        ),
        (service(predictor={"storageUris": []}), ["spec.predictor.storageUris: must not be empty"]),
        (
            service(predictor={"scaleMetric": "gpu"}),
            ["spec.predictor.scaleMetric: must be one of 'cpu', 'memory', 'concurrency' or 'rps', not 'gpu'"],
        ),
        (
            service(predictor={"labels": {"a.b/c": 1}}),
            ["spec.predictor.labels[a.b/c]: must be a string, not the number 1"],
        ),
        (
            service(predictor={"deploymentStrategy": {"rollingUpdate": {"maxSurge": [1]}}}),
            [
                "spec.predictor.deploymentStrategy.rollingUpdate.maxSurge: "
                "must be a whole number or a string, not a list"
            ],
        ),
        (
            service(predictor={"volumes": ["x"]}),
            ["spec.predictor.volumes[0]: must be an object, not 'x'"],
        ),
        (
            service(predictor={"model": {"modelFormat": {"name": "a"}, "args": [1]}}),
            ["spec.predictor.model.args[0]: must be a string, not the number 1"],
        ),
    ],
)
def test_each_wrong_field_is_one_sentence_with_its_path(obj: Any, expected: list[str]) -> None:
    assert problems(obj) == expected


def test_long_values_are_not_quoted() -> None:
    found = problems(service(predictor={"minReplicas": "9" * 500}))
    assert found == ["spec.predictor.minReplicas: must be a whole number, not a string of 500 characters"]
