"""Structural schemas of Kubernetes' own types, made from the models of kubernetes_asyncio.

The generated models know names, types and what is mandatory. What they do not know, and a CRD needs (list map keys, atomic
maps, 64-bit integers, quantities, defaults), stands in the tables below, named `Model.field` as in the Kubernetes API.
Schemas carry no descriptions: Kubernetes documents its own fields, and each of them occurs dozens of times in one CRD.
"""

import re
from functools import cache
from typing import Any

from kubernetes_asyncio.client import Configuration, models

from kservectl.objects.metadata import Object

_NUMBER = r"(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
QUANTITY: Object = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "pattern": rf"^(\+|-)?{_NUMBER}(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?{_NUMBER}))?$",
    "x-kubernetes-int-or-string": True,
}
INT_OR_STRING: Object = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}

_EMBEDDED_METADATA: Object = {
    "type": "object",
    "properties": {
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}

_SCALARS: dict[str, Object] = {
    "str": {"type": "string"},
    "int": {"type": "integer", "format": "int32"},
    "bool": {"type": "boolean"},
    "float": {"type": "number"},
    "datetime": {"type": "string", "format": "date-time"},
    "object": INT_OR_STRING,
    "IntOrString": INT_OR_STRING,
    "Quantity": QUANTITY,
    "V1ObjectMeta": _EMBEDDED_METADATA,
}

_INT64 = frozenset(
    (
        "V1PodSecurityContext.fsGroup",
        "V1PodSecurityContext.runAsGroup",
        "V1PodSecurityContext.runAsUser",
        "V1PodSecurityContext.supplementalGroups",
        "V1Probe.terminationGracePeriodSeconds",
        "V1SecurityContext.runAsGroup",
        "V1SecurityContext.runAsUser",
        "V1ServiceAccountTokenProjection.expirationSeconds",
        "V1SleepAction.seconds",
        "V1Toleration.tolerationSeconds",
    )
)

_QUANTITIES = frozenset(
    (
        "V1EmptyDirVolumeSource.sizeLimit",
        "V1PersistentVolumeSpec.capacity",
        "V1ResourceFieldSelector.divisor",
        "V1ResourceRequirements.limits",
        "V1ResourceRequirements.requests",
        "V1VolumeResourceRequirements.limits",
        "V1VolumeResourceRequirements.requests",
        "V2HPAScalingRules.tolerance",
    )
)

_LIST_KEYS = {
    "V1Container.env": ("name",),
    "V1Container.ports": ("containerPort", "protocol"),
    "V1Container.volumeDevices": ("devicePath",),
    "V1Container.volumeMounts": ("mountPath",),
    "V1ResourceRequirements.claims": ("name",),
}
"""Lists whose items have an identity. Every other list inside a Kubernetes type is replaced as a whole."""

_SETS = frozenset(("V1ContainerRestartRuleOnExitCodes.values",))

_ATOMIC_MAPS = frozenset(
    (
        "V1ConfigMapEnvSource",
        "V1ConfigMapKeySelector",
        "V1ConfigMapProjection",
        "V1ConfigMapVolumeSource",
        "V1FileKeySelector",
        "V1LabelSelector",
        "V1LocalObjectReference",
        "V1NodeSelector",
        "V1NodeSelectorTerm",
        "V1ObjectFieldSelector",
        "V1ResourceFieldSelector",
        "V1SecretEnvSource",
        "V1SecretKeySelector",
        "V1SecretProjection",
        "V1SecretReference",
        "V1TypedLocalObjectReference",
    )
)

_DEFAULTS: dict[str, Any] = {
    "V1AzureDiskVolumeSource.fsType": "ext4",
    "V1AzureDiskVolumeSource.readOnly": False,
    "V1ConfigMapEnvSource.name": "",
    "V1ConfigMapKeySelector.name": "",
    "V1ConfigMapProjection.name": "",
    "V1ConfigMapVolumeSource.name": "",
    "V1ContainerPort.protocol": "TCP",
    "V1FileKeySelector.optional": False,
    "V1GRPCAction.service": "",
    "V1ISCSIPersistentVolumeSource.iscsiInterface": "default",
    "V1ISCSIVolumeSource.iscsiInterface": "default",
    "V1LocalObjectReference.name": "",
    "V1RBDPersistentVolumeSource.keyring": "/etc/ceph/keyring",
    "V1RBDPersistentVolumeSource.pool": "rbd",
    "V1RBDPersistentVolumeSource.user": "admin",
    "V1RBDVolumeSource.keyring": "/etc/ceph/keyring",
    "V1RBDVolumeSource.pool": "rbd",
    "V1RBDVolumeSource.user": "admin",
    "V1ScaleIOPersistentVolumeSource.fsType": "xfs",
    "V1ScaleIOPersistentVolumeSource.storageMode": "ThinProvisioned",
    "V1ScaleIOVolumeSource.fsType": "xfs",
    "V1ScaleIOVolumeSource.storageMode": "ThinProvisioned",
    "V1SecretEnvSource.name": "",
    "V1SecretKeySelector.name": "",
    "V1SecretProjection.name": "",
}

_OPTIONAL_WITHIN = {"V1Probe.httpGet": "port"}
"""Mandatory for Kubernetes but not here: Knative fills in the port of a probe that has none."""

_LIST = re.compile(r"list\[(.+)\]")
_MAP = re.compile(r"dict\(str, (.+)\)")


@cache
def core_schema(type_: str) -> Object:
    """The structural schema of `type_`: a model's name (`V1Container`), a scalar, `list[…]` or `dict(str, …)`.

    The same object is returned every time and shared by its users: it is not to be changed.
    """
    if type_ in _SCALARS:
        return _SCALARS[type_]
    if found := _LIST.fullmatch(type_):
        return {"type": "array", "items": core_schema(found.group(1))}
    if found := _MAP.fullmatch(type_):
        return {"type": "object", "additionalProperties": core_schema(found.group(1))}
    model = getattr(models, type_)
    schema: Object = {
        "type": "object",
        "properties": {
            wire: _field(type_, wire, model.openapi_types[name]) for name, wire in sorted(model.attribute_map.items())
        },
    }
    required = [wire for name, wire in sorted(model.attribute_map.items()) if _is_required(model, name)]
    if required:
        schema["required"] = required
    if type_ in _ATOMIC_MAPS:
        schema["x-kubernetes-map-type"] = "atomic"
    return schema


def _field(model: str, wire: str, type_: str) -> Object:
    path = f"{model}.{wire}"
    if path in _QUANTITIES:
        type_ = type_.replace("str)", "Quantity)") if type_.startswith("dict") else "Quantity"
    schema = dict(core_schema(type_))
    if path in _INT64:
        _widen(schema)
    if path in _DEFAULTS:
        schema["default"] = _DEFAULTS[path]
    if optional := _OPTIONAL_WITHIN.get(path):
        schema["required"] = [name for name in schema["required"] if name != optional]
    if schema.get("type") == "array":
        schema |= _list_type(path)
    return {key: value for key, value in schema.items() if value != []}


def _list_type(path: str) -> Object:
    if keys := _LIST_KEYS.get(path):
        return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}
    return {"x-kubernetes-list-type": "set" if path in _SETS else "atomic"}


def _widen(schema: Object) -> None:
    """Makes an integer, or the integers of a list, 64 bits wide."""
    if schema["type"] == "array":
        schema["items"] = {**schema["items"], "format": "int64"}
    else:
        schema["format"] = "int64"


def _is_required(model: Any, name: str) -> bool:
    """Whether the model's setter refuses None, which is how the generated code says that a field is mandatory."""
    configuration = Configuration()
    configuration.client_side_validation = True
    instance = object.__new__(model)
    instance.local_vars_configuration = configuration
    try:
        setattr(instance, name, None)
    except ValueError:
        return True
    return False
