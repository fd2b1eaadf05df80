"""The work that each kernel does, and what it took: waves of writes to sources, and watches that see their effects.

Waves go as fast as the API server takes them. What is measured of one object in such a wave is mostly the wait behind the
others, so one more goes at a steady pace. A latency is the time from sending a write to seeing its effect.
"""

import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cpu_limit import cpu_limit
from benchmarks.kernel.copies import COPIES, FINALIZER, LABEL, SOURCES, copy_of
from benchmarks.usage import usage
from e2e.api import Api, connect
from e2e.cluster import start_cluster
from e2e.process import Process
from kservectl.client.errors import ClientError
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, NAMESPACE
from kservectl.objects.metadata import Object

PHASES = ("create", "change", "delete")
PACE_SECONDS = 0.05

_AT_ONCE = 32
_PACED = 500
_PHASE_SECONDS = 1800.0
_START_SECONDS = 120.0
_QUIET_SECONDS = 3.0
_PAYLOAD = "x" * 512
_GONE = "gone"
_OF_ANOTHER = ""
"""What a ConfigMap has for a revision that somebody else keeps in the namespace, such as the cluster's root certificate."""

Write = Callable[[str, str], Awaitable[object]]
"""Makes one source, by its name, so that its data has this revision."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One wave: seconds from the first write to the last effect, and of each from write to effect."""

    seconds: float
    latencies: Sequence[float]

    @property
    def p50(self) -> float:
        """In milliseconds."""
        return statistics.median(self.latencies) * 1000

    @property
    def p99(self) -> float:
        """In milliseconds."""
        return statistics.quantiles(self.latencies, n=100, method="inclusive")[98] * 1000


@dataclass(frozen=True, slots=True)
class Run:
    """What one kernel did with `number` objects, and used for it; CPU without the paced wave, which there need not be."""

    number: int
    phases: Mapping[str, Phase]
    paced: Phase | None
    cpu_seconds: float
    peak_mb: float

    @property
    def rate(self) -> float:
        """Objects created, changed or deleted in a second, over all three."""
        return self.number * len(self.phases) / sum(phase.seconds for phase in self.phases.values())

    @property
    def cpu_ms(self) -> float:
        """For one object created, changed or deleted."""
        return self.cpu_seconds * 1000 / (self.number * len(self.phases))


async def measured(command: Sequence[str], number: int, *, cores: float = 0.0) -> Run:
    """Run a kernel's copies controller on a new cluster, and have it do the work.

    With `cores` it has no more than that of CPU once it has started, and there is no paced wave; raises CannotLimit.
    """
    with cpu_limit(cores) if cores else contextlib.nullcontext() as limit:
        async with _cluster() as (folder, kubeconfig, api):
            environment = {"KUBECONFIG": str(kubeconfig)}
            process = Process(command[1:], folder / "controller.log", environment, program=command[:1])
            process.start()
            try:
                async with _effects(api) as effects:
                    return await _work(api, process, effects, number, limit)
            except* AssertionError as group:
                raise AssertionError(f"{group.exceptions[0]}; the controller says:\n{process.tail()}") from group
            finally:
                await asyncio.to_thread(process.stop)


@contextlib.asynccontextmanager
async def _cluster() -> AsyncIterator[tuple[Path, Path, Api]]:
    """A new cluster with both namespaces: a folder that goes with it, its kubeconfig, and an API to it."""
    with (
        tempfile.TemporaryDirectory(prefix="kservectl-kernel-") as name,
        start_cluster(Path(name) / "cluster", crds=[], report=lambda line: None) as cluster,
    ):
        async with connect(cluster.kubeconfig, "benchmark") as api:
            for namespace in (SOURCES, COPIES):
                await api.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
            yield Path(name), cluster.kubeconfig, api


async def bare_rate(number: int) -> float:
    """Objects created, changed or deleted in a second when whoever writes a source makes the effect, too, with nothing to decide.

    Those are the fewest writes that the work needs, as fast as the API server can take them: no controller is faster.
    """
    async with _cluster() as (_, _, api), _effects(api) as effects:
        names = [f"m{position}" for position in range(number)]
        bare = _Bare(api)
        writes = (bare.create, "1"), (bare.change, "2"), (bare.delete, _GONE)
        waves = [await _wave(effects, write, names, revision) for write, revision in writes]
    return number * len(waves) / sum(wave.seconds for wave in waves)


@dataclass(frozen=True, slots=True)
class _Bare:
    """Writes to a source, each with what a controller would write because of it."""

    api: Api

    async def create(self, name: str, revision: str) -> None:
        source = _source(name, revision)
        await self.api.create(CONFIG_MAP, source)
        await self._hold(name, [FINALIZER])
        await self.api.create(CONFIG_MAP, copy_of(source))

    async def change(self, name: str, revision: str) -> None:
        for namespace in (SOURCES, COPIES):
            await self.api.merge(CONFIG_MAP, name, namespace, {"data": {"revision": revision}})

    async def delete(self, name: str, revision: str) -> None:
        await self.api.delete(CONFIG_MAP, name, SOURCES)
        await self.api.delete(CONFIG_MAP, name, COPIES)
        await self._hold(name, [])

    async def _hold(self, name: str, finalizers: Sequence[str]) -> None:
        await self.api.merge(CONFIG_MAP, name, SOURCES, {"metadata": {"finalizers": list(finalizers)}})


