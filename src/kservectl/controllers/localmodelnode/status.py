"""What the LocalModelNode says of its node: the states that KServe knows, and how far and since when beside them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from kservectl.clock import parse_time, rfc3339
from kservectl.controllers.localmodelnode import jobs
from kservectl.controllers.localmodelnode.disk_state import Content, DiskState, Folder
from kservectl.controllers.localmodelnode.jobs import DOWNLOADED, DOWNLOADING
from kservectl.controllers.localmodelnode.judging import VERIFYING, Judgement, Past
from kservectl.modelfolder.progress import FULL
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

READY = "Ready"

_LONGEST_ESTIMATE = 30 * 86400.0
"""Seconds beyond which an estimate says nothing."""

_STEP = 256 << 20
"""Bytes by which free space is told: what others write on the disk is not worth a write to the API server."""


def status_of(
    node: Object,
    judgements: Sequence[Judgement],
    jobs_by_key: Mapping[str, Sequence[Object]],
    disk: DiskState,
    now: datetime,
) -> Object:
    """The whole status."""
    before: Object = node.get("status") or {}
    entries = {
        judgement.model.key: _entry(judgement, jobs_by_key[judgement.model.key], disk, past(before, judgement), now)
        for judgement in judgements
    }
    return {
        **before,
        "modelStatus": {judgement.model.key: judgement.state for judgement in judgements},
        "models": entries,
        "storage": {
            "capacityBytes": disk.capacity,
            "availableBytes": disk.available - disk.available % _STEP,
            "usedBytes": disk.used,
        },
        "conditions": [_ready(before, judgements, now)],
        "observedGeneration": metadata.generation(node),
    }


def status_without_disk(node: Object, listed: Sequence[str], problem: str, now: datetime) -> Object:
    """The status while the disk cannot be looked at: what was known of the models stays, and says no more than that."""
    before: Object = node.get("status") or {}
    states, entries = before.get("modelStatus") or {}, before.get("models") or {}
    return {
        **before,
        "modelStatus": {key: states.get(key) or jobs.PENDING for key in listed},
        "models": {key: entries[key] for key in listed if key in entries},
        "conditions": [_condition(before, "False", "DiskUnusable", problem, now)],
        "observedGeneration": metadata.generation(node),
    }


def past(status: Object, judgement: Judgement) -> Past:
    return past_of(status, judgement.model.key)


def past_of(status: Object, key: str) -> Past:
    """What a status says of one model."""
    return Past(str((status.get("modelStatus") or {}).get(key) or ""), (status.get("models") or {}).get(key) or {})


def _entry(judgement: Judgement, own: Sequence[Object], disk: DiskState, before: Past, now: datetime) -> dict[str, Any]:
    folder = disk.folders.get(judgement.model.storage_key, Folder(Content.ABSENT))
    found: dict[str, Any] = {
        "reason": judgement.reason,
        "message": judgement.message,
        "attempts": judgement.attempts,
        "nextAttemptTime": rfc3339(judgement.next_attempt) if judgement.next_attempt else "",
    }
    if judgement.state == DOWNLOADED or judgement.reason == VERIFYING:
        found |= _whole(folder, own, before, now)
    else:
        found |= _partial(judgement, folder, own, now)
    return {name: value for name, value in found.items() if value not in ("", None, 0) or name == "percent"}


def _whole(folder: Folder, own: Sequence[Object], before: Past, now: datetime) -> dict[str, Any]:
    completed = folder.marker.completed if folder.marker is not None else before.entry.get("completionTime")
    started = jobs.started_at(own[0]) if own else before.entry.get("startTime")
    return {
        "downloadedBytes": folder.bytes,
        "totalBytes": folder.bytes,
        "percent": 100,
        "startTime": started or before.entry.get("startTime"),
        "completionTime": completed or rfc3339(now),
    }


def _partial(judgement: Judgement, folder: Folder, own: Sequence[Object], now: datetime) -> dict[str, Any]:
    told = folder.progress
    done = told.done if told is not None and told.done else folder.bytes
    total = told.total if told is not None and told.total is not None else judgement.model.size
    found: dict[str, Any] = {"downloadedBytes": done, "startTime": jobs.started_at(own[0]) if own else ""}
    if total:
        found |= {"totalBytes": total, "percent": min(99, done * 100 // total)}
    started = (told.started if told is not None else "") or found["startTime"]
    if judgement.state == DOWNLOADING and total and started:
        left = _left(done, total, told.before if told is not None else 0, started, now)
        if left is not None:
            found["estimatedCompletionTime"] = rfc3339(now + left)
    return found


def _left(done: int, total: int, before: int, started: str, now: datetime) -> timedelta | None:
    """How long the rest takes if it comes as fast as what came since `started`; None if that says nothing."""
    try:
        seconds = (now - parse_time(started)).total_seconds()
    except (ValueError, OverflowError):
        return None
    if seconds <= 0 or done <= before or done >= total:
        return None
    left = seconds * (total - done) / (done - before)
    return timedelta(seconds=left) if left < _LONGEST_ESTIMATE else None


def _ready(before: Object, judgements: Sequence[Judgement], now: datetime) -> Object:
    full = [judgement for judgement in judgements if judgement.reason == FULL]
    if full:
        names = ", ".join(judgement.model.key for judgement in full[:5])
        message = f"{len(full)} models have no room on the disk: {names}. {full[0].message}"
        return _condition(before, "False", "DiskFull", message, now)
    return _condition(before, "True", "DiskReady", "the node agent keeps the models on its disk", now)


def _condition(before: Object, status: str, reason: str, message: str, now: datetime) -> Object:
    old: Object = next((each for each in before.get("conditions") or () if each.get("type") == READY), {})
    since = old.get("lastTransitionTime") if old.get("status") == status else None
    return {
        "type": READY,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": since or rfc3339(now),
    }
