"""Predictors on several nodes."""

from typing import Any

import pytest

from kservectl.admission.inferenceservice.validation.validator import validate
from kservectl.api.config import ConfigError
from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import config, model, service
from tests.admission.inferenceservice.validation.verdicts import CLASS, STANDARD, allowed, only

GPU_TYPES = "serving.kserve.io/gpu-resource-types"


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
