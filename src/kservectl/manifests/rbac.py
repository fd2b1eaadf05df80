"""What the manager may do: no more than it does.

The ClusterRole covers what is watched and written in every namespace. The credentials of pods are read one by one, by
name, when a pod is made; no Secret but the webhook certificate is ever listed or watched. That one and Leases are the
business of a Role in the manager's own namespace. Children are written by server-side apply, which
needs `patch`, and `create` for an object that is not there yet.
"""

from collections.abc import Sequence

from kservectl.admission.rotation import SECRET_NAME
from kservectl.manifests.names import MANAGER, NAMESPACE, PART_OF, WEBHOOK_CONFIGURATIONS
from kservectl.objects.metadata import Object

_READ = ("get", "list", "watch")
_OWN = ("get", "list", "watch", "create", "patch", "delete")
_API_GROUP = "rbac.authorization.k8s.io"


def service_account() -> Object:
    return _named("v1", "ServiceAccount", namespace=NAMESPACE)


def cluster_role() -> Object:
    """Rights in every namespace."""
    rules = [
        _rule("serving.kserve.io", ("inferencegraphs", "inferenceservices"), (*_READ, "patch")),
        _rule("serving.kserve.io", ("localmodelcaches", "localmodelnamespacecaches"), (*_READ, "patch")),
        _rule("serving.kserve.io", ("localmodelnodes",), _OWN),
        _rule("serving.kserve.io", ("trainedmodels",), (*_READ, "patch", "delete")),
        _rule(
            "serving.kserve.io",
            (
                "inferencegraphs/status",
                "inferenceservices/status",
                "localmodelcaches/status",
                "localmodelnamespacecaches/status",
                "localmodelnodegroups/status",
                "trainedmodels/status",
            ),
            ("patch",),
        ),
        _rule(
            "serving.kserve.io",
            (
                "inferencegraphs/finalizers",
                "inferenceservices/finalizers",
                "localmodelcaches/finalizers",
                "localmodelnamespacecaches/finalizers",
                "trainedmodels/finalizers",
            ),
            ("update",),
        ),
        _rule(
            "serving.kserve.io",
            (
                "clusterservingruntimes",
                "clusterstoragecontainers",
                "llminferenceservices",
                "localmodelnodegroups",
                "servingruntimes",
            ),
            _READ,
        ),
        # Lists of models, and the copies of the CA bundle: neither has a name that a rule could say.
        _rule("", ("configmaps", "services"), _OWN),
        # Volumes of model caches; LocalModelNodes are owned by their Nodes.
        _rule("", ("persistentvolumeclaims", "persistentvolumes"), _OWN),
        _rule("", ("nodes/finalizers",), ("update",)),
        _rule("", ("secrets",), ("get",)),
        _rule("", ("nodes", "pods", "serviceaccounts"), _READ),
        _rule("apps", ("controllerrevisions", "deployments"), _OWN),
        _rule("autoscaling", ("horizontalpodautoscalers",), _OWN),
        _rule("networking.k8s.io", ("ingresses", "networkpolicies"), _OWN),
        _rule("gateway.networking.k8s.io", ("httproutes",), _OWN),
        _rule("gateway.networking.k8s.io", ("gateways",), _READ),
        _rule("serving.knative.dev", ("services",), _OWN),
        _rule("networking.istio.io", ("virtualservices",), _OWN),
        _rule("keda.sh", ("scaledobjects",), _OWN),
        _rule("opentelemetry.io", ("opentelemetrycollectors",), _OWN),
        _rule("events.k8s.io", ("events",), ("create", "patch")),
        # Whether a third party's kind is served is learnt from its definition coming and going.
        _rule("apiextensions.k8s.io", ("customresourcedefinitions",), ("list", "watch")),
        _rule(
            "admissionregistration.k8s.io",
            ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
            ("list", "watch"),
        ),
        _rule(
            "admissionregistration.k8s.io",
            ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
            ("get", "patch"),
            names=WEBHOOK_CONFIGURATIONS,
        ),
    ]
    return _named(f"{_API_GROUP}/v1", "ClusterRole") | {"rules": rules}


def cluster_role_binding() -> Object:
    return _named(f"{_API_GROUP}/v1", "ClusterRoleBinding") | _binding("ClusterRole")


def role() -> Object:
    """Rights in the manager's own namespace."""
    rules = [
        _rule("coordination.k8s.io", ("leases",), ("get", "create", "update")),
        _rule("", ("secrets",), ("create",)),
        _rule("", ("secrets",), (*_READ, "update"), names=(SECRET_NAME,)),
    ]
    return _named(f"{_API_GROUP}/v1", "Role", namespace=NAMESPACE) | {"rules": rules}


def role_binding() -> Object:
    return _named(f"{_API_GROUP}/v1", "RoleBinding", namespace=NAMESPACE) | _binding("Role")


def sharding() -> list[Object]:
    """What replicas that share their work need beside: to see one another's Leases, and to clear away those of the dead."""
    name = f"{MANAGER}-sharding"
    rules = [_rule("coordination.k8s.io", ("leases",), ("list", "watch", "delete"))]
    return [
        _named(f"{_API_GROUP}/v1", "Role", namespace=NAMESPACE, name=name) | {"rules": rules},
        _named(f"{_API_GROUP}/v1", "RoleBinding", namespace=NAMESPACE, name=name) | _binding("Role", name),
    ]


def _named(api_version: str, kind: str, namespace: str = "", name: str = MANAGER) -> Object:
    metadata: Object = {"name": name, "labels": dict(PART_OF)}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _binding(role_kind: str, name: str = MANAGER) -> Object:
    return {
        "roleRef": {"apiGroup": _API_GROUP, "kind": role_kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": MANAGER, "namespace": NAMESPACE}],
    }


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str], names: Sequence[str] = ()) -> Object:
    rule: Object = {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
    if names:
        rule["resourceNames"] = list(names)
    return rule
