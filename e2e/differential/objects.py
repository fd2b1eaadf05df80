"""The kinds that the requests are about: none that a cluster's own controllers write to, so that both sides hold still.

Among them a custom resource whose schema has every construct that KServe's and third parties' definitions use.
"""

from dataclasses import dataclass

from kservectl.objects.kind import CONFIG_MAP, INGRESS, NETWORK_POLICY, SECRET, SERVICE, Kind
from kservectl.objects.metadata import Object

GROUP = "differential.kservectl.dev"
WIDGET = Kind(GROUP, "v1", "Widget", "widgets")


@dataclass(frozen=True)
class Subject:
    """A kind and what can be done with it."""

    kind: Kind
    content: Object
    """What a valid object has besides its metadata."""
    status: bool = False


_BACKEND: Object = {"service": {"name": "a", "port": {"number": 80}}}
SUBJECTS = (
    Subject(CONFIG_MAP, {}),
    Subject(SECRET, {}),
    Subject(SERVICE, {"spec": {"ports": [{"port": 80}]}}, status=True),
    Subject(INGRESS, {"spec": {"defaultBackend": _BACKEND}}, status=True),
    Subject(NETWORK_POLICY, {"spec": {"podSelector": {}}}),
    Subject(WIDGET, {"spec": {"size": 1}}, status=True),
)

_TEXT: Object = {"type": "string"}
_SPEC: Object = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 0, "maximum": 100},
        "ratio": {"type": "number", "exclusiveMinimum": True, "minimum": 0},
        "color": {"type": "string", "enum": ["red", "green"], "default": "red"},
        "code": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 5},
        "on": {"type": "boolean", "default": True},
        "nothing": {"type": "string", "nullable": True},
        "port": {"x-kubernetes-int-or-string": True},
        "moment": {"type": "string", "format": "date-time"},
        "replicas": {"type": "integer", "format": "int32"},
        "tags": {"type": "array", "items": _TEXT, "x-kubernetes-list-type": "set", "maxItems": 3},
        "parts": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": _TEXT, "weight": {"type": "integer", "default": 1}},
            },
        },
        "limits": {"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 2},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "atomic": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": _TEXT, "b": _TEXT}},
        "low": {"type": "integer"},
        "high": {"type": "integer"},
        "fixed": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "stays"}]},
    },
    "x-kubernetes-validations": [
        {"rule": "!has(self.low) || !has(self.high) || self.low <= self.high", "message": "low is above high"}
    ],
}
_STATUS: Object = {
    "type": "object",
    "properties": {"replicas": {"type": "integer"}, "phase": {"type": "string", "enum": ["Up", "Down"]}},
}


def widget_definition() -> Object:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{WIDGET.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {"plural": WIDGET.plural, "singular": "widget", "kind": WIDGET.kind},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": WIDGET.version,
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "required": ["spec"],
                            "properties": {"spec": _SPEC, "status": _STATUS},
                        }
                    },
                    "subresources": {
                        "status": {},
                        "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
                    },
                    "selectableFields": [{"jsonPath": ".spec.color"}],
                }
            ],
        },
    }
