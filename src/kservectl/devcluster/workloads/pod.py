"""Pods, as a kubelet would report them: scheduled, initialised, running, ready; or stuck in one of the known ways.

A pod's life is a function of its age, so it is the same after a restart, and no state is kept beside the object.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kservectl.clock import parse_time, rfc3339
from kservectl.devcluster.workloads.conditions import condition
from kservectl.devcluster.workloads.faults import CRASH_LOOP, IMAGE_PULL_ERROR, cannot_be_pulled, has_fault
from kservectl.devcluster.workloads.node import misfit
from kservectl.objects import metadata
from kservectl.objects.kind import NODE, POD
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome, Reference
from kservectl.runtime.view import View


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a simulated pod takes, in seconds; timestamps in objects have whole seconds, so ages are rounded up."""

    init: float = 0.0
    start: float = 0.0
    work: float = 1.0
    """How long the containers of a Job run."""

    download: float = 1.0
    """How long a node takes to download a model into its cache."""


def reconciler(pace: Pace) -> Callable[[Object, View], Outcome]:
    """A reconcile function for pods that live at this pace."""

    def reconcile(pod: Object, view: View) -> Outcome:
        if metadata.is_deleting(pod):
            ended = Reference(POD, metadata.namespace(pod), metadata.name(pod), grace_seconds=0)
            return Outcome(complete=False, delete=(ended,))
        return _decide(pod, view.list(NODE), view.now, pace)

    return reconcile


def _decide(pod: Object, nodes: Sequence[Object], now: datetime, pace: Pace) -> Outcome:
    spec = pod.get("spec") or {}
    if not spec.get("nodeName") and (problem := misfit(pod, nodes)):
        unscheduled = condition(pod, "PodScheduled", False, now, reason="Unschedulable", message=problem)
        return Outcome(status={"phase": "Pending", "conditions": [unscheduled], "qosClass": _quality(spec)})
    born = parse_time(str(metadata.metadata(pod).get("creationTimestamp") or rfc3339(now)))
    age = max((now - born).total_seconds(), 0.0)
    init_containers = spec.get("initContainers") or []
    initialised_at = pace.init if init_containers else 0.0
    ready_at = initialised_at + pace.start
    init_problem = _unpullable(init_containers)
    pulled = not init_problem
    initialised = pulled and age >= initialised_at
    main_problem = _unpullable(spec.get("containers") or [], asked=has_fault(pod, IMAGE_PULL_ERROR))
    mains_pulled = not main_problem
    crashing = has_fault(pod, CRASH_LOOP)
    running = initialised and mains_pulled and age >= ready_at
    finished = running and _ends(spec) and (age >= ready_at + pace.work or crashing)
    life = _Life(born, now, initialised, running and not crashing and not finished, crashing and running, finished)
    status = _status(pod, life, init_problem or main_problem)
    due = [moment - age for moment in (initialised_at, ready_at, ready_at + pace.work) if moment > age]
    waits = min(due) + 0.01 if due and pulled and mains_pulled and (not running or _ends(spec)) else None
    return Outcome(status=status, requeue_after=waits)


@dataclass(frozen=True, slots=True)
class _Life:
    born: datetime
    now: datetime
    initialised: bool
    ready: bool
    crashing: bool
    finished: bool


def _ends(spec: Mapping[str, Any]) -> bool:
    return str(spec.get("restartPolicy", "Always")) != "Always"


def _unpullable(containers: Sequence[Mapping[str, Any]], *, asked: bool = False) -> str:
    """The name of the first container whose image cannot be had; empty when all can."""
    for container in containers:
        if asked or cannot_be_pulled(str(container.get("image") or "")):
            return str(container.get("name"))
    return ""


def _status(pod: Object, life: _Life, unpulled: str) -> Object:
    spec = pod.get("spec") or {}
    inits = [_init_status(container, life, unpulled) for container in spec.get("initContainers") or ()]
    mains = [_main_status(container, life, unpulled, _ends(spec)) for container in spec.get("containers") or ()]
    reason, message = _unreadiness(spec, life)
    unfinished = (
        "" if life.initialised else f"containers with incomplete status: [{_names(spec.get('initContainers'))}]"
    )
    conditions = [
        condition(pod, "PodReadyToStartContainers", life.initialised or not unpulled, life.now),
        condition(
            pod,
            "Initialized",
            life.initialised,
            life.now,
            reason="" if life.initialised else "ContainersNotInitialized",
            message=unfinished,
        ),
        condition(pod, "Ready", life.ready, life.now, reason=reason, message=message),
        condition(pod, "ContainersReady", life.ready, life.now, reason=reason, message=message),
        condition(pod, "PodScheduled", True, life.now),
    ]
    status: Object = {
        "phase": _phase(life),
        "conditions": conditions,
        "hostIP": "10.0.0.1",
        "hostIPs": [{"ip": "10.0.0.1"}],
        "podIP": _address(pod),
        "podIPs": [{"ip": _address(pod)}],
        "startTime": rfc3339(life.born),
        "containerStatuses": mains,
        "qosClass": _quality(spec),
    }
    if inits:
        status["initContainerStatuses"] = inits
    return status


