"""The node agent: its DaemonSet, the namespaces of it and of its Jobs, and the container in which models are downloaded.

Nothing here is part of the base: nodes keep models only where somebody asks for it (`kubectl apply -k manifests/node-agent`).

The pod meets the `restricted` Pod Security Standard but for two things, each of which is what the agent is for:
- a hostPath volume, because the models outlive the pod and are read by others (so its namespace allows `privileged` pods);
- an init container that runs as root with CHOWN as its only capability: the kubelet makes the folder of a hostPath for root,
  and nobody else could let a user without rights have it. It changes the owner of that one folder and ends.
The agent itself runs as the user and group of the download Jobs, whose files it has to remove.
"""

from kservectl.api.config import DEFAULT_NAMESPACE
from kservectl.api.kinds import CLUSTER_STORAGE_CONTAINER
from kservectl.api.storagecontainer import LOCAL_MODEL_DOWNLOAD_JOB
from kservectl.manifests.names import (
    HEALTH_PORT,
    HEALTH_PORT_NAME,
    IMAGE,
    METRICS_PORT,
    METRICS_PORT_NAME,
    PART_OF,
)
from kservectl.modelstorage.paths import MODEL_PATH
from kservectl.objects.metadata import Object

NODE_AGENT = "kserve-localmodelnode-agent"
AGENT_NAMESPACE = "kserve-localmodelnode-agent"
JOB_NAMESPACE = "kserve-localmodel-jobs"
NODE_LABEL = {"kserve/localmodel": "worker"}
HOST_PATH = "/models"

_LABELS = {**PART_OF, "app.kubernetes.io/component": NODE_AGENT}
_USER = 1000
"""The user of KServe's storage initializer, and the group of `localModel.fsGroup`."""

_LOCKED_DOWN = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "privileged": False,
    "readOnlyRootFilesystem": True,
}
_VOLUME = "models"
_MOUNT = {"name": _VOLUME, "mountPath": MODEL_PATH}


def namespaces() -> list[Object]:
    """Jobs may be of any image that an administrator chose, KServe's among them, which does not ask for `restricted`."""
    return [_namespace(AGENT_NAMESPACE, "privileged"), _namespace(JOB_NAMESPACE, "baseline")]


def daemon_set() -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": NODE_AGENT, "namespace": AGENT_NAMESPACE, "labels": dict(_LABELS)},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/component": NODE_AGENT}},
            "template": {
                "metadata": {
                    "labels": dict(_LABELS),
                    "annotations": {"kubectl.kubernetes.io/default-container": "agent"},
                },
                "spec": {
                    "serviceAccountName": NODE_AGENT,
                    "nodeSelector": dict(NODE_LABEL),
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": _USER,
                        "runAsGroup": _USER,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "initContainers": [_owner()],
                    "containers": [_agent()],
                    "volumes": [
                        {"name": _VOLUME, "hostPath": {"path": HOST_PATH, "type": "DirectoryOrCreate"}},
                        {"name": "tmp", "emptyDir": {}},
                    ],
                },
            },
        },
    }


def download_container() -> Object:
    """What download Jobs run: this project's own downloader, for the storages that it knows.

    Without it, or where `disabled` is set, and for other storages, Jobs run the storage initializer of the configuration.
    """
    return {
        "apiVersion": CLUSTER_STORAGE_CONTAINER.api_version,
        "kind": CLUSTER_STORAGE_CONTAINER.kind,
        "metadata": {"name": "kservectl-download", "labels": dict(PART_OF)},
        "spec": {
            "container": {
                "name": "download",
                "image": IMAGE,
                "command": ["python", "-m", "kservectl", "download"],
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "resources": {
                    "requests": {"cpu": "100m", "memory": "128Mi"},
                    "limits": {"cpu": "1", "memory": "512Mi"},
                },
                "securityContext": {
                    **_LOCKED_DOWN,
                    "runAsNonRoot": True,
                    "runAsUser": _USER,
                    "runAsGroup": _USER,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
            },
            "supportedUriFormats": [
                {"prefix": prefix} for prefix in ("https://", "http://", "hf://", "s3://", "gs://")
            ],
            "workloadType": LOCAL_MODEL_DOWNLOAD_JOB,
        },
    }


def _namespace(name: str, level: str) -> Object:
    security = {"pod-security.kubernetes.io/enforce": level, "pod-security.kubernetes.io/warn": "restricted"}
    if level == "privileged":
        security = {"pod-security.kubernetes.io/enforce": level}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {**PART_OF, **security}}}


def _owner() -> Object:
    script = f"import os; os.chown({MODEL_PATH!r}, {_USER}, {_USER})"
    return {
        "name": "own-models-folder",
        "image": IMAGE,
        "command": ["python", "-c", script],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}},
        "securityContext": {
            **_LOCKED_DOWN,
            "capabilities": {"drop": ["ALL"], "add": ["CHOWN"]},
            "runAsNonRoot": False,
            "runAsUser": 0,
        },
        "volumeMounts": [dict(_MOUNT)],
    }


def _agent() -> Object:
    return {
        "name": "agent",
        "image": IMAGE,
        "command": ["python", "-m", "kservectl", "node-agent"],
        "args": [f"--system-namespace={DEFAULT_NAMESPACE}", "--log-format=json"],
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "ports": [
            {"name": METRICS_PORT_NAME, "containerPort": METRICS_PORT, "protocol": "TCP"},
            {"name": HEALTH_PORT_NAME, "containerPort": HEALTH_PORT, "protocol": "TCP"},
        ],
        "livenessProbe": _probe("/healthz", delay=30, period=10),
        "readinessProbe": _probe("/readyz", delay=2, period=5),
        "resources": {"requests": {"cpu": "100m", "memory": "200Mi"}, "limits": {"cpu": "500m", "memory": "300Mi"}},
        "securityContext": {**_LOCKED_DOWN, "runAsNonRoot": True},
        "volumeMounts": [dict(_MOUNT), {"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - a path in the container
    }


def _probe(path: str, *, delay: int, period: int) -> Object:
    return {
        "httpGet": {"path": path, "port": HEALTH_PORT_NAME},
        "initialDelaySeconds": delay,
        "periodSeconds": period,
        "timeoutSeconds": 5,
    }
