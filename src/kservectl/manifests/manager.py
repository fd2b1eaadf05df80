"""The manager itself: its namespace, Deployment and Services.

The pod meets the `restricted` Pod Security Standard and writes nowhere but into an emptyDir at /tmp. The serving
certificate of the webhooks is kept in a Secret by the manager, so nothing has to be there before it.
"""

from kservectl.manifests.names import (
    HEALTH_PORT,
    HEALTH_PORT_NAME,
    IMAGE,
    MANAGER,
    MANAGER_LABELS,
    METRICS_PORT,
    METRICS_PORT_NAME,
    METRICS_SERVICE,
    NAMESPACE,
    PART_OF,
    WEBHOOK_PORT,
    WEBHOOK_PORT_NAME,
    WEBHOOK_SERVICE,
)
from kservectl.objects.metadata import Object

ARGUMENTS = "/spec/template/spec/containers/0/args"
MOUNTS = "/spec/template/spec/containers/0/volumeMounts"
VOLUMES = "/spec/template/spec/volumes"
"""JSON pointers into the Deployment, for what changes it."""

_USER = 65532
_GRACE_SECONDS = 40
"""The manager takes up to half a minute to finish what it has in hand."""


def namespace() -> Object:
    """The label `control-plane` keeps the pod webhook away from pods in this namespace, the manager's own among them."""
    security = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {**PART_OF, **MANAGER_LABELS, **security}},
    }


def deployment() -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": MANAGER, "namespace": NAMESPACE, "labels": {**PART_OF, **MANAGER_LABELS}},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": dict(MANAGER_LABELS)},
            "template": {
                "metadata": {
                    "labels": {**PART_OF, **MANAGER_LABELS},
                    "annotations": {"kubectl.kubernetes.io/default-container": "manager"},
                },
                "spec": {
                    "serviceAccountName": MANAGER,
                    "terminationGracePeriodSeconds": _GRACE_SECONDS,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": _USER,
                        "runAsGroup": _USER,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [_container()],
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                },
            },
        },
    }


def webhook_service() -> Object:
    """What the API server calls."""
    return _service(WEBHOOK_SERVICE, 443, WEBHOOK_PORT_NAME)


def metrics_service() -> Object:
    """What Prometheus scrapes."""
    service = _service(METRICS_SERVICE, METRICS_PORT, METRICS_PORT_NAME)
    # By this a ServiceMonitor tells it from the webhooks' Service.
    service["metadata"]["labels"]["app.kubernetes.io/component"] = METRICS_SERVICE
    return service


def _service(name: str, port: int, target: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {**PART_OF, **MANAGER_LABELS}},
        "spec": {
            "ports": [{"name": target, "port": port, "targetPort": target, "protocol": "TCP"}],
            "selector": dict(MANAGER_LABELS),
        },
    }


def _container() -> Object:
    return {
        "name": "manager",
        "image": IMAGE,
        "command": ["python", "-m", "kservectl"],
        "args": ["run", "--leader-elect"],
        "env": [{"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}],
        "ports": [
            {"name": WEBHOOK_PORT_NAME, "containerPort": WEBHOOK_PORT, "protocol": "TCP"},
            {"name": METRICS_PORT_NAME, "containerPort": METRICS_PORT, "protocol": "TCP"},
            {"name": HEALTH_PORT_NAME, "containerPort": HEALTH_PORT, "protocol": "TCP"},
        ],
        "livenessProbe": _probe("/healthz", delay=30, period=10, failures=5),
        "readinessProbe": _probe("/readyz", delay=2, period=5, failures=3),
        "resources": {
            "requests": {"cpu": "100m", "memory": "200Mi"},
            "limits": {"cpu": "1", "memory": "512Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - a path in the container
    }


def _probe(path: str, *, delay: int, period: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": HEALTH_PORT_NAME},
        "initialDelaySeconds": delay,
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": 5,
    }