def _phase(life: _Life) -> str:
    if life.finished:
        return "Failed" if life.crashing else "Succeeded"
    return "Running" if life.ready or life.crashing else "Pending"


def _unreadiness(spec: Mapping[str, Any], life: _Life) -> tuple[str, str]:
    if life.ready:
        return "", ""
    if life.finished and not life.crashing:
        return "PodCompleted", ""
    return "ContainersNotReady", f"containers with unready status: [{_names(spec.get('containers'))}]"


def _names(containers: Sequence[Mapping[str, Any]] | None) -> str:
    return " ".join(str(container.get("name")) for container in containers or ())


def _waiting(container: Mapping[str, Any], unpulled: str, otherwise: str) -> Object:
    if unpulled == container.get("name"):
        message = f'Back-off pulling image "{container.get("image", "")}": the image cannot be pulled'
        return {"waiting": {"reason": "ImagePullBackOff", "message": message}}
    return {"waiting": {"reason": otherwise}}


def _base(container: Mapping[str, Any], *, ready: bool, restarts: int = 0) -> Object:
    return {
        "name": container.get("name"),
        "image": container.get("image", ""),
        "imageID": "",
        "ready": ready,
        "restartCount": restarts,
    }


def _terminated(life: _Life, code: int) -> Object:
    return {
        "exitCode": code,
        "reason": "Completed" if code == 0 else "Error",
        **({} if code == 0 else {"message": "the simulated process ended with an error"}),
        "startedAt": rfc3339(life.born),
        "finishedAt": rfc3339(life.born + timedelta(seconds=1)),
    }


def _init_status(container: Mapping[str, Any], life: _Life, unpulled: str) -> Object:
    if life.initialised:
        always = container.get("restartPolicy") == "Always"
        state = {"running": {"startedAt": rfc3339(life.born)}} if always else {"terminated": _terminated(life, 0)}
        return {**_base(container, ready=True), "started": always, "state": state}
    state = (
        _waiting(container, unpulled, "PodInitializing") if unpulled else {"running": {"startedAt": rfc3339(life.born)}}
    )
    return {**_base(container, ready=False), "started": not unpulled, "state": state}


def _main_status(container: Mapping[str, Any], life: _Life, unpulled: str, ends: bool) -> Object:
    if life.finished:
        code = 1 if life.crashing else 0
        return {**_base(container, ready=False), "started": False, "state": {"terminated": _terminated(life, code)}}
    if life.crashing and not ends:
        message = f"back-off 5m0s restarting failed container={container.get('name')}"
        return {
            **_base(container, ready=False, restarts=3),
            "started": False,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": message}},
            "lastState": {"terminated": _terminated(life, 1)},
        }
    if life.ready:
        running = {"running": {"startedAt": rfc3339(life.born)}}
        return {**_base(container, ready=True), "started": True, "state": running}
    otherwise = "ContainerCreating" if life.initialised else "PodInitializing"
    return {**_base(container, ready=False), "started": False, "state": _waiting(container, unpulled, otherwise)}


def _address(pod: Object) -> str:
    number = sum(metadata.uid(pod).encode()) * 31 + len(metadata.name(pod))
    return f"10.1.{number // 250 % 250}.{number % 250 + 1}"


def _quality(spec: Mapping[str, Any]) -> str:
    resources = [container.get("resources") or {} for container in spec.get("containers") or ()]
    if not any(each.get("limits") or each.get("requests") for each in resources):
        return "BestEffort"
    bounded = all(
        {"cpu", "memory"} <= (each.get("limits") or {}).keys()
        and (each.get("requests") or each["limits"]) == each["limits"]
        for each in resources
    )
    return "Guaranteed" if bounded else "Burstable"
