"""What the tests of this folder share: objects, answers, and a running informer over a scripted server."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry

from kservectl.client.client import Client
from kservectl.client.config import ConnectionConfig
from kservectl.client.connection import Connection
from kservectl.informers import Change, Informer, InformerFactory, InformerMetrics
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, Kind
from kservectl.objects.metadata import Object, ObjectKey
from tests.client.scripted_server import Answer, ScriptedServer, answer, event
from tests.fake_clock import FakeClock, eventually


def config_map(name: str, version: str, namespace: str = "n", **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "resourceVersion": version, "uid": f"uid-{name}"},
        "data": data,
    }


def key(name: str, namespace: str = "n") -> ObjectKey:
    return ObjectKey(namespace, name)


def listing(version: str, *items: Object, continue_: str = "") -> Answer:
    return answer(
        {
            "kind": "ConfigMapList",
            "apiVersion": "v1",
            "metadata": {"resourceVersion": version, **({"continue": continue_} if continue_ else {})},
            "items": list(items),
        }
    )


def bookmark(version: str, *, initial_end: bool = False) -> bytes:
    meta: dict[str, Any] = {"resourceVersion": version}
    if initial_end:
        meta["annotations"] = {"k8s.io/initial-events-end": "true"}
    return event("BOOKMARK", {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta})


@dataclass
class Reflected:
    """An informer at work, and everything it said."""

    informer: Informer
    factory: InformerFactory
    server: ScriptedServer
    clock: FakeClock
    registry: CollectorRegistry
    changes: list[Change] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        keys = self.informer.store.keys()
        return {key.name for key in keys}

    @property
    def told(self) -> list[str]:
        """The changes in short: +name, ~name, -name with the version."""
        return [
            ("+" if change.old is None else "-" if change.new is None else "~")
            + f"{change.key.name}@{metadata.resource_version(change.object)}"
            for change in self.changes
        ]

    def restarts(self, reason: str) -> float:
        labels = {"kind": str(self.informer.kind), "reason": reason}
        return self.registry.get_sample_value("kservectl_informer_restarts_total", labels) or 0.0

    async def synced(self) -> None:
        await eventually(lambda: self.informer.synced)


@asynccontextmanager
async def reflecting(
    server: ScriptedServer, kind: Kind = CONFIG_MAP, *, streaming: bool = False, **options: Any
) -> AsyncIterator[Reflected]:
    clock, registry = FakeClock(), CollectorRegistry()
    async with Connection(ConnectionConfig(server.url), clock=clock, rng=random.Random(1)) as connection:
        factory = InformerFactory(
            Client(connection),
            clock=clock,
            rng=random.Random(1),
            metrics=InformerMetrics(registry),
            streaming_lists=streaming,
        )
        reflected = Reflected(factory.informer(kind, **options), factory, server, clock, registry)
        reflected.informer.add_handler(reflected.changes.append, name="test")
        running = asyncio.create_task(factory.run())
        try:
            yield reflected
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
