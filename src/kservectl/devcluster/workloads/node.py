"""The simulated node, and which pods fit on it."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from kservectl.clock import rfc3339
from kservectl.devcluster.workloads.faults import NEVER_SCHEDULED, has_fault
from kservectl.objects import metadata, quantity
from kservectl.objects.metadata import Object

NODE_NAME = "devcluster-node"
_CAPACITY = {
    "cpu": "64",
    "memory": "512Gi",
    "ephemeral-storage": "1Ti",
    "pods": "10000",
    "nvidia.com/gpu": "16",
    "amd.com/gpu": "16",
    "intel.com/gpu": "16",
    "habana.ai/gaudi": "16",
}


def node(now: Any) -> Object:
    """A Ready node that is large enough for most models."""
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "the simulated kubelet is ready",
        "lastHeartbeatTime": rfc3339(now),
        "lastTransitionTime": rfc3339(now),
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": NODE_NAME,
            "labels": {
                "kubernetes.io/hostname": NODE_NAME,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "kserve/localmodel": "worker",
            },
        },
        "spec": {},
        "status": {
            "capacity": _CAPACITY,
            "allocatable": _CAPACITY,
            "conditions": [condition],
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": NODE_NAME}],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "simulated://1",
                "kernelVersion": "none",
                "kubeProxyVersion": "",
                "kubeletVersion": "v1.34.0-devcluster",
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "none",
                "systemUUID": "",
            },
        },
    }


def misfit(pod: Mapping[str, Any], nodes: Sequence[Object]) -> str:
    """Why no node takes the pod, as a scheduler would say it; empty when one does."""
    if has_fault(pod, NEVER_SCHEDULED):
        return f"0/{len(nodes)} nodes are available: the annotation on the pod asks that none is."
    wanted = requests(pod.get("spec") or {})
    selector = (pod.get("spec") or {}).get("nodeSelector") or {}
    shortages: list[str] = []
    for candidate in nodes:
        allocatable = (candidate.get("status") or {}).get("allocatable") or {}
        short = [name for name, amount in wanted.items() if amount > quantity.parse(allocatable.get(name, "0"))]
        if not selector.items() <= metadata.labels(candidate).items():
            shortages.append("1 node(s) didn't match Pod's node affinity/selector")
        elif short:
            shortages += [f"1 Insufficient {name}" for name in short]
        else:
            return ""
    reasons = ", ".join(shortages) or "there is no node"
    return f"0/{len(nodes)} nodes are available: {reasons}."


def requests(spec: Mapping[str, Any]) -> dict[str, Fraction]:
    """What a pod asks for: the sum over its containers, or its largest init container where that is more."""
    total: dict[str, Fraction] = {}
    for container in spec.get("containers") or ():
        for name, amount in _requests(container).items():
            total[name] = total.get(name, Fraction(0)) + amount
    for container in spec.get("initContainers") or ():
        for name, amount in _requests(container).items():
            total[name] = max(total.get(name, Fraction(0)), amount)
    return total


def _requests(container: Mapping[str, Any]) -> dict[str, Fraction]:
    resources = container.get("resources") or {}
    asked = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return {name: quantity.parse(amount) for name, amount in asked.items()}
