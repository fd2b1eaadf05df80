"""What a pod tells about its containers, in the few questions that readiness and explanations ask."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kservectl.controllers.inferenceservice.component_metadata import APP_LABEL, app_label
from kservectl.objects import metadata
from kservectl.objects.kind import POD
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

STORAGE_INITIALIZER = "storage-initializer"
CRASH_LOOP = "CrashLoopBackOff"
OOM_KILLED = "OOMKilled"


@dataclass(frozen=True, slots=True)
class Termination:
    """How a container ended. `finished_at` is the kubelet's timestamp, as it wrote it."""

    reason: str
    message: str
    exit_code: int
    finished_at: str


@dataclass(frozen=True, slots=True)
class ContainerState:
    """The state of one container. At most one of `running`, `waiting`, `ended` says something."""

    name: str
    init: bool
    running: bool
    waiting: str
    waiting_message: str
    ended: Termination | None
    previous: Termination | None
    restarts: int


def pods_of(component_name: str, namespace: str, view: View) -> list[Object]:
    """The pods of a component, newest first, those of one second in name order."""
    return pods_with({APP_LABEL: app_label(component_name)}, namespace, view)


def pods_with(labels: Mapping[str, str], namespace: str, view: View) -> list[Object]:
    """The pods that carry all of `labels`, in the order of `pods_of`."""
    pods = sorted(view.list(POD, namespace, labels), key=metadata.name)
    pods.sort(key=lambda pod: str(metadata.metadata(pod).get("creationTimestamp") or ""), reverse=True)
    return pods


def is_ready(pod: Object) -> bool:
    """Whether the pod runs and its condition Ready is True."""
    status = pod.get("status") or {}
    return status.get("phase") == "Running" and _condition(status, "Ready").get("status") == "True"


def unschedulable(pod: Object) -> str:
    """Why the scheduler finds no node; empty when it did, or did not try yet."""
    condition = _condition(pod.get("status") or {}, "PodScheduled")
    if condition.get("status") == "False" and condition.get("reason") == "Unschedulable":
        return str(condition.get("message") or "no node fits")
    return ""


def containers(pod: Object) -> Iterator[ContainerState]:
    """All containers that have a status, init containers first."""
    status = pod.get("status") or {}
    for field, init in (("initContainerStatuses", True), ("containerStatuses", False)):
        for entry in status.get(field) or ():
            yield _state(entry, init)


def container(pod: Object, name: str, *, init: bool) -> ContainerState | None:
    return next((state for state in containers(pod) if state.name == name and state.init == init), None)


def _condition(status: Object, type_: str) -> Object:
    conditions: Sequence[Object] = status.get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == type_), {})


def _state(entry: Object, init: bool) -> ContainerState:
    state = entry.get("state") or {}
    waiting = state.get("waiting") or {}
    return ContainerState(
        name=str(entry.get("name") or ""),
        init=init,
        running=state.get("running") is not None,
        waiting=str(waiting.get("reason") or ""),
        waiting_message=str(waiting.get("message") or ""),
        ended=_termination(state.get("terminated")),
        previous=_termination((entry.get("lastState") or {}).get("terminated")),
        restarts=int(entry.get("restartCount") or 0),
    )


def _termination(entry: Object | None) -> Termination | None:
    if not entry:
        return None
    return Termination(
        reason=str(entry.get("reason") or ""),
        message=str(entry.get("message") or ""),
        exit_code=int(entry.get("exitCode") or 0),
        finished_at=str(entry.get("finishedAt") or ""),
    )
