"""What the node agent may do: no more than it does, and what it writes of its own node only.

One account serves the agents of all nodes, and RBAC knows no nodes. So an admission policy compares what an agent writes with
the node that the API server names in its token (bound tokens carry it since Kubernetes 1.30): an agent whose node was taken
over can neither lie for other nodes nor have Jobs run there. Reading is cluster-wide where names of nodes would be needed:
the objects of other nodes are no secret.
"""

from collections.abc import Sequence

from kservectl.api.config import CONFIG_MAP_NAME, DEFAULT_NAMESPACE
from kservectl.manifests.names import PART_OF
from kservectl.manifests.node_agent import AGENT_NAMESPACE, JOB_NAMESPACE, NODE_AGENT
from kservectl.objects.metadata import Object

_RBAC = "rbac.authorization.k8s.io"
_READ = ("get", "list", "watch")
_KSERVE = "serving.kserve.io"
_ADMISSION = "admissionregistration.k8s.io/v1"
_NODE_CLAIM = "authentication.kubernetes.io/node-name"


def objects() -> list[Object]:
    """The account, its rights, and the policy."""
    return [
        _named("v1", "ServiceAccount", AGENT_NAMESPACE),
        _named(f"{_RBAC}/v1", "ClusterRole") | {"rules": _everywhere()},
        _bound("ClusterRoleBinding", "ClusterRole"),
        *_in_namespace(JOB_NAMESPACE, _for_jobs()),
        *_in_namespace(DEFAULT_NAMESPACE, [_rule("", ("configmaps",), _READ, names=(CONFIG_MAP_NAME,))]),
        # Events about what has no namespace are kept in this one.
        *_in_namespace("default", [_rule("events.k8s.io", ("events",), ("create", "patch"))]),
        _policy(),
        _policy_binding(),
    ]


def _everywhere() -> list[Object]:
    return [
        _rule(_KSERVE, ("localmodelnodes",), _READ),
        _rule(_KSERVE, ("localmodelnodes/status",), ("patch",)),
        _rule(_KSERVE, ("localmodelnodes/finalizers",), ("update",)),  # Jobs hold up the deletion of their owner
        _rule(_KSERVE, ("clusterstoragecontainers", "localmodelnodegroups"), _READ),
        _rule("", ("nodes",), _READ),
        # Whether a kind is served is learnt from its definition coming and going.
        _rule("apiextensions.k8s.io", ("customresourcedefinitions",), ("list", "watch")),
    ]


def _for_jobs() -> list[Object]:
    return [
        _rule("batch", ("jobs",), (*_READ, "create", "patch", "delete")),
        _rule("", ("secrets", "serviceaccounts"), ("get",)),
    ]


def _policy() -> Object:
    """Nothing is checked of tokens without a node: those of API servers that do not know better."""
    claim = f"request.userInfo.extra[?'{_NODE_CLAIM}'].orValue([])"
    user = f"system:serviceaccount:{AGENT_NAMESPACE}:{NODE_AGENT}"
    label = "metadata.?labels[?'node'].orValue('')"
    return _named(_ADMISSION, "ValidatingAdmissionPolicy") | {
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [_KSERVE],
                        "apiVersions": ["*"],
                        "resources": ["localmodelnodes", "localmodelnodes/status"],
                        "operations": ["UPDATE"],
                    },
                    {
                        "apiGroups": ["batch"],
                        "apiVersions": ["*"],
                        "resources": ["jobs"],
                        "operations": ["CREATE", "UPDATE", "DELETE"],
                    },
                ]
            },
            "matchConditions": [
                {"name": "node-agents", "expression": f"request.userInfo.username == '{user}'"},
                {"name": "of-a-known-node", "expression": f"size({claim}) > 0"},
            ],
            "variables": [{"name": "node", "expression": f"{claim}[0]"}],
            "validations": [
                {
                    "expression": "request.resource.group != 'serving.kserve.io' || request.name == variables.node",
                    "message": "a node agent may write the LocalModelNode of its own node only",
                },
                {
                    "expression": (
                        "request.resource.group != 'batch' || ("
                        f"(object == null || object.{label} == variables.node)"
                        f" && (oldObject == null || oldObject.{label} == variables.node))"
                    ),
                    "message": "a node agent may write the Jobs of its own node only",
                },
                {
                    "expression": (
                        "request.resource.group != 'batch' || object == null || object.spec.template.spec"
                        ".?nodeSelector[?'kubernetes.io/hostname'].orValue('') == variables.node"
                    ),
                    "message": "a node agent may have Jobs run on its own node only",
                },
            ],
        }
    }


def _policy_binding() -> Object:
    return _named(_ADMISSION, "ValidatingAdmissionPolicyBinding") | {
        "spec": {"policyName": NODE_AGENT, "validationActions": ["Deny"]}
    }


def _in_namespace(namespace: str, rules: Sequence[Object]) -> list[Object]:
    return [
        _named(f"{_RBAC}/v1", "Role", namespace) | {"rules": list(rules)},
        _bound("RoleBinding", "Role", namespace),
    ]


def _bound(kind: str, role: str, namespace: str = "") -> Object:
    return _named(f"{_RBAC}/v1", kind, namespace) | {
        "roleRef": {"apiGroup": _RBAC, "kind": role, "name": NODE_AGENT},
        "subjects": [{"kind": "ServiceAccount", "name": NODE_AGENT, "namespace": AGENT_NAMESPACE}],
    }


def _named(api_version: str, kind: str, namespace: str = "") -> Object:
    metadata: Object = {"name": NODE_AGENT, "labels": dict(PART_OF)}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str], names: Sequence[str] = ()) -> Object:
    rule: Object = {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
    return rule | ({"resourceNames": list(names)} if names else {})
