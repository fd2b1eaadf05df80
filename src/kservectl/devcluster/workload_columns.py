"""The columns of kinds that run something: pods and what makes them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from kservectl.clock import parse_time
from kservectl.devcluster.columns import (
    AGE,
    NONE,
    Cell,
    TableColumn,
    containers_cell,
    count_cell,
    field_cell,
    number_column,
    selector_cell,
    since_cell,
    text_column,
)
from kservectl.devcluster.duration import age, human_duration
from kservectl.objects.metadata import Object

_TEMPLATE = (
    TableColumn("Containers", containers_cell("name"), priority=1),
    TableColumn("Images", containers_cell("image"), priority=1),
    TableColumn("Selector", selector_cell("spec.selector"), priority=1),
)


def _pod_ready(pod: Object, now: datetime) -> str:
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    containers = pod.get("spec", {}).get("containers") or ()
    return f"{sum(bool(status.get('ready')) for status in statuses)}/{len(containers)}"


def _pod_restarts(pod: Object, now: datetime) -> str:
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    count = sum(int(status.get("restartCount") or 0) for status in statuses)
    ends = [
        status["lastState"]["terminated"]["finishedAt"]
        for status in statuses
        if ((status.get("lastState") or {}).get("terminated") or {}).get("finishedAt")
    ]
    return f"{count} ({age(max(ends), now)} ago)" if count and ends else str(count)


def pod_status(pod: Object) -> str:
    """The one word for a pod's state: its worst container's reason, or its phase."""
    status = pod.get("status") or {}
    word = str(status.get("reason") or status.get("phase") or "Unknown")
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            word = "SchedulingGated"
    word = _init_status(pod) or _container_status(status, word)
    if pod["metadata"].get("deletionTimestamp"):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return word


def _init_status(pod: Object) -> str:
    statuses = (pod.get("status") or {}).get("initContainerStatuses") or ()
    total = len((pod.get("spec") or {}).get("initContainers") or ())
    for number, container in enumerate(statuses):
        state = container.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting") or {}
        if ended is not None and not ended.get("exitCode"):
            continue
        if ended is not None:
            return f"Init:{ended.get('reason') or _exit_word(ended)}"
        if waiting.get("reason") and waiting["reason"] != "PodInitializing":
            return f"Init:{waiting['reason']}"
        return f"Init:{number}/{total}"
    return ""


def _container_status(status: Object, word: str) -> str:
    running = False
    for container in reversed(status.get("containerStatuses") or ()):
        state = container.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            word = waiting["reason"]
        elif ended is not None:
            word = ended.get("reason") or _exit_word(ended)
        elif container.get("ready") and state.get("running") is not None:
            running = True
    if word == "Completed" and running:
        ready = any(
            condition.get("type") == "Ready" and condition.get("status") == "True"
            for condition in status.get("conditions") or ()
        )
        return "Running" if ready else "NotReady"
    return word


def _exit_word(ended: Object) -> str:
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _readiness_gates(pod: Object, now: datetime) -> str:
    gates = pod.get("spec", {}).get("readinessGates") or ()
    if not gates:
        return NONE
    true = {one["type"] for one in pod.get("status", {}).get("conditions") or () if one.get("status") == "True"}
    return f"{sum(gate['conditionType'] in true for gate in gates)}/{len(gates)}"


def _of(path: str, total: str) -> Cell:
    first, second = field_cell(path, 0), field_cell(total, 0)
    return lambda obj, now: f"{first(obj, now)}/{second(obj, now)}"


def _job_status(job: Object, now: datetime) -> str:
    true = {one["type"] for one in job.get("status", {}).get("conditions") or () if one.get("status") == "True"}
    for word, condition in (("Complete", "Complete"), ("Failed", "Failed"), ("Suspended", "Suspended")):
        if condition in true:
            return word
    return "Terminating" if job["metadata"].get("deletionTimestamp") else "Running"


def _job_completions(job: Object, now: datetime) -> str:
    spec, status = job.get("spec", {}), job.get("status", {})
    done = status.get("succeeded") or 0
    if spec.get("completions") is not None:
        return f"{done}/{spec['completions']}"
    parallelism = spec.get("parallelism") or 0
    return f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"


def _job_duration(job: Object, now: datetime) -> str:
    status = job.get("status", {})
    if not status.get("startTime"):
        return ""
    end = parse_time(status["completionTime"]) if status.get("completionTime") else now
    return human_duration((end - parse_time(status["startTime"])).total_seconds())


def _controller(obj: Object, now: datetime) -> str:
    owner = next((each for each in obj["metadata"].get("ownerReferences") or () if each.get("controller")), None)
    if owner is None:
        return NONE
    group = str(owner["apiVersion"]).rpartition("/")[0]
    return f"{'.'.join(filter(None, (str(owner['kind']).lower(), group)))}/{owner['name']}"


WORKLOAD_COLUMNS: Mapping[str, Sequence[TableColumn]] = {
    "pods": (
        TableColumn("Ready", _pod_ready),
        TableColumn("Status", lambda obj, now: pod_status(obj)),
        TableColumn("Restarts", _pod_restarts),
        AGE,
        text_column("IP", "status.podIP", NONE, priority=1),
        text_column("Node", "spec.nodeName", NONE, priority=1),
        text_column("Nominated Node", "status.nominatedNodeName", NONE, priority=1),
        TableColumn("Readiness Gates", _readiness_gates, priority=1),
    ),
    "deployments.apps": (
        TableColumn("Ready", _of("status.readyReplicas", "spec.replicas")),
        number_column("Up-to-date", "status.updatedReplicas"),
        number_column("Available", "status.availableReplicas"),
        AGE,
        *_TEMPLATE,
    ),
    "replicasets.apps": (
        number_column("Desired", "spec.replicas"),
        number_column("Current", "status.replicas"),
        number_column("Ready", "status.readyReplicas"),
        AGE,
        *_TEMPLATE,
    ),
    "controllerrevisions.apps": (
        TableColumn("Controller", _controller),
        TableColumn("Revision", lambda obj, now: str(obj.get("revision", ""))),
        AGE,
    ),
    "statefulsets.apps": (TableColumn("Ready", _of("status.readyReplicas", "spec.replicas")), AGE, *_TEMPLATE[:2]),
    "daemonsets.apps": (
        number_column("Desired", "status.desiredNumberScheduled"),
        number_column("Current", "status.currentNumberScheduled"),
        number_column("Ready", "status.numberReady"),
        number_column("Up-to-date", "status.updatedNumberScheduled"),
        number_column("Available", "status.numberAvailable"),
        TableColumn("Node Selector", selector_cell("spec.template.spec.nodeSelector")),
        AGE,
        *_TEMPLATE,
    ),
    "jobs.batch": (
        TableColumn("Status", _job_status),
        TableColumn("Completions", _job_completions),
        TableColumn("Duration", _job_duration),
        AGE,
        *_TEMPLATE,
    ),
    "cronjobs.batch": (
        text_column("Schedule", "spec.schedule"),
        text_column("Timezone", "spec.timeZone", NONE),
        TableColumn("Suspend", lambda obj, now: str(bool(obj.get("spec", {}).get("suspend")))),
        TableColumn("Active", count_cell("status.active"), type="integer"),
        TableColumn("Last Schedule", since_cell("status.lastScheduleTime", NONE)),
        AGE,
    ),
}
