"""The generated CRDs: what the API server demands of a structural schema, and what users of KServe are used to."""

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes_asyncio.client import models

from kservectl.api.core_schema import core_schema
from kservectl.api.crds import crds
from kservectl.api.field_docs import FIELD_DOCS
from kservectl.api.model import ApiModel

CRDS = {crd["metadata"]["name"]: crd for crd in crds()}


def version(name: str) -> dict[str, Any]:
    (only,) = CRDS[name]["spec"]["versions"]
    return dict(only)


def schema(name: str) -> dict[str, Any]:
    return dict(version(name)["schema"]["openAPIV3Schema"])


def at(node: dict[str, Any], path: str) -> dict[str, Any]:
    for part in path.split("."):
        while part not in node.get("properties", {}):
            node = node["items"] if "items" in node else node["additionalProperties"]
        node = node["properties"][part]
    return node


def nodes(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for keyword in ("items", "additionalProperties"):
        if keyword in node:
            yield from nodes(node[keyword], f"{path}.{keyword}")


ISVC = schema("inferenceservices.serving.kserve.io")


@pytest.mark.parametrize("name", CRDS)
def test_every_node_has_a_type_or_is_int_or_string(name: str) -> None:
    for path, node in nodes(schema(name)):
        assert "type" in node or node.get("x-kubernetes-int-or-string"), path
        if node.get("type") == "array":
            assert "items" in node, path
        assert not node.keys() & {
            "$ref",
            "title",
            "additionalItems",
            "definitions",
            "oneOf",
            "x-core-model",
            "const",
        }, path
        assert not ("properties" in node and "additionalProperties" in node), path


@pytest.mark.parametrize("name", CRDS)
def test_list_map_keys_are_mandatory_or_have_a_default(name: str) -> None:
    lists = [(path, node) for path, node in nodes(schema(name)) if node.get("x-kubernetes-list-type") == "map"]
    assert lists or name.startswith(("clusterstorage", "localmodelnodegroup"))
    for path, node in lists:
        item = node["items"]
        for key in node["x-kubernetes-list-map-keys"]:
            assert key in item["properties"], path
            assert key in item.get("required", []) or "default" in item["properties"][key], f"{path}.{key}"


@pytest.mark.parametrize("name", CRDS)
def test_a_crd_fits_into_a_request_and_into_etcd(name: str) -> None:
    assert len(str(CRDS[name])) < 1_000_000


@pytest.mark.parametrize("name", CRDS)
def test_one_version_is_served_and_stored_under_the_name_the_server_demands(name: str) -> None:
    spec = CRDS[name]["spec"]
    assert name == f"{spec['names']['plural']}.{spec['group']}"
    assert (version(name)["served"], version(name)["storage"]) == (True, True)


def test_inferenceservice_is_namespaced_short_named_and_has_a_status() -> None:
    spec = CRDS["inferenceservices.serving.kserve.io"]["spec"]
    assert spec["scope"] == "Namespaced"
    assert spec["names"]["shortNames"] == ["isvc"]
    assert version("inferenceservices.serving.kserve.io")["subresources"] == {"status": {}}


def test_kubectl_get_shows_the_columns_of_kserve() -> None:
    def columns(name: str) -> list[str]:
        return [column["name"] for column in version(name)["additionalPrinterColumns"]]

    assert columns("inferenceservices.serving.kserve.io") == [
        "URL",
        "Ready",
        "Prev",
        "Latest",
        "PrevRolledoutRevision",
        "LatestReadyRevision",
        "Age",
    ]
    assert columns("clusterservingruntimes.serving.kserve.io") == ["Disabled", "ModelType", "Containers", "Age"]
    assert columns("servingruntimes.serving.kserve.io") == columns("clusterservingruntimes.serving.kserve.io")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("spec.predictor.model.ports.protocol", {"type": "string", "default": "TCP"}),
        ("spec.predictor.containers.ports.protocol", {"type": "string", "default": "TCP"}),
        ("spec.predictor.minReplicas", {"type": "integer", "format": "int32"}),
        ("spec.predictor.timeout", {"type": "integer", "format": "int64"}),
        ("spec.predictor.terminationGracePeriodSeconds", {"type": "integer", "format": "int64"}),
        ("spec.predictor.name", {"type": "string", "pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$"}),
        ("spec.predictor.scaleMetric", {"type": "string", "enum": ["cpu", "memory", "concurrency", "rps"]}),
        ("spec.predictor.securityContext.runAsUser", {"type": "integer", "format": "int64"}),
        ("spec.predictor.hostIPC", {"type": "boolean"}),
        (
            "spec.predictor.storageUris.mountPath",
            {"type": "string", "default": "/mnt/models", "pattern": "^/.*", "maxLength": 255},
        ),
        (
            "spec.canary.trafficPercent",
            {"type": "integer", "format": "int32", "minimum": 0, "maximum": 100},
        ),
        (
            "status.modelStatus.transitionStatus",
            {
                "type": "string",
                "default": "UpToDate",
                "enum": ["", "UpToDate", "InProgress", "BlockedByFailedLoad", "InvalidSpec"],
            },
        ),
        ("status.modelStatus.copies.failedCopies", {"type": "integer", "default": 0}),
    ],
)
def test_fields_of_an_inferenceservice(path: str, expected: dict[str, Any]) -> None:
    found = at(ISVC, path)
    assert {key: value for key, value in found.items() if key != "description"} == expected


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("spec.predictor.containers", ["name"]),
        ("spec.predictor.volumes", ["name"]),
        ("spec.predictor.model.env", ["name"]),
        ("spec.predictor.model.ports", ["containerPort", "protocol"]),
        ("spec.predictor.model.volumeMounts", ["mountPath"]),
        ("spec.predictor.topologySpreadConstraints", ["topologyKey", "whenUnsatisfiable"]),
        ("status.conditions", ["type"]),
    ],
)
def test_lists_with_an_identity_say_so(path: str, keys: list[str]) -> None:
    assert at(ISVC, path)["x-kubernetes-list-map-keys"] == keys


