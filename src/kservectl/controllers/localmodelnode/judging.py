"""How one model stands on this node, and whether a download is to be launched: from its folder, its Jobs and its last state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kservectl.clock import parse_time
from kservectl.controllers.localmodelnode import jobs
from kservectl.controllers.localmodelnode.disk_state import (
    Adopt,
    Content,
    Effect,
    Folder,
    Prepare,
    Remove,
    WorkOutDigests,
)
from kservectl.controllers.localmodelnode.jobs import DOWNLOADED, DOWNLOADING, ERROR, PENDING
from kservectl.controllers.localmodelnode.listed import ListedModel
from kservectl.modelfolder.progress import FAILED, FULL
from kservectl.objects.metadata import Object

STARTING = "DownloadStarting"
MISMATCH = "PathMismatch"
MISSING = "FilesMissing"
CHECKSUM = "ChecksumMismatch"
VERIFYING = "Verifying"
WAITING = "WaitsForTurn"
UNUSABLE = "FolderUnusable"
INVALID = "InvalidModel"

_LONGEST_WAIT = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Past:
    """What the status says of the model: its state, and the entry of `status.models`."""

    state: str = ""
    entry: Mapping[str, object] = field(default_factory=dict)

    @property
    def attempts(self) -> int:
        found = self.entry.get("attempts")
        return found if isinstance(found, int) else 0

    @property
    def reason(self) -> str:
        return str(self.entry.get("reason") or "")

    @property
    def next_attempt(self) -> datetime | None:
        text = self.entry.get("nextAttemptTime")
        return parse_time(str(text)) if text else None


@dataclass(frozen=True, slots=True)
class Judgement:
    """`state` as `modelStatus` has it. `launch` asks for a Job, which is attempt number `attempts`."""

    model: ListedModel
    state: str
    reason: str = ""
    message: str = ""
    launch: bool = False
    attempts: int = 0
    next_attempt: datetime | None = None
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """All that a judgement is made from. `jobs` are the model's own, newest first; `seed` spreads retries over nodes."""

    model: ListedModel
    folder: Folder
    jobs: Sequence[Object]
    past: Past
    now: datetime
    seed: str

    @property
    def newest(self) -> Object | None:
        return self.jobs[0] if self.jobs else None

    @property
    def attempts(self) -> int:
        return jobs.attempt(self.jobs[0]) if self.jobs else self.past.attempts

    def concluded(self, state: str, reason: str = "", message: str = "", *effects: Effect) -> Judgement:
        return Judgement(self.model, state, reason, message, attempts=self.attempts, effects=effects)

    def tried_from(self, moment: datetime, reason: str, message: str) -> Judgement:
        """An error until `moment`, and a new try from then on."""
        if self.now < moment:
            return Judgement(self.model, ERROR, reason, message, attempts=self.attempts, next_attempt=moment)
        return self.launched()

    def launched(self) -> Judgement:
        return Judgement(self.model, PENDING, STARTING, launch=True, attempts=self.attempts + 1)


def judge(case: Case) -> Judgement:
    """The judgement, as if this node had room and time for every download."""
    if case.model.problem:
        return case.concluded(ERROR, INVALID, case.model.problem)
    content, newest = case.folder.content, case.newest
    if content is Content.STRANGE:
        return case.concluded(ERROR, UNUSABLE, case.folder.problem)
    if content is Content.WHOLE:
        return _whole(case)
    if content is Content.UNMARKED and _is_believed(case):
        return case.concluded(DOWNLOADED, "", "", Adopt(case.model.storage_key))
    if newest is None or jobs.has_succeeded(newest):
        return _gone(case, newest)
    if jobs.state(newest) == ERROR or jobs.failed_at(newest) is not None:
        return _failed(case, newest)
    effects = (Prepare(case.model.storage_key),) if content is Content.ABSENT else ()
    return case.concluded(jobs.state(newest), "", "", *effects)


def _is_believed(case: Case) -> bool:
    """Files without a marker are whole if the status knew them so, or their download says so."""
    return case.past.state == DOWNLOADED or (case.newest is not None and jobs.has_succeeded(case.newest))


def _whole(case: Case) -> Judgement:
    marker, wanted = case.folder.marker, case.model.checksums
    assert marker is not None
    key = case.model.storage_key
    if marker.by_agent and case.newest is not None and _is_older(marker.completed, case.newest):
        return case.concluded(DOWNLOADED, "", "", Adopt(key))  # downloaded again since by what leaves no marker
    wrong = [path for path in wanted if path not in marker.sizes]
    wrong += [path for path, digest in wanted.items() if marker.digests.get(path, digest) != digest]
    if wrong:
        return _mismatch(case, sorted(wrong))
    unknown = tuple(path for path in wanted if path not in marker.digests)
    if unknown:
        effects = () if case.folder.hashing else (WorkOutDigests(key, unknown),)
        return case.concluded(DOWNLOADING, VERIFYING, "its checksums are being worked out", *effects)
    return case.concluded(DOWNLOADED)


def _mismatch(case: Case, paths: Sequence[str]) -> Judgement:
    """What has the wrong content is taken away, so that nobody serves it, and downloaded again a while later."""
    names = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    message = f"the checksum of {names} is not the one that the cache asks for; the copy was removed"
    attempts = max(case.attempts, 1)
    busy = case.newest is not None and not jobs.is_over(case.newest)
    return Judgement(
        case.model,
        ERROR,
        CHECKSUM,
        message,
        attempts=attempts,
        next_attempt=case.now + jobs.wait_before(attempts + 1, case.seed),
        effects=() if busy else (Remove(case.model.storage_key),),
    )


def _gone(case: Case, newest: Object | None) -> Judgement:
    """Nothing usable is there, and nothing is on its way."""
    content, past = case.folder.content, case.past
    if newest is None or past.reason in (CHECKSUM, WAITING, FULL):  # decided on before, and only put off since
        until = past.next_attempt if past.state == ERROR else None
        return case.tried_from(until or case.now, past.reason, str(past.entry.get("message") or ""))
    if len(case.jobs) < 2:
        return case.launched()
    ended = jobs.ended_at(newest) or case.now
    if content in (Content.EMPTY, Content.ABSENT):
        message = (
            "the download succeeded twice, but nothing arrived on the disk that the node agent sees: the path of the node"
            " group's PersistentVolume and the hostPath of the agent's DaemonSet have to be the same folder of the node"
        )
        return case.tried_from(ended + _LONGEST_WAIT, MISMATCH, message)
    message = case.folder.problem or "the download succeeded, but the model is not whole"
    return case.tried_from(ended + jobs.wait_before(len(case.jobs) + 1, case.seed), MISSING, message)


def _failed(case: Case, newest: Object) -> Judgement:
    told = case.folder.progress
    reason = told.reason if told is not None and told.reason else FAILED
    message = told.failure if told is not None and told.failure else jobs.failure(newest)
    failed_at = jobs.failed_at(newest)
    if failed_at is None:
        return case.concluded(ERROR, reason, message)
    return case.tried_from(failed_at + jobs.wait_before(case.attempts + 1, case.seed), reason, message)


def _is_older(completed: str, newest: Object) -> bool:
    ended = jobs.ended_at(newest) if jobs.has_succeeded(newest) else None
    try:
        return ended is not None and parse_time(completed) < ended
    except ValueError:
        return False
