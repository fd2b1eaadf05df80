"""How the fields of Kubernetes' own types merge: the facts that OpenAPI carries as `x-kubernetes-patch-*` and `-list-type`.

Strategic merge patch and server-side apply disagree about some lists (a container's ports merge by `containerPort` in
the one, by `containerPort` and `protocol` in the other), so a rule states both. A field without a rule is the common
case: a struct or a map merges field by field, a list is replaced as a whole. Types are named as in the API
documentation ("PodSpec", "Container"); a rule also says which type its field leads to, so that a merge can start from
any of them without a schema.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How one field merges, and the type of its value (or of its items)."""

    type: str = ""
    patch_merge: bool = False
    """Strategic merge: whether the list merges instead of being replaced."""
    patch_key: str = ""
    """Strategic merge: what identifies an item; empty for a merging list of plain values."""
    patch_replace: bool = False
    """Strategic merge: whether a map is replaced as a whole."""
    list_type: Literal["atomic", "set", "map"] = "atomic"
    list_keys: tuple[str, ...] = ()
    """Server-side apply: what identifies an item of a `map` list."""
    atomic: bool = False
    """Server-side apply: whether a map has one owner as a whole."""
    granular: bool = False
    """Server-side apply: whether the fields have owners of their own although the type is in `ATOMIC_TYPES`."""


def rules(type_name: str) -> Mapping[str, FieldRule]:
    """The rules of a type's fields; empty for a type that has none, or that is unknown."""
    return _RULES.get(type_name, _NO_RULES)


ATOMIC_TYPES = frozenset(
    {
        "ConfigMapKeySelector", "EndpointAddress", "EndpointPort", "FileKeySelector",
        "LabelSelector", "LocalObjectReference", "MatchResources", "NamedRuleWithOperations", "NodeSelector",
        "NodeSelectorTerm", "ObjectFieldSelector", "ObjectReference", "OwnerReference", "ParamKind", "ParamRef",
        "ResourceFieldSelector", "RoleRef", "ScopeSelector", "SecretKeySelector", "SecretReference",
        "ServiceBackendPort", "Subject", "TopologySelectorTerm", "TypedLocalObjectReference", "Variable",
    }
)  # fmt: skip
"""Server-side apply: structs that one manager owns as a whole. Quantities, times and IntOrStrings are scalars."""


def _keyed(key: str, type_: str = "", *, apply_keys: tuple[str, ...] | None = None) -> FieldRule:
    """A list that both kinds of patch merge, by the same key unless `apply_keys` says otherwise."""
    keys = (key,) if apply_keys is None else apply_keys
    return FieldRule(type_, True, key, list_type="map", list_keys=keys)


def _struct(type_: str) -> FieldRule:
    return FieldRule(type_)


def _items(type_: str) -> FieldRule:
    """A list that is replaced as a whole."""
    return FieldRule(type_)


def _apply_only(*keys: str, type_: str = "") -> FieldRule:
    """A list that merges in server-side apply only."""
    return FieldRule(type_, list_type="map", list_keys=keys)


_PATCH_ONLY_CONDITIONS = FieldRule(patch_merge=True, patch_key="type")
_CONDITIONS = _keyed("type")
_SET = FieldRule(list_type="set")
_MERGING_SET = FieldRule(patch_merge=True, list_type="set")
_ATOMIC_MAP = FieldRule(atomic=True)
_META = _struct("ObjectMeta")
_POD_TEMPLATE = _struct("PodTemplateSpec")

_NO_RULES: Mapping[str, FieldRule] = {}

_CONTAINER: Mapping[str, FieldRule] = {
    "env": _keyed("name", "EnvVar"),
    "ports": _keyed("containerPort", "ContainerPort", apply_keys=("containerPort", "protocol")),
    "resources": _struct("ResourceRequirements"),
    "restartPolicyRules": _items("ContainerRestartRule"),
    "volumeDevices": _keyed("devicePath", "VolumeDevice"),
    "volumeMounts": _keyed("mountPath", "VolumeMount"),
}
_CONTAINER_STATUS: Mapping[str, FieldRule] = {
    "allocatedResourcesStatus": _keyed("name", "ResourceStatus"),
    "resources": _struct("ResourceRequirements"),
    "volumeMounts": _keyed("mountPath"),
}


