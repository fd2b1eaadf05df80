"""The status of a cache in the making: KServe's fields, and conditions and progress beside them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kservectl.api.reasons import next_step
from kservectl.clock import parse_time, rfc3339
from kservectl.controllers.inferenceservice.conditions import FALSE, TRUE, UNKNOWN, ConditionSet, Truth
from kservectl.controllers.localmodel.cache import Cache
from kservectl.controllers.localmodel.copies import DOWNLOADED, DOWNLOADING, ERROR, NOT_READY, PENDING, Copy, average
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import EventRecord

READY = "Ready"
GROUPS_FOUND = "NodeGroupsFound"
STORAGE_AVAILABLE = "StorageAvailable"
VOLUMES_READY = "VolumesReady"
COPIES_AVAILABLE = "CopiesAvailable"
DEPENDENTS = (GROUPS_FOUND, STORAGE_AVAILABLE, VOLUMES_READY, COPIES_AVAILABLE)

PROGRESS_SECONDS = 5.0
"""How often a status is written for the sake of progress alone."""

_MESSAGES = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """What one condition is to say."""

    condition: str
    status: Truth = TRUE
    reason: str = ""
    message: str = ""
    next_step: str = ""


@dataclass(slots=True)
class CacheStatus:
    """The findings and fields of one decision, until `to_wire` takes them as they are."""

    cache: Cache
    now: datetime
    findings: list[Finding] = field(default_factory=list)
    fields: Object = field(default_factory=dict)
    wait: float | None = None
    """Seconds after which numbers that are held back are due; set by `progress`."""

    def find(self, *findings: Finding) -> None:
        self.findings += findings

    def copies(self, found: Sequence[Copy]) -> None:
        """Take the states of all nodes."""
        states = Counter(copy.state for copy in found)
        numbers = {"total": len(found), "available": states[DOWNLOADED], "failed": states[ERROR]}
        self.fields["copies"] = {name: number for name, number in numbers.items() if number}
        if found:
            self.fields["nodeStatus"] = {copy.node: copy.state for copy in found}
        messages = {copy.node: copy.message for copy in found if copy.message and copy.state != DOWNLOADED}
        if messages:
            self.fields["nodeMessages"] = dict(sorted(messages.items())[:_MESSAGES])
        self.find(_storage(found), _available(self.cache, found))
        self._progress([copy for copy in found if copy.state != NOT_READY])

    def used_by(self, services: Sequence[Object], llm_services: Sequence[Object]) -> None:
        """Take the services that use the cache; remember when the last one went."""
        for name, found in (("inferenceServices", services), ("llmInferenceServices", llm_services)):
            if found:
                self.fields[name] = [
                    {"namespace": metadata.namespace(each), "name": metadata.name(each)} for each in found
                ]
        before = self.cache.status.get("lastUsedTime")
        if self.cache.is_used and not services and not llm_services:
            self.fields["lastUsedTime"] = rfc3339(self.now)
        elif before:
            self.fields["lastUsedTime"] = before

    def to_wire(self) -> Object:
        """The whole status."""
        wire = {**self.fields, "conditions": self._conditions().to_wire()}
        if metadata.generation(self.cache.obj):
            wire["observedGeneration"] = metadata.generation(self.cache.obj)
        return wire

    def events(self) -> tuple[EventRecord, ...]:
        """What became true or false with this decision."""
        conditions = self._conditions()
        before, now = conditions.before(READY), conditions.get(READY)
        was, is_now = (found.status if found else UNKNOWN for found in (before, now))
        told = [
            EventRecord("Warning", finding.reason, finding.message)
            for finding in self.findings
            if finding.status == FALSE
            and ((was_said := conditions.before(finding.condition)) is None or was_said.message != finding.message)
        ]
        if was != TRUE and is_now == TRUE:
            total = self.fields.get("copies", {}).get("available", 0)
            told.append(EventRecord("Normal", "ModelCached", f"{self.cache.source} is on {total} node(s)"))
        return tuple(told)

    def _conditions(self) -> ConditionSet:
        found = ConditionSet(READY, DEPENDENTS, self.cache.status.get("conditions") or (), self.now)
        found.clear_all()
        found.initialise()
        for status in (TRUE, UNKNOWN, FALSE):  # what is wrong is what Ready says in the end
            for finding in self.findings:
                if finding.status == status:
                    found.mark(finding.condition, status, finding.reason, finding.message)
        return found

    def _progress(self, found: Sequence[Copy]) -> None:
        total, done = sum(copy.total for copy in found), sum(copy.downloaded for copy in found)
        if not total:
            return
        numbers: Object = {"bytes": done, "total": total, "percent": average(done, total)}
        estimates = [copy.estimate for copy in found if copy.estimate]
        if estimates:
            numbers["estimatedCompletionTime"] = max(estimates)
        before = self.cache.status.get("progress") or {}
        if {name: value for name, value in before.items() if name != "lastUpdateTime"} == numbers:
            self.fields["progress"] = before
            return
        age = _age(before.get("lastUpdateTime"), self.now)
        same_states = self.cache.status.get("nodeStatus") == self.fields.get("nodeStatus")
        if same_states and age is not None and 0 <= age < PROGRESS_SECONDS:
            self.fields["progress"] = before
            self.wait = PROGRESS_SECONDS - age
        else:
            self.fields["progress"] = {**numbers, "lastUpdateTime": rfc3339(self.now)}


def _age(then: object, now: datetime) -> float | None:
    try:
        return (now - parse_time(str(then))).total_seconds() if then else None
    except ValueError:
        return None


def _storage(found: Sequence[Copy]) -> Finding:
    waiting = [copy for copy in found if copy.waits]
    refused = [copy for copy in waiting if copy.state == ERROR]
    first = next(iter(refused or waiting), None)
    if first is None:
        return Finding(STORAGE_AVAILABLE)
    message = f"{_count(refused or waiting, found)} no room, such as {first.node}: {first.message}"
    return Finding(STORAGE_AVAILABLE, FALSE if refused else UNKNOWN, first.waits, message, next_step(first.waits))


def _available(cache: Cache, found: Sequence[Copy]) -> Finding:
    if not found:
        message = f"no node belongs to the node groups {', '.join(cache.groups)}"
        return Finding(COPIES_AVAILABLE, FALSE, "NoNodes", message, next_step("NoNodes"))
    failed = [copy for copy in found if copy.state == ERROR and not copy.waits]
    if failed:
        first = failed[0]
        message = f"{_count(failed, found)} failed, such as {first.node}: {first.message or 'its agent gave no reason'}"
        return Finding(COPIES_AVAILABLE, FALSE, first.reason or "DownloadFailed", message)
    wanted = [copy for copy in found if copy.state != NOT_READY]
    missing = [copy for copy in wanted if copy.state in (PENDING, DOWNLOADING, ERROR)]
    if not wanted:
        return Finding(COPIES_AVAILABLE, UNKNOWN, "NodesNotReady", "none of the nodes is ready")
    if not missing:
        return Finding(COPIES_AVAILABLE)
    message = f"{len(wanted) - len(missing)} of {len(wanted)} nodes have the model"
    silent = [copy.node for copy in missing if not copy.answered]
    step = (
        f"Nothing was heard of the agent of {silent[0]}: kubectl -n kserve-localmodelnode-agent get pods -o wide "
        f"--field-selector spec.nodeName={silent[0]}"
        if silent
        else next_step("Downloading")
    )
    return Finding(COPIES_AVAILABLE, UNKNOWN, "Downloading", message, step)


def _count(some: Sequence[Copy], every: Sequence[Copy]) -> str:
    return f"{len(some)} of {len(every)} nodes {'has' if len(some) == 1 else 'have'}"