class Effects:
    """What the watches have seen of the objects that are waited for."""

    def __init__(self) -> None:
        self._revision = ""
        self._awaited: set[str] = set()
        self._done = asyncio.Event()
        self.moments: dict[str, float] = {}
        """When each of them was seen."""

    def expect(self, names: Sequence[str], revision: str) -> None:
        """From now on wait for the copies of `names` to have this revision, or for their sources to be gone."""
        self._revision, self._awaited, self.moments = revision, set(names), {}
        self._done.clear()

    def note(self, name: str, revision: str) -> None:
        if revision == self._revision and name in self._awaited:
            self._awaited.discard(name)
            self.moments[name] = time.perf_counter()
            if not self._awaited:
                self._done.set()

    async def all_seen(self, seconds: float) -> None:
        """Return once all were; AssertionError at the deadline."""
        try:
            async with asyncio.timeout(seconds):
                await self._done.wait()
        except TimeoutError:
            missing = f"{len(self._awaited)} effects are missing, that on {min(self._awaited)} among them"
            raise AssertionError(f"after {seconds:.0f} s {missing}") from None


@contextlib.asynccontextmanager
async def _effects(api: Api) -> AsyncIterator[Effects]:
    effects = Effects()
    async with asyncio.TaskGroup() as group:
        following = [group.create_task(_follow(api, namespace, effects)) for namespace in (SOURCES, COPIES)]
        try:
            yield effects
        finally:
            for task in following:
                task.cancel()


async def _follow(api: Api, namespace: str, effects: Effects) -> None:
    """Note the revisions of copies, and the end of sources, which a finalizer holds until their copies are gone."""
    version = (await api.client.list(CONFIG_MAP, namespace, limit=1))["metadata"]["resourceVersion"]
    while True:
        # A break, which an overloaded API server may bring, is followed up; one that lost events fails the run.
        with contextlib.suppress(ClientError):
            async with api.client.watch(CONFIG_MAP, namespace, resource_version=version) as events:
                async for event in events:
                    version = metadata.resource_version(event.object)
                    if event.type == "BOOKMARK":
                        continue
                    if event.type != "DELETED" and namespace == COPIES:
                        effects.note(metadata.name(event.object), event.object["data"].get("revision", _OF_ANOTHER))
                    elif event.type == "DELETED" and namespace == SOURCES:
                        effects.note(metadata.name(event.object), _GONE)
        await asyncio.sleep(0.1)


async def _work(api: Api, process: Process, effects: Effects, number: int, limit: Callable[[int], None] | None) -> Run:
    names = [f"m{position}" for position in range(number)]

    async def create(name: str, revision: str) -> None:
        await api.create(CONFIG_MAP, _source(name, revision))

    async def change(name: str, revision: str) -> None:
        await api.merge(CONFIG_MAP, name, SOURCES, {"data": {"revision": revision}})

    async def delete(name: str, revision: str) -> None:
        await api.delete(CONFIG_MAP, name, SOURCES)

    # The first object shows that the controller has started.
    await _wave(effects, create, ["probe"], "0", seconds=_START_SECONDS)
    await _wave(effects, delete, ["probe"], _GONE)
    if limit is not None:
        limit(process.pid)
    started = usage(process.pid)
    created = await _wave(effects, create, names, "1")
    changed = await _wave(effects, change, names, "2")
    quiet = usage(process.pid)
    await asyncio.sleep(_QUIET_SECONDS)
    paced = None
    if limit is None:
        paced = await _wave(effects, change, names[:_PACED], "3", pace=PACE_SECONDS)
    again = usage(process.pid)
    deleted = await _wave(effects, delete, names, _GONE)
    ended = usage(process.pid)
    left = [name for name in map(metadata.name, await api.list(CONFIG_MAP, COPIES)) if name.startswith("m")]
    assert not left, f"{len(left)} copies are left over, {left[0]} among them:\n{process.tail()}"
    cpu = quiet.cpu_seconds - started.cpu_seconds + ended.cpu_seconds - again.cpu_seconds
    return Run(number, dict(zip(PHASES, (created, changed, deleted), strict=True)), paced, cpu, ended.peak_mb)


async def _wave(
    effects: Effects,
    write: Write,
    names: Sequence[str],
    revision: str,
    *,
    pace: float = 0.0,
    seconds: float = _PHASE_SECONDS,
) -> Phase:
    """Write to all, some at a time or with `pace` one after the other, and wait for every effect."""
    sent: dict[str, float] = {}
    slots = asyncio.Semaphore(_AT_ONCE)
    effects.expect(names, revision)
    started = time.perf_counter()

    async def one(position: int, name: str) -> None:
        if pace:
            await asyncio.sleep(started + position * pace - time.perf_counter())
        async with slots:
            sent[name] = time.perf_counter()
            await write(name, revision)

    async with asyncio.TaskGroup() as group:
        for position, name in enumerate(names):
            group.create_task(one(position, name))
    await effects.all_seen(seconds)
    return Phase(
        max(effects.moments.values()) - started, [effects.moments[name] - moment for name, moment in sent.items()]
    )


def _source(name: str, revision: str) -> Object:
    meta = {"name": name, "namespace": SOURCES, "labels": {LABEL: "true"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"revision": revision, "text": _PAYLOAD}}
