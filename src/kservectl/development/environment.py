"""Starting and stopping the development cluster with everything in it.

The manager reaches the API server, and the API server the webhooks, over the network as they would anywhere else; only the
processes are one.
"""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from prometheus_client import CollectorRegistry

from kservectl.api.config import Config
from kservectl.api.crds import crds
from kservectl.assembly import Options, WebhookOptions, assemble
from kservectl.client.client import Client
from kservectl.client.config import ConnectionConfig
from kservectl.client.connection import Connection
from kservectl.client.metrics import ClientMetrics
from kservectl.client.server_version import server_version
from kservectl.clock import Clock, SystemClock
from kservectl.devcluster.cluster import DevCluster
from kservectl.devcluster.types import builtin_types
from kservectl.devcluster.types.catalogue import schemaless_definitions
from kservectl.devcluster.workloads import knative
from kservectl.devcluster.workloads.controllers import FIELD_MANAGER, controllers
from kservectl.devcluster.workloads.node import NODE_NAME, node
from kservectl.devcluster.workloads.pod import Pace
from kservectl.development import own_manager
from kservectl.manifests.configuration import config_map
from kservectl.manifests.gateway import gateway
from kservectl.manifests.layout import folders
from kservectl.manifests.manager import namespace
from kservectl.manifests.webhooks import configurations
from kservectl.objects import metadata
from kservectl.objects.kind import (
    CUSTOM_RESOURCE_DEFINITION,
    NODE,
    Kind,
)
from kservectl.objects.metadata import Object
from kservectl.runtime.manager import Manager, ManagerOptions
from kservectl.runtime.metrics import exposition
from kservectl.runtime.recording import Recorder

INSTALLER = "kservectl-dev"
"""The field manager of what the environment itself installs."""

_READY_SECONDS = 30.0
_PROBE_SECONDS = 0.02


def local_options() -> Options:
    """A manager that serves on free ports of the loopback."""
    return Options(webhooks=WebhookOptions("127.0.0.1", 0), metrics_bind="127.0.0.1:0", health_bind="127.0.0.1:0")


@dataclass(frozen=True, slots=True)
class EnvironmentOptions:
    """`options` are the manager's; its webhooks are served on the loopback. `data` keeps the cluster's state in a folder."""

    options: Options = field(default_factory=local_options)
    port: int = 0
    data: Path | None = None
    pace: Pace = field(default_factory=Pace)
    with_manager: bool = True


@dataclass(frozen=True, slots=True)
class Environment:
    """A running development cluster. `client` writes as kubectl does."""

    cluster: DevCluster
    client: Client
    manager: Manager | None
    metrics_url: str

    async def apply(self, objects: Iterable[Object]) -> list[tuple[Kind, Object]]:
        """Apply objects one after the other, as a user would; raises ClientError, UnknownKind."""
        return [await apply(self.cluster, self.client, obj) for obj in objects]


class UnknownKind(Exception):
    """The cluster serves no such kind."""


@asynccontextmanager
async def running(options: EnvironmentOptions, clock: Clock | None = None) -> AsyncIterator[Environment]:
    """A cluster with everything installed and running, until the block ends; then all of it is stopped in order."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        recorder = Recorder()
        cluster = DevCluster(builtin_types(), clock=clock, data_dir=options.data, log_of=own_manager.log_of(recorder))
        await cluster.start(port=options.port)
        stack.push_async_callback(cluster.stop)
        await _clear(cluster, with_manager=options.with_manager)
        await _install(cluster, clock, options)
        manager = None
        if options.with_manager:
            with recorder.listening():
                manager = await _manager(stack, cluster, clock, options.options)
        # After the manager, so that it stops before the webhooks that its pods go through.
        simulation = Manager(
            await _client(stack, cluster, clock, FIELD_MANAGER), clock, ManagerOptions(metrics_bind="", health_bind="")
        )
        for controller in controllers(options.pace):
            simulation.add(controller)
        await _keep_running(stack, simulation)
        client = await _client(stack, cluster, clock, "kubectl")
        port = manager.metrics_port if manager is not None else None
        yield Environment(cluster, client, manager, f"http://127.0.0.1:{port}/metrics" if port else "")


async def apply(cluster: DevCluster, client: Client, obj: Object) -> tuple[Kind, Object]:
    """Apply one object to the cluster; into namespace `default` when it names none."""
    kind = find_kind(cluster, obj)
    if kind.namespaced:
        obj = {**obj, "metadata": {"namespace": "default", **obj["metadata"]}}
    return kind, await client.apply(kind, obj)


def find_kind(cluster: DevCluster, obj: Object) -> Kind:
    """The kind under which the cluster serves `obj`; raises UnknownKind."""
    group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
    served = cluster.registry.named(group, version, str(obj.get("kind") or ""))
    if served is not None:
        return served.kind
    raise UnknownKind(f"the development cluster serves no {obj.get('kind')} of {obj.get('apiVersion')}")


async def _manager(stack: AsyncExitStack, cluster: DevCluster, clock: Clock, options: Options) -> Manager:
    if options.webhooks is not None:
        port = options.webhooks.port or _free_port()
        serving = WebhookOptions("127.0.0.1", port, f"https://127.0.0.1:{port}", options.webhooks.certificate_folder)
        options = replace(options, webhooks=serving)
    registry = CollectorRegistry()
    client = await _client(stack, cluster, clock, "kservectl", ClientMetrics(registry))
    settings = replace(options.settings, server_version=await server_version(client))
    manager = assemble(client, clock, replace(options, settings=settings), registry)
    for path in own_manager.METRICS_PATHS:
        cluster.pages[path] = lambda: exposition(registry)
    await _keep_running(stack, manager)
    await manager.started.wait()
    if options.webhooks is not None:
        async with clock.timeout(_READY_SECONDS):
            while not manager.health.ready:  # asked as a kubelet's probe asks, only more often
                await clock.sleep(_PROBE_SECONDS)
    return manager


async def _keep_running(stack: AsyncExitStack, manager: Manager) -> None:
    """Run a manager beside the block; its failure fails the block, and the block's end stops it in order."""
    stop = asyncio.Event()
    group = await stack.enter_async_context(asyncio.TaskGroup())
    group.create_task(manager.run(stop))
    stack.callback(stop.set)


