"""What makes an object valid: its metadata, its schema, and the rules of its kind."""

from collections.abc import Callable, Mapping
from typing import Any

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.types import causes as say
from kservectl.devcluster.types.crd_validation import check_definition
from kservectl.devcluster.types.schema import Schema
from kservectl.devcluster.types.structural import check, check_rules
from kservectl.devcluster.types.validation import autoscaling, cluster, configuration, networking, pods, workloads
from kservectl.devcluster.types.validation.meta import check_metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

Rules = Callable[[Object, Object | None], list[Cause]]
"""What is wrong with the new object, given the old one on an update."""


def check_builtin(kind: Kind, schema: Schema, new: Object, old: Object | None, subresource: str) -> list[Cause]:
    """Everything wrong with an object of a built-in kind. A write to a status or scale endpoint is judged by less."""
    found = check_metadata(kind, new, old)
    if subresource == "status":
        return found
    _required(schema, new, "", found)
    if rules := _RULES.get((kind.group, kind.kind)):
        found.extend(rules(new, old))
    return _unique(found)


def check_custom(kind: Kind, schema: Schema, new: Object, old: Object | None, subresource: str) -> list[Cause]:
    """Everything wrong with an object of a custom kind."""
    found = check_metadata(kind, new, old)
    rest = {name: value for name, value in new.items() if name != "metadata"}
    judged = _with_name(rest, new)
    check(schema, judged, old, "", found)
    if schema.has_rules:
        if any(cause.reason in _BLOCKING for cause in found):
            found.append(_NOT_CHECKED)
        else:
            check_rules(schema, judged, old, "", found)
    return _unique(found)


def check_scale(paths: Mapping[str, str] | None, new: Object) -> list[Cause]:
    """What is wrong with the numbers of replicas of a custom kind that can be scaled."""
    found = []
    for name in ("specReplicasPath", "statusReplicasPath"):
        path = (paths or {}).get(name, "")
        value: Any = new
        for step in filter(None, path.split(".")):
            value = value.get(step) if isinstance(value, dict) else None
        if path and type(value) is int and value < 0:
            found.append(say.invalid(path, value, "should be a non-negative integer"))
    return found


_BLOCKING = frozenset(
    {
        "FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany",
        "FieldValueTypeInvalid",
    }
)  # fmt: skip
# The field is what the API extensions server prints for a path that is not there.
_NOT_CHECKED = say.invalid(
    "<nil>",
    None,
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete "
    "validation",
)


def _with_name(rest: Object, new: Object) -> Object:
    """Rules at the root may look at the name, and at nothing else of the metadata."""
    meta = new.get("metadata") or {}
    return {**rest, "metadata": {field: meta[field] for field in ("name", "generateName") if field in meta}}


# The metadata has rules of its own, and the status is written by controllers bit by bit.
_UNCHECKED = frozenset({"status", "metadata"})
# Empty texts that count as missing; elsewhere an empty text is a value.
_NEVER_EMPTY = frozenset({"name", "key", "path", "kind", "mountPath", "claimName", "provisioner"})


def _required(schema: Schema, value: Object, path: str, found: list[Cause]) -> None:
    """Fields that the API documentation calls required, at all depths."""
    for name in schema.required:
        given = value.get(name)
        if given is None or (given == "" and name in _NEVER_EMPTY):
            found.append(say.required(f"{path}.{name}" if path else name))
    for name, below in value.items():
        if name not in _UNCHECKED and isinstance(below, dict | list):
            _required_below(schema.properties.get(name), below, f"{path}.{name}" if path else name, found)


def _required_below(schema: Schema | None, value: Any, path: str, found: list[Cause]) -> None:
    if schema is None:
        return
    if isinstance(value, dict):
        if schema.properties:
            _required(schema, value, path, found)
    elif schema.items is not None and schema.items.properties:
        for position, item in enumerate(value):
            _required(schema.items, item, f"{path}[{position}]", found)


def _unique(found: list[Cause]) -> list[Cause]:
    """Two rules may find the same mistake."""
    return list(dict.fromkeys(found))


def _definition(new: Object, old: Object | None) -> list[Cause]:
    return check_definition(new)


_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_RULES: Mapping[tuple[str, str], Rules] = {
    ("", "Pod"): pods.check_pod,
    ("", "Service"): networking.check_service,
    ("", "ConfigMap"): configuration.check_config_map,
    ("", "Secret"): configuration.check_secret,
    ("", "PersistentVolumeClaim"): configuration.check_claim,
    ("apps", "Deployment"): workloads.check_deployment,
    ("apps", "ReplicaSet"): workloads.check_replica_set,
    ("apps", "StatefulSet"): workloads.check_stateful_set,
    ("apps", "DaemonSet"): workloads.check_daemon_set,
    ("batch", "Job"): workloads.check_job,
    ("batch", "CronJob"): workloads.check_cron_job,
    ("autoscaling", "HorizontalPodAutoscaler"): autoscaling.check_autoscaler,
    ("policy", "PodDisruptionBudget"): autoscaling.check_disruption_budget,
    ("networking.k8s.io", "Ingress"): networking.check_ingress,
    ("networking.k8s.io", "NetworkPolicy"): networking.check_network_policy,
    ("coordination.k8s.io", "Lease"): cluster.check_lease,
    ("scheduling.k8s.io", "PriorityClass"): cluster.check_priority_class,
    ("storage.k8s.io", "StorageClass"): cluster.check_storage_class,
    (_RBAC, "Role"): cluster.check_role,
    (_RBAC, "ClusterRole"): cluster.check_role,
    (_RBAC, "RoleBinding"): cluster.check_binding,
    (_RBAC, "ClusterRoleBinding"): cluster.check_binding,
    (_ADMISSION, "MutatingWebhookConfiguration"): cluster.check_webhooks,
    (_ADMISSION, "ValidatingWebhookConfiguration"): cluster.check_webhooks,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
}
