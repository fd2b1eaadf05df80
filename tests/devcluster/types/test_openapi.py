"""OpenAPI documents: what `kubectl explain` and `kubectl apply` look for in them."""

from typing import Any

import pytest

from kservectl.devcluster.types import builtin_types, schemaless_definitions
from kservectl.objects.metadata import Object

GVK = "x-kubernetes-group-version-kind"


def document(name: str) -> Object:
    found = builtin_types().openapi_v3(name)
    assert found is not None
    return found


def schema_of(schemas: Object, group: str, version: str, kind: str) -> Any:
    gvk = {"group": group, "version": version, "kind": kind}
    return next(schema for schema in schemas.values() if gvk in schema.get(GVK, ()))


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(below) for below in value.values()))
    if isinstance(value, list):
        return set().union(*(references(below) for below in value))
    return set()


@pytest.mark.parametrize("name", sorted(builtin_types().openapi_v3_index()["paths"]))
def test_every_reference_leads_somewhere(name: str) -> None:
    found = document(name)
    assert references(found) <= {f"#/components/schemas/{schema}" for schema in found["components"]["schemas"]}


def test_every_reference_of_version_2_leads_somewhere() -> None:
    found = builtin_types().openapi_v2()
    assert references(found) <= {f"#/definitions/{schema}" for schema in found["definitions"]}


def test_fields_have_descriptions_types_and_what_is_required() -> None:
    schemas = document("api/v1")["components"]["schemas"]
    port = schemas["io.k8s.v1.ContainerPort"]
    assert port["required"] == ["containerPort"]
    assert port["properties"]["containerPort"]["type"] == "integer"
    assert port["properties"]["containerPort"]["description"].startswith("Number of port to expose")
    limits = schemas["io.k8s.v1.ResourceRequirements"]["properties"]["limits"]
    assert limits["additionalProperties"]["$ref"].endswith(".Quantity")


def test_lists_say_how_they_merge() -> None:
    container = document("api/v1")["components"]["schemas"]["io.k8s.v1.Container"]
    ports = container["properties"]["ports"]
    assert ports["x-kubernetes-list-map-keys"] == ["containerPort", "protocol"]
    assert ports["x-kubernetes-patch-merge-key"] == "containerPort"
    assert ports["x-kubernetes-patch-strategy"] == "merge"
    assert container["properties"]["args"]["x-kubernetes-list-type"] == "atomic"


def test_kubectl_finds_field_validation_on_the_patch_of_every_kind() -> None:
    types = builtin_types()
    for served in types.served():
        prefix = f"apis/{served.kind.group}" if served.kind.group else "api"
        found = types.openapi_v3(f"{prefix}/{served.kind.version}")
        assert found is not None
        gvk = {"group": served.kind.group, "version": served.kind.version, "kind": served.kind.kind}
        patches = [path["patch"] for path in found["paths"].values() if "patch" in path and path["patch"][GVK] == gvk]
        assert patches
        for patch in patches:
            named = {parameter["name"] for parameter in patch["parameters"] if parameter["in"] == "query"}
            assert {"fieldValidation", "dryRun", "fieldManager", "force"} <= named


def test_paths_are_those_of_the_api() -> None:
    paths = document("apis/apps/v1")["paths"]
    assert set(paths["/apis/apps/v1/namespaces/{namespace}/deployments"]) == {"get", "post"}
    assert set(paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/status"]) == {"get", "put", "patch"}
    assert set(paths["/apis/apps/v1/deployments"]) == {"get"}
    assert "/api/v1/namespaces/{name}" in document("api/v1")["paths"]


def test_a_custom_kind_is_described_by_its_definition() -> None:
    types = builtin_types()
    for crd in schemaless_definitions():
        types.add_definition(crd)
    found = types.openapi_v3("apis/gateway.networking.k8s.io/v1")
    assert found is not None
    route = schema_of(found["components"]["schemas"], "gateway.networking.k8s.io", "v1", "HTTPRoute")
    assert set(route["properties"]) == {"apiVersion", "kind", "metadata", "spec", "status"}
    assert references(route) == {"#/components/schemas/io.k8s.v1.ObjectMeta"}
    assert schema_of(types.openapi_v2()["definitions"], "gateway.networking.k8s.io", "v1", "HTTPRoute")


def test_a_document_is_made_anew_when_its_kinds_change_and_only_then() -> None:
    types = builtin_types()
    apps, index = types.openapi_v3("apis/apps/v1"), types.openapi_v3_index()
    assert types.openapi_v3("apis/keda.sh/v1alpha1") is None
    for crd in schemaless_definitions():
        types.add_definition(crd)
    assert types.openapi_v3("apis/apps/v1") is apps
    assert types.openapi_v3("apis/keda.sh/v1alpha1") is not None
    changed = types.openapi_v3_index()
    assert changed["paths"]["apis/apps/v1"] == index["paths"]["apis/apps/v1"]
    before = changed["paths"]["apis/keda.sh/v1alpha1"]["serverRelativeURL"]
    crd = next(crd for crd in schemaless_definitions() if crd["spec"]["group"] == "keda.sh")
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] = "changed"
    types.add_definition(crd)
    assert types.openapi_v3_index()["paths"]["apis/keda.sh/v1alpha1"]["serverRelativeURL"] != before
    types.remove_definition(crd["metadata"]["name"])
    assert types.openapi_v3("apis/keda.sh/v1alpha1") is None
