"""A large fleet that is Ready: what it costs to keep, to start with, and what Secrets in the cluster add to that."""

import asyncio
import compileall
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import kservectl
from benchmarks.concurrency import some_at_once
from benchmarks.services import fleet, make_ready
from benchmarks.stack import Counted, Stack, at_rest, counted, manager, peer, stack, without_webhooks
from benchmarks.table import Figure, at_most, memory_ratio
from benchmarks.usage import usage
from e2e.bursts import create_all
from e2e.manager import ManagerProcess
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects.kind import SECRET
from kservectl.objects.metadata import Object

_NAMESPACES = 20
_SECONDS = 3600.0
_START_SECONDS = 5.0
_STARTS = 3
_GO_BASE_MB, _GO_SERVICE_KB = 80, 80
_LOOK_SECONDS = 0.2
_LOOKED_AT_ALL = b'"all that was there was looked at"'
_SECRETS = 8000
_MORE = 5
_AT_ONCE = 16
_SECRET_BYTES = 2048
_REST_SECONDS = 20.0
_REST_CPU = 0.05


async def run(number: int, idle_seconds: float, peer_program: str = "") -> list[Figure]:
    """The rows on one fleet of `number` services; another manager is started on it last, after what it may change."""
    async with stack() as ours:
        with manager(ours) as process:
            namespaces = await ours.namespaces(_NAMESPACES)
            await make_ready(ours.api, number, namespaces)
            await at_rest(process, _SECONDS)
            figures = await _idle(process, number, idle_seconds)
            resident = usage(process.pid).resident_mb
            figures.append(Figure(f"{number} Ready", "resident memory after making them", f"{resident:.0f} MB"))
        figures += await _restart(ours, number, process)
        figures += await _secrets(ours, number, process)
        figures += await _under_load(ours, number, process, namespaces)
        if peer_program:
            figures += await _beside_peer(ours, process, peer_program)
    return figures


async def _idle(process: ManagerProcess, number: int, seconds: float) -> list[Figure]:
    before, started = await counted(process), time.perf_counter()
    await asyncio.sleep(seconds)
    after, passed = await counted(process), time.perf_counter() - started
    share = (after.used.cpu_seconds - before.used.cpu_seconds) / passed * 100
    row = f"{number} Ready, {seconds:.0f} s idle"
    return [
        at_most(row, "requests that are no watches", _asked(before, after), "", 0),
        at_most(row, "CPU, of a core", share, "%", 1.0),
    ]


def _asked(before: Counted, after: Counted) -> float:
    """Writes; a GET is a watch that the server has ended and that goes on."""
    return after.writes() - before.writes()


@dataclass(frozen=True, slots=True)
class _Start:
    """One start: `seconds` until every key was decided, and what was counted then, and when all was quiet again."""

    seconds: float
    done: Counted
    end: Counted


