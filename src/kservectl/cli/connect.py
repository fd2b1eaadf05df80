"""Reaching the API server that the user means, for commands that talk to one."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import click

from kservectl.client.client import Client
from kservectl.client.config import ConnectionConfig, load_config
from kservectl.client.connection import Connection
from kservectl.clock import SystemClock

Command = TypeVar("Command", bound=Callable[..., Any])


def cluster_options(command: Command) -> Command:
    """`--kubeconfig` and `--context`, as kubectl has them."""
    context = click.option("--context", default="", help="The context of the kubeconfig; the current one unless given.")
    kubeconfig = click.option(
        "--kubeconfig", default="", help="The kubeconfig; else $KUBECONFIG, the pod's account, ~/.kube/config."
    )
    return kubeconfig(context(command))


@asynccontextmanager
async def connected(kubeconfig: str, context: str) -> AsyncIterator[tuple[Client, ConnectionConfig]]:
    """A client for a command that looks at a cluster; raises ClientError with what to do about it."""
    clock = SystemClock()
    config = await load_config(kubeconfig=kubeconfig, context=context, clock=clock)
    rng = random.Random()  # noqa: S311 - spreads retries, guards no secret
    async with Connection(config, clock=clock, rng=rng) as connection:
        yield Client(connection), config
