"""Deployments: one ReplicaSet for each pod template, a rolling update between them, and the status that tells of it."""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from kservectl.clock import parse_time
from kservectl.devcluster.workloads.conditions import condition
from kservectl.objects import metadata
from kservectl.objects.kind import REPLICA_SET
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import View

REVISION = "deployment.kubernetes.io/revision"
HASH_LABEL = "pod-template-hash"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def reconcile(deployment: Object, view: View) -> Outcome:
    """The ReplicaSets that should exist now, and the Deployment's status."""
    if metadata.is_deleting(deployment):
        return Outcome(complete=False)
    spec = deployment["spec"]
    present = [obj for obj in view.owned(REPLICA_SET, metadata.uid(deployment)) if not metadata.is_deleting(obj)]
    name = f"{metadata.name(deployment)}-{template_hash(spec['template'])}"
    current = next((obj for obj in present if metadata.name(obj) == name), None)
    old = sorted((obj for obj in present if obj is not current), key=_revision)
    newest_old = max(map(_revision, old), default=0)
    # A template that comes back after others is the newest revision again.
    revision = _revision(current) if current is not None and _revision(current) > newest_old else newest_old + 1
    step = _next_step(spec, current, old)
    limit = int(spec.get("revisionHistoryLimit", 10))
    idle = [obj for obj in old if step.old[metadata.name(obj)] == 0 and _count(obj, "replicas") == 0]
    forgotten = idle[: max(len(idle) - limit, 0)]
    desired = [_new_replica_set(deployment, name, step.new, revision)]
    desired += [_old_replica_set(obj, step.old[metadata.name(obj)]) for obj in old if obj not in forgotten]
    return Outcome(
        desired=tuple(desired),
        status=_status(deployment, current, present, name, view.now),
        annotations={REVISION: str(revision)},
        requeue_after=_until_deadline(deployment, view.now),
    )


def template_hash(template: Mapping[str, Any]) -> str:
    """A name for a pod template: equal templates have equal ones."""
    digest = hashlib.sha256(orjson.dumps(template, option=orjson.OPT_SORT_KEYS)).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:10])


@dataclass(frozen=True, slots=True)
class _Step:
    """Replicas after the next step of a rollout: of the new ReplicaSet, and of the old ones by name."""

    new: int
    old: Mapping[str, int]


def _next_step(spec: Mapping[str, Any], current: Object | None, old: Sequence[Object]) -> _Step:
    wanted = int(spec.get("replicas", 1))
    size = _size(current) if current is not None else 0
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        empty = all(_count(obj, "replicas") == 0 for obj in old)
        return _Step(wanted if empty else size, {metadata.name(obj): 0 for obj in old})
    rolling = strategy.get("rollingUpdate") or {}
    surge = _share(rolling.get("maxSurge", "25%"), wanted, math.ceil)
    unavailable = _share(rolling.get("maxUnavailable", "25%"), wanted, math.floor) if wanted else 0
    if surge == 0 and unavailable == 0:
        unavailable = 1
    room = wanted + surge - sum(_size(obj) for obj in old)
    new = wanted if not old or size > wanted else min(wanted, max(size, room))
    spare = sum(_serving(obj) for obj in (*old, *((current,) if current else ())))
    spare = max(spare - (wanted - unavailable), 0)
    sizes: dict[str, int] = {}
    for obj in sorted(old, key=_serving):  # those that serve nobody go first
        idle = max(_size(obj) - _serving(obj), 0)
        serving = min(_size(obj) - idle, spare)
        spare -= serving
        sizes[metadata.name(obj)] = _size(obj) - idle - serving
    return _Step(new, sizes)


def _share(value: Any, wanted: int, rounding: Callable[[float], int]) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return rounding(wanted * int(value[:-1]) / 100)
    return int(value)


def _size(replica_set: Object) -> int:
    return int(replica_set["spec"].get("replicas", 1))


def _count(obj: Mapping[str, Any], name: str) -> int:
    return int((obj.get("status") or {}).get(name) or 0)


def _serving(replica_set: Object) -> int:
    """Available pods that are to stay: a status that is older than the last scaling counts some that are going."""
    return min(_count(replica_set, "availableReplicas"), _size(replica_set))


def _revision(replica_set: Object) -> int:
    return int(metadata.annotations(replica_set).get(REVISION, "0"))


