"""The kinds the devcluster knows: Kubernetes' own, as discovery announces them, with the client models their schemas come
from; and minimal definitions of third parties' kinds, which are served without their schemas.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kservectl.devcluster.contract import Column, ServedKind
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

SCALE = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": ".status.selector",
}
"""The scale subresource of workloads; their selector is `spec.selector`, which the server writes as text."""


@dataclass(frozen=True, slots=True)
class BuiltinKind:
    """A served kind, its client model, and what `kubectl explain` says it is."""

    served: ServedKind
    model: str
    description: str


@lru_cache(maxsize=1)
def builtin_kinds() -> Mapping[Kind, BuiltinKind]:
    """All built-in kinds, in the order in which discovery lists them."""
    return {entry.served.kind: entry for group in (_core(), _workloads(), _networking(), _cluster()) for entry in group}


def schemaless_definitions() -> list[Object]:
    """CustomResourceDefinitions of Gateway API, KEDA, Knative Serving, Istio and OpenTelemetry that take any fields."""
    gateway, cluster = "gateway.networking.k8s.io", "Cluster"
    return [
        _schemaless(gateway, "v1", "GatewayClass", "gatewayclasses", short=("gc",), scope=cluster),
        _schemaless(gateway, "v1", "Gateway", "gateways", short=("gtw",)),
        _schemaless(gateway, "v1", "HTTPRoute", "httproutes"),
        _schemaless("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects", short=("so",)),
        _schemaless("serving.knative.dev", "v1", "Service", "services", short=("kservice", "ksvc")),
        _schemaless("serving.knative.dev", "v1", "Revision", "revisions", short=("rev",)),
        _schemaless("networking.istio.io", "v1beta1", "VirtualService", "virtualservices", short=("vs",)),
        _schemaless("opentelemetry.io", "v1beta1", "OpenTelemetryCollector", "opentelemetrycollectors",
                    short=("otelcol",)),
    ]  # fmt: skip


def _schemaless(
    group: str, version: str, kind: str, plural: str, *, short: tuple[str, ...] = (), scope: str = "Namespaced"
) -> Object:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": anything, "status": anything}}
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {**names, "shortNames": list(short)} if short else names,
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


_AGE = Column("Age", "date", ".metadata.creationTimestamp")


def _columns(*columns: tuple[str, str, str] | tuple[str, str, str, int]) -> tuple[Column, ...]:
    """Columns of (name, type, path, priority 0), with Age last."""
    return (*(Column(*column) for column in columns), _AGE)


def _entry(
    api_version: str,
    kind: str,
    plural: str,
    description: str,
    *,
    model: str = "",
    short: tuple[str, ...] = (),
    namespaced: bool = True,
    categories: tuple[str, ...] = (),
    status: bool = False,
    scale: Mapping[str, str] | None = None,
    columns: tuple[Column, ...] = (_AGE,),
    preferred: bool = True,
) -> BuiltinKind:
    group, _, version = api_version.rpartition("/")
    served = ServedKind(
        Kind(group, version, kind, plural, namespaced),
        kind.lower(),
        short_names=short,
        categories=categories,
        status=status,
        scale=scale,
        columns=columns,
        preferred=preferred,
    )
    return BuiltinKind(served, model or f"{version.capitalize()}{kind}", description)


_ALL = ("all",)
_PHASE = ("Status", "string", ".status.phase")


def _core() -> Sequence[BuiltinKind]:
    return (
        _entry("v1", "Namespace", "namespaces", "Namespace provides a scope for Names.", short=("ns",),
               namespaced=False, status=True, columns=_columns(_PHASE)),
        _entry("v1", "Node", "nodes", "Node is a worker node in Kubernetes.", short=("no",), namespaced=False,
               status=True, columns=_columns(
                   ("Status", "string", '.status.conditions[?(@.type=="Ready")].type'),
                   ("Version", "string", ".status.nodeInfo.kubeletVersion"))),
        _entry("v1", "Pod", "pods", "Pod is a collection of containers that can run on a host.", short=("po",),
               categories=_ALL, status=True, columns=_columns(
                   _PHASE, ("IP", "string", ".status.podIP", 1), ("Node", "string", ".spec.nodeName", 1))),
        _entry("v1", "Service", "services",
               "Service is a named abstraction of software service (for example, mysql) consisting of local port "
               "that the proxy listens on, and the selector that determines which pods will answer requests.",
               short=("svc",), categories=_ALL, status=True, columns=_columns(
                   ("Type", "string", ".spec.type"), ("Cluster-IP", "string", ".spec.clusterIP"),
                   ("External-IP", "string", ".spec.externalName"), ("Port(s)", "string", ".spec.ports[*].port"))),
        _entry("v1", "ConfigMap", "configmaps", "ConfigMap holds configuration data for pods to consume.",
               short=("cm",)),
        _entry("v1", "Secret", "secrets", "Secret holds secret data of a certain type.",
               columns=_columns(("Type", "string", ".type"))),
        _entry("v1", "ServiceAccount", "serviceaccounts",
               "ServiceAccount binds together a name, a principal that can be authenticated and authorized, and a "
               "set of secrets.", short=("sa",)),
        _entry("v1", "Event", "events", "Event is a report of an event somewhere in the cluster.", short=("ev",),
               model="CoreV1Event", columns=(
                   Column("Last Seen", "date", ".lastTimestamp"), Column("Type", "string", ".type"),
                   Column("Reason", "string", ".reason"), Column("Object", "string", ".involvedObject.name"),
                   Column("Message", "string", ".message"))),
        _entry("v1", "PersistentVolume", "persistentvolumes",
               "PersistentVolume (PV) is a storage resource provisioned by an administrator.", short=("pv",),
               namespaced=False, status=True, columns=_columns(
                   ("Capacity", "string", ".spec.capacity.storage"), ("Access Modes", "string", ".spec.accessModes"),
                   ("Reclaim Policy", "string", ".spec.persistentVolumeReclaimPolicy"), _PHASE,
                   ("Claim", "string", ".spec.claimRef.name"),
                   ("StorageClass", "string", ".spec.storageClassName"))),
        _entry("v1", "PersistentVolumeClaim", "persistentvolumeclaims",
               "PersistentVolumeClaim is a user's request for and claim to a persistent volume.", short=("pvc",),
               status=True, columns=_columns(
                   _PHASE, ("Volume", "string", ".spec.volumeName"),
                   ("Capacity", "string", ".status.capacity.storage"),
                   ("StorageClass", "string", ".spec.storageClassName"))),
        _entry("v1", "Endpoints", "endpoints",
               "Endpoints is a collection of endpoints that implement the actual service.", short=("ep",)),
        _entry("v1", "LimitRange", "limitranges",
               "LimitRange sets resource usage limits for each kind of resource in a Namespace.", short=("limits",)),
        _entry("v1", "ResourceQuota", "resourcequotas",
               "ResourceQuota sets aggregate quota restrictions enforced per namespace.", short=("quota",),
               status=True),
    )  # fmt: skip


def _workloads() -> Sequence[BuiltinKind]:
    return (
        _entry("apps/v1", "Deployment", "deployments",
               "Deployment enables declarative updates for Pods and ReplicaSets.", short=("deploy",), categories=_ALL,
               status=True, scale=SCALE, columns=_columns(
                   ("Ready", "integer", ".status.readyReplicas"), ("Up-to-date", "integer", ".status.updatedReplicas"),
                   ("Available", "integer", ".status.availableReplicas"))),
        _entry("apps/v1", "ReplicaSet", "replicasets",
               "ReplicaSet ensures that a specified number of pod replicas are running at any given time.",
               short=("rs",), categories=_ALL, status=True, scale=SCALE, columns=_columns(
                   ("Desired", "integer", ".spec.replicas"), ("Current", "integer", ".status.replicas"),
                   ("Ready", "integer", ".status.readyReplicas"))),
        _entry("apps/v1", "StatefulSet", "statefulsets",
               "StatefulSet represents a set of pods with consistent identities.", short=("sts",), categories=_ALL,
               status=True, scale=SCALE, columns=_columns(("Ready", "integer", ".status.readyReplicas"))),
        _entry("apps/v1", "DaemonSet", "daemonsets", "DaemonSet represents the configuration of a daemon set.",
               short=("ds",), categories=_ALL, status=True, columns=_columns(
                   ("Desired", "integer", ".status.desiredNumberScheduled"),
                   ("Ready", "integer", ".status.numberReady"))),
        _entry("apps/v1", "ControllerRevision", "controllerrevisions",
               "ControllerRevision implements an immutable snapshot of state data.",
               columns=_columns(("Revision", "integer", ".revision"))),
        _entry("batch/v1", "Job", "jobs", "Job represents the configuration of a single job.", categories=_ALL,
               status=True, columns=_columns(
                   ("Status", "string", '.status.conditions[?(@.status=="True")].type'),
                   ("Completions", "integer", ".status.succeeded"))),
        _entry("batch/v1", "CronJob", "cronjobs", "CronJob represents the configuration of a single cron job.",
               short=("cj",), categories=_ALL, status=True, columns=_columns(
                   ("Schedule", "string", ".spec.schedule"), ("Suspend", "boolean", ".spec.suspend"),
                   ("Last Schedule", "date", ".status.lastScheduleTime"))),
        _entry("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers",
               "HorizontalPodAutoscaler automatically manages the replica count of any resource implementing the "
               "scale subresource based on the metrics specified.", short=("hpa",), categories=_ALL, status=True,
               columns=_columns(
                   ("Reference", "string", ".spec.scaleTargetRef.name"), ("MinPods", "integer", ".spec.minReplicas"),
                   ("MaxPods", "integer", ".spec.maxReplicas"), ("Replicas", "integer", ".status.currentReplicas"))),
        _entry("autoscaling/v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers",
               "configuration of a horizontal pod autoscaler.", short=("hpa",), categories=_ALL, status=True,
               preferred=False, columns=_columns(
                   ("Reference", "string", ".spec.scaleTargetRef.name"), ("MinPods", "integer", ".spec.minReplicas"),
                   ("MaxPods", "integer", ".spec.maxReplicas"), ("Replicas", "integer", ".status.currentReplicas"))),
        _entry("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets",
               "PodDisruptionBudget is an object to define the max disruption that can be caused to a collection of "
               "pods", short=("pdb",), status=True, columns=_columns(
                   ("Min Available", "string", ".spec.minAvailable"),
                   ("Max Unavailable", "string", ".spec.maxUnavailable"),
                   ("Allowed Disruptions", "integer", ".status.disruptionsAllowed"))),
    )  # fmt: skip


def _networking() -> Sequence[BuiltinKind]:
    return (
        _entry("networking.k8s.io/v1", "Ingress", "ingresses",
               "Ingress is a collection of rules that allow inbound connections to reach the endpoints defined by a "
               "backend.", short=("ing",), status=True, columns=_columns(
                   ("Class", "string", ".spec.ingressClassName"), ("Hosts", "string", ".spec.rules[*].host"),
                   ("Address", "string", ".status.loadBalancer.ingress[*].ip"))),
        _entry("networking.k8s.io/v1", "IngressClass", "ingressclasses",
               "IngressClass represents the class of the Ingress, referenced by the Ingress Spec.", namespaced=False,
               columns=_columns(("Controller", "string", ".spec.controller"))),
        _entry("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies",
               "NetworkPolicy describes what network traffic is allowed for a set of Pods", short=("netpol",)),
        _entry("discovery.k8s.io/v1", "EndpointSlice", "endpointslices",
               "EndpointSlice represents a set of service endpoints.",
               columns=_columns(("AddressType", "string", ".addressType"))),
        _entry("coordination.k8s.io/v1", "Lease", "leases", "Lease defines a lease concept.",
               columns=_columns(("Holder", "string", ".spec.holderIdentity"))),
        _entry("events.k8s.io/v1", "Event", "events", "Event is a report of an event somewhere in the cluster.",
               short=("ev",), model="EventsV1Event", columns=(
                   Column("Last Seen", "date", ".eventTime"), Column("Type", "string", ".type"),
                   Column("Reason", "string", ".reason"), Column("Object", "string", ".regarding.name"),
                   Column("Message", "string", ".note"))),
    )  # fmt: skip


def _cluster() -> Sequence[BuiltinKind]:
    rbac, admission = "rbac.authorization.k8s.io/v1", "admissionregistration.k8s.io/v1"
    return (
        _entry(rbac, "Role", "roles",
               "Role is a namespaced, logical grouping of PolicyRules that can be referenced as a unit by a "
               "RoleBinding."),
        _entry(rbac, "ClusterRole", "clusterroles",
               "ClusterRole is a cluster level, logical grouping of PolicyRules that can be referenced as a unit by "
               "a RoleBinding or ClusterRoleBinding.", namespaced=False),
        _entry(rbac, "RoleBinding", "rolebindings", "RoleBinding references a role, but does not contain it.",
               columns=_columns(("Role", "string", ".roleRef.name"))),
        _entry(rbac, "ClusterRoleBinding", "clusterrolebindings",
               "ClusterRoleBinding references a ClusterRole, but not contain it.", namespaced=False,
               columns=_columns(("Role", "string", ".roleRef.name"))),
        _entry("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses",
               "PriorityClass defines mapping from a priority class name to the priority integer value.",
               short=("pc",), namespaced=False, columns=_columns(
                   ("Value", "integer", ".value"), ("Global-Default", "boolean", ".globalDefault"))),
        _entry("storage.k8s.io/v1", "StorageClass", "storageclasses",
               "StorageClass describes the parameters for a class of storage for which PersistentVolumes can be "
               "dynamically provisioned.", short=("sc",), namespaced=False, columns=_columns(
                   ("Provisioner", "string", ".provisioner"), ("ReclaimPolicy", "string", ".reclaimPolicy"),
                   ("VolumeBindingMode", "string", ".volumeBindingMode"))),
        _entry(admission, "MutatingWebhookConfiguration", "mutatingwebhookconfigurations",
               "MutatingWebhookConfiguration describes the configuration of and admission webhook that accept or "
               "reject and may change the object.", namespaced=False),
        _entry(admission, "ValidatingWebhookConfiguration", "validatingwebhookconfigurations",
               "ValidatingWebhookConfiguration describes the configuration of and admission webhook that accept or "
               "reject and object without changing it.", namespaced=False),
        _entry("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions",
               "CustomResourceDefinition represents a resource that should be exposed on the API server.",
               short=("crd", "crds"), namespaced=False, status=True,
               columns=(Column("Created At", "date", ".metadata.creationTimestamp"),)),
        _entry("apiregistration.k8s.io/v1", "APIService", "apiservices",
               "APIService represents a server for a particular GroupVersion.", namespaced=False, status=True),
    )  # fmt: skip