async def _client(
    stack: AsyncExitStack,
    cluster: DevCluster,
    clock: Clock,
    field_manager: str,
    metrics: ClientMetrics | None = None,
) -> Client:
    rng = random.Random()  # noqa: S311 - spreads retries, guards no secret
    connection = Connection(ConnectionConfig(cluster.url), clock=clock, rng=rng, metrics=metrics)
    await stack.enter_async_context(connection)
    return Client(connection, field_manager=field_manager)


async def _clear(cluster: DevCluster, *, with_manager: bool) -> None:
    """Take away what an earlier run in the same folder left of its manager, and what a new one does not write over."""
    left = [own_manager.lease()] if with_manager else [obj for obj in own_manager.shown() if _is_ours(cluster, obj)]
    for obj in (*configurations(), *left):  # nobody answers for them now
        kind, name, namespace = find_kind(cluster, obj), metadata.name(obj), metadata.namespace(obj)
        if cluster.get(kind, name, namespace) is not None:
            await cluster.delete(kind, name, namespace)


def _is_ours(cluster: DevCluster, obj: Object) -> bool:
    """Whether the object of this name was installed by an environment, and not by whoever uses the cluster."""
    found = cluster.get(find_kind(cluster, obj), metadata.name(obj), metadata.namespace(obj)) or {}
    return any(entry.get("manager") == INSTALLER for entry in metadata.metadata(found).get("managedFields") or ())


async def _install(cluster: DevCluster, clock: Clock, options: EnvironmentOptions) -> None:
    """Everything of an installation; of the manager, which this process is, what shows in the cluster."""
    parts = folders()
    with_webhooks = options.with_manager and options.options.webhooks is not None
    skipped = {"crds", *(() if options.with_manager else ("manager",)), *(() if with_webhooks else ("webhooks",))}
    for definition in (*schemaless_definitions(), *crds()):
        await _put(cluster, CUSTOM_RESOURCE_DEFINITION, definition)
    await _put(cluster, NODE, node(clock.now()))
    await cluster.patch(NODE, NODE_NAME, "", {"status": node(clock.now())["status"]}, subresource="status")
    objects: Sequence[Object] = [
        namespace(),
        _namespace_for_jobs(),
        *(obj for folder, members in parts.items() if folder not in skipped for obj in members),
        gateway(),
        *knative.installation(),
    ]
    for obj in objects:
        await _put(cluster, find_kind(cluster, obj), obj)


def _namespace_for_jobs() -> Object:
    """Where the claims are through which models are downloaded."""
    name = Config(config_map()).local_model.job_namespace
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


async def _put(cluster: DevCluster, kind: Kind, obj: Object) -> None:
    body = {name: value for name, value in obj.items() if name != "status"}
    body = {**body, "apiVersion": kind.api_version, "kind": kind.kind}
    await cluster.patch(
        kind, metadata.name(obj), metadata.namespace(obj), body, patch_type="apply", manager=INSTALLER, force=True
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
