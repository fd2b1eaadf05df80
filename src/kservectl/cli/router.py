"""`kservectl router`: the data plane of an InferenceGraph."""

import asyncio
import os
import random

import click
import orjson
from prometheus_client import CollectorRegistry

from kservectl.api.errors import Malformed
from kservectl.api.inferencegraph import PROPAGATE_HEADERS, ROOT, InferenceGraphSpec
from kservectl.cli.process import run_until_signal
from kservectl.clock import SystemClock
from kservectl.router.headers import HeaderRules
from kservectl.router.metrics import RouterMetrics
from kservectl.router.server import MAX_BYTES, MAX_HELD_BYTES, RouterOptions, RouterServer
from kservectl.runtime import logging
from kservectl.runtime.serving import HttpServer, metrics_application, parse_bind


def _address(context: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        parse_bind(value or ":0")
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return value


@click.command()
@click.option("--graph-json", required=True, help="The spec of the graph as JSON, every step with a URL or a node.")
@click.option("--bind", default=":8080", show_default=True, callback=_address, help="Where requests are taken.")
@click.option("--metrics-bind", default="", callback=_address, help="Where /metrics is served; nowhere unless given.")
@click.option(
    "--drain-seconds",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="How long a router that was told to stop still takes requests.",
)
@click.option(
    "--max-bytes", type=click.IntRange(min=1), default=MAX_BYTES, show_default=True, help="The largest body, both ways."
)
@click.option(
    "--max-held-bytes",
    type=click.IntRange(min=1),
    default=MAX_HELD_BYTES,
    show_default=True,
    help="Bodies that are in memory at once, all together; a request for which there is no room gets 503.",
)
@click.option("--log-format", type=click.Choice(["console", "json"]), default="json", show_default=True)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def router(
    graph_json: str,
    bind: str,
    metrics_bind: str,
    drain_seconds: float,
    max_bytes: int,
    max_held_bytes: int,
    log_format: logging.Format,
    log_level: str,
) -> None:
    """Send requests through the steps of a graph.

    The environment variable PROPAGATE_HEADERS lists regular expressions, separated by commas, for the names of the
    headers that services get too.
    """
    logging.configure(log_format, log_level)
    graph = parse_graph(graph_json)
    options = RouterOptions(
        bind=bind,
        headers=HeaderRules.of_variable(os.environ.get(PROPAGATE_HEADERS)),
        drain_seconds=drain_seconds,
        max_bytes=max_bytes,
        max_held_bytes=max_held_bytes,
    )
    generator = random.SystemRandom()

    async def main(stop: asyncio.Event) -> int:
        clock, registry = SystemClock(), CollectorRegistry()
        server = RouterServer(
            graph,
            options,
            clock=clock,
            draw=lambda: draw_percent(generator),
            rng=generator,
            metrics=RouterMetrics(registry, clock.monotonic),
        )
        async with asyncio.TaskGroup() as group:
            metrics = (
                group.create_task(HttpServer(metrics_application(registry), metrics_bind).run())
                if metrics_bind
                else None
            )
            await server.run(stop)
            if metrics is not None:
                metrics.cancel()
        return 0

    run_until_signal(main)


def draw_percent(generator: random.Random) -> int:
    """A number from 0 to 99, each as likely as any other."""
    return generator.randrange(100)


def parse_graph(text: str) -> InferenceGraphSpec:
    """The graph in `text`; raises click.ClickException (exit code 1) with what is wrong."""
    try:
        graph = InferenceGraphSpec.parse(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise click.ClickException(f"--graph-json is not JSON: {error}") from error
    except Malformed as error:
        raise click.ClickException(f"--graph-json is not the spec of an InferenceGraph: {error}") from error
    if ROOT not in graph.nodes:
        raise click.ClickException(f"--graph-json has no node {ROOT!r}, at which requests enter")
    return graph
