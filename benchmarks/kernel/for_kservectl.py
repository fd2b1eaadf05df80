"""`python -m benchmarks.kernel.for_kservectl`: the copies controller for kservectl's `runtime/`, on the cluster of KUBECONFIG."""

import asyncio
import os
import random
import signal
from collections.abc import Iterable

import uvloop

from benchmarks.kernel.copies import COPIES, COPY_LABEL, FINALIZER, LABEL, SOURCES, copy_of
from kservectl.client.client import Client
from kservectl.client.config import load_kubeconfig
from kservectl.client.connection import Connection
from kservectl.clock import SystemClock
from kservectl.informers import Change
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime import logging
from kservectl.runtime.controller import Controller, Owned
from kservectl.runtime.manager import Manager, ManagerOptions
from kservectl.runtime.memory import spare_the_collector
from kservectl.runtime.outcome import Outcome, Reference
from kservectl.runtime.view import View


def reconcile(source: Object, view: View) -> Outcome:
    """The copy, or its end."""
    if metadata.is_deleting(source) or LABEL not in metadata.labels(source):
        copied = FINALIZER in (metadata.metadata(source).get("finalizers") or ())
        copy = Reference(CONFIG_MAP, COPIES, metadata.name(source))
        return Outcome(finalizers=(), delete=(copy,) if copied else ())
    return Outcome(desired=(copy_of(source),), shared=frozenset({0}), finalizers=(FINALIZER,))


def source_of(change: Change, view: View) -> Iterable[ObjectKey]:
    """Whose copy this is."""
    return (ObjectKey(SOURCES, change.key.name),)


async def main() -> None:
    logging.configure("json", "warning")  # neither do the others tell of each write
    spare_the_collector()  # as `kservectl run` does
    clock, stop = SystemClock(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    config = await load_kubeconfig(os.environ["KUBECONFIG"], clock=clock)
    async with Connection(config, clock=clock, rng=random.Random()) as connection:
        manager = Manager(Client(connection), clock, ManagerOptions(metrics_bind="", health_bind=""))
        manager.add(
            Controller(
                "copies",
                CONFIG_MAP,
                reconcile,
                finalizer=FINALIZER,
                field_selector=f"metadata.namespace={SOURCES}",
                owns=(Owned(CONFIG_MAP, label_selector=COPY_LABEL, shared_by=source_of, quiet=True),),
            )
        )
        await manager.run(stop)


if __name__ == "__main__":
    uvloop.run(main())
