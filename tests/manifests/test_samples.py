"""The samples: one per runtime, each accepted by the CRD's own schema, each meant for a runtime that takes it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from kservectl.api.crds import crds
from kservectl.api.inferenceservice import InferenceService
from kservectl.manifests.graph_samples import graphs, models
from kservectl.manifests.runtimes import runtimes
from kservectl.manifests.samples import samples
from kservectl.manifests.serverless_samples import serverless
from kservectl.manifests.storage import storage_container

SCHEMAS = {crd["spec"]["names"]["kind"]: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for crd in crds()}
SAMPLES = {sample["metadata"]["name"]: sample for sample in samples()}
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def violations(value: Any, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """What a strict API server would refuse: unknown fields, wrong types, missing fields, patterns, enums, bounds."""
    expected = TYPES.get(schema.get("type", ""), (int, str))
    if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
        yield f"{path} is a {type(value).__name__}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path} is none of {schema['enum']}"
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{path} does not match {schema['pattern']}"
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{path} is out of bounds"
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from violations(item, schema["items"], f"{path}[{index}]")
    if isinstance(value, dict) and path != ".metadata":
        yield from (f"{path}.{name} is missing" for name in schema.get("required", ()) if name not in value)
        for name, member in value.items():
            known = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
            if known is None:
                yield f"{path}.{name} is unknown"
            else:
                yield from violations(member, known, f"{path}.{name}")


def check(obj: dict[str, Any]) -> list[str]:
    return list(violations(obj, SCHEMAS[obj["kind"]]))


@pytest.mark.parametrize(
    "obj",
    [*samples(), *graphs(), *models(), *serverless(), *runtimes(), storage_container()],
    ids=lambda obj: obj["metadata"]["name"],
)
def test_what_is_shipped_is_valid_under_its_own_crd(obj: dict[str, Any]) -> None:
    assert check(obj) == []


def test_the_check_itself_finds_what_is_wrong() -> None:
    broken = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "x"},
        "spec": {"predictor": {"minReplicas": "1", "modle": {}, "model": {"resources": {"limits": {"cpu": "one"}}}}},
    }
    assert [problem.split(" ")[0] for problem in check(broken)] == [
        ".spec.predictor.minReplicas",
        ".spec.predictor.modle",
        ".spec.predictor.model.modelFormat",
        ".spec.predictor.model.resources.limits.cpu",
    ]


def test_there_is_a_sample_for_each_runtime_of_one_node_and_a_custom_one() -> None:
    models = [InferenceService.parse(sample).spec.predictor.model for sample in samples()]
    formats = {model.model_format.name for model in models if model is not None}
    named = {model.runtime for model in models if model is not None and model.runtime}
    assert formats == {
        "sklearn",
        "xgboost",
        "lightgbm",
        "pmml",
        "paddle",
        "autogluon",
        "mlflow",
        "tensorflow",
        "pytorch",
        "onnx",
        "openvino",
        "huggingface",
        "vLLM",
    }
    assert named == {"kserve-predictiveserver", "kserve-tritonserver"}
    assert models.count(None) == 1


@pytest.mark.parametrize("name", SAMPLES)
def test_each_sample_names_a_format_that_a_shipped_runtime_takes(name: str) -> None:
    model = InferenceService.parse(SAMPLES[name]).spec.predictor.model
    if model is None:
        assert SAMPLES[name]["spec"]["predictor"]["containers"][0]["name"] == "kserve-container"
        return
    wanted = model.model_format
    takers = [
        runtime["metadata"]["name"]
        for runtime in runtimes()
        for supported in runtime["spec"]["supportedModelFormats"]
        if supported["name"] == wanted.name
        and wanted.version in (None, supported.get("version"))
        and model.runtime in (None, runtime["metadata"]["name"])
        and (model.runtime or supported.get("autoSelect"))
    ]
    assert takers, f"no runtime takes {wanted.name}"
