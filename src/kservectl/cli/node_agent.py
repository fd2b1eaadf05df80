"""`kservectl node-agent`: has the models that a node is to keep on its disk."""

import asyncio
import random
from pathlib import Path

import click
import structlog
from prometheus_client import CollectorRegistry

import kservectl
from kservectl.api.config import CONFIG_MAP_NAME, DEFAULT_NAMESPACE, Config, ConfigError
from kservectl.cli.connect import cluster_options
from kservectl.cli.process import run_until_signal
from kservectl.client.client import Client
from kservectl.client.config import load_config
from kservectl.client.connection import Connection
from kservectl.client.errors import NotFound
from kservectl.client.metrics import ClientMetrics
from kservectl.clock import SystemClock, rfc3339
from kservectl.controllers.localmodelnode.controller import build, configuration
from kservectl.controllers.localmodelnode.disk import Disk
from kservectl.controllers.localmodelnode.disk_metrics import DiskMetrics
from kservectl.controllers.localmodelnode.download_job import MODELS_FOLDER
from kservectl.controllers.localmodelnode.observing import Observer
from kservectl.controllers.localmodelnode.settings import NodeSettings
from kservectl.informers import Change
from kservectl.modelstorage.paths import MODEL_PATH
from kservectl.objects.kind import CONFIG_MAP
from kservectl.runtime import logging
from kservectl.runtime.manager import Manager, ManagerOptions
from kservectl.runtime.metrics import BuildInfo
from kservectl.runtime.reading import LiveReader


@click.command(name="node-agent")
@cluster_options
@click.option("--node-name", envvar="NODE_NAME", required=True, help="The node that this is; else $NODE_NAME.")
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=MODEL_PATH,
    show_default=True,
    help=f"Where the disk is; models are below its folder {MODELS_FOLDER}.",
)
@click.option(
    "--system-namespace",
    envvar="POD_NAMESPACE",
    default=DEFAULT_NAMESPACE,
    show_default=True,
    help=f"Where the ConfigMap {CONFIG_MAP_NAME} is; else $POD_NAMESPACE.",
)
@click.option("--metrics-bind", default=":8080", show_default=True, help="Where /metrics is served; empty for nowhere.")
@click.option("--health-bind", default=":8081", show_default=True, help="Where /healthz and /readyz are served.")
@click.option("--log-format", type=click.Choice(["console", "json"]), default="console", show_default=True)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def node_agent(
    kubeconfig: str,
    context: str,
    node_name: str,
    root: Path,
    system_namespace: str,
    metrics_bind: str,
    health_bind: str,
    log_format: logging.Format,
    log_level: str,
) -> None:
    """Keep the models that the LocalModelNode of this node lists on its disk, and no others."""
    logging.configure(log_format, log_level)

    async def main(stop: asyncio.Event) -> int:
        clock, registry = SystemClock(), CollectorRegistry()
        config = await load_config(kubeconfig=kubeconfig, context=context, clock=clock)
        rng = random.Random()  # noqa: S311 - spreads load, guards no secret
        async with Connection(config, clock=clock, rng=rng, metrics=ClientMetrics(registry)) as connection:
            client = Client(connection)
            settings = NodeSettings(node_name, await _job_namespace(client, system_namespace), system_namespace)
            options = ManagerOptions(
                metrics_bind=metrics_bind, health_bind=health_bind, namespaces=(settings.job_namespace,)
            )
            manager = Manager(client, clock, options, registry=registry)
            disk = Disk(root / MODELS_FOLDER, lambda: rfc3339(clock.now()))
            observer = Observer(disk, LiveReader(client), settings)
            await observer.look()
            manager.health.add_ready("disk", lambda: observer.problem)
            DiskMetrics(manager.registry, settings.node, lambda: observer.last)
            BuildInfo(manager.registry, kservectl.__version__)
            manager.add(build(settings, observer))
            manager.add_runnable("work on the disk", observer.work, needs_leader=True)
            _stop_when_moved(manager, settings, stop)
            structlog.get_logger().info("starting", server=config.server, node=node_name, root=str(root))
            await manager.run(stop)
        return 0

    run_until_signal(main)


async def _job_namespace(client: Client, system_namespace: str) -> str:
    where = f"ConfigMap {system_namespace}/{CONFIG_MAP_NAME}"
    try:
        found = Config.of(await client.get(CONFIG_MAP, CONFIG_MAP_NAME, system_namespace)).local_model.job_namespace
    except NotFound as error:
        raise click.ClickException(f"{where} does not exist; install kservectl first") from error
    except ConfigError as error:
        raise click.ClickException(f"key {error.key} of {where} cannot be used: {error.message}") from error
    if not found:
        raise click.ClickException(f"localModel.jobNamespace is not set in {where}")
    return found


def _stop_when_moved(manager: Manager, settings: NodeSettings, stop: asyncio.Event) -> None:
    """End the process when Jobs are to be made in another namespace: what is watched is fixed at start."""

    def handle(change: Change) -> None:
        config = Config.of(change.new)
        try:
            wanted = config.local_model.job_namespace
        except ConfigError:
            return  # the decisions say so
        if not config.missing and wanted != settings.job_namespace:
            structlog.get_logger().warning("localModel.jobNamespace has changed: the agent starts anew", now=wanted)
            stop.set()

    configuration(manager.factory, settings).add_handler(handle)