@pytest.mark.parametrize("path", ["spec.canary", "spec.predictor.storageUris", "spec.predictor.model.args"])
def test_lists_that_are_replaced_as_a_whole_say_so(path: str) -> None:
    assert at(ISVC, path)["x-kubernetes-list-type"] == "atomic"


def test_quantities_and_ports_take_numbers_and_texts() -> None:
    limits = at(ISVC, "spec.predictor.model.resources.limits")["additionalProperties"]
    target = at(ISVC, "spec.predictor.autoScaling.metrics.resource.target.averageValue")
    for node in (limits, target):
        assert node["x-kubernetes-int-or-string"] is True
        assert "pattern" in node
    port = at(ISVC, "spec.predictor.model.livenessProbe.httpGet.port")
    assert port == {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}


def test_inline_specs_demand_less_than_a_pod_does() -> None:
    assert "required" not in at(ISVC, "spec.predictor")
    assert at(ISVC, "spec.predictor.containers")["items"]["required"] == ["name"]
    assert at(ISVC, "spec.predictor.model")["required"] == ["modelFormat"]
    assert "required" not in at(ISVC, "spec.predictor.sklearn")
    assert at(ISVC, "spec")["required"] == ["predictor"]
    runtime = schema("clusterservingruntimes.serving.kserve.io")
    assert at(runtime, "spec")["required"] == ["containers"]
    assert at(runtime, "spec.supportedModelFormats.priority")["minimum"] == 1


def test_unknown_fields_of_the_status_are_kept() -> None:
    assert at(ISVC, "status")["x-kubernetes-preserve-unknown-fields"] is True


def test_disabled_stands_beside_the_spec_of_a_storage_container() -> None:
    container = schema("clusterstoragecontainers.serving.kserve.io")
    assert at(container, "disabled")["type"] == "boolean"
    assert at(container, "spec.workloadType")["default"] == "initContainer"
    assert at(container, "spec.supportsMultiModelDownload")["default"] is False


def test_kserves_own_fields_are_explained_and_kubernetes_own_are_not() -> None:
    assert at(ISVC, "spec.predictor")["description"]
    assert at(ISVC, "spec.transformer")["description"].startswith("Stands in front")
    assert at(ISVC, "spec.predictor.minReplicas")["description"]
    assert all("description" not in node for _, node in nodes(core_schema("V1Container")))


def test_every_line_about_a_field_belongs_to_a_field_that_is_declared_there() -> None:
    declared = {
        f"{model.__name__}.{model.model_fields[name].alias or name}"
        for model in every_model()
        for name in vars(model).get("__annotations__", {})
        if name in model.model_fields
    }
    assert set(FIELD_DOCS) <= declared


def every_model(base: type[ApiModel] = ApiModel) -> Iterator[type[ApiModel]]:
    for child in base.__subclasses__():
        yield child
        yield from every_model(child)


def test_the_schema_of_a_kubernetes_type_has_all_its_fields() -> None:
    assert set(core_schema("V1Volume")["properties"]) == set(vars(models.V1Volume)["attribute_map"].values())
    assert core_schema("V1ContainerPort")["required"] == ["containerPort"]


def test_generation_is_repeatable_and_shares_nothing_with_its_caller() -> None:
    (first, *_) = crds()
    container = at(first["spec"]["versions"][0]["schema"]["openAPIV3Schema"], "spec.predictor.containers")["items"]
    container["properties"].clear()
    (second, *_) = crds()
    assert second == CRDS["inferenceservices.serving.kserve.io"]
