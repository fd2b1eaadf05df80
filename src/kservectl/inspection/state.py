"""How one object is doing, in a few words, as a person would say it of each kind.

`ready` is None for kinds that have no such notion (a Service, a ConfigMap): they do not stand in anybody's way.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kservectl.objects import metadata
from kservectl.objects.metadata import Object


@dataclass(frozen=True, slots=True)
class State:
    """`text` is a word or two (`2/2 ready`); `detail` a sentence where something is wrong, else empty."""

    ready: bool | None
    text: str = ""
    detail: str = ""


def state(obj: Object) -> State:
    """The state of any object; kinds that are not known here are judged by their `Ready` condition, if they have one."""
    if metadata.is_deleting(obj):
        return State(False, "terminating", _held_by(obj))
    judge = _BY_KIND.get(str(obj.get("kind")), _by_condition)
    return judge(obj)


def condition(obj: Mapping[str, Any], type_: str) -> Mapping[str, Any] | None:
    """The condition of that type in `status.conditions`."""
    for entry in (obj.get("status") or {}).get("conditions") or ():
        if entry.get("type") == type_:
            found: Mapping[str, Any] = entry
            return found
    return None


def _held_by(obj: Object) -> str:
    finalizers = metadata.metadata(obj).get("finalizers") or ()
    return f"waits for {', '.join(finalizers)}" if finalizers else ""


def _by_condition(obj: Object) -> State:
    found = condition(obj, "Ready")
    if found is None:
        return State(None)
    if found.get("status") == "True":
        url = (obj.get("status") or {}).get("url")
        return State(True, f"ready at {url}" if url else "ready")
    return State(False, str(found.get("reason") or "not ready"), str(found.get("message") or ""))


def _deployment(obj: Object) -> State:
    wanted = int((obj.get("spec") or {}).get("replicas", 1))
    available = int((obj.get("status") or {}).get("availableReplicas") or 0)
    text = f"{available}/{wanted} available"
    for type_, bad in (("ReplicaFailure", "True"), ("Progressing", "False")):
        found = condition(obj, type_)
        if found is not None and found.get("status") == bad:
            return State(False, text, str(found.get("message") or found.get("reason") or ""))
    found = condition(obj, "Available")
    return State(found is not None and found.get("status") == "True" and available >= wanted, text)


def _replica_set(obj: Object) -> State:
    wanted = int((obj.get("spec") or {}).get("replicas", 1))
    ready = int((obj.get("status") or {}).get("readyReplicas") or 0)
    return State(None if wanted == 0 else ready >= wanted, f"{ready}/{wanted} ready")


def _pod(obj: Object) -> State:
    status = obj.get("status") or {}
    phase = str(status.get("phase") or "Pending")
    scheduled = condition(obj, "PodScheduled")
    if scheduled is not None and scheduled.get("status") == "False":
        return State(False, "unschedulable", str(scheduled.get("message") or ""))
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") and waiting["reason"] not in ("ContainerCreating", "PodInitializing"):
            return State(
                False, str(waiting["reason"]), f"container {container.get('name')}: {waiting.get('message', '')}"
            )
    ready = condition(obj, "Ready")
    return State(phase == "Succeeded" or (ready is not None and ready.get("status") == "True"), phase)


def _http_route(obj: Object) -> State:
    parents = (obj.get("status") or {}).get("parents") or ()
    if not parents:
        return State(False, "not accepted yet", "no gateway has answered for this route")
    for parent in parents:
        for entry in parent.get("conditions") or ():
            if entry.get("status") == "False":
                return State(False, str(entry.get("reason") or entry.get("type")), str(entry.get("message") or ""))
    return State(True, "accepted")


def _autoscaler(obj: Object) -> State:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    span = f"{spec.get('minReplicas', 1)}-{spec.get('maxReplicas', '?')} replicas"
    current = status.get("currentReplicas")
    return State(None, f"{span}, now {current}" if current is not None else span)


def _job(obj: Object) -> State:
    for type_, ready in (("Complete", True), ("Failed", False)):
        found = condition(obj, type_)
        if found is not None and found.get("status") == "True":
            return State(ready, type_.lower(), str(found.get("message") or ""))
    return State(False, "running")


def _service(obj: Object) -> State:
    spec = obj.get("spec") or {}
    ports = ", ".join(
        f"{port.get('port')}→{port.get('targetPort', port.get('port'))}" for port in spec.get("ports") or ()
    )
    return State(None, ports)


def _volume(obj: Object) -> State:
    phase = str((obj.get("status") or {}).get("phase") or "Pending")
    return State(None if phase in ("Available", "Pending") else phase == "Bound", phase.lower())


def _model_cache(obj: Object) -> State:
    status = obj.get("status") or {}
    copies, progress = status.get("copies") or {}, status.get("progress") or {}
    found = condition(obj, "Ready")
    if found is None:
        return State(None)
    text = f"{copies.get('available', 0)}/{copies.get('total', 0)} nodes"
    if found.get("status") == "True":
        return State(True, text)
    if "percent" in progress:
        text += f", {progress['percent']} %"
    return State(False, text, str(found.get("message") or found.get("reason") or ""))


def _model_node(obj: Object) -> State:
    listed = (obj.get("spec") or {}).get("localModels") or ()
    states = ((obj.get("status") or {}).get("modelStatus") or {}).values()
    done = sum(each == "ModelDownloaded" for each in states)
    return State(done >= len(listed), f"{done}/{len(listed)} models")


_BY_KIND: Mapping[str, Callable[[Object], State]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "Pod": _pod,
    "HTTPRoute": _http_route,
    "HorizontalPodAutoscaler": _autoscaler,
    "Job": _job,
    "LocalModelCache": _model_cache,
    "LocalModelNamespaceCache": _model_cache,
    "LocalModelNode": _model_node,
    "PersistentVolume": _volume,
    "PersistentVolumeClaim": _volume,
    "Service": _service,
}
