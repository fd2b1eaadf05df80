"""`kservectl tree`: an object and all that it owns."""

import asyncio
import random
from collections.abc import Sequence

import click
from rich.live import Live

from kservectl.api.kinds import (
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    KNATIVE_SERVICE,
    LOCAL_MODEL_NODE,
    SCALED_OBJECT,
    VIRTUAL_SERVICE,
)
from kservectl.cli.connect import cluster_options, connected
from kservectl.cli.printing import as_json, as_tree, print_tree
from kservectl.cli.process import run_until_signal
from kservectl.cli.target import not_found, resolve
from kservectl.client.client import Client
from kservectl.client.errors import NotFound
from kservectl.clock import SystemClock
from kservectl.informers import Informer, InformerFactory
from kservectl.inspection.tree import Node
from kservectl.inspection.tree import tree as grow
from kservectl.objects.kind import (
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    JOB,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    REPLICA_SET,
    SERVICE,
    Kind,
)
from kservectl.objects.metadata import Object, ObjectKey

OWNED: Sequence[Kind] = (
    DEPLOYMENT,
    REPLICA_SET,
    POD,
    SERVICE,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    JOB,
    CONFIG_MAP,
    HTTP_ROUTE,
    SCALED_OBJECT,
    KNATIVE_SERVICE,
    VIRTUAL_SERVICE,
    INFERENCE_SERVICE,
    LOCAL_MODEL_NODE,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
)
"""The kinds that a tree is made of."""


@click.command()
@click.argument("target", metavar="KIND/NAME")
@cluster_options
@click.option("-n", "--namespace", default="", help="The object's namespace; the context's unless given.")
@click.option("-w", "--watch", is_flag=True, help="Go on showing it as it changes, until interrupted.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
def tree(target: str, kubeconfig: str, context: str, namespace: str, watch: bool, output: str) -> None:
    """Show KIND/NAME, everything it owns, and how each part is doing."""
    if watch and output == "json":
        raise click.UsageError("--watch shows text; use -o json without it, or kubectl get --watch")

    async def main(stop: asyncio.Event) -> int:
        async with connected(kubeconfig, context) as (client, config):
            kind, name = await resolve(client, target)
            where = (namespace or config.namespace) if kind.namespaced else ""
            if watch:
                await _watch(client, kind, ObjectKey(where, name), stop)
                return 0
            try:
                root = await client.get(kind, name, where)
            except NotFound as error:
                raise not_found(kind, name, where, error) from error
            node = grow(root, await _children(client, where))
        if output == "json":
            click.echo(as_json(node.document()), nl=False)
        else:
            print_tree(node)
        return 0

    run_until_signal(main)


async def _children(client: Client, namespace: str) -> list[Object]:
    async def read(kind: Kind) -> list[Object]:
        try:
            answer = await client.list(kind, namespace)
        except NotFound:
            return []  # a third party's kind that is not installed
        return [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in answer["items"]]

    return [obj for objects in await asyncio.gather(*(read(kind) for kind in OWNED)) for obj in objects]


async def _watch(client: Client, kind: Kind, key: ObjectKey, stop: asyncio.Event) -> None:
    rng = random.Random()  # noqa: S311 - spreads retries, guards no secret
    factory = InformerFactory(client, clock=SystemClock(), rng=rng)
    scope = (key.namespace,) if key.namespace else ()
    root = factory.informer(kind, namespaces=scope)
    informers = [factory.informer(each, namespaces=scope if each.namespaced else (), optional=True) for each in OWNED]
    changed = asyncio.Event()
    for informer in informers:
        informer.add_handler(lambda _: changed.set())
    with Live(auto_refresh=False, vertical_overflow="visible") as live:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(factory.run())
            stopping = group.create_task(stop.wait())
            while not stop.is_set():
                waiting = group.create_task(changed.wait())
                await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                changed.clear()
                node = tree_in(root, informers, key)
                live.update(as_tree(node) if node else f"{kind.kind} {key} does not exist", refresh=True)
            running.cancel()


def tree_in(root: Informer, informers: Sequence[Informer], key: ObjectKey) -> Node | None:
    """The tree of one object as the caches hold it; None while it is not there."""
    obj = root.store.get(key)
    if obj is None:
        return None
    objects = [
        {"apiVersion": each.kind.api_version, "kind": each.kind.kind, **child}
        for each in informers
        for child in each.store.list((key.namespace or None) if each.kind.namespaced else None)
    ]
    return grow({"apiVersion": root.kind.api_version, "kind": root.kind.kind, **obj}, objects)