def _object(spec: str = "", status: str = "") -> dict[str, FieldRule]:
    """The rules of a top-level kind with the usual parts."""
    fields = {"metadata": _META}
    if spec:
        fields["spec"] = _struct(spec)
    if status:
        fields["status"] = _struct(status)
    return fields


_WORKLOADS: Mapping[str, Mapping[str, FieldRule]] = {
    "Pod": _object("PodSpec", "PodStatus"),
    "PodTemplateSpec": _object("PodSpec"),
    "PodTemplate": {"metadata": _META, "template": _POD_TEMPLATE},
    "Container": _CONTAINER,
    "EphemeralContainer": _CONTAINER,
    "ContainerRestartRule": {"exitCodes": _struct("ContainerRestartRuleOnExitCodes")},
    "ContainerRestartRuleOnExitCodes": {"values": _SET},
    "ContainerStatus": _CONTAINER_STATUS,
    "ResourceStatus": {"resources": _apply_only("resourceID")},
    "ResourceRequirements": {"claims": _apply_only("name")},
    "PodSpec": {
        "containers": _keyed("name", "Container"),
        "ephemeralContainers": _keyed("name", "EphemeralContainer"),
        "hostAliases": _keyed("ip", "HostAlias"),
        "imagePullSecrets": _keyed("name", "LocalObjectReference"),
        "initContainers": _keyed("name", "Container"),
        "nodeSelector": _ATOMIC_MAP,
        "resourceClaims": _keyed("name", "PodResourceClaim"),
        "resources": _struct("ResourceRequirements"),
        "schedulingGates": _keyed("name", "PodSchedulingGate"),
        "topologySpreadConstraints": _keyed(
            "topologyKey", "TopologySpreadConstraint", apply_keys=("topologyKey", "whenUnsatisfiable")
        ),
        "volumes": _keyed("name", "Volume"),
    },
    "Volume": {"ephemeral": _struct("EphemeralVolumeSource")},
    "EphemeralVolumeSource": {"volumeClaimTemplate": _struct("PersistentVolumeClaimTemplate")},
    "PersistentVolumeClaimTemplate": _object("PersistentVolumeClaimSpec"),
    "PodStatus": {
        "conditions": _CONDITIONS,
        "containerStatuses": _items("ContainerStatus"),
        "ephemeralContainerStatuses": _items("ContainerStatus"),
        "hostIPs": FieldRule("HostIP", True, "ip"),
        "initContainerStatuses": _items("ContainerStatus"),
        "podIPs": _keyed("ip", "PodIP"),
        "resourceClaimStatuses": _keyed("name"),
    },
    "Deployment": _object("DeploymentSpec", "DeploymentStatus"),
    "DeploymentSpec": {"template": _POD_TEMPLATE},
    "DeploymentStatus": {"conditions": _CONDITIONS},
    "ReplicaSet": _object("ReplicaSetSpec", "ReplicaSetStatus"),
    "ReplicaSetSpec": {"template": _POD_TEMPLATE},
    "ReplicaSetStatus": {"conditions": _CONDITIONS},
    "StatefulSet": _object("StatefulSetSpec", "StatefulSetStatus"),
    "StatefulSetSpec": {"template": _POD_TEMPLATE, "volumeClaimTemplates": _items("PersistentVolumeClaim")},
    "StatefulSetStatus": {"conditions": _CONDITIONS},
    "DaemonSet": _object("DaemonSetSpec", "DaemonSetStatus"),
    "DaemonSetSpec": {"template": _POD_TEMPLATE},
    "DaemonSetStatus": {"conditions": _CONDITIONS},
    "ControllerRevision": _object(),
    "Job": _object("JobSpec", "JobStatus"),
    "JobSpec": {"template": _POD_TEMPLATE, "podFailurePolicy": _struct("PodFailurePolicy")},
    "JobStatus": {
        "conditions": _PATCH_ONLY_CONDITIONS,
        "uncountedTerminatedPods": _struct("UncountedTerminatedPods"),
    },
    "JobTemplateSpec": _object("JobSpec"),
    "PodFailurePolicy": {"rules": _items("PodFailurePolicyRule")},
    "PodFailurePolicyRule": {"onExitCodes": _struct("PodFailurePolicyOnExitCodesRequirement")},
    "PodFailurePolicyOnExitCodesRequirement": {"values": _SET},
    "UncountedTerminatedPods": {"failed": _SET, "succeeded": _SET},
    "CronJob": _object("CronJobSpec"),
    "CronJobSpec": {"jobTemplate": _struct("JobTemplateSpec")},
    "HorizontalPodAutoscaler": _object("HorizontalPodAutoscalerSpec", "HorizontalPodAutoscalerStatus"),
    "HorizontalPodAutoscalerStatus": {"conditions": _CONDITIONS},
    "PodDisruptionBudget": _object("PodDisruptionBudgetSpec", "PodDisruptionBudgetStatus"),
    "PodDisruptionBudgetSpec": {"selector": FieldRule("LabelSelector", patch_replace=True)},
    "PodDisruptionBudgetStatus": {"conditions": _CONDITIONS},
}

