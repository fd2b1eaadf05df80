"""`python -m benchmarks.kernel.for_kopf_lean`: the same for kopf as for_kopf.py, on the cluster of KUBECONFIG, at kopf's best.

Its handlers write through kservectl's client, and it posts no events.
"""

import os
import random
from typing import Any

import kopf
import uvloop

from benchmarks.kernel.copies import COPIES, FINALIZER, LABEL, SOURCES, copy_of
from kservectl.client.client import Client
from kservectl.client.config import load_kubeconfig
from kservectl.client.connection import Connection
from kservectl.client.errors import AlreadyExists, NotFound
from kservectl.clock import SystemClock
from kservectl.objects.kind import CONFIG_MAP


def _configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.posting.enabled = False  # neither do the others post an event for each object
    settings.persistence.finalizer = FINALIZER


class Copier:
    """The handlers. kopf watches sources alone: unlike the other two, it would not see a copy that somebody changed."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(self, body: kopf.Body, **_: Any) -> None:
        copy = copy_of(dict(body))
        try:
            await self._client.create(CONFIG_MAP, copy)
        except AlreadyExists:  # an earlier try got so far
            await self._client.patch(CONFIG_MAP, copy["metadata"]["name"], COPIES, {"data": copy["data"]})

    async def update(self, body: kopf.Body, **_: Any) -> None:
        copy = copy_of(dict(body))
        await self._client.patch(CONFIG_MAP, copy["metadata"]["name"], COPIES, {"data": copy["data"]})

    async def delete(self, name: str, **_: Any) -> None:
        try:
            await self._client.delete(CONFIG_MAP, name, COPIES)
        except NotFound:
            return  # gone already is what was wanted


async def main() -> None:
    clock, registry = SystemClock(), kopf.OperatorRegistry()
    config = await load_kubeconfig(os.environ["KUBECONFIG"], clock=clock)
    labels: Any = {LABEL: kopf.PRESENT}
    async with Connection(config, clock=clock, rng=random.Random()) as connection:
        copier = Copier(Client(connection))
        kopf.on.startup(registry=registry)(_configure)
        kopf.on.login(registry=registry)(kopf.login_with_kubeconfig)
        kopf.on.create("configmaps", labels=labels, registry=registry)(copier.create)
        kopf.on.update("configmaps", labels=labels, registry=registry)(copier.update)
        kopf.on.delete("configmaps", labels=labels, registry=registry)(copier.delete)
        await kopf.operator(registry=registry, standalone=True, namespaces=[SOURCES])


if __name__ == "__main__":
    uvloop.run(main())
