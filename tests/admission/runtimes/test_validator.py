from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.admission.runtimes.validator import validate
from kservectl.api.config import ConfigError
from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME, SERVING_RUNTIME
from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import config
from tests.admission.runtimes.runtimes import errors, fmt, judge, runtime, worker

PRIORITY = "spec.supportedModelFormats[0].priority"
SAME = "same priority assigned for the model format sklearn in the servingruntimes stored and new in namespace default"


def test_a_good_runtime_is_allowed_alone_and_beside_others() -> None:
    assert errors(runtime()) == []
    assert errors(runtime(), runtime("other", fmt("onnx"))) == []


# Cross-runtime priorities


def test_r1_one_is_multi_model_and_the_other_not() -> None:
    assert errors(runtime(multiModel=True), runtime("stored")) == []
    assert errors(runtime(), runtime("stored", multiModel=True)) == []


def test_r2_both_multi_model_with_the_same_priority() -> None:
    (error,) = errors(runtime(multiModel=True), runtime("stored", multiModel=True))
    assert error.startswith(f"{PRIORITY}: {SAME}")


@pytest.mark.parametrize(
    "stored",
    [
        runtime("stored", disabled=True),
        runtime("new"),
        runtime("stored", protocolVersions=["grpc-v1"]),
        runtime("stored", protocolVersions=[]),
        runtime("stored", fmt("onnx")),
    ],
)
def test_r3_runtimes_that_do_not_compete(stored: Object) -> None:
    assert errors(runtime(), stored) == []


@pytest.mark.parametrize("auto", [False, None])
def test_r4_formats_that_are_not_selected_by_themselves(auto: bool | None) -> None:
    assert errors(runtime("new", fmt(auto=auto)), runtime("stored")) == []
    assert errors(runtime(), runtime("stored", fmt(auto=auto))) == []


def test_r5_no_version_on_both() -> None:
    (error,) = errors(runtime("new", fmt(version=None)), runtime("stored", fmt(version=None)))
    assert SAME in error
    assert errors(runtime("new", fmt(version=None)), runtime("stored", fmt(version=None, priority=2))) == []


def test_r6_no_version_on_one_side() -> None:
    assert errors(runtime("new", fmt(version=None)), runtime("stored")) == []
    assert errors(runtime(), runtime("stored", fmt(version=None))) == []


def test_r7_same_version_and_different_version() -> None:
    assert len(errors(runtime(), runtime("stored"))) == 1
    assert errors(runtime(), runtime("stored", fmt(version="2"))) == []


def test_r8_no_priority_on_both_on_new_or_on_stored() -> None:
    for mine, theirs in ((None, None), (None, 1), (1, None)):
        assert errors(runtime("new", fmt(priority=mine)), runtime("stored", fmt(priority=theirs))) == []


def test_formats_are_the_same_in_any_case() -> None:
    (error,) = errors(runtime("new", fmt("SKLearn")), runtime("stored"))
    assert "model format SKLearn" in error


def test_the_message_for_cluster_runtimes_names_no_namespace() -> None:
    kind = CLUSTER_SERVING_RUNTIME
    (error,) = errors(runtime(kind=kind), runtime("stored", kind=kind), kind=kind)
    assert (
        "same priority assigned for the model format sklearn in the clusterservingruntimes stored and new: 1" in error
    )


# Own priorities


@pytest.mark.parametrize("stored", [[], [runtime("other", fmt("onnx"))]])
def test_r9_one_format_twice_with_different_priorities(stored: list[Object]) -> None:
    (error,) = errors(runtime("new", fmt(version="1"), fmt(version="2", priority=2)), *stored)
    assert error.startswith(
        "spec.supportedModelFormats[1].priority: different priorities assigned for the model format sklearn"
        " under the servingruntime new"
    )
    assert errors(runtime("new", fmt(version="1"), fmt(version="2")), *stored) == []


