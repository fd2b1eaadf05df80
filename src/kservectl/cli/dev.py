"""`kservectl dev`: a cluster in this process, with the manager on it."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console, Group
from rich.live import Live

from kservectl.cli.files import read_objects
from kservectl.cli.printing import as_tree, as_yaml
from kservectl.cli.process import run_until_signal
from kservectl.cli.tree import OWNED
from kservectl.client.errors import ClientError
from kservectl.clock import SystemClock
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.devcluster.cluster import CLUSTER_NAME
from kservectl.devcluster.workloads.pod import Pace
from kservectl.development.environment import Environment, EnvironmentOptions, UnknownKind, local_options, running
from kservectl.development.progress import Progress, Target
from kservectl.explaining import Unexplained, explain
from kservectl.inspection.state import state
from kservectl.inspection.tree import Node
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime import logging

_QUIET_SECONDS = 3.0
_HIGHEST_PORT = 65535


def _is_of_devcluster(kubeconfig: Any) -> bool:
    clusters = kubeconfig.get("clusters") if isinstance(kubeconfig, dict) else None
    return isinstance(clusters, list) and [
        each.get("name") if isinstance(each, dict) else None for each in clusters
    ] == [CLUSTER_NAME]


def _own_kubeconfig(context: click.Context, parameter: click.Parameter, file: Path | None) -> Path | None:
    """Raises click.BadParameter for a file that holds anything but the kubeconfig of an earlier run."""
    try:
        found = yaml.safe_load(file.read_bytes()) if file is not None and file.is_file() else None
    except (OSError, yaml.YAMLError) as error:
        raise click.BadParameter(f"{file} is there and cannot be read: {error}") from error
    if found is not None and not _is_of_devcluster(found):
        raise click.BadParameter(f"{file} holds something else, which would be lost; name another file")
    return file


@click.command()
@click.option("-f", "--filename", "files", multiple=True, help="Apply a manifest, a folder of them, or - (repeatable).")
@click.option(
    "--exit-when-ready",
    is_flag=True,
    help="End with 0 once all that was applied is Ready, or with 1 and the reason.",
)
@click.option(
    "--write-kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_own_kubeconfig,
    help="Write the kubeconfig there.",
)
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Keep the cluster's state in this folder."
)
@click.option(
    "--port", type=click.IntRange(0, _HIGHEST_PORT), default=0, help="The API server's port; a free one unless given."
)
@click.option("--manager/--no-manager", "with_manager", default=True, help="Run the manager in this process.")
@click.option(
    "--leader-elect/--no-leader-elect",
    default=False,
    help="Let the manager hold the Lease while it works, as an installed one does.",
)
@click.option(
    "--pod-seconds", type=click.FloatRange(0), default=0.0, help="How long a simulated pod takes to become Ready."
)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="warning", show_default=True
)
def dev(
    files: tuple[str, ...],
    exit_when_ready: bool,
    write_kubeconfig: Path | None,
    data: Path | None,
    port: int,
    with_manager: bool,
    leader_elect: bool,
    pod_seconds: float,
    log_level: str,
) -> None:
    """Run a development cluster: an API server in memory, simulated workloads, and the manager, in one process.

    Nothing is installed and nothing runs but this process: pods only look as if they did.
    """
    logging.configure("console", log_level, recorded=True)
    objects = read_objects(files)
    if exit_when_ready and not objects:
        raise click.UsageError("--exit-when-ready needs something to wait for: give it -f FILE")
    options = EnvironmentOptions(
        replace(local_options(), leader_elect=leader_elect),
        port=port,
        data=data,
        pace=replace(Pace(), start=pod_seconds),
        with_manager=with_manager,
    )
    console = Console(soft_wrap=True)

    async def main(stop: asyncio.Event) -> int:
        async with running(options) as environment:
            _introduce(environment, write_kubeconfig, console, verbose=not exit_when_ready)
            work = asyncio.create_task(_serve(environment, objects, console, exit_when_ready))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if work.done():
                return work.result()
            work.cancel()
            await asyncio.wait({work})
            return 1 if exit_when_ready else 0

    run_until_signal(main)


def _introduce(environment: Environment, file: Path | None, console: Console, *, verbose: bool) -> None:
    kubeconfig = as_yaml([environment.cluster.kubeconfig()])
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(kubeconfig)
        file.chmod(0o600)
    if not verbose:
        return
    console.print(f"API server  {environment.cluster.url}")
    if environment.metrics_url:
        console.print(f"metrics     {environment.metrics_url}")
    if file is not None:
        console.print(f"try         kubectl --kubeconfig {file} get inferenceservices -A")
    else:
        console.print(kubeconfig, highlight=False)


async def _serve(environment: Environment, objects: Sequence[Object], console: Console, exit_when_ready: bool) -> int:
    targets: list[Target] = []
    for obj in objects:
        try:
            ((kind, applied),) = await environment.apply([obj])
        except (ClientError, UnknownKind) as error:
            click.echo(f"Error: {metadata.describe(obj)}: {error}", err=True)
            return 1
        targets.append((kind, metadata.key(applied)))
        console.print(f"applied {kind.kind}/{metadata.key(applied)}")
    progress = Progress(environment.cluster, targets, OWNED, SystemClock())
    if exit_when_ready:
        return await _until_ready(environment, progress, targets, console)
    if targets:
        with _Picture(progress, console) as picture:
            await progress.follow(picture.draw)
    await asyncio.Event().wait()
    return 0


async def _until_ready(
    environment: Environment, progress: Progress, targets: Sequence[Target], console: Console
) -> int:
    with _Picture(progress, console) as picture:
        settled = await progress.settle(picture.draw, quiet=_QUIET_SECONDS)
    for kind, key in settled.unready:
        click.echo(f"{kind.kind} {key} is not Ready: {await _reason(environment, (kind, key))}", err=True)
    for kind, key in targets:
        obj = environment.cluster.get(kind, key.name, key.namespace) or {}
        url = (obj.get("status") or {}).get("url")
        if url and (kind, key) not in settled.unready:
            console.print(f"{kind.kind} {key} is Ready at {url}")
    return 1 if settled.unready else 0


async def _reason(environment: Environment, target: Target) -> str:
    kind, key = target
    try:
        answer = await explain(
            environment.client, kind, key.name, key.namespace, settings=Settings(), now=SystemClock().now()
        )
    except Unexplained:
        obj = environment.cluster.get(kind, key.name, key.namespace)
        return (state(obj).detail or state(obj).text) if obj is not None else "it does not exist"
    return next((each.message for each in answer.explanations if not each.ok), "it has not said why")


class _Picture:
    """The trees as they grow: redrawn in place on a terminal, a line for each change of a part elsewhere."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self._progress = progress
        self._console = console
        # A console of its own: where lines are not wrapped, trees are cut.
        self._live = Live(console=Console(), auto_refresh=False) if sys.stdout.isatty() else None
        self._said: dict[str, str] = {}

    def __enter__(self) -> "_Picture":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def draw(self) -> None:
        nodes = self._progress.trees()
        if self._live is not None:
            self._live.update(Group(*(as_tree(node) for node in nodes)), refresh=True)
            return
        lines = [line for node in nodes for line in _lines(node)]
        for name, text in lines:
            if self._said.get(name) != text:
                self._said[name] = text
                self._console.print(f"{name}  {text}", highlight=False)


def _lines(node: Node, depth: int = 0) -> list[tuple[str, str]]:
    text = "  ".join(part for part in (node.state.text, node.state.detail) if part)
    name = f"{'  ' * depth}{node.obj.get('kind')}/{metadata.name(node.obj)}"
    return [(name, text), *(line for child in node.children for line in _lines(child, depth + 1))]
