"""The tag of the serving image."""

import pytest

from kservectl.controllers.inferenceservice.image import resolve, wants_gpu
from kservectl.objects.kind import DEPLOYMENT
from tests.controllers.inferenceservice.world import World, runtime, service


@pytest.mark.parametrize(
    ("image", "version", "server_type", "gpu", "expected"),
    [
        ("repo/a:1", "2", "", False, "repo/a:2"),
        ("repo/a", "2", "", False, "repo/a:2"),
        ("host:5000/repo/a", "2", "", False, "host:5000/repo/a:2"),
        ("host:5000/repo/a:1", "2", "", False, "host:5000/repo/a:2"),
        ("repo/a@sha256:abc", "2", "vllmserver", False, "repo/a@sha256:abc"),
        ("tf:1", None, "tensorflow-serving", True, "tf:1-gpu"),
        ("tf:1-gpu", None, "tensorflow-serving", True, "tf:1-gpu"),
        ("tf:1", None, "tensorflow-serving", False, "tf:1"),
        ("tf", None, "tensorflow-serving", True, "tf"),
        ("hf:1", None, "huggingfaceserver", True, "hf:1-gpu"),
        ("ts:1", None, "torchserve", True, "ts:1-gpu"),
        ("tf:1", "2-gpu", "tensorflow-serving", True, "tf:2-gpu"),
        ("vllm:1", None, "vllmserver", True, "vllm:1"),
        ("vllm:1", None, "vllmserver", False, "vllm-cpu:1"),
        ("vllm-cpu:1", None, "vllmserver", False, "vllm-cpu:1"),
        ("vllm", None, "vllmserver", False, "vllm"),
        ("vllm:1", "2", "vllmserver", False, "vllm:2"),
        ("mine:1", None, "", True, "mine:1"),
        ("", "2", "", False, ""),
    ],
)
def test_version_and_hardware_decide_the_tag(
    image: str, version: str | None, server_type: str, gpu: bool, expected: str
) -> None:
    assert resolve(image, version=version, server_type=server_type, gpu=gpu) == expected


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [
        ({"nvidia.com/gpu": "1"}, True),
        ({"nvidia.com/mig-1g.5gb": "1"}, True),
        ({"amd.com/gpu": "1"}, False),
        ({"cpu": "1"}, False),
        (None, False),
    ],
)
def test_only_nvidia_limits_ask_for_a_gpu(limits: dict[str, str] | None, wanted: bool) -> None:
    assert wants_gpu({"resources": {"limits": limits}}) is wanted
    assert wants_gpu({"resources": {"requests": {"nvidia.com/gpu": "1"}}}) is False
    assert wants_gpu({}) is False


@pytest.mark.parametrize(
    ("name", "annotations", "image"),
    [
        ("mine", {"serving.kserve.io/server-type": "vllmserver"}, "example/server-cpu:1"),
        ("kserve-vllmserver", {}, "example/server-cpu:1"),
        ("kserve-vllmserver", {"serving.kserve.io/server-type": ""}, "example/server-cpu:1"),
        ("kserve-vllmserver", {"serving.kserve.io/server-type": "sklearnserver"}, "example/server:1"),
        ("mine", {}, "example/server:1"),
    ],
    ids=["annotation", "name", "empty annotation", "annotation over name", "unknown"],
)
def test_kind_of_server_is_told_by_the_runtimes_annotation_or_else_its_name(
    name: str, annotations: dict[str, str], image: str
) -> None:
    recipe = runtime(name, container={"image": "example/server:1"}, meta={"annotations": annotations})
    world = World(service(), recipe)
    world.step()

    server = world.child(DEPLOYMENT, "iris-predictor")["spec"]["template"]["spec"]["containers"][0]
    assert server["image"] == image
