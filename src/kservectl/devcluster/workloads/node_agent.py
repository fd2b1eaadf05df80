"""The agents of nodes that cache models: what a LocalModelNode asks for is downloaded, in its status, as time goes by.

A node downloads as many models at a time as it is told to, in the order of the list. A source on a host under `.invalid`
(RFC 2606) can never be reached.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from kservectl.clock import parse_time, rfc3339
from kservectl.devcluster.workloads.conditions import condition
from kservectl.objects import metadata, quantity
from kservectl.objects.kind import NODE
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import View

OWN_AGENT_ANNOTATION = "kservectl.dev/own-node-agent"
"""On a Node: somebody runs a real agent for it, and nothing is simulated. Its presence is enough."""

_AT_A_TIME = 4
_CAPACITY = 1024**4
_STEPS = 4


def reconciler(seconds: float) -> Callable[[Object, View], Outcome]:
    """A reconcile function for LocalModelNodes whose models take this long to download."""

    def reconcile(order: Object, view: View) -> Outcome:
        node = view.get(NODE, metadata.name(order))
        if metadata.is_deleting(order) or node is None or OWN_AGENT_ANNOTATION in metadata.annotations(node):
            return Outcome(complete=False)
        return _decide(order, view.now, seconds)

    return reconcile


@dataclass(slots=True)
class _Copy:
    state: str
    known: Object
    wait: float | None = None


def _decide(order: Object, now: datetime, seconds: float) -> Outcome:
    spec, before = order.get("spec") or {}, order.get("status") or {}
    known: Mapping[str, Any] = before.get("models") or {}
    free = int(spec.get("maxParallelDownloads") or _AT_A_TIME)
    copies: dict[str, _Copy] = {}
    for entry in spec.get("localModels") or ():
        key = "/".join(part for part in (entry.get("namespace"), entry.get("modelName")) if part)
        copies[key] = _copy(entry, known.get(key) or {}, now, seconds, may_start=free > 0)
        free -= copies[key].state == "ModelDownloading"
    used = sum(copy.known.get("downloadedBytes") or 0 for copy in copies.values())
    status: Object = {
        "modelStatus": {key: copy.state for key, copy in copies.items()},
        "models": {key: copy.known for key, copy in copies.items() if copy.known},
        "storage": {"capacityBytes": _CAPACITY, "availableBytes": _CAPACITY - used, "usedBytes": used},
        "conditions": [condition(order, "Ready", True, now, reason="DiskReady", message="the disk is simulated")],
        "observedGeneration": metadata.generation(order),
    }
    waits = [copy.wait for copy in copies.values() if copy.wait is not None]
    return Outcome(complete=False, status=status, requeue_after=min(waits) if waits else None)


def _copy(entry: Object, known: Object, now: datetime, seconds: float, *, may_start: bool) -> _Copy:
    if (urlsplit(str(entry.get("sourceModelUri"))).hostname or "").endswith(".invalid"):
        message = f"{entry['sourceModelUri']} cannot be reached: no such host"
        return _Copy("ModelDownloadError", {"reason": "DownloadFailed", "message": message, "attempts": 1})
    if known.get("completionTime"):
        return _Copy("ModelDownloaded", known)
    if not known.get("startTime") and not may_start:
        waits = {"reason": "WaitsForTurn", "message": "other models are downloaded first"}
        return _Copy("ModelDownloadPending", waits)
    total = int(quantity.parse(entry.get("modelSize") or 0))
    started = parse_time(str(known.get("startTime") or rfc3339(now)))
    age = max((now - started).total_seconds(), 0.0)
    whole: Object = {"startTime": rfc3339(started), "totalBytes": total, "attempts": 1}
    if age >= seconds:
        ended = {"downloadedBytes": total, "percent": 100, "completionTime": rfc3339(now)}
        return _Copy("ModelDownloaded", {**whole, **ended})
    step = int(age / seconds * _STEPS)
    end = started + timedelta(seconds=seconds)
    under_way = {
        "downloadedBytes": total * step // _STEPS,
        "percent": 100 * step // _STEPS,
        "estimatedCompletionTime": rfc3339(end),
    }
    return _Copy("ModelDownloading", {**whole, **under_way}, (step + 1) * seconds / _STEPS - age + 0.01)
