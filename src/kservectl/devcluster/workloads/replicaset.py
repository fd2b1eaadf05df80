"""ReplicaSets: as many pods as asked for, put on the node that takes them; and the status that counts them."""

import hashlib
from collections.abc import Sequence
from typing import Any

from kservectl.devcluster.workloads.conditions import condition, status_of
from kservectl.devcluster.workloads.node import NODE_NAME, misfit
from kservectl.objects import metadata
from kservectl.objects.kind import NODE, POD
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Failure, Outcome
from kservectl.runtime.view import View

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def reconcile(replica_set: Object, view: View) -> Outcome:
    """The pods that should exist, and how many of them are ready."""
    if metadata.is_deleting(replica_set):
        return Outcome(complete=False)
    wanted = int(replica_set["spec"].get("replicas", 1))
    template = replica_set["spec"].get("template") or {}
    nodes = view.list(NODE)
    pods = tuple(pod_from(replica_set, template, pod_name(replica_set, index), nodes) for index in range(wanted))
    alive = [obj for obj in view.owned(POD, metadata.uid(replica_set)) if not metadata.is_deleting(obj)]
    return Outcome(desired=pods, status=_status(replica_set, alive))


def refused(replica_set: Object, outcome: Outcome, failures: Sequence[Failure], view: View) -> Outcome:
    """Pods that admission refused show on the ReplicaSet, and from there on its Deployment."""
    message = failures[0].message
    failed = condition(replica_set, "ReplicaFailure", True, view.now, reason="FailedCreate", message=message)
    status = {**(outcome.status or {}), "conditions": [failed]}
    return Outcome(desired=outcome.desired, status=status)


def pod_name(owner: Object, index: int) -> str:
    """A name that is the same whenever it is computed: `<owner>-<five letters>`."""
    digest = hashlib.sha256(f"{metadata.uid(owner)}/{index}".encode()).digest()
    return f"{metadata.name(owner)}-{''.join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:5])}"


def pod_from(owner: Object, template: Object, name: str, nodes: Sequence[Object]) -> Object:
    """A pod of a template, assigned to the node if it fits there."""
    inner = template.get("metadata") or {}
    pod: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": metadata.namespace(owner),
            "labels": dict(inner.get("labels") or {}),
            "annotations": dict(inner.get("annotations") or {}),
        },
        "spec": dict(template.get("spec") or {}),
    }
    if nodes and not misfit(pod, nodes):
        pod["spec"]["nodeName"] = NODE_NAME
    return pod


def _status(replica_set: Object, pods: Sequence[Object]) -> Object:
    ready = sum(status_of(pod, "Ready") == "True" for pod in pods)
    labels = len((replica_set["spec"].get("template") or {}).get("metadata", {}).get("labels") or {})
    counts: dict[str, Any] = {
        "fullyLabeledReplicas": len(pods) if labels else 0,
        "readyReplicas": ready,
        "availableReplicas": ready,
    }
    return {
        "replicas": len(pods),
        **{name: count for name, count in counts.items() if count},
        "observedGeneration": metadata.generation(replica_set),
    }
