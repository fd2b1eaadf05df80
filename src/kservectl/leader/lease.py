"""What a Lease says, and whose turn it is: the pure half of the election.

Whether a record expired is judged by how long ago *this process* last saw it change, never by the times written in it: the
clocks of two machines may differ by hours. A Lease that vanished is treated as still held for the rest of its term, so that
its holder, who renews several times a term, puts it back before anybody else may take it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kservectl.clock import rfc3339_micro
from kservectl.objects.kind import LEASE
from kservectl.objects.metadata import Object

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """The part of a Lease's spec that the election uses; `duration` in seconds, `holder` empty when released."""

    holder: str
    duration: float
    transitions: int
    written: tuple[Any, ...]
    """Everything that changes when the holder renews; equality is all it is for."""

    @classmethod
    def of(cls, lease: Object) -> "LeaseRecord":
        spec = lease.get("spec") or {}
        return cls(
            holder=str(spec.get("holderIdentity") or ""),
            duration=float(spec.get("leaseDurationSeconds") or 0),
            transitions=int(spec.get("leaseTransitions") or 0),
            written=(spec.get("acquireTime"), spec.get("renewTime")),
        )


class Observation:
    """What this process has seen of the Lease, and when (monotonic seconds) it last saw it change."""

    def __init__(self) -> None:
        self.lease: Object | None = None
        self._record: LeaseRecord | None = None
        self._changed_at = 0.0

    @property
    def holder(self) -> str:
        return self._record.holder if self._record else ""

    @property
    def written(self) -> tuple[Any, ...]:
        """What changes with each renewal; equality is all it is for."""
        return self._record.written if self._record else ()

    @property
    def expires_at(self) -> float:
        """When (monotonic seconds) it may be taken, unless it changes before."""
        return self._changed_at + self._record.duration if self._record else 0.0

    def is_held(self, now: float) -> bool:
        """Whether somebody has it, and its term is not over."""
        return bool(self.holder) and now < self.expires_at

    def see(self, lease: Object | None, now: float) -> None:
        """Take in an answer of the server; None says that there is no Lease."""
        self.lease = lease
        if lease is None:
            return
        record = LeaseRecord.of(lease)
        if record != self._record:
            self._record = record
            self._changed_at = now

    def may_take(self, identity: str, now: float) -> bool:
        """Whether `identity` may write itself into the Lease (or a new one)."""
        return self.holder in ("", identity) or not self.is_held(now)


def claimed(
    lease: Object | None,
    *,
    name: str,
    namespace: str,
    identity: str,
    duration: int,
    now: datetime,
    labels: Mapping[str, str] = _NOTHING,
    annotations: Mapping[str, str] = _NOTHING,
) -> Object:
    """The Lease with `identity` as its holder, made from the one observed (whose resourceVersion it keeps)."""
    before = (lease or {}).get("spec") or {}
    moment = rfc3339_micro(now)
    holder = before.get("holderIdentity") or ""
    spec = {**before, "holderIdentity": identity, "leaseDurationSeconds": duration, "renewTime": moment}
    if holder != identity:
        spec["acquireTime"] = moment
        spec["leaseTransitions"] = int(before.get("leaseTransitions") or 0) + (1 if lease is not None else 0)
    head: Object = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, **(lease or {}), "spec": spec}
    inner = {"name": name, "namespace": namespace, **(head.get("metadata") or {})}
    for part, wanted in (("labels", labels), ("annotations", annotations)):
        if wanted:
            inner[part] = {**(inner.get(part) or {}), **wanted}
    return {**head, "metadata": inner}


def released(lease: Object, now: datetime) -> Object:
    """The Lease with nobody as its holder: the next candidate that looks takes it."""
    moment = rfc3339_micro(now)
    spec = {
        **(lease.get("spec") or {}),
        "holderIdentity": "",
        "leaseDurationSeconds": 1,
        "renewTime": moment,
        "acquireTime": moment,
    }
    return {**lease, "spec": spec}
