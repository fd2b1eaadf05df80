"""What the API server holds model caches to, and what users of KServe find in the same places."""

from typing import Any

import pytest

from kservectl.api.crds import crds
from kservectl.api.localmodel import LocalModelInfo
from tests.api.test_crds import CRDS, at, schema, version

CACHES = ("localmodelcaches.serving.kserve.io", "localmodelnamespacecaches.serving.kserve.io")
GROUPS = "localmodelnodegroups.serving.kserve.io"
NODES = "localmodelnodes.serving.kserve.io"


@pytest.mark.parametrize("name", CACHES)
def test_the_source_of_a_cache_never_changes(name: str) -> None:
    assert at(schema(name), "spec.sourceModelUri")["x-kubernetes-validations"] == [
        {"rule": "self == oldSelf", "message": "StorageUri is immutable"}
    ]


@pytest.mark.parametrize("name", CACHES)
def test_a_cache_names_what_kserve_demands_and_no_more(name: str) -> None:
    assert sorted(at(schema(name), "spec")["required"]) == ["modelSize", "nodeGroups", "sourceModelUri"]
    assert at(schema(name), "spec.nodeGroups")["minItems"] == 1


def test_only_the_namespaced_cache_has_a_namespace() -> None:
    scopes = {crd["spec"]["names"]["kind"]: crd["spec"]["scope"] for crd in crds()}
    assert {kind: scope for kind, scope in scopes.items() if kind.startswith("LocalModel")} == {
        "LocalModelCache": "Cluster",
        "LocalModelNamespaceCache": "Namespaced",
        "LocalModelNodeGroup": "Cluster",
        "LocalModelNode": "Cluster",
    }


@pytest.mark.parametrize("name", (*CACHES, GROUPS, NODES))
def test_status_is_written_apart_from_the_spec(name: str) -> None:
    assert version(name)["subresources"] == {"status": {}}


@pytest.mark.parametrize(
    ("name", "path", "states"),
    [
        (
            CACHES[0],
            "status.nodeStatus",
            ["", "NodeNotReady", "NodeDownloadPending", "NodeDownloading", "NodeDownloaded", "NodeDownloadError"],
        ),
        (
            NODES,
            "status.modelStatus",
            ["", "ModelDownloadPending", "ModelDownloading", "ModelDownloaded", "ModelDownloadError"],
        ),
    ],
)
def test_states_are_those_of_kserve(name: str, path: str, states: list[str]) -> None:
    assert at(schema(name), path)["additionalProperties"]["enum"] == states


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("spec.evictionPolicy", {"type": "string", "enum": ["Never", "LeastRecentlyUsed"]}),
        ("spec.maxParallelDownloads", {"type": "integer", "format": "int32", "minimum": 1}),
    ],
)
def test_fields_of_a_node_group(path: str, expected: dict[str, Any]) -> None:
    found = at(schema(GROUPS), path)
    assert {key: value for key, value in found.items() if key != "description"} == expected


def test_a_node_group_takes_capacities_as_quantities() -> None:
    capacity = at(schema(GROUPS), "spec.persistentVolumeSpec.capacity")["additionalProperties"]
    assert capacity["x-kubernetes-int-or-string"] is True


def test_kubectl_get_shows_how_far_a_cache_has_come() -> None:
    for name in CACHES:
        (only,) = CRDS[name]["spec"]["versions"]
        columns = [column["name"] for column in only["additionalPrinterColumns"]]
        assert columns == ["Copies", "Available", "Failed", "Percent", "Estimate", "Ready", "Age"]


def test_models_of_one_name_are_told_apart_by_their_namespace() -> None:
    cluster = LocalModelInfo.parse({"modelName": "m", "sourceModelUri": "s3://b/m"})
    namespaced = LocalModelInfo.parse({"modelName": "m", "namespace": "x", "sourceModelUri": "s3://b/m"})
    assert (cluster.status_key, namespaced.status_key) == ("m", "x/m")
