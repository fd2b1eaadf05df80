"""What the manager may do: no more than it does, in roles that can be left out or bound elsewhere one by one.

The credentials of pods are read one by one, by name, when a pod is made; no Secret but the webhook certificate is ever listed or
watched. What is looked at is cached, which needs `watch`, and `list` before Kubernetes 1.34. Children are written by server-side
apply, which needs `patch`, and `create` for an object that is not there yet; `get` tells whose the name is that is taken by
something no cache shows.
"""

from collections.abc import Sequence

from kservectl.admission.rotation import SECRET_NAME
from kservectl.manifests.names import MANAGER, NAMESPACE, PART_OF, WEBHOOK_CONFIGURATION, WEBHOOK_CONFIGURATIONS
from kservectl.objects.metadata import Object

WORKLOADS = f"{MANAGER}-workloads"
"""What services, graphs and models are made of, in the namespaces of their owners."""
CACHES = f"{MANAGER}-caches"
"""What nodes keep of models."""
CERTIFICATES = f"{MANAGER}-certificates"
"""The self-made certificate of the webhooks; not needed where somebody else makes it."""
SHARDING = f"{MANAGER}-sharding"

_CACHE = ("list", "watch")
_OWN = ("get", *_CACHE, "create", "patch", "delete")
_API_GROUP = "rbac.authorization.k8s.io"
_KNATIVE_CONFIGURATION = ("config-autoscaler", "config-domain")
_CONFIGURATION_KINDS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")


def objects() -> list[Object]:
    """The account of the manager and all that a manager of a whole cluster may do."""
    account = _named("v1", "ServiceAccount", namespace=NAMESPACE)
    return [
        account,
        *cluster_wide(MANAGER, _of_cluster()),
        *cluster_wide(WORKLOADS, workloads()),
        *cluster_wide(CACHES, _caches()),
        *cluster_wide(CERTIFICATES, _trust()),
        # Listed by one that leads, which does not begin before those are gone that share their work.
        *in_namespace(
            NAMESPACE, MANAGER, [_rule("coordination.k8s.io", ("leases",), ("get", "list", "create", "update"))]
        ),
        *in_namespace(NAMESPACE, CERTIFICATES, _certificate()),
    ]


def sharding() -> list[Object]:
    """What replicas that share their work need beside: to follow one another's Leases, and to clear away those of the dead."""
    return in_namespace(NAMESPACE, SHARDING, [_rule("coordination.k8s.io", ("leases",), ("watch", "delete"))])


def configuration() -> list[Object]:
    """What a manager of some namespaces needs of others: its own configuration, and Knative's, which is read by name.

    The latter is a ClusterRole, as a Role could not be made where there is no Knative, and so no namespace of it.
    """
    name = f"{MANAGER}-configuration"
    return [
        *in_namespace(NAMESPACE, name, [_rule("", ("configmaps",), _CACHE)]),
        *cluster_wide(name, [_rule("", ("configmaps",), _CACHE, names=_KNATIVE_CONFIGURATION)]),
    ]


def cluster_wide(name: str, rules: Sequence[Object]) -> list[Object]:
    """A ClusterRole and its binding to the manager."""
    return [
        _named(f"{_API_GROUP}/v1", "ClusterRole", name=name) | {"rules": list(rules)},
        _named(f"{_API_GROUP}/v1", "ClusterRoleBinding", name=name) | _binding("ClusterRole", name),
    ]


def in_namespace(namespace: str, name: str, rules: Sequence[Object]) -> list[Object]:
    """A Role and its binding to the manager."""
    return [
        _named(f"{_API_GROUP}/v1", "Role", namespace, name) | {"rules": list(rules)},
        _named(f"{_API_GROUP}/v1", "RoleBinding", namespace, name) | _binding("Role", name),
    ]


