"""A graph as KServe's manager leaves it in Standard mode: Ready, with a router, and with no route to the URL of its status."""

import json

from e2e.left_services import DOMAIN
from kservectl.api.kinds import INFERENCE_GRAPH
from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, SERVICE, Kind
from kservectl.objects.metadata import Object

ROUTER = "kserve/router:latest"
"""The image that the key `router` of the configuration has to name."""

_SPEC = {"nodes": {"root": {"routerType": "Sequence", "steps": [{"serviceUrl": "http://someservice.example.com"}]}}}


def left_graph(name: str, namespace: str) -> list[Object]:
    """The graph first, with one step to a URL."""
    labels = {"app": f"isvc.{name}", "serving.kserve.io/inferencegraph": name}
    owner = {"kind": INFERENCE_GRAPH.kind, "name": name, "controller": True, "blockOwnerDeletion": True}

    def made(kind: Kind, spec: Object) -> Object:
        meta = {"name": name, "namespace": namespace, "labels": labels, "ownerReferences": [owner]}
        return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "spec": spec}

    conditions = [{"type": "Ready", "status": "True"}, {"type": "Stopped", "status": "False"}]
    graph = {
        "apiVersion": INFERENCE_GRAPH.api_version,
        "kind": INFERENCE_GRAPH.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": _SPEC,
        "status": {"conditions": conditions, "url": f"http://{name}-{namespace}.{DOMAIN}"},
    }
    deployment = {
        "replicas": 1,
        "selector": {"matchLabels": {"app": f"isvc.{name}"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        "template": {"metadata": {"name": name, "namespace": namespace, "labels": labels}, "spec": _pod(name)},
        "progressDeadlineSeconds": 600,
        "revisionHistoryLimit": 10,
    }
    port = {"name": name, "port": 80, "protocol": "TCP", "targetPort": 8080}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    scaling = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicas": 1,
        "maxReplicas": 1,
        "metrics": [{"type": "Resource", "resource": cpu}],
        "behavior": {},
    }
    return [
        graph,
        made(DEPLOYMENT, deployment),
        made(SERVICE, {"type": "ClusterIP", "selector": {"app": f"isvc.{name}"}, "ports": [port]}),
        made(HORIZONTAL_POD_AUTOSCALER, scaling),
    ]


def _pod(name: str) -> Object:
    container = {
        "name": name,
        "image": ROUTER,
        "imagePullPolicy": "IfNotPresent",
        "args": ["--graph-json", json.dumps({**_SPEC, "resources": {}}, separators=(",", ":"))],
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": 8080, "scheme": "HTTP"},
            "initialDelaySeconds": 5,
            "periodSeconds": 5,
            "timeoutSeconds": 2,
            "successThreshold": 1,
            "failureThreshold": 3,
        },
        "resources": {
            "limits": {"cpu": "1", "memory": "1Gi"},
            "requests": {"cpu": "100m", "memory": "100Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        },
    }
    return {"automountServiceAccountToken": False, "containers": [container]}
