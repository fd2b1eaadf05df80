"""Three replicas that share a fleet, beside one that has all of it: what sharing costs, how soon the keys of one that is killed
are served again, and whether a key ever had two owners.

Owners are read from the API server's audit log, which says by each write's token who sent it (`e2e/ownership.py`).
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.concurrency import some_at_once
from benchmarks.services import CHILDREN, Progress, Times, make_ready
from benchmarks.stack import Stack, at_rest, stack
from benchmarks.table import Figure, at_most
from benchmarks.usage import Usage, usage
from e2e.api import Api
from e2e.ownership import Written, second_owners, written
from e2e.shards import Shards
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.leader import Timing
from kservectl.objects import metadata
from kservectl.objects.kind import CONTROLLER_REVISION, HORIZONTAL_POD_AUTOSCALER, Kind
from kservectl.objects.metadata import Object, ObjectKey

_NAMESPACES = 20
_REPLICAS = 3
_SECONDS = 600.0
_SAMPLE = 50
"""Few enough that the API server takes their writes at once: what is measured is the change of owners."""
_MOVING = 60
_PAUSE_SECONDS = 0.05
_AFTER_JOINING_SECONDS = 8.0
_FIRST_LIMIT = 10


@dataclass(frozen=True, slots=True)
class _Made:
    """A fleet made by some replicas: how long it took, what each has used for it, who wrote what."""

    times: Times
    used: Sequence[Usage]
    written: Written

    @property
    def cpu_seconds(self) -> float:
        return sum(each.cpu_seconds for each in self.used)

    def writes(self) -> int:
        return sum(map(len, self.written.of_keys.values()))


async def run(number: int) -> list[Figure]:
    """The row of `number` services."""
    async with stack() as ours, Shards(ours.api, ours.kubeconfig, ours.folder) as shards:
        three = await _made(ours, shards, number, _REPLICAS)
        figures = await _after_a_kill(ours, shards, three)
    async with stack() as ours, Shards(ours.api, ours.kubeconfig, ours.folder) as shards:
        one = await _made(ours, shards, number, 1)
    return [*_beside(number, three, one), *figures]


def _beside(number: int, three: _Made, one: _Made) -> list[Figure]:
    row = f"{_REPLICAS} shards, {number} services"
    each_mb = [used.resident_mb for used in three.used]
    parts = Counter(three.written.owners().values())
    reference = f"one shard: {one.times.done:.1f} s"
    return [
        Figure(
            row,
            "routes exist and status written",
            f"{three.times.done:.1f} s = {three.times.done / one.times.done:.2f} ×",
            reference,
        ),
        Figure(row, "all Ready", f"{three.times.ready:.1f} s", f"one shard: {one.times.ready:.1f} s"),
        _writes(row, three.writes() / number, one.writes() / number),
        Figure(row, "CPU of all managers", f"{three.cpu_seconds:.1f} s", f"one shard: {one.cpu_seconds:.1f} s"),
        Figure(
            row,
            "resident memory of each",
            ", ".join(f"{each:.0f}" for each in each_mb) + " MB",
            f"one shard: {one.used[0].resident_mb:.0f} MB",
        ),
        Figure(row, "keys of each", ", ".join(str(part) for _, part in sorted(parts.items()))),
    ]


def _writes(row: str, mine: float, other: float) -> Figure:
    """Sharing must not cost writes."""
    return at_most(row, "writes a service, but for Events", mine, "", round(other * 1.05, 2), f"one shard: {other:.2f}")


async def _made(ours: Stack, shards: Shards, number: int, replicas: int) -> _Made:
    for _ in range(replicas):
        await shards.add()
    before = [usage(member.pid).cpu_seconds for member in shards.alive]
    times = await make_ready(ours.api, number, await ours.namespaces(_NAMESPACES))
    await _at_rest(shards)
    after = [usage(member.pid) for member in shards.alive]
    used = [
        Usage(end.cpu_seconds - start, end.resident_mb, end.peak_mb) for start, end in zip(before, after, strict=True)
    ]
    return _Made(times, used, await _written(ours))


async def _after_a_kill(ours: Stack, shards: Shards, made: _Made) -> list[Figure]:
    """One is killed, the others take its keys; another one comes, and they hand some over while they work."""
    row = f"one of {_REPLICAS} shards killed"
    owners = made.written.owners()
    name, dead = list(shards.members.items())[-1]
    lost = sorted(key for key, owner in owners.items() if owner == name)
    sample = lost[:_SAMPLE]
    limits = itertools.count(_FIRST_LIMIT)
    async with _following(ours.api) as progress:
        started, limit = time.perf_counter(), next(limits)
        await _touch(ours.api, sample, limit)
        alive = await progress.when(HORIZONTAL_POD_AUTOSCALER, _Served(sample, limit), _SECONDS) - started
        await _at_rest(shards)
        await asyncio.to_thread(dead.kill9)
        killed, limit = time.perf_counter(), next(limits)
        await _touch(ours.api, sample, limit)
        first = await progress.when(HORIZONTAL_POD_AUTOSCALER, _Served(sample, limit, enough=1), _SECONDS) - killed
        last = await progress.when(HORIZONTAL_POD_AUTOSCALER, _Served(sample, limit), _SECONDS) - killed
        started, limit = time.perf_counter(), next(limits)
        await _touch(ours.api, lost, limit)
        rest = await progress.when(HORIZONTAL_POD_AUTOSCALER, _Served(lost, limit), _SECONDS) - started
        joined = await _joined_under_load(ours, shards, progress, sorted(owners)[:_MOVING], limits)
    await _at_rest(shards)
    found = await _written(ours)
    lease = Timing().lease
    moved = [key for key, writes in found.of_keys.items() if len({write.writer for write in writes}) > 1]
    taken = sum(owner == joined for owner in found.owners().values())
    problems = second_owners(found)
    for problem in problems[:20]:
        print(problem, flush=True)
    total = sum(map(len, found.of_keys.values()))
    return [
        Figure(
            row,
            f"{len(sample)} changed services of its part served again, the last",
            f"{last:.1f} s",
            f"the first: {first:.1f} s; while it lived, the last: {alive:.1f} s",
            f"≤ {lease} s (its Lease) + {alive:.1f} s",
            last <= lease + alive,
        ),
        Figure(row, f"all {len(lost)} of its part, changed after that", f"served in {rest:.1f} s"),
        at_most(row, f"keys with two owners, in {total} writes", len(problems), "", 0, f"{len(moved)} changed owners"),
        at_most(row, "writes to objects of no service", len(found.keyless), "", 0),
        Figure(
            row, "written for by one that joined, while all were changed", f"{taken} services", "", "> 0", taken > 0
        ),
    ]


async def _joined_under_load(
    ours: Stack, shards: Shards, progress: Progress, keys: Sequence[ObjectKey], limits: "itertools.count[int]"
) -> str:
    """The name of a new replica, which got its keys from others while these were being changed all the time."""
    written: dict[ObjectKey, int] = {}

    async def change() -> None:
        for limit in limits:
            for key in keys:
                await _touch(ours.api, [key], limit)
                written[key] = limit
                await asyncio.sleep(_PAUSE_SECONDS)

    changing = asyncio.create_task(change())
    name = await shards.add()
    await asyncio.sleep(_AFTER_JOINING_SECONDS)
    changing.cancel()
    await asyncio.wait([changing])
    for limit in set(written.values()):
        those = [key for key, last in written.items() if last == limit]
        await progress.when(HORIZONTAL_POD_AUTOSCALER, _Served(those, limit), _SECONDS)
    return name


@dataclass(frozen=True, slots=True)
class _Served:
    """Whether the autoscalers of these services (of `enough` of them) know the limit that these were given, or a later one."""

    keys: Collection[ObjectKey]
    limit: int
    enough: int = 0

    def __call__(self, found: Sequence[tuple[ObjectKey, int]]) -> bool:
        served = {key for key, limit in found if limit >= self.limit}
        return len(served.intersection(self.keys)) >= (self.enough or len(self.keys))


@asynccontextmanager
async def _following(api: Api) -> AsyncIterator[Progress]:
    """What `_Served` looks at."""
    progress = Progress(api)
    task = asyncio.create_task(progress.follow(HORIZONTAL_POD_AUTOSCALER, _limit))
    yield progress
    task.cancel()
    await asyncio.wait([task])


def _limit(autoscaler: Object) -> tuple[ObjectKey, int]:
    return _service_of(autoscaler), int(autoscaler["spec"]["maxReplicas"])


async def _touch(api: Api, keys: Sequence[ObjectKey], limit: int) -> None:
    """Let each service have this many replicas."""
    change = {"spec": {"predictor": {"maxReplicas": limit}}}
    await some_at_once(api.merge(INFERENCE_SERVICE, key.name, key.namespace, change) for key in keys)


async def _at_rest(shards: Shards) -> None:
    await asyncio.gather(*(at_rest(member) for member in shards.alive))


async def _written(ours: Stack) -> Written:
    """Who wrote what for which service, so far."""
    keys: dict[tuple[Kind, ObjectKey], ObjectKey] = {}
    for kind in (*CHILDREN, CONTROLLER_REVISION):
        for obj in await ours.api.list(kind):
            if metadata.controller_of(obj):
                keys[kind, metadata.key(obj)] = _service_of(obj)
    keys |= {(INFERENCE_SERVICE, key): key for key in set(keys.values())}
    return written(await asyncio.to_thread(ours.audited), keys)


def _service_of(child: Object) -> ObjectKey:
    owner = metadata.controller_of(child) or {}
    return ObjectKey(metadata.namespace(child), str(owner.get("name")))
