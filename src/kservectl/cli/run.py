"""`kservectl run`: the manager."""

import asyncio
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click
import structlog
from prometheus_client import CollectorRegistry

from kservectl.assembly import CONTROLLERS, LEASE_NAME, Options, WebhookOptions, assemble
from kservectl.cli.connect import cluster_options
from kservectl.cli.process import run_until_signal
from kservectl.client.client import Client
from kservectl.client.config import load_config
from kservectl.client.connection import Connection
from kservectl.client.metrics import ClientMetrics
from kservectl.client.rate_limit import RateLimit
from kservectl.client.server_version import server_version
from kservectl.clock import Clock, SystemClock
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.leader.precedence import renewing_holder
from kservectl.runtime import logging
from kservectl.runtime.memory import spare_the_collector

_RESOLVER = Path("/etc/resolv.conf")


def _workers(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> Mapping[str, int]:
    """`N` for all controllers, or `name=N` for one."""
    found: dict[str, int] = {}
    for value in values:
        name, equals, number = value.rpartition("=")
        names = [name] if equals else list(CONTROLLERS)
        if not number.isdecimal() or int(number) < 1 or not set(names) <= set(CONTROLLERS):
            raise click.BadParameter(f"{value!r} is neither a number nor CONTROLLER=NUMBER ({', '.join(CONTROLLERS)})")
        found |= {each: int(number) for each in names if equals or each not in found}
    return found


def _controllers(context: click.Context, parameter: click.Parameter, value: str) -> Sequence[str]:
    names = [name.strip() for name in value.split(",") if name.strip()]
    unknown = sorted(set(names) - set(CONTROLLERS))
    if unknown or not names:
        raise click.BadParameter(
            f"{', '.join(unknown) or 'nothing'} is not a controller; there are: {', '.join(CONTROLLERS)}"
        )
    return names


@click.command()
@cluster_options
@click.option(
    "--controllers",
    default=",".join(CONTROLLERS),
    show_default=True,
    callback=_controllers,
    help="Which to run, comma-separated.",
)
@click.option(
    "--workers", multiple=True, callback=_workers, help="How many keys at a time: N, or CONTROLLER=N (repeatable)."
)
@click.option("--namespace", "namespaces", multiple=True, help="Look at this namespace only (repeatable).")
@click.option(
    "--leader-elect/--no-leader-elect", default=False, show_default=True, help="Work only while holding the Lease."
)
@click.option(
    "--sharded/--no-sharded",
    default=False,
    show_default=True,
    help="Share the work with all other replicas that do, instead of standing by.",
)
@click.option(
    "--webhooks/--no-webhooks", "serve_webhooks", default=True, show_default=True, help="Serve admission webhooks."
)
@click.option(
    "--webhook-url", default="", help="Register the webhooks by this URL (https://HOST:PORT), for development."
)
@click.option("--webhook-bind", default=":9443", show_default=True, help="Where webhooks are served.")
@click.option(
    "--webhook-cert-dir", type=click.Path(path_type=Path), help="A folder with tls.crt and tls.key; else self-made."
)
@click.option("--metrics-bind", default=":8080", show_default=True, help="Where /metrics is served; empty for nowhere.")
@click.option("--health-bind", default=":8081", show_default=True, help="Where /healthz and /readyz are served.")
@click.option(
    "--kube-api-qps", type=float, default=None, help="At most this many requests a second; no limit unless given."
)
@click.option("--kube-api-burst", type=int, default=None, help="How many may go ahead of that rate.")
@click.option("--log-format", type=click.Choice(["console", "json"]), default="console", show_default=True)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def run(
    kubeconfig: str,
    context: str,
    controllers: Sequence[str],
    workers: Mapping[str, int],
    namespaces: Sequence[str],
    leader_elect: bool,
    sharded: bool,
    serve_webhooks: bool,
    webhook_url: str,
    webhook_bind: str,
    webhook_cert_dir: Path | None,
    metrics_bind: str,
    health_bind: str,
    kube_api_qps: float | None,
    kube_api_burst: int | None,
    log_format: logging.Format,
    log_level: str,
) -> None:
    """Run the manager: KServe's controllers and webhooks in one process."""
    logging.configure(log_format, log_level)
    host, port = parse_bind(webhook_bind)
    options = Options(
        settings=Settings.of_process(os.environ, _RESOLVER.read_text() if _RESOLVER.is_file() else ""),
        controllers=controllers,
        workers=workers,
        namespaces=namespaces,
        leader_elect=leader_elect,
        sharded=sharded,
        webhooks=WebhookOptions(host, port, webhook_url, webhook_cert_dir) if serve_webhooks else None,
        metrics_bind=metrics_bind,
        health_bind=health_bind,
    )

    async def main(stop: asyncio.Event) -> int:
        clock = SystemClock()
        config = await load_config(kubeconfig=kubeconfig, context=context, clock=clock)
        registry = CollectorRegistry()
        limit = (
            RateLimit(kube_api_qps, kube_api_burst or max(int(kube_api_qps), 1), clock=clock) if kube_api_qps else None
        )
        rng = random.Random()  # noqa: S311 - spreads load, guards no secret
        async with Connection(config, clock=clock, rng=rng, metrics=ClientMetrics(registry), limit=limit) as connection:
            client = Client(connection)
            settings = replace(options.settings, server_version=await server_version(client))
            if not (leader_elect or sharded):
                await _refuse_beside_another(client, settings.system_namespace, clock, stop)
            manager = assemble(client, clock, replace(options, settings=settings), registry)
            spare_the_collector()
            structlog.get_logger().info("starting", server=config.server, controllers=list(controllers))
            await manager.run(stop)
        return 0

    run_until_signal(main)


async def _refuse_beside_another(client: Client, namespace: str, clock: Clock, stop: asyncio.Event) -> None:
    """Raises click.ClickException while another manager works: the two would write the same objects for ever."""
    looking = asyncio.create_task(renewing_holder(client, LEASE_NAME, namespace, clock))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((looking, stopping), return_when=asyncio.FIRST_COMPLETED)
        holder = looking.result() if looking.done() else ""
    finally:
        looking.cancel()
        stopping.cancel()
    if holder:
        raise click.ClickException(
            f"another manager is working: {holder} holds the Lease {namespace}/{LEASE_NAME} and renews it. Stop that one first "
            f"(kubectl -n {namespace} scale deployment --replicas=0 the one whose pod this is), or start this one with "
            "--leader-elect, which waits for its turn"
        )


def parse_bind(text: str) -> tuple[str, int]:
    """`HOST:PORT` or `:PORT`; raises click.BadParameter."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{text!r} is not HOST:PORT or :PORT")
    return host.strip("[]"), int(port)