_CLUSTER: Mapping[str, Mapping[str, FieldRule]] = {
    "ObjectMeta": {
        "finalizers": _MERGING_SET,
        "ownerReferences": _keyed("uid", "OwnerReference"),
    },
    "Namespace": _object("NamespaceSpec", "NamespaceStatus"),
    "NamespaceStatus": {"conditions": _CONDITIONS},
    "Node": _object("NodeSpec", "NodeStatus"),
    "NodeSpec": {"podCIDRs": _MERGING_SET},
    "NodeStatus": {"addresses": _keyed("type", "NodeAddress"), "conditions": _CONDITIONS},
    "ConfigMap": _object(),
    "Secret": _object(),
    "ServiceAccount": {"metadata": _META, "secrets": _keyed("name", "ObjectReference")},
    "Service": _object("ServiceSpec", "ServiceStatus"),
    "ServiceSpec": {
        "ports": _keyed("port", "ServicePort", apply_keys=("port", "protocol")),
        "selector": _ATOMIC_MAP,
    },
    "ServiceStatus": {"conditions": _CONDITIONS},
    "Endpoints": _object(),
    "EndpointSlice": {"metadata": _META, "endpoints": _items("Endpoint")},
    "Endpoint": {"addresses": _SET},
    "PersistentVolume": _object("PersistentVolumeSpec"),
    "PersistentVolumeSpec": {"claimRef": FieldRule("ObjectReference", granular=True)},
    "PersistentVolumeClaim": _object("PersistentVolumeClaimSpec", "PersistentVolumeClaimStatus"),
    "PersistentVolumeClaimStatus": {"conditions": _CONDITIONS},
    "ReplicationControllerSpec": {"selector": _ATOMIC_MAP, "template": _POD_TEMPLATE},
    "Event": _object(),
    "Lease": _object("LeaseSpec"),
    "Ingress": _object("IngressSpec", "IngressStatus"),
    "IngressClass": _object("IngressClassSpec"),
    "NetworkPolicy": _object("NetworkPolicySpec"),
    "LimitRange": _object("LimitRangeSpec"),
    "ResourceQuota": _object("ResourceQuotaSpec", "ResourceQuotaStatus"),
    "Role": _object(),
    "ClusterRole": _object(),
    "RoleBinding": _object(),
    "ClusterRoleBinding": _object(),
    "PriorityClass": _object(),
    "StorageClass": _object(),
    "MutatingWebhookConfiguration": {"metadata": _META, "webhooks": _keyed("name", "MutatingWebhook")},
    "MutatingWebhook": {"matchConditions": _keyed("name", "MatchCondition")},
    "ValidatingWebhookConfiguration": {"metadata": _META, "webhooks": _keyed("name", "ValidatingWebhook")},
    "ValidatingWebhook": {"matchConditions": _keyed("name", "MatchCondition")},
    "CustomResourceDefinition": _object("CustomResourceDefinitionSpec", "CustomResourceDefinitionStatus"),
    "CustomResourceDefinitionStatus": {"conditions": _apply_only("type")},
    "JSONSchemaProps": {"x-kubernetes-validations": _keyed("rule", "ValidationRule")},
    "APIService": _object("APIServiceSpec", "APIServiceStatus"),
    "APIServiceStatus": {"conditions": _CONDITIONS},
}

_RULES: Mapping[str, Mapping[str, FieldRule]] = {**_WORKLOADS, **_CLUSTER}
