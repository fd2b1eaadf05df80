"""What of an object's managedFields a cache keeps."""

from typing import Any

from kservectl.informers.shaping import Shape
from kservectl.objects.metadata import Object


def entry(manager: str, operation: str = "Update", **more: Any) -> Object:
    return {"manager": manager, "operation": operation, "fieldsV1": {"f:data": {"f:x": {}}}, **more}


def shaped(shape: Shape, *entries: Object) -> list[Object]:
    obj = shape({"metadata": {"name": "a", "managedFields": list(entries)}})
    kept: list[Object] = obj["metadata"].get("managedFields", [])
    return kept


def test_only_the_own_apply_is_kept() -> None:
    kept = shaped(
        Shape(keep_managed_by="kservectl", predecessors={"manager"}),
        entry("kservectl", "Apply"),
        entry("kservectl", "Apply", subresource="status"),
        entry("kservectl"),
        entry("manager"),
    )
    assert kept == [{"manager": "kservectl", "operation": "Apply", "fieldsV1": '{"f:data":{"f:x":{}}}'}]


def test_all_is_kept_of_what_a_predecessor_wrote_and_we_did_not() -> None:
    kept = shaped(
        Shape(keep_managed_by="kservectl", predecessors={"manager"}), entry("manager"), entry("kube-controller-manager")
    )
    assert [each["manager"] for each in kept] == ["manager", "kube-controller-manager"]


def test_nothing_is_kept_of_strangers() -> None:
    assert shaped(Shape(keep_managed_by="kservectl", predecessors={"manager"}), entry("kubectl")) == []
    assert shaped(Shape(), entry("kservectl", "Apply")) == []


def test_equal_records_are_kept_once() -> None:
    shape = Shape(keep_managed_by="kservectl")
    (one,), (two,) = shaped(shape, entry("kservectl", "Apply")), shaped(shape, entry("kservectl", "Apply"))
    assert one is two
