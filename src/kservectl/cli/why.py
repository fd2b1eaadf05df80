"""`kservectl why`: why something is not Ready."""

import asyncio
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.text import Text

from kservectl.cli.connect import cluster_options, connected
from kservectl.cli.printing import as_json
from kservectl.cli.target import not_found, resolve
from kservectl.client.errors import ClientError, NotFound
from kservectl.client.server_version import server_version
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.explaining import Answer, Unexplained, explain
from kservectl.objects import metadata


@click.command()
@click.argument("target", metavar="KIND/NAME")
@cluster_options
@click.option("-n", "--namespace", default="", help="The object's namespace; the context's unless given.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
def why(target: str, kubeconfig: str, context: str, namespace: str, output: str) -> None:
    """Say in sentences why KIND/NAME is not Ready, and what to do next. Exit code 0 when it is Ready, 1 when not."""
    try:
        answer = asyncio.run(_ask(target, kubeconfig, context, namespace))
    except (ClientError, Unexplained) as error:
        raise click.ClickException(str(error)) from error
    if output == "json":
        click.echo(as_json(answer.document()), nl=False)
    else:
        print_answer(answer, Console(soft_wrap=True))
    sys.exit(0 if answer.ready else 1)


async def _ask(target: str, kubeconfig: str, context: str, namespace: str) -> Answer:
    async with connected(kubeconfig, context) as (client, config):
        kind, name = await resolve(client, target)
        where = (namespace or config.namespace) if kind.namespaced else ""
        settings = replace(Settings.of_process(os.environ), server_version=await server_version(client))
        try:
            return await explain(client, kind, name, where, settings=settings, now=datetime.now(UTC))
        except NotFound as error:
            raise not_found(kind, name, where, error) from error


def print_answer(answer: Answer, console: Console) -> None:
    """What stands in the way first, each with its next step; what is fine after it, in one line each."""
    name = metadata.describe(answer.obj)
    verdict = ("is Ready", "green") if answer.ready else ("is not Ready", "red")
    console.print(Text.assemble((name, "bold"), " ", verdict))
    for each in answer.explanations:
        mark, style = ("✓", "green") if each.ok else ("✗", "red")
        console.print(Text.assemble("  ", (mark, style), " ", (f"{each.about}: ", "bold"), each.message))
        if each.next_step and not each.ok:
            console.print(Text.assemble("      → ", each.next_step))
