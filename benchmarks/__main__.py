"""`python -m benchmarks [ROW …]`: the rows of the design's section 6, each on a real control plane, as a table.

Ratios are made against something measured in the same run. `--write` keeps each row in benchmarks/README.md, with the machine,
in place of what was kept of it.
"""

import argparse
import asyncio
import os
import platform
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.rows import admission, burst, churn, fleet, kernel, sharding, starving
from benchmarks.table import Figure, markdown, renewed

_README = Path(__file__).with_name("README.md")
_TABLE = re.compile(r"(<!-- table -->\n)(.*?)(\n<!-- end of table -->)", re.DOTALL)
_DELAY = 10.0


def rows(options: argparse.Namespace) -> Mapping[str, Callable[[], Awaitable[list[Figure]]]]:
    """Every row by its name."""
    return {
        "burst": lambda: burst.run(options.services, peer_program=options.peer),
        "latency": lambda: burst.run(options.services, milliseconds=_DELAY, peer_program=options.peer),
        "admission": lambda: admission.run(options.services * 3 // 2),
        "starving": lambda: starving.run(options.services * 5 // 2),
        "kernel": lambda: kernel.run(options.services * 25, options.kopf_objects or options.services * 25),
        "sharding": lambda: sharding.run(options.services * 10),
        "churn": lambda: churn.run(options.services // 4, options.churn),
        "fleet": lambda: fleet.run(options.services * 10, options.idle, options.peer),
    }


async def _measure(chosen: Sequence[str], options: argparse.Namespace) -> bool:
    """Whether every target was reached. What is kept is written after each row: the next one may fail."""
    reached = True
    available = rows(options)
    for name in chosen or available:
        print(f"--- {name}", flush=True)
        found = await available[name]()
        print(markdown(found), flush=True)
        reached = reached and all(each.reached is not False for each in found)
        if options.write:
            _keep({name: f"{_machine()}.\n\n{markdown(found)}"}, list(available))
    return reached


def _keep(measured: Mapping[str, str], order: Sequence[str]) -> None:
    text = _README.read_text()
    _README.write_text(_TABLE.sub(lambda found: f"{found[1]}{renewed(found[2], measured, order)}{found[3]}", text))


def _machine() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def main() -> int:
    """Measure, print, and answer 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument(
        "--services", type=int, default=200, help="how many in a burst (200); other rows keep the proportion"
    )
    parser.add_argument(
        "--idle", type=float, default=600, metavar="SECONDS", help="how long to watch a fleet at rest (600)"
    )
    parser.add_argument(
        "--churn", type=int, default=15, metavar="MINUTES", help="how long services come and go in the row churn (15)"
    )
    parser.add_argument(
        "--kopf-objects",
        type=int,
        default=0,
        metavar="N",
        help="fewer objects for kopf in the row kernel, to end in time",
    )
    parser.add_argument("--peer", default="", metavar="PATH", help="another manager to run on the same work")
    parser.add_argument("--write", action="store_true", help="keep the tables in benchmarks/README.md")
    options = parser.parse_args()
    if unknown := set(options.rows) - set(rows(options)):
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(rows(options))}")
    return int(not asyncio.run(_measure(options.rows, options)))


if __name__ == "__main__":
    raise SystemExit(main())
