"""The tree of what an object owns."""

from kservectl.inspection.tree import tree
from kservectl.objects.metadata import Object


def owned(kind: str, uid: str, by: str) -> Object:
    return {"kind": kind, "metadata": {"name": uid, "uid": uid, "ownerReferences": [{"uid": by, "controller": True}]}}


ROOT: Object = {"kind": "InferenceService", "metadata": {"name": "root", "uid": "root"}}


def test_what_is_owned_hangs_below_its_owner() -> None:
    node = tree(
        ROOT,
        [
            owned("Pod", "p", "rs"),
            owned("ReplicaSet", "rs", "d"),
            owned("Service", "s", "root"),
            owned("Deployment", "d", "root"),
        ],
    )
    assert [child.obj["kind"] for child in node.children] == ["Deployment", "Service"]
    assert node.children[0].children[0].children[0].obj["kind"] == "Pod"


def test_what_others_own_is_left_out() -> None:
    reference = {"uid": "root", "controller": False}
    loose: Object = {"kind": "ConfigMap", "metadata": {"name": "c", "uid": "c", "ownerReferences": [reference]}}
    assert tree(ROOT, [loose, owned("Pod", "p", "other")]).children == ()


def test_a_cycle_of_owners_ends() -> None:
    first, second = owned("A", "a", "b"), owned("B", "b", "a")
    assert tree(first, [first, second]).children[0].children[0].children == ()


def test_the_document_holds_every_node() -> None:
    document = tree(ROOT, [owned("Service", "s", "root")]).document()
    assert document["children"][0]["name"] == "s"
