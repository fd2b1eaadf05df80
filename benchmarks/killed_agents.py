"""`python -m benchmarks.killed_agents`: 50 models of 20 MB, and 20 kills of the node agent and its downloads.

Prints what was served, against what had to be; exits with 1 when a file is not whole, somebody else's was touched, or a download
that nobody interrupted was made twice.
"""

import asyncio
import tempfile
from pathlib import Path

from e2e.killed_agents import Plan, run

PLAN = Plan(models=50, size=20_000_000, rate=10_000_000, kills=20, seed=20, seconds=540)


def main() -> int:
    """Run it, and answer the exit code."""
    with tempfile.TemporaryDirectory(prefix="kservectl-killed-agents-") as folder:
        report = asyncio.run(run(PLAN, Path(folder)))
    needed = PLAN.models * PLAN.size
    again = [
        name for name, served in report.served.items() if served > PLAN.size and not report.interrupted.get(name, 0)
    ]
    print(f"{PLAN.models} models of {PLAN.size / 1e6:.0f} MB in {report.seconds:.0f} s")
    print(f"killed: the agent {report.agent_kills} times, downloads {report.download_kills} times")
    print(f"Jobs: {report.jobs}; containers started: {report.containers}; requests: {sum(report.requests.values())}")
    print(f"served: {report.total / 1e6:.1f} MB, {(report.total / needed - 1) * 100:.2f} % more than needed")
    print(f"not whole: {report.broken or 'none'}; of others touched: {report.foreign_changes or 'none'}")
    print(f"downloaded again without need: {again or 'none'}")
    return 1 if report.broken or report.foreign_changes or again else 0


if __name__ == "__main__":
    raise SystemExit(main())