async def _restart(ours: Stack, number: int, process: ManagerProcess) -> list[Figure]:
    """From the start of the process until every key is decided: readiness is that caches are synced.

    Machines differ from minute to minute, so the median of some starts counts; all of them must have written nothing.
    """
    starts = sorted([await _start(process, number, ours) for _ in range(_STARTS)], key=lambda start: start.seconds)
    middle = starts[_STARTS // 2]
    row = f"restart with {number} Ready"
    each = ", ".join(f"{start.seconds:.1f}" for start in starts)
    most = max((start.end for start in starts), key=Counted.writes)
    return [
        at_most(
            row,
            "process start to every key decided",
            middle.seconds,
            "s",
            _START_SECONDS,
            f"{_STARTS} starts: {each} s",
        ),
        at_most(row, "writes", most.writes(), "", 0, _methods(most.requests)),
        Figure(
            row,
            "CPU until then",
            f"{middle.done.used.cpu_seconds:.1f} s",
            f"other work had the cores for {middle.done.used.waited_seconds:.1f} s",
        ),
        at_most(
            row,
            "resident memory",
            middle.end.used.resident_mb,
            "MB",
            _GO_BASE_MB + number * _GO_SERVICE_KB / 1000,
            "Go manager elsewhere: 80 MB + 80 kB a service",
        ),
        memory_ratio(
            row, "peak memory", middle.end.used.peak_mb, middle.end.used.resident_mb, "idle after", at_most=2.0
        ),
    ]


async def _start(process: ManagerProcess, number: int, ours: Stack) -> _Start:
    """An installed package comes compiled, and so does this one here."""
    compileall.compile_dir(str(Path(kservectl.__file__).parent), quiet=1)
    said, started = process.log.stat().st_size, time.time()
    with manager(ours, again=process):
        seconds = await _looked_at_all(process.log, said) - started
        done = await counted(process)
        assert done.reconciles >= number, f"{done.reconciles:.0f} decisions about {number} services"
        await at_rest(process)
        return _Start(seconds, done, await counted(process))


async def _looked_at_all(log: Path, offset: int) -> float:
    """When (`time.time`) the manager said that it has looked at every service, in what it logged after `offset` bytes.

    Asking for its metrics again and again would cost it a tenth of its time.
    """
    async with asyncio.timeout(_SECONDS):
        while True:
            said = await asyncio.to_thread(log.read_bytes)
            for line in said[offset:].splitlines():
                if _LOOKED_AT_ALL in line and b'"inferenceservice"' in line:
                    return datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp()
            await asyncio.sleep(_LOOK_SECONDS)


def _methods(requests: Mapping[str, float]) -> str:
    return ", ".join(f"{number:.0f} {method}" for method, number in sorted(requests.items()))


async def _secrets(ours: Stack, number: int, process: ManagerProcess) -> list[Figure]:
    """Two starts, without and with many Secrets in the cluster."""
    without = await _resident(ours, process)
    await some_at_once(ours.api.create(SECRET, _secret(position)) for position in range(_SECRETS))
    row = f"{_SECRETS} Secrets beside {number}"
    return [memory_ratio(row, "resident memory", await _resident(ours, process), without, "without", at_most=1.05)]


def _secret(position: int) -> Object:
    meta = {"name": f"secret-{position}", "namespace": f"bench-{position % _NAMESPACES}"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"value": "x" * _SECRET_BYTES}}


async def _resident(ours: Stack, process: ManagerProcess) -> float:
    with manager(ours, again=process):
        await at_rest(process)
        return usage(process.pid).resident_mb


async def _beside_peer(ours: Stack, process: ManagerProcess, program: str) -> list[Figure]:
    """Each started on the same fleet, without the Secrets that were put beside it. The other one has no webhooks."""
    for position in range(_NAMESPACES):
        await ours.api.client.raw("DELETE", f"/api/v1/namespaces/bench-{position}/secrets")
    number = len(await ours.api.list(INFERENCE_SERVICE))
    resident = await _resident(ours, process)
    await without_webhooks(ours)
    started = time.perf_counter()
    with peer(ours, program) as other:
        busy_until = await _idle_since(other.pid) - started
        theirs = usage(other.pid)
    row = f"restart with {number} Ready, side by side"
    return [
        at_most(row, "resident memory", resident, "MB", theirs.resident_mb, f"peer: {theirs.resident_mb:.0f} MB"),
        Figure(row, "the peer's start", "", f"busy for {busy_until:.0f} s, {theirs.cpu_seconds:.1f} CPU-s"),
    ]


async def _idle_since(pid: int) -> float:
    """Return once the process has used no CPU to speak of for a while: the moment (`time.perf_counter`) when that began."""
    since, before = time.perf_counter(), 0.0
    async with asyncio.timeout(_SECONDS):
        while time.perf_counter() - since < _REST_SECONDS:
            await asyncio.sleep(1)
            used = usage(pid).cpu_seconds
            if used - before > _REST_CPU:
                since = time.perf_counter()
            before = used
    return since


async def _under_load(ours: Stack, number: int, process: ManagerProcess, namespaces: Sequence[str]) -> list[Figure]:
    """A start while others create services all the time, which wait for its webhooks and come when it has the most to do."""
    more = fleet(max(number // _MORE, 1), namespaces, prefix="load")
    process.start()
    try:
        creating = asyncio.create_task(create_all(ours.api, more, at_once=_AT_ONCE, seconds=_SECONDS))
        await asyncio.to_thread(process.wait_ready, 120)
        await creating
        await at_rest(process)
        used = usage(process.pid)
    finally:
        process.stop()
    row = f"restart with {number} Ready while {len(more)} are created"
    return [memory_ratio(row, "peak memory", used.peak_mb, used.resident_mb, "idle after", at_most=2.0)]
