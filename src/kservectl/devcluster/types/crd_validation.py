"""Whether a CustomResourceDefinition can be served: its names, its versions, and that its schemas are structural."""

from collections.abc import Iterable, Mapping
from typing import Any

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.types import causes as say
from kservectl.devcluster.types.names import check_name, dns_label_1035, dns_subdomain
from kservectl.objects import metadata
from kservectl.objects.metadata import Object


def check_definition(crd: Object) -> list[Cause]:
    """Everything that is wrong with a definition, in the words of the API extensions server."""
    spec = crd.get("spec") or {}
    names = spec.get("names") or {}
    found = list(_check_names(spec, names))
    wanted = f"{names.get('plural', '')}.{spec.get('group', '')}"
    if metadata.name(crd) != wanted:
        detail = 'must be spec.names.plural+"."+spec.group'
        found.append(say.invalid("metadata.name", metadata.name(crd), detail))
    found.extend(_check_versions(spec.get("versions") or []))
    return found


def _check_names(spec: Object, names: Object) -> Iterable[Cause]:
    group = spec.get("group")
    yield from check_name(group, "spec.group", dns_subdomain)
    if group and "." not in group:
        yield say.invalid("spec.group", group, "should be a domain with at least one dot")
    if not spec.get("scope"):
        yield say.required("spec.scope")
    elif spec["scope"] not in ("Cluster", "Namespaced"):
        yield say.unsupported("spec.scope", spec["scope"], ("Cluster", "Namespaced"))
    yield from check_name(names.get("plural"), "spec.names.plural", dns_label_1035)
    yield from check_name(str(names.get("kind") or "").lower(), "spec.names.kind", dns_label_1035)
    for field in ("singular", "listKind"):
        if value := names.get(field):
            yield from check_name(str(value).lower(), f"spec.names.{field}", dns_label_1035)
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        yield say.invalid("spec.names.listKind", names["listKind"], "kind and listKind may not be the same")


def _check_versions(versions: list[Any]) -> Iterable[Cause]:
    if not versions:
        yield say.required("spec.versions")
    names = [version.get("name") for version in versions]
    if len(set(names)) < len(names):
        yield say.invalid("spec.versions", names, "must contain unique version names")
    # One schema for all versions is treated as the definition's own.
    shared = _shared_schema(versions)
    if shared is not None:
        yield from _check_schema(shared, "spec.validation.openAPIV3Schema")
    for position, version in enumerate(versions):
        path = f"spec.versions[{position}]"
        name = version.get("name")
        yield from check_name(name, f"{path}.name", dns_label_1035)
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if not schema:
            yield say.required(f"{path}.schema.openAPIV3Schema")
        elif shared is None:
            yield from _check_schema(schema, f"{path}.schema.openAPIV3Schema")
    storing = [version.get("name") for version in versions if version.get("storage")]
    if versions and len(storing) != 1:
        yield say.invalid("spec.versions", storing, "must have exactly one version marked as storage version")


def _shared_schema(versions: list[Any]) -> Mapping[str, Any] | None:
    schemas = [(version.get("schema") or {}).get("openAPIV3Schema") for version in versions]
    if not schemas or not schemas[0] or any(schema != schemas[0] for schema in schemas):
        return None
    shared: Mapping[str, Any] = schemas[0]
    return shared


def _check_schema(schema: Mapping[str, Any], path: str) -> Iterable[Cause]:
    if not schema.get("type"):
        yield say.required(f"{path}.type", "must not be empty at the root")
    elif schema["type"] != "object":
        yield say.invalid(f"{path}.type", schema["type"], "must be object at the root")
    yield from _check_node(schema, path, where="at the root")


# Most of a large schema says only this, and is right.
_PLAIN = frozenset({"type", "description"})


def _check_node(schema: Mapping[str, Any], path: str, *, where: str) -> Iterable[Cause]:
    if schema.keys() <= _PLAIN and schema.get("type") in ("string", "integer", "number", "boolean", "object"):
        return
    if schema.get("$ref"):
        yield say.forbidden(f"{path}.$ref", "$ref is not supported")
    yield from _check_type(schema, path, where)
    if schema.get("type") == "array" and not isinstance(schema.get("items"), dict):
        yield say.required(f"{path}.items", "must be specified")
    if schema.get("uniqueItems"):
        yield say.forbidden(f"{path}.uniqueItems", "uniqueItems cannot be set to true since the runtime complexity "
                            "becomes quadratic")  # fmt: skip
    if schema.get("properties") and schema.get("additionalProperties"):
        yield say.forbidden(f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive")
    yield from _check_list_type(schema, path)
    for name, below in (schema.get("properties") or {}).items():
        yield from _check_node(below, f"{path}.properties[{name}]", where="object fields")
    if isinstance(schema.get("items"), dict):
        yield from _check_node(schema["items"], f"{path}.items", where="array items")
    if isinstance(schema.get("additionalProperties"), dict):
        below = schema["additionalProperties"]
        yield from _check_node(below, f"{path}.additionalProperties", where="object fields")
    for keyword in ("allOf", "anyOf", "oneOf"):
        for position, branch in enumerate(schema.get(keyword) or ()):
            yield from _check_branch(schema, branch, f"{path}.{keyword}[{position}]")
    if isinstance(schema.get("not"), dict):
        yield from _check_branch(schema, schema["not"], f"{path}.not")


def _check_type(schema: Mapping[str, Any], path: str, where: str) -> Iterable[Cause]:
    any_type = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    type_ = schema.get("type")
    if not type_ and not any_type and where != "at the root":
        yield say.required(f"{path}.type", f"must not be empty for specified {where}")
    if type_ and schema.get("x-kubernetes-int-or-string"):
        yield say.invalid(f"{path}.type", type_, "must be empty if x-kubernetes-int-or-string is true")


def _check_branch(schema: Mapping[str, Any], branch: Mapping[str, Any], path: str) -> Iterable[Cause]:
    """Branches of logical keywords only constrain: they state no structure of their own."""
    if schema.get("x-kubernetes-int-or-string"):
        return
    for keyword in ("type", "default", "description", "nullable", "additionalProperties"):
        if branch.get(keyword):
            yield say.forbidden(f"{path}.{keyword}", "must be empty to be structural")
    for name, below in (branch.get("properties") or {}).items():
        yield from _check_branch({}, below, f"{path}.properties[{name}]")


def _check_list_type(schema: Mapping[str, Any], path: str) -> Iterable[Cause]:
    list_type = schema.get("x-kubernetes-list-type")
    if list_type is None:
        return
    if list_type not in ("atomic", "set", "map"):
        yield say.unsupported(f"{path}.x-kubernetes-list-type", list_type, ("atomic", "map", "set"))
    if list_type != "map":
        return
    keys = schema.get("x-kubernetes-list-map-keys")
    if not keys:
        yield say.required(f"{path}.x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map")
    items = schema.get("items") or {}
    properties = items.get("properties") or {}
    if any(key not in properties for key in keys or ()):
        where = f"{path}.x-kubernetes-list-map-keys"
        yield say.invalid(where, keys, "entries must all be names of item properties")
    for key in keys or ():
        field = properties.get(key)
        if field is None:
            continue
        if key not in (items.get("required") or ()) and "default" not in field:
            yield say.required(
                f"{path}.items.properties[{key}].default",
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
            )
