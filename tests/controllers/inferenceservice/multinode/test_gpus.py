import pytest

from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.multinode import gpus
from kservectl.objects.metadata import Object

KNOWN = ("nvidia.com/gpu", "amd.com/gpu", "intel.com/gpu", "habana.ai/gaudi")


def container(limits: Object | None = None, requests: Object | None = None) -> Object:
    resources = {"limits": limits, "requests": requests}
    return {"name": "c", "resources": {part: found for part, found in resources.items() if found is not None}}


def test_names_of_the_annotation_follow_the_configured_ones_without_repetition() -> None:
    annotations = {gpus.TYPES_ANNOTATION: '["vendor.com/gpu", "amd.com/gpu"]'}

    assert gpus.known_names(KNOWN, annotations) == (*KNOWN, "vendor.com/gpu")


def test_empty_annotation_says_nothing() -> None:
    assert gpus.known_names(KNOWN, {gpus.TYPES_ANNOTATION: ""}) == KNOWN
    assert gpus.known_names(KNOWN, {}) == KNOWN


@pytest.mark.parametrize("text", ["vendor.com/gpu", "{}", "[]", '[""]', "[1]", '"vendor.com/gpu"'])
def test_annotation_that_lists_no_names_is_refused(text: str) -> None:
    with pytest.raises(CannotDecide) as refused:
        gpus.known_names(KNOWN, {gpus.TYPES_ANNOTATION: text})

    assert refused.value.reason == "InvalidGPUAllocation"
    assert f"invalid GPU format({text})" in refused.value.message


@pytest.mark.parametrize("name", KNOWN)
def test_requests_of_every_known_name_count(name: str) -> None:
    assert gpus.requested(container(requests={name: "3", "cpu": "9"}), KNOWN) == 3


def test_limits_alone_request_nothing() -> None:
    assert gpus.requested(container(limits={"nvidia.com/gpu": "2"}), KNOWN) == 0


def test_container_without_resources_requests_nothing() -> None:
    assert gpus.requested({"name": "c"}, KNOWN) == 0


def test_number_that_is_none_is_refused() -> None:
    with pytest.raises(CannotDecide) as refused:
        gpus.requested(container(requests={"nvidia.com/gpu": "two"}), KNOWN)

    assert "requests.nvidia.com/gpu of container c" in refused.value.message


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (container(), "nvidia.com/gpu"),
        ({"name": "c"}, "nvidia.com/gpu"),
        (container(requests={"amd.com/gpu": "1"}), "amd.com/gpu"),
        (container(limits={"intel.com/gpu": 1}), "intel.com/gpu"),
        (container(limits={"amd.com/gpu": "0", "habana.ai/gaudi": "1"}), "habana.ai/gaudi"),
        (container(requests={"intel.com/gpu": "1"}, limits={"amd.com/gpu": "1"}), "amd.com/gpu"),
        (container(requests={"unknown.com/gpu": "1"}), "nvidia.com/gpu"),
    ],
)
def test_gpus_are_of_the_kind_that_the_container_has_already(given: Object, name: str) -> None:
    changed = gpus.with_gpus(given, KNOWN, 4)

    assert changed["resources"]["limits"][name] == "4"
    assert changed["resources"]["requests"][name] == "4"


def test_gpus_of_a_vendor_named_by_the_annotation_are_set_under_its_name() -> None:
    names = gpus.known_names(KNOWN, {gpus.TYPES_ANNOTATION: '["vendor.com/gpu"]'})

    changed = gpus.with_gpus(container(requests={"vendor.com/gpu": "1"}), names, 2)

    assert changed["resources"] == {"limits": {"vendor.com/gpu": "2"}, "requests": {"vendor.com/gpu": "2"}}


def test_other_resources_stay_and_the_argument_is_left_alone() -> None:
    given = container(limits={"cpu": "4"}, requests={"cpu": "2"})

    changed = gpus.with_gpus(given, KNOWN, 0)

    assert changed["resources"] == {
        "limits": {"cpu": "4", "nvidia.com/gpu": "0"},
        "requests": {"cpu": "2", "nvidia.com/gpu": "0"},
    }
    assert given["resources"] == {"limits": {"cpu": "4"}, "requests": {"cpu": "2"}}
