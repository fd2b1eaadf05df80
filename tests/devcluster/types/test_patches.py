"""Patches by content type, and objects under another version of their kind."""

from typing import Any, get_args

import pytest

from kservectl.devcluster.contract import Malformed, PatchRefused, PatchType
from kservectl.devcluster.types import builtin_types
from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, Kind
from kservectl.objects.metadata import Object

TYPES = builtin_types()
LIVE: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "x"},
    "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "a", "image": "i"}]}}},
}
HPA_V1 = Kind("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers")


def patch(body: Any, type_: PatchType) -> Object:
    return TYPES.patch(DEPLOYMENT, LIVE, body, type_)


def containers(obj: Object) -> Any:
    return obj["spec"]["template"]["spec"]["containers"]


def test_a_merge_patch_replaces_lists() -> None:
    patched = patch({"spec": {"template": {"spec": {"containers": [{"name": "b"}]}}}}, "merge")
    assert containers(patched) == [{"name": "b"}]
    assert patched["spec"]["replicas"] == 1


def test_a_strategic_merge_patch_merges_lists_by_key() -> None:
    patched = patch({"spec": {"template": {"spec": {"containers": [{"name": "a", "tty": True}]}}}}, "strategic")
    assert containers(patched) == [{"name": "a", "image": "i", "tty": True}]


def test_a_json_patch_is_applied_in_order() -> None:
    patched = patch(
        [{"op": "test", "path": "/spec/replicas", "value": 1}, {"op": "replace", "path": "/spec/replicas", "value": 2}],
        "json",
    )
    assert patched["spec"]["replicas"] == 2


def test_a_json_patch_whose_test_fails_is_refused() -> None:
    with pytest.raises(PatchRefused, match="test failed"):
        patch([{"op": "test", "path": "/spec/replicas", "value": 2}], "json")


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        ({"op": "remove"}, "json"),
        ([], "merge"),
        ("x", "strategic"),
        ({"spec": {"$patch": "explode"}}, "strategic"),
        ({"spec": {"template": {"spec": {"containers": [{"image": "x"}]}}}}, "strategic"),
    ],
)
def test_what_is_no_patch_is_malformed(body: Any, type_: PatchType) -> None:
    with pytest.raises(Malformed):
        patch(body, type_)


def test_a_patch_that_leaves_no_object_is_refused() -> None:
    with pytest.raises(PatchRefused, match="no object"):
        patch([{"op": "replace", "path": "", "value": 1}], "json")


@pytest.mark.parametrize("type_", [name for name in get_args(PatchType) if name != "apply"])
def test_the_live_object_is_left_as_it_is(type_: PatchType) -> None:
    before = repr(LIVE)
    patch([{"op": "remove", "path": "/spec/replicas"}] if type_ == "json" else {"spec": {"replicas": None}}, type_)
    assert repr(LIVE) == before


def test_an_autoscaler_survives_the_way_to_the_old_version_and_back() -> None:
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    memory = {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 60}}
    metrics = [{"type": "Resource", "resource": memory}, {"type": "Resource", "resource": cpu}]
    new = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "x", "annotations": {"a": "b"}},
        "spec": {"maxReplicas": 3, "metrics": metrics, "behavior": {"scaleDown": {"selectPolicy": "Min"}}},
    }
    old = TYPES.convert(new, HPA_V1)
    assert old["apiVersion"] == "autoscaling/v1"
    assert old["spec"] == {"maxReplicas": 3, "targetCPUUtilizationPercentage": 70}
    assert TYPES.convert(old, HORIZONTAL_POD_AUTOSCALER) == new


def test_an_object_of_the_wanted_version_is_itself() -> None:
    assert TYPES.convert(LIVE, DEPLOYMENT) is LIVE
