"""The kernel: one small controller, written for kservectl's `runtime/`, for kopf, and for controller-runtime, on the same work.

What it does is in `benchmarks/kernel/copies.py`, and how it is measured in `benchmarks/kernel/work.py`. Each version gets a
cluster of its own, one after the other.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.kernel.work import PACE_SECONDS, PHASES, Run, bare_rate, measured
from benchmarks.table import Figure
from e2e.cluster.module import built_from_module

_GO_SOURCES = Path(__file__).parents[1] / "kernel" / "go"
_FASTER_THAN_KOPF = 5.0
_SLOWER_THAN_GO = 2.0


async def run(number: int, kopf_number: int) -> list[Figure]:
    """The row of `number` objects; kopf gets a number of its own, so that it ends in time."""
    if find_spec("kopf") is None:
        raise SystemExit("the row `kernel` needs kopf: `make bench` installs it, as does pip install -e '.[bench]'")
    go = await asyncio.to_thread(built_from_module, "kernel", "copies", _GO_SOURCES, ".", print)
    ours = await measured(_python("for_kservectl"), number)
    theirs = await measured((str(go),), number)
    kopf = await measured(_python("for_kopf"), kopf_number)
    return figures(ours, theirs, kopf, await bare_rate(number))


def figures(ours: Run, go: Run, kopf: Run, bare: float) -> list[Figure]:
    """The runs side by side; `bare` is how many objects a second no controller can do more than."""
    row = f"kernel, {ours.number} objects" + (f" (kopf: {kopf.number})" if kopf.number != ours.number else "")

    def beside(show: Callable[[Run], str]) -> str:
        return f"controller-runtime: {show(go)}; kopf: {show(kopf)}"

    def told(what: str, show: Callable[[Run], str]) -> Figure:
        return Figure(row, what, show(ours), beside(show))

    return [
        Figure(
            row,
            "objects a second",
            f"{ours.rate:.0f} = {ours.rate / kopf.rate:.1f} × kopf",
            f"{beside(lambda run: f'{run.rate:.0f}')}; with nothing to decide: {bare:.0f} = {bare / kopf.rate:.1f} × kopf",
            f"≥ {_FASTER_THAN_KOPF:g} × kopf",
            ours.rate >= _FASTER_THAN_KOPF * kopf.rate,
        ),
        *(_latency(row, name, [getattr(run.paced, name) for run in (ours, go, kopf)]) for name in ("p50", "p99")),
        *(told(f"burst: {phase}", lambda run, phase=phase: _burst(run, phase)) for phase in PHASES),  # type: ignore[misc]  # mypy infers no lambda with a default
        told("CPU for each", lambda run: f"{run.cpu_ms:.2f} ms"),
        told("peak memory", lambda run: f"{run.peak_mb:.0f} MB"),
    ]


def _latency(row: str, name: str, milliseconds: Sequence[float]) -> Figure:
    ours, go, kopf = milliseconds
    return Figure(
        row,
        f"write to effect at {1 / PACE_SECONDS:.0f}/s, {name}",
        f"{ours:.0f} ms = {ours / go:.2f} × controller-runtime",
        f"controller-runtime: {go:.0f} ms; kopf: {kopf:.0f} ms",
        f"≤ {_SLOWER_THAN_GO:g} × controller-runtime",
        ours <= _SLOWER_THAN_GO * go,
    )


def _burst(run: Run, phase: str) -> str:
    found = run.phases[phase]
    return f"{run.number / found.seconds:.0f}/s, p50 {found.p50:.0f} ms, p99 {found.p99:.0f} ms"


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"benchmarks.kernel.{module}")