def workloads() -> list[Object]:
    """Rules about what has a namespace."""
    return [
        # The first pod of a service may be admitted before a replica's cache shows the service: then it is read.
        _rule("serving.kserve.io", ("inferenceservices",), ("get", *_CACHE, "patch")),
        _rule("serving.kserve.io", ("trainedmodels",), (*_CACHE, "patch", "delete")),
        _rule(
            "serving.kserve.io",
            ("inferencegraphs/status", "inferenceservices/status", "trainedmodels/status"),
            ("patch",),
        ),
        _rule(
            "serving.kserve.io",
            ("inferencegraphs/finalizers", "inferenceservices/finalizers", "trainedmodels/finalizers"),
            ("update",),
        ),
        _rule(
            "serving.kserve.io",
            ("inferencegraphs", "llminferenceservices", "localmodelnamespacecaches", "servingruntimes"),
            _CACHE,
        ),
        # Lists of models, and the copies of the CA bundle: neither has a name that a rule could say.
        _rule("", ("configmaps", "services"), _OWN),
        _rule("", ("secrets",), ("get",)),
        _rule("", ("pods",), _CACHE),
        _rule("", ("serviceaccounts",), ("get", *_CACHE)),  # as services are
        _rule("apps", ("controllerrevisions", "deployments"), _OWN),
        _rule("autoscaling", ("horizontalpodautoscalers",), _OWN),
        _rule("networking.k8s.io", ("ingresses", "networkpolicies"), _OWN),
        _rule("gateway.networking.k8s.io", ("httproutes",), _OWN),
        _rule("gateway.networking.k8s.io", ("gateways",), _CACHE),
        _rule("serving.knative.dev", ("services",), _OWN),
        _rule("networking.istio.io", ("virtualservices",), _OWN),
        _rule("keda.sh", ("scaledobjects",), _OWN),
        _rule("opentelemetry.io", ("opentelemetrycollectors",), _OWN),
        _rule("events.k8s.io", ("events",), ("create", "patch")),
    ]


def _of_cluster() -> list[Object]:
    return [
        _rule(
            "serving.kserve.io",
            ("clusterservingruntimes", "clusterstoragecontainers", "localmodelcaches", "localmodelnodegroups"),
            _CACHE,
        ),
        # Whether a third party's kind is served is learnt from its definition coming and going.
        _rule("apiextensions.k8s.io", ("customresourcedefinitions",), _CACHE),
    ]


def _caches() -> list[Object]:
    caches = ("localmodelcaches", "localmodelnamespacecaches")
    return [
        _rule("serving.kserve.io", caches, ("patch",)),
        _rule("serving.kserve.io", ("localmodelnodes",), _OWN),
        _rule(
            "serving.kserve.io",
            (*(f"{each}/status" for each in caches), "localmodelnodegroups/status"),
            ("patch",),
        ),
        _rule("serving.kserve.io", [f"{each}/finalizers" for each in caches], ("update",)),
        _rule("", ("persistentvolumeclaims", "persistentvolumes"), _OWN),
        _rule("", ("nodes",), _CACHE),
        # LocalModelNodes are owned by their Nodes.
        _rule("", ("nodes/finalizers",), ("update",)),
    ]


def _trust() -> list[Object]:
    return [
        _rule("admissionregistration.k8s.io", _CONFIGURATION_KINDS, _CACHE),
        *(
            _rule("admissionregistration.k8s.io", (resource,), ("patch",), names=names)
            for resource, names in zip(
                _CONFIGURATION_KINDS, ((WEBHOOK_CONFIGURATION,), WEBHOOK_CONFIGURATIONS), strict=True
            )
        ),
    ]


def _certificate() -> list[Object]:
    return [
        _rule("", ("secrets",), ("create",)),
        _rule("", ("secrets",), (*_CACHE, "update"), names=(SECRET_NAME,)),
    ]


def _named(api_version: str, kind: str, namespace: str = "", name: str = MANAGER) -> Object:
    metadata: Object = {"name": name, "labels": dict(PART_OF)}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _binding(role_kind: str, name: str) -> Object:
    return {
        "roleRef": {"apiGroup": _API_GROUP, "kind": role_kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": MANAGER, "namespace": NAMESPACE}],
    }


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str], names: Sequence[str] = ()) -> Object:
    rule: Object = {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
    if names:
        rule["resourceNames"] = list(names)
    return rule