def test_a_first_entry_without_priority_hides_nothing() -> None:
    found = errors(runtime("new", fmt(priority=None), fmt(version="2", priority=2), fmt(version="3", priority=3)))
    assert [error.partition(":")[0] for error in found] == ["spec.supportedModelFormats[2].priority"]


def test_own_priorities_differ_in_any_case_of_the_name() -> None:
    assert len(errors(runtime("new", fmt("sklearn"), fmt("SKLearn", version="2", priority=2)))) == 1


def test_own_priorities_of_formats_that_are_not_selected_do_not_matter() -> None:
    assert errors(runtime("new", fmt(), fmt(version="2", priority=2, auto=False))) == []


def test_a_runtime_that_kserve_took_with_different_priorities_stays_changeable() -> None:
    old = runtime("new", fmt(), fmt(version="2", priority=2))
    assert errors({**old, "metadata": old["metadata"] | {"labels": {"a": "b"}}}, old=old) == []
    worse = runtime("new", fmt(), fmt(version="2", priority=3))
    assert len(errors(worse, old=old)) == 1


# Several nodes


def env(name: str) -> list[Object]:
    return [{"name": "kserve-container", "image": "x", "env": [{"name": name, "value": "1"}]}]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"workerSpec": worker(pipelineParallelSize=0)},
            "spec.workerSpec.pipelineParallelSize: the ServingRuntime new is invalid:"
            " the WorkerSpec.PipelineParallelSize cannot be less than 1(0)",
        ),
        (
            {"workerSpec": worker(tensorParallelSize=0)},
            "spec.workerSpec.tensorParallelSize: the ServingRuntime new is invalid:"
            " the WorkerSpec.TensorParallelSize cannot be less than 1(0)",
        ),
        (
            {"workerSpec": worker(), "containers": env("PIPELINE_PARALLEL_SIZE")},
            "spec.containers[0].env: the ServingRuntime new is invalid:"
            " setting PIPELINE_PARALLEL_SIZE in environment variables is not allowed",
        ),
        (
            {"workerSpec": worker(), "containers": env("TENSOR_PARALLEL_SIZE")},
            "spec.containers[0].env: the ServingRuntime new is invalid:"
            " setting TENSOR_PARALLEL_SIZE in environment variables is not allowed",
        ),
        (
            {"workerSpec": {"containers": worker()["containers"] * 2}},
            "spec.workerSpec.containers: the ServingRuntime new is invalid:"
            " setting multiple containers in workerSpec is not allowed",
        ),
        ({"workerSpec": {"containers": []}}, "spec.workerSpec.containers: Required value"),
    ],
)
def test_r10_what_a_runtime_for_several_nodes_cannot_have(spec: Any, expected: str) -> None:
    (error,) = errors(runtime(**spec))
    assert error.startswith(expected)


def test_r10_workers_cannot_be_removed() -> None:
    (error,) = errors(runtime(), old=runtime(workerSpec=worker()))
    assert error.startswith(
        "spec.workerSpec: the ServingRuntime new is invalid: removing workerSpec where it already exists is not allowed"
    )
    assert errors(runtime(workerSpec=worker()), old=runtime()) == []


def test_sizes_are_free_without_workers() -> None:
    assert errors(runtime(containers=env("TENSOR_PARALLEL_SIZE"))) == []


@pytest.mark.parametrize("section", ["limits", "requests"])
def test_unknown_gpus_in_the_server_and_in_the_worker(section: str) -> None:
    gpus = {section: {"cpu": "1", "own.com/gpu": "1"}}
    server = [{"name": "kserve-container", "image": "x", "resources": gpus}]
    found = errors(runtime(workerSpec=worker(resources=gpus), containers=server))
    assert [error.partition(";")[0] for error in found] == [
        "spec.containers[0].resources: the ServingRuntime new is invalid:"
        " unknown GPU resource type in a container(kserve-container): own.com/gpu",
        "spec.workerSpec.containers[0].resources: the ServingRuntime new is invalid:"
        " unknown GPU resource type in a container(worker-container): own.com/gpu",
    ]
    annotated = {"serving.kserve.io/gpu-resource-types": '["own.com/gpu"]'}
    assert errors(runtime(workerSpec=worker(resources=gpus), containers=server, annotations=annotated)) == []
    configured = {"multiNode": {"customGPUResourceTypeList": ["own.com/gpu"]}}
    assert errors(runtime(workerSpec=worker(resources=gpus), containers=server), **configured) == []


