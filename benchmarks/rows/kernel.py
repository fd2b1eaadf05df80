"""The kernel: one small controller, written for kservectl's `runtime/`, for kopf, and for controller-runtime, on the same work.

What it does is in `benchmarks/kernel/copies.py`, and how it is measured in `benchmarks/kernel/work.py`. Each version gets a
cluster of its own, one after the other. Where the API server shares two cores with what is measured, it is the limit, not the
kernel. So the work is done a second time, with the CPU that KServe's manifests give its manager (100m), where the kernel is.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.cpu_limit import CannotLimit
from benchmarks.kernel.work import PACE_SECONDS, PHASES, Run, bare_rate, measured
from benchmarks.table import Figure
from e2e.cluster.module import built_from_module

_GO_SOURCES = Path(__file__).parents[1] / "kernel" / "go"
_FASTER_THAN_KOPF = 5.0
_SLOWER_THAN_GO = 2.0
_CORES = 0.1
_LIMITED_PART = 5
"""Under the limit of CPU the work is done for a fifth of the objects."""


@dataclass(frozen=True, slots=True)
class Kernels:
    """What each did; `lean` is kopf's best."""

    ours: Run
    go: Run
    kopf: Run
    lean: Run


async def run(number: int, kopf_number: int) -> list[Figure]:
    """The rows of `number` objects; kopf gets a number of its own, so that it ends in time."""
    for needed in ("kopf", "kubernetes"):
        if find_spec(needed) is None:
            raise SystemExit(
                f"the row `kernel` needs {needed}: `make bench` installs it, as does pip install -e '.[bench]'"
            )
    go = await asyncio.to_thread(built_from_module, "kernel", "copies", _GO_SOURCES, ".", print)
    free = await _kernels(str(go), number, kopf_number)
    found = figures(free, await bare_rate(number))
    what = f"objects a second, each kernel with {_CORES:g} of a core"
    try:
        limited = await _kernels(str(go), number // _LIMITED_PART, kopf_number // _LIMITED_PART, cores=_CORES)
    except CannotLimit as error:
        return [*found, Figure(_row(free), what, f"not measured: {error}")]
    return [*found, _rate(limited, what)]


async def _kernels(go: str, number: int, kopf_number: int, *, cores: float = 0.0) -> Kernels:
    return Kernels(
        ours=await measured(_python("for_kservectl"), number, cores=cores),
        go=await measured((go,), number, cores=cores),
        kopf=await measured(_python("for_kopf"), kopf_number, cores=cores),
        lean=await measured(_python("for_kopf_lean"), kopf_number, cores=cores),
    )


def figures(kernels: Kernels, bare: float) -> list[Figure]:
    """The runs side by side; `bare` is how many objects a second no controller can do more than."""
    row = _row(kernels)

    def told(what: str, show: Callable[[Run], str]) -> Figure:
        return Figure(row, what, show(kernels.ours), _beside(kernels, show))

    bound = f"; with nothing to decide: {bare:.0f} = {bare / kernels.kopf.rate:.1f} × kopf"
    return [
        _rate(kernels, "objects a second", bound),
        *(_latency(row, name, kernels) for name in ("p50", "p99")),
        *(told(f"burst: {phase}", lambda run, phase=phase: _burst(run, phase)) for phase in PHASES),  # type: ignore[misc]  # mypy infers no lambda with a default
        told("CPU for each", lambda run: f"{run.cpu_ms:.2f} ms"),
        told("peak memory", lambda run: f"{run.peak_mb:.0f} MB"),
    ]


def _rate(kernels: Kernels, what: str, bound: str = "") -> Figure:
    ours, kopf = kernels.ours.rate, kernels.kopf.rate
    value = f"{ours:.0f} = {ours / kopf:.1f} × kopf"
    beside = _beside(kernels, lambda run: f"{run.rate:.0f}") + bound
    target = f"≥ {_FASTER_THAN_KOPF:g} × kopf"
    return Figure(_row(kernels), what, value, beside, target, ours >= _FASTER_THAN_KOPF * kopf)


def _row(kernels: Kernels) -> str:
    number, kopf_number = kernels.ours.number, kernels.kopf.number
    return f"kernel, {number} objects" + (f" (kopf: {kopf_number})" if kopf_number != number else "")


def _beside(kernels: Kernels, show: Callable[[Run], str]) -> str:
    return (
        f"controller-runtime: {show(kernels.go)}; kopf: {show(kernels.kopf)}; kopf at its leanest: {show(kernels.lean)}"
    )


def _latency(row: str, name: str, kernels: Kernels) -> Figure:
    def milliseconds(run: Run) -> float:
        found: float = getattr(run.paced, name)
        return found

    ours, go = milliseconds(kernels.ours), milliseconds(kernels.go)
    return Figure(
        row,
        f"write to effect at {1 / PACE_SECONDS:.0f}/s, {name}",
        f"{ours:.0f} ms = {ours / go:.2f} × controller-runtime",
        _beside(kernels, lambda run: f"{milliseconds(run):.0f} ms"),
        f"≤ {_SLOWER_THAN_GO:g} × controller-runtime",
        ours <= _SLOWER_THAN_GO * go,
    )


def _burst(run: Run, phase: str) -> str:
    found = run.phases[phase]
    return f"{run.number / found.seconds:.0f}/s, p50 {found.p50:.0f} ms, p99 {found.p99:.0f} ms"


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"benchmarks.kernel.{module}")
