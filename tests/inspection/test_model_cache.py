"""What hangs below a model cache: what it owns, its copies on nodes, and volumes that it cannot own."""

from typing import Any

from kservectl.inspection.state import State, state
from kservectl.inspection.tree import tree
from kservectl.objects.metadata import Object

CACHE: Object = {"kind": "LocalModelCache", "metadata": {"name": "llama", "uid": "c"}}
OWN: Object = {"kind": "LocalModelNamespaceCache", "metadata": {"name": "llama", "namespace": "team", "uid": "n"}}


def order(name: str, *listed: Object, status: Object | None = None, waiting: Object | None = None) -> Object:
    spec: dict[str, Any] = {"localModels": list(listed), **({"waitingModels": [waiting]} if waiting else {})}
    return {"kind": "LocalModelNode", "metadata": {"name": name, "uid": name}, "spec": spec, "status": status or {}}


LISTED: Object = {"modelName": "llama"}


def test_a_cache_shows_the_state_of_its_model_on_each_node() -> None:
    found = tree(
        CACHE,
        [
            order("n1", LISTED, status={"modelStatus": {"llama": "ModelDownloaded"}}),
            order(
                "n2",
                LISTED,
                status={"modelStatus": {"llama": "ModelDownloading"}, "models": {"llama": {"percent": 40}}},
            ),
            order(
                "n3",
                LISTED,
                status={"modelStatus": {"llama": "ModelDownloadError"}, "models": {"llama": {"message": "no host"}}},
            ),
            order("n4", LISTED),
            order("n5", waiting={"modelName": "llama", "message": "5Gi are left"}),
            order("n6", {"modelName": "llama", "namespace": "team"}),
        ],
    )
    assert [(child.obj["metadata"]["name"], child.state) for child in found.children] == [
        ("n1", State(True, "downloaded")),
        ("n2", State(False, "downloading, 40 %")),
        ("n3", State(False, "failed", "no host")),
        ("n4", State(False, "pending")),
        ("n5", State(False, "no room", "5Gi are left")),
    ]


def test_a_namespaced_cache_shows_the_volumes_that_carry_its_labels() -> None:
    prefix = "internal.serving.kserve.io/localmodel"
    mine = {prefix: "llama", f"{prefix}-namespace": "team"}
    volumes: list[Object] = [
        {"kind": "PersistentVolume", "metadata": {"name": name, "uid": name, "labels": labels}}
        for name, labels in (("mine", mine), ("of-cluster", {prefix: "llama"}))
    ]
    assert [child.obj["metadata"]["name"] for child in tree(OWN, volumes).children] == ["mine"]


def test_a_cache_says_how_many_nodes_have_it() -> None:
    status: Object = {"copies": {"total": 3, "available": 1}, "progress": {"percent": 50}}
    ready: Object = {"type": "Ready", "status": "Unknown", "message": "1 of 3 nodes have the model"}
    assert state({**CACHE, "status": {**status, "conditions": [ready]}}) == State(
        False, "1/3 nodes, 50 %", "1 of 3 nodes have the model"
    )
    assert state(CACHE) == State(None)


def test_a_volume_is_as_far_as_its_phase() -> None:
    volume: Object = {"kind": "PersistentVolume", "metadata": {"name": "v"}}
    assert state({**volume, "status": {"phase": "Bound"}}) == State(True, "bound")
    assert state({**volume, "status": {"phase": "Released"}}) == State(False, "released")
    assert state(volume) == State(None, "pending")
