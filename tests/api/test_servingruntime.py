"""What the models of runtimes and storage containers promise."""

from typing import Any

import pytest

from kservectl.api.errors import Malformed
from kservectl.api.servingruntime import ClusterServingRuntime
from kservectl.api.storagecontainer import ClusterStorageContainer

RUNTIME: dict[str, Any] = {
    "apiVersion": "serving.kserve.io/v1alpha1",
    "kind": "ClusterServingRuntime",
    "metadata": {"name": "odd-server"},
    "spec": {
        "supportedModelFormats": [{"name": "odd", "version": "1", "autoSelect": True, "priority": 2}],
        "protocolVersions": ["v1", "grpc-v2"],
        "annotations": {"a": "b"},
        "hostIPC": True,
        "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}],
        "containers": [{"name": "kserve-container", "image": "odd:1"}],
        "workerSpec": {"pipelineParallelSize": 2, "containers": [{"name": "worker-container"}]},
        "futureField": {"x": 1},
    },
}


def test_a_runtime_comes_back_as_it_was_parsed() -> None:
    assert ClusterServingRuntime.parse(RUNTIME).to_object() == RUNTIME


def test_the_pod_part_of_a_runtime_leaves_labels_and_annotations_out() -> None:
    spec = ClusterServingRuntime.parse(RUNTIME).spec
    assert spec.pod_spec() == {
        "containers": [{"name": "kserve-container", "image": "odd:1"}],
        "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}],
        "hostIPC": True,
    }
    assert spec.worker_spec is not None
    assert spec.worker_spec.pod_spec() == {"containers": [{"name": "worker-container"}]}
    assert spec.is_multi_node


def test_a_runtime_without_protocols_accepts_any() -> None:
    spec = ClusterServingRuntime.parse(RUNTIME).spec
    assert spec.supports_protocol("v1")
    assert not spec.supports_protocol("v2")
    spec.protocol_versions = []
    assert spec.supports_protocol("v2")


def test_a_runtime_needs_containers_and_a_positive_priority() -> None:
    with pytest.raises(Malformed) as caught:
        ClusterServingRuntime.parse({"spec": {"supportedModelFormats": [{"name": "a", "priority": 0}]}})
    assert [str(problem) for problem in caught.value.problems] == [
        "spec.containers: is required",
        "spec.supportedModelFormats[0].priority: must be at least 1, not the number 0",
    ]


def storage_container(*formats: dict[str, str]) -> ClusterStorageContainer:
    return ClusterStorageContainer.parse(
        {"spec": {"container": {"name": "storage-initializer"}, "supportedUriFormats": list(formats)}}
    )


@pytest.mark.parametrize(
    ("formats", "uri", "covered"),
    [
        ([{"prefix": "gs://"}], "gs://a", True),
        ([{"prefix": "gs://"}], "s3://gs://", False),
        ([{"regex": "https?://(.+)/(.+)"}], "https://a.b/c", True),
        ([{"regex": "blob"}], "https://my.blob.host/x", True),
        ([{"prefix": "a", "regex": "."}], "b", False),
        ([{"regex": "("}, {"prefix": "hf://"}], "hf://m", True),
        ([{}], "hf://m", False),
        ([], "hf://m", False),
    ],
)
def test_a_storage_container_covers_what_any_of_its_formats_matches(
    formats: list[dict[str, str]], uri: str, covered: bool
) -> None:
    assert storage_container(*formats).spec.covers(uri) is covered


def test_a_storage_container_makes_init_containers_unless_it_says_otherwise() -> None:
    spec = storage_container().spec
    assert spec.effective_workload_type == "initContainer"
    spec.workload_type = "localModelDownloadJob"
    assert spec.effective_workload_type == "localModelDownloadJob"
