"""`kservectl preflight`: what would happen if kservectl took this cluster over. Nothing is written."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import click
from rich.console import Console
from rich.text import Text

from kservectl.cli.connect import cluster_options, connected
from kservectl.cli.printing import as_json
from kservectl.client.errors import ClientError
from kservectl.client.server_version import server_version
from kservectl.clock import SystemClock
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.manifests.names import MANAGER
from kservectl.preflight.fields import FieldChange
from kservectl.preflight.inspecting import Inspection, inspect
from kservectl.preflight.report import NOT_INSPECTED, Finding, Forecast, ObjectChange, Report
from kservectl.runtime import logging
from kservectl.runtime.sources import CacheSyncTimeout

_MARKS = {"blocker": ("✗", "red"), "warning": ("!", "yellow"), "note": ("·", "dim")}
_DEEDS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}
_LONGEST_VALUE = 60


@click.command()
@cluster_options
@click.option("-n", "--namespace", "namespaces", multiple=True, help="Look at this namespace only (repeatable).")
@click.option(
    "--account",
    default=MANAGER,
    show_default=True,
    help="The ServiceAccount whose rights are asked about; empty for none.",
)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
def preflight(kubeconfig: str, context: str, namespaces: Sequence[str], account: str, output: str) -> None:
    """Say what would change if kservectl took this cluster over from KServe's manager. Only reads.

    Exit code 0: nothing. 1: something would change, or there is a warning. 2: something stands in the way.
    3: the cluster could not be read.
    """
    logging.configure("console", "error")
    console = Console(stderr=True)
    try:
        with _shown(console) as progress:
            report = asyncio.run(_inspect(kubeconfig, context, namespaces, account, progress))
    except* (ClientError, CacheSyncTimeout) as group:
        for error in group.exceptions:
            click.echo(f"Error: {error}", err=True)
        sys.exit(NOT_INSPECTED)
    if output == "json":
        click.echo(as_json(report.document()), nl=False)
    else:
        print_report(report, Console(soft_wrap=True))
    sys.exit(report.exit_code)


async def _inspect(
    kubeconfig: str, context: str, namespaces: Sequence[str], account: str, progress: Callable[[str], None]
) -> Report:
    async with connected(kubeconfig, context) as (client, _):
        settings = replace(Settings.of_process(os.environ), server_version=await server_version(client))
        return await inspect(client, SystemClock(), Inspection(settings, namespaces, account), progress)


@contextmanager
def _shown(console: Console) -> Iterator[Callable[[str], None]]:
    """Shows progress on a terminal; elsewhere nothing, as only the report is of interest there."""
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("") as status:
        yield status.update


def print_report(report: Report, console: Console) -> None:
    """What stands in the way first, then each object that something is to be said about, then the sum."""
    for finding in sorted(report.findings, key=lambda each: list(_MARKS).index(each.severity)):
        _print_finding(finding, console, indent="")
    for forecast in report.forecasts:
        if forecast.changes or forecast.findings:
            _print_forecast(forecast, console)
    console.print(_summary(report))


def _print_forecast(forecast: Forecast, console: Console) -> None:
    console.print(Text(forecast.about, "bold"))
    for finding in forecast.findings:
        _print_finding(replace(finding, about=""), console, indent="  ")
    for change in forecast.changes:
        _print_change(change, console)


def _print_finding(finding: Finding, console: Console, indent: str) -> None:
    mark, style = _MARKS[finding.severity]
    about = (f"{finding.about}: ", "bold") if finding.about else ""
    console.print(Text.assemble(indent, (mark, style), " ", about, finding.message))
    if finding.next_step:
        console.print(Text.assemble(indent, "    → ", finding.next_step))


def _print_change(change: ObjectChange, console: Console) -> None:
    mark, style = _DEEDS[change.deed]
    rollout = ("  its pods are replaced", "red") if change.rolls_out else ""
    name = (f"{change.kind.kind}/{change.key.name}", "bold")
    console.print(Text.assemble("  ", (mark, style), " ", name, f"  {change.why}", rollout))
    if change.deed == "update":
        for field in change.fields:
            console.print(Text.assemble("      ", _line(field)))


def _line(field: FieldChange) -> str:
    match field.how:
        case "added":
            return f"{field.path}: set to {_shortened(field.after)}"
        case "removed":
            return f"{field.path}: {_shortened(field.before)} is removed"
        case _:
            return f"{field.path}: {_shortened(field.before)} → {_shortened(field.after)}"


def _shortened(value: object) -> str:
    text = as_json(value).replace("\n", " ").strip()
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _summary(report: Report) -> str:
    summary = report.document()["summary"]
    return (
        f"{summary['objects']} objects looked at; {summary['kept']} objects made for them stay as they are, "
        f"{summary['creates']} would be created, {summary['updates']} changed, {summary['deletes']} deleted; "
        f"{summary['rollouts']} rollouts; {summary['blockers']} blockers, {summary['warnings']} warnings"
    )
