"""A burst of raw InferenceServices, beside the same writes of a bare generator on the same kind of cluster: it writes each
status as often as the manager did, on the average; and, for comparison, but once.

Both write as the manager's account, while somebody else creates the services and watches them become ready. With `milliseconds`
every request of that account passes a proxy that delays it, as the network before a managed cluster does. Machines differ from
minute to minute, so the two take turns, and their medians are compared.
"""

import asyncio
import statistics
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.bare_generator import Pattern, generate, pattern
from benchmarks.services import Times, create, fleet, make_ready
from benchmarks.stack import Counted, counted, manager, peer, stack, without_webhooks
from benchmarks.table import Figure, at_most, ratio
from benchmarks.usage import usage
from e2e.api import connect
from e2e.services import ready
from kservectl.runtime.writes import FIELD_MANAGER

_NAMESPACES = 10
_PATTERN = "patternservice"
_PATTERN_NAMESPACE = "patternspace"
_REQUESTS = 9.0
_UNCHANGING = 2.5
_TURNS = 5


@dataclass(frozen=True, slots=True)
class Burst:
    """How long it took, and what the manager counted before and after."""

    times: Times
    before: Counted
    after: Counted

    @property
    def cpu_seconds(self) -> float:
        """Of the manager."""
        return self.after.used.cpu_seconds - self.before.used.cpu_seconds

    def made(self, method: str) -> float:
        """How many requests of an HTTP method the manager has sent."""
        return self.after.requests.get(method, 0) - self.before.requests.get(method, 0)


async def run(number: int, *, milliseconds: float = 0.0, peer_program: str = "") -> list[Figure]:
    """The rows of one burst."""
    patterned, first = await _kservectl(number, milliseconds)
    written = max(round(first.made("PATCH") / number) - len(patterned.children), 1)
    bursts, bare = [first], [await _bare(patterned, number, written, milliseconds)]
    while len(bursts) < _TURNS:
        bursts.append((await _kservectl(number, milliseconds))[1])
        bare.append(await _bare(patterned, number, written, milliseconds))
    fewest = await _bare(patterned, number, 1, milliseconds)
    mine = sorted(bursts, key=lambda burst: burst.times.done)[_TURNS // 2]
    row = f"burst of {number}" + (f", {milliseconds:g} ms away" if milliseconds else "")
    limit = 1.3 if milliseconds else 1.2
    what = f"bare, the same writes ({written} statuses)"
    figures = [
        ratio(row, "routes exist and status written", mine.times.done, statistics.median(bare), what, at_most=limit),
        Figure(row, f"each of {_TURNS} turns", _seconds(burst.times.done for burst in bursts), _seconds(bare)),
        ratio(row, "the same", mine.times.done, fewest, "bare, 1 status, no more", at_most=None),
        Figure(row, "all Ready", f"{mine.times.ready:.1f} s"),
    ]
    if not milliseconds:
        figures += _requests(row, number, mine)
    if peer_program:
        return figures + await _peer(number, milliseconds, peer_program, mine, row)
    return [
        *figures,
        Figure(row, "CPU", f"{mine.cpu_seconds:.1f} s", "Go manager elsewhere: 7–8 s for 200"),
        Figure(row, "peak memory", f"{mine.after.used.peak_mb:.0f} MB", "Go manager elsewhere: 99–117 MB for 200"),
    ]


def _requests(row: str, number: int, burst: Burst) -> list[Figure]:
    asked = {method: burst.made(method) / number for method in sorted(burst.after.requests)}
    writes = sum(each for method, each in asked.items() if method != "GET")
    unchanging = (burst.after.unchanging - burst.before.unchanging) / number
    detail = ", ".join(f"{each:.2f} {method}" for method, each in asked.items())
    return [
        at_most(row, "writes a service, creation to Ready", writes, "", _REQUESTS, detail),
        at_most(row, "reconciles that change nothing, a service", unchanging, "", _UNCHANGING),
    ]


async def _kservectl(number: int, milliseconds: float) -> tuple[Pattern, Burst]:
    async with stack() as ours:
        with ExitStack() as around:
            kubeconfig = around.enter_context(ours.delayed(milliseconds))[1] if milliseconds else None
            process = around.enter_context(manager(ours, kubeconfig=kubeconfig))
            (space,) = await ours.namespaces(1, _PATTERN_NAMESPACE)
            await create(ours.api, fleet(1, [space], prefix=_PATTERN))
            await ready(ours.api, space, f"{_PATTERN}0", seconds=120)
            await asyncio.sleep(2)
            patterned = await pattern(ours.api, f"{_PATTERN}0", space, FIELD_MANAGER)
            before = await counted(process)
            times = await make_ready(ours.api, number, await ours.namespaces(_NAMESPACES))
            await asyncio.sleep(2)
            return patterned, Burst(times, before, await counted(process))


async def _bare(patterned: Pattern, number: int, statuses: int, milliseconds: float) -> float:
    async with stack() as ours:
        with ExitStack() as around:
            kubeconfig = ours.manager_kubeconfig
            if milliseconds:
                kubeconfig = around.enter_context(ours.delayed(milliseconds))[1]
            await without_webhooks(ours)
            namespaces = await ours.namespaces(_NAMESPACES)
            async with connect(kubeconfig, "bare") as account:
                generating = generate(ours.api, account, patterned, number, namespaces, statuses=statuses)
                times = await make_ready(ours.api, number, namespaces, creating=generating)
                return max(times.done, times.created)


def _seconds(several: Iterable[float]) -> str:
    return ", ".join(f"{each:.1f}" for each in several) + " s"


async def _peer(number: int, milliseconds: float, program: str, mine: Burst, row: str) -> list[Figure]:
    async with stack() as ours:
        with ExitStack() as around:
            kubeconfig = around.enter_context(ours.delayed(milliseconds))[0] if milliseconds else None
            await without_webhooks(ours)
            process = around.enter_context(peer(ours, program, kubeconfig))
            await asyncio.sleep(10)
            before = usage(process.pid)
            times = await make_ready(ours.api, number, await ours.namespaces(_NAMESPACES))
            used = usage(process.pid)
    their_cpu = used.cpu_seconds - before.cpu_seconds
    limit = 0.25 if milliseconds else 1.0
    return [
        ratio(row, "the same", mine.times.done, times.done, "peer", at_most=limit),
        at_most(row, "CPU", mine.cpu_seconds, "s", their_cpu, f"peer: {their_cpu:.1f} s"),
        Figure(row, "peak memory", f"{mine.after.used.peak_mb:.0f} MB", f"peer: {used.peak_mb:.0f} MB"),
    ]
