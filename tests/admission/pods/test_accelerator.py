"""GPU nodes of GKE."""

from typing import Any

import pytest

from kservectl.objects.metadata import Object
from tests.admission.pods.samples import annotated, container, context, pod, spec


@pytest.mark.parametrize(
    ("limits", "notes", "selected"),
    [
        ({"nvidia.com/gpu": "1"}, {"serving.kserve.io/gke-accelerator": "t4"}, True),
        ({"own.com/gpu": "1"}, {"serving.kserve.io/gke-accelerator": "t4"}, True),
        ({"cpu": "1"}, {"serving.kserve.io/gke-accelerator": "t4"}, False),
        ({"nvidia.com/gpu": "1"}, {}, False),
    ],
)
def test_a_gpu_pod_goes_to_nodes_with_the_accelerator_it_names(limits: Object, notes: Any, selected: bool) -> None:
    original = annotated(pod(container(resources={"limits": limits})), **notes)
    original["spec"]["nodeSelector"] = {"zone": "a", "cloud.google.com/gke-accelerator": "old"}
    selector = spec(original, context(multiNode={"customGPUResourceTypeList": ["own.com/gpu"]}))["nodeSelector"]
    assert selector == {"zone": "a", "cloud.google.com/gke-accelerator": "t4" if selected else "old"}


def test_a_pod_without_selector_gets_one_and_no_toleration() -> None:
    gpu = container(resources={"limits": {"nvidia.com/gpu": "1"}})
    original = annotated(pod(container("first"), gpu), **{"serving.kserve.io/gke-accelerator": "t4"})
    assert spec(original) == original["spec"] | {"nodeSelector": {"cloud.google.com/gke-accelerator": "t4"}}