def _new_replica_set(deployment: Object, name: str, replicas: int, revision: int) -> Object:
    spec = deployment["spec"]
    template = spec["template"]
    hash_label = {HASH_LABEL: name.rsplit("-", 1)[1]}
    inner = template.get("metadata") or {}
    labels = {**(inner.get("labels") or {}), **hash_label}
    selector = spec["selector"]
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": metadata.namespace(deployment),
            "labels": labels,
            "annotations": {REVISION: str(revision)},
        },
        "spec": {
            "replicas": replicas,
            "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), **hash_label}},
            "template": {**template, "metadata": {**inner, "labels": labels}},
        },
    }


def _old_replica_set(live: Object, replicas: int) -> Object:
    """As it was applied when it was new, at another size."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": metadata.name(live),
            "namespace": metadata.namespace(live),
            "labels": dict(metadata.labels(live)),
            "annotations": {REVISION: metadata.annotations(live).get(REVISION, "1")},
        },
        "spec": {name: live["spec"][name] for name in ("selector", "template")} | {"replicas": replicas},
    }


def _status(deployment: Object, current: Object | None, present: Sequence[Object], name: str, now: datetime) -> Object:
    wanted = int(deployment["spec"].get("replicas", 1))
    totals = {
        field: sum(_count(obj, field) for obj in present)
        for field in ("replicas", "readyReplicas", "availableReplicas")
    }
    updated = _count(current, "replicas") if current is not None else 0
    counts: dict[str, int] = {
        **totals,
        "updatedReplicas": updated,
        "unavailableReplicas": max(max(totals["replicas"], wanted) - totals["availableReplicas"], 0),
    }
    conditions = [
        _available(deployment, totals["availableReplicas"], wanted, now),
        _progressing(deployment, counts, wanted, name, now),
    ]
    conditions += _replica_failure(deployment, present, now)
    return {
        "observedGeneration": metadata.generation(deployment),
        **{field: count for field, count in counts.items() if count},
        "conditions": conditions,
    }


def _available(deployment: Object, available: int, wanted: int, now: datetime) -> Object:
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    missing = _share(rolling.get("maxUnavailable", 0), wanted, math.floor)
    if available >= wanted - missing:
        reason, message = "MinimumReplicasAvailable", "Deployment has minimum availability."
        return condition(deployment, "Available", True, now, reason=reason, message=message, updated=True)
    reason, message = "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
    return condition(deployment, "Available", False, now, reason=reason, message=message, updated=True)


def _progressing(deployment: Object, counts: Mapping[str, int], wanted: int, name: str, now: datetime) -> Object:
    done = counts["updatedReplicas"] == counts["replicas"] == counts["availableReplicas"] == wanted
    if done:
        message = f'ReplicaSet "{name}" has successfully progressed.'
        return condition(
            deployment, "Progressing", True, now, reason="NewReplicaSetAvailable", message=message, updated=True
        )
    before = _find(deployment, "Progressing")
    if before is not None and f'"{name}"' in str(before.get("message")) and _is_late(deployment, before, now):
        message = f'ReplicaSet "{name}" has timed out progressing.'
        return condition(
            deployment, "Progressing", False, now, reason="ProgressDeadlineExceeded", message=message, updated=True
        )
    message = f'ReplicaSet "{name}" is progressing.'
    return condition(deployment, "Progressing", True, now, reason="ReplicaSetUpdated", message=message, updated=True)


def _find(deployment: Object, type_: str) -> Mapping[str, Any] | None:
    conditions = (deployment.get("status") or {}).get("conditions") or ()
    return next((entry for entry in conditions if entry.get("type") == type_), None)


def _deadline(deployment: Object) -> float:
    return float(deployment["spec"].get("progressDeadlineSeconds", 600))


def _is_late(deployment: Object, before: Mapping[str, Any], now: datetime) -> bool:
    if before.get("reason") == "ProgressDeadlineExceeded":
        return True
    if before.get("reason") != "ReplicaSetUpdated":
        return False
    return (now - parse_time(before["lastUpdateTime"])).total_seconds() >= _deadline(deployment)


def _until_deadline(deployment: Object, now: datetime) -> float | None:
    before = _find(deployment, "Progressing")
    if before is None or before.get("reason") != "ReplicaSetUpdated":
        return None
    return max(_deadline(deployment) - (now - parse_time(before["lastUpdateTime"])).total_seconds(), 1.0)


def _replica_failure(deployment: Object, present: Sequence[Object], now: datetime) -> list[Object]:
    for obj in present:
        failed = _find(obj, "ReplicaFailure")
        if failed is not None and failed.get("status") == "True":
            reason, message = str(failed.get("reason")), str(failed.get("message"))
            return [condition(deployment, "ReplicaFailure", True, now, reason=reason, message=message, updated=True)]
    return []
