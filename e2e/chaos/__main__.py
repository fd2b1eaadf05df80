"""`python -m e2e.chaos --seed N --minutes M [--mode single|pair|sharded]`: exits with 1 when anything is wrong at the end."""

import asyncio
import tempfile
from pathlib import Path

import click

from e2e.chaos.run import Plan, Report, run
from e2e.chaos.stand import REPLICAS, Mode


@click.command()
@click.option("--seed", type=int, default=1, show_default=True, help="The first seed.")
@click.option("--seeds", type=int, default=1, show_default=True, help="How many seeds, one run after the other.")
@click.option("--minutes", type=float, default=1.0, show_default=True, help="How long trouble lasts, for each seed.")
@click.option(
    "--mode",
    type=click.Choice([*REPLICAS, "all"]),
    default="single",
    show_default=True,
    help="Which managers; or turns.",
)
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Keep logs there.")
def main(seed: int, seeds: int, minutes: float, mode: str, folder: Path | None) -> None:
    """Make trouble, and see that everything comes right."""
    modes: list[Mode] = list(REPLICAS)
    failed = 0
    for each in range(seed, seed + seeds):
        chosen = next((known for known in modes if known == mode), modes[each % len(modes)])
        kept = Path(folder or tempfile.mkdtemp(prefix="kservectl-chaos-")) / f"{each}-{chosen}"
        kept.mkdir(parents=True, exist_ok=True)
        report = asyncio.run(run(Plan(each, minutes * 60, chosen), kept))
        tell(report, kept)
        failed += bool(report.wrong)
    raise SystemExit(1 if failed else 0)


def tell(report: Report, folder: Path) -> None:
    """Print what came of a run, and how to repeat it if it failed."""
    outcome = "WRONG" if report.wrong else f"as it should be after {report.settled_seconds:.0f} s of peace"
    click.echo(f"seed {report.plan.seed}, {report.plan.mode}, {report.plan.seconds:.0f} s: {outcome}")
    made = ", ".join(f"{name} {number}" for name, number in sorted(report.made.items()))
    click.echo(f"  {report.granted} requests granted, {report.refused} refused, {report.deaths} Leases lost; {made}")
    for sentence in report.wrong:
        click.echo(f"  - {sentence}")
    if report.wrong:
        click.echo(f"  logs: {folder}; again: {report.plan}")


if __name__ == "__main__":
    main()
