"""The schemas of OpenAPI documents: one component for each type, built-in or custom, and the references between them."""

import re
from collections.abc import Mapping
from typing import Any

from kservectl.devcluster.types.catalogue import BuiltinKind
from kservectl.devcluster.types.definitions import CustomKind
from kservectl.devcluster.types.gotypes import is_bytes, is_free, is_quantity, type_name
from kservectl.devcluster.types.models import field_description, is_required, model_fields
from kservectl.objects.kind import Kind
from kservectl.objects.mergekeys import ATOMIC_TYPES, rules
from kservectl.objects.metadata import Object

_LIST = re.compile(r"^list\[(.+)\]$")
_MAP = re.compile(r"^dict\(str, (.+)\)$")
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_SCALARS: Mapping[str, Object] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "datetime": {"type": "string", "format": "date-time"},
}
_SHARED: Mapping[str, Object] = {
    _QUANTITY: {
        "description": "Quantity is a fixed-point representation of a number, such as 500m or 2Gi.",
        "oneOf": [{"type": "string"}, {"type": "number"}],
    },
    _INT_OR_STRING: {
        "description": "IntOrString is a type that can hold an int32 or a string.",
        "oneOf": [{"type": "integer"}, {"type": "string"}],
        "format": "int-or-string",
    },
}
_API_VERSION = {
    "type": "string",
    "description": "APIVersion defines the versioned schema of this representation of an object.",
}
_KIND = {
    "type": "string",
    "description": "Kind is a string value representing the REST resource this object represents.",
}
_METADATA = "Standard object's metadata."


class Components:
    """The components of one document; `prefix` is where its references point."""

    def __init__(self, prefix: str) -> None:
        self.schemas: dict[str, Object] = {}
        self._prefix = prefix
        # Version 2 allows a description beside a reference; version 3 wants the reference wrapped.
        self._wrap = not prefix.startswith("#/definitions")

    def add_builtin(self, entry: BuiltinKind) -> str:
        """The reference of a built-in kind, with all types it leads to."""
        name = self._model(entry.model)
        self.schemas[name]["description"] = entry.description
        self.schemas[name]["x-kubernetes-group-version-kind"] = [_gvk(entry.served.kind)]
        return self._prefix + name

    def add_custom(self, entry: CustomKind) -> str:
        """The reference of a custom kind; its schema is the definition's, with the envelope of every object."""
        kind = entry.served.kind
        name = f"{'.'.join(reversed(kind.group.split('.')))}.{kind.version}.{kind.kind}"
        properties = {
            **(entry.source.get("properties") or {}),
            "apiVersion": _API_VERSION,
            "kind": _KIND,
            "metadata": self._reference(self._model("V1ObjectMeta"), _METADATA),
        }
        schema = {**entry.source, "properties": properties, "x-kubernetes-group-version-kind": [_gvk(kind)]}
        self.schemas[name] = schema
        return self._prefix + name

    def _model(self, model: str) -> str:
        short = type_name(model)
        name = f"io.k8s.{model.removesuffix(short).lower()}.{short}"
        if name in self.schemas:
            return name
        properties: Object = {}
        schema: Object = {"type": "object", "properties": properties}
        self.schemas[name] = schema
        required = []
        for field, (attribute, declared) in model_fields(model).items():
            properties[field] = self._field(short, field, declared, field_description(model, attribute))
            if is_required(model, attribute):
                required.append(field)
        if required:
            schema["required"] = required
        if short in ATOMIC_TYPES:
            schema["x-kubernetes-map-type"] = "atomic"
        return name

    def _field(self, owner: str, field: str, declared: str, description: str) -> Object:
        if found := _LIST.match(declared):
            items = self._value(owner, field, found[1])
            return {"description": description, "type": "array", "items": items, **_list_extensions(owner, field)}
        if found := _MAP.match(declared):
            values = self._list_or_value(owner, field, found[1])
            return {"description": description, "type": "object", "additionalProperties": values}
        value = self._value(owner, field, declared)
        if "$ref" in value:
            return self._reference(value["$ref"].removeprefix(self._prefix), description)
        return {"description": description, **value}

    def _list_or_value(self, owner: str, field: str, declared: str) -> Object:
        if found := _LIST.match(declared):
            return {"type": "array", "items": self._value(owner, field, found[1])}
        return self._value(owner, field, declared)

    def _value(self, owner: str, field: str, declared: str) -> Object:
        if is_free(owner, field):
            return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        if is_quantity(owner, field):
            return self._shared(_QUANTITY)
        if is_bytes(owner, field):
            return {"type": "string", "format": "byte"}
        if declared == "object":
            return self._shared(_INT_OR_STRING)
        if declared in _SCALARS:
            return dict(_SCALARS[declared])
        return {"$ref": self._prefix + self._model(declared)}

    def _shared(self, name: str) -> Object:
        schema = dict(_SHARED[name])
        if not self._wrap:
            # Version 2 has no alternatives.
            del schema["oneOf"]
            schema["type"] = "string"
        self.schemas[name] = schema
        return {"$ref": self._prefix + name}

    def _reference(self, name: str, description: str) -> Object:
        reference = {"$ref": self._prefix + name}
        if self._wrap:
            return {"description": description, "allOf": [reference]}
        return {"description": description, **reference}


def _gvk(kind: Kind) -> Object:
    return {"group": kind.group, "kind": kind.kind, "version": kind.version}


def _list_extensions(owner: str, field: str) -> Object:
    rule = rules(owner).get(field)
    if rule is None:
        return {"x-kubernetes-list-type": "atomic"}
    found: dict[str, Any] = {"x-kubernetes-list-type": rule.list_type}
    if rule.list_keys:
        found["x-kubernetes-list-map-keys"] = list(rule.list_keys)
    if rule.patch_merge:
        found["x-kubernetes-patch-strategy"] = "merge"
    if rule.patch_key:
        found["x-kubernetes-patch-merge-key"] = rule.patch_key
    return found