def test_known_resources_are_fine() -> None:
    gpus = {"limits": {"nvidia.com/gpu": "1", "memory": "1Gi", "hugepages-2Mi": "4Mi"}}
    assert errors(runtime(workerSpec=worker(resources=gpus))) == []


def test_a_malformed_list_of_gpus_is_told() -> None:
    annotated = {"serving.kserve.io/gpu-resource-types": "own.com/gpu"}
    (error,) = errors(runtime(workerSpec=worker(), annotations=annotated))
    assert "invalid GPU format(own.com/gpu)" in error


def test_a_broken_configuration_of_gpus_concerns_runtimes_with_workers_only() -> None:
    broken: Any = {"multiNode": "nonsense"}
    assert errors(runtime(), **broken) == []
    with pytest.raises(ConfigError):
        judge(runtime(workerSpec=worker()), **broken)


# Disabled, deleted


def test_r11_a_disabled_runtime_is_not_looked_at() -> None:
    bad = runtime(disabled=True, containers=env("PYTHONPATH"))
    assert errors(bad, runtime("stored"), old=runtime(workerSpec=worker())) == []


def test_a_runtime_that_is_being_deleted_is_not_looked_at() -> None:
    leaving = runtime(containers=env("PYTHONPATH"))
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert errors(leaving, runtime("stored")) == []


# Environment


@pytest.mark.parametrize("field", ["containers", "initContainers"])
def test_r12_pythonpath_is_refused_in_every_container(field: str) -> None:
    hidden: Any = [
        {"name": "side", "image": "x", "env": [{"name": "A", "value": "1"}, {"name": "PYTHONPATH", "value": "/"}]}
    ]
    own: Any = {field: hidden}
    (error,) = errors(runtime(**own))
    assert error == (
        f'spec.{field}[0].env[1].name: the ServingRuntime "new" is invalid: setting PYTHONPATH in container "side"'
        " is not allowed for security reasons"
    )
    (error,) = errors(runtime(workerSpec={"containers": worker()["containers"], field: hidden}))
    assert error.startswith(f"spec.workerSpec.{field}[0].env[1].name: ")


def test_r12_other_variables_and_none_are_fine() -> None:
    assert errors(runtime(containers=env("PATH"))) == []
    assert errors(runtime(workerSpec=worker())) == []


def test_several_problems_are_reported_together() -> None:
    bad = runtime("new", fmt(), fmt(version="2", priority=2), containers=env("PYTHONPATH"))
    assert len(errors(bad, runtime("stored"))) == 3


def test_wrong_types_are_refused_with_their_field() -> None:
    found = judge(runtime(containers="none", supportedModelFormats=[{"name": 1}])).errors
    assert {error.field for error in found} == {"spec.containers", "spec.supportedModelFormats[0].name"}


json_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["sklearn", "kserve-container", "v1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "env", "containers"]), inner),
    max_leaves=6,
)
FIELDS = ["supportedModelFormats", "containers", "workerSpec", "annotations", "protocolVersions", "multiModel"]


@given(spec=st.dictionaries(st.sampled_from(FIELDS), json_values), old=st.booleans(), kind=st.booleans())
def test_any_json_gets_a_verdict(spec: Any, old: bool, kind: bool) -> None:
    chosen = SERVING_RUNTIME if kind else CLUSTER_SERVING_RUNTIME
    odd = {"metadata": {"name": "odd"}, "spec": spec}
    answer = validate(chosen, odd, odd if old else None, [odd, runtime()], config())
    assert all(error.message for error in answer.errors)
