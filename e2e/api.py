"""The cluster as the tests see it: objects in and out, and waiting for what should become true.

A wait is a watch that ends when its condition holds, or fails the test at its deadline with what it saw last.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kservectl.client.client import Client
from kservectl.client.config import load_kubeconfig
from kservectl.client.connection import Connection
from kservectl.client.errors import NotFound
from kservectl.clock import SystemClock
from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

PATIENCE = 40.0
"""Seconds that anything may take unless a test says otherwise; it takes well under one on an idle machine."""


class Api:
    """A client with waits. `client` is kservectl's own."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def create(self, kind: Kind, obj: Object) -> Object:
        return await self.client.create(kind, obj)

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        return await self.client.get(kind, name, namespace)

    async def find(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        try:
            return await self.client.get(kind, name, namespace)
        except NotFound:
            return None

    async def list(self, kind: Kind, namespace: str = "", **selectors: str) -> Sequence[Object]:
        found: Sequence[Object] = (await self.client.list(kind, namespace, **selectors))["items"]  # type: ignore[arg-type]  # selectors are texts
        return found

    async def list_served(self, kind: Kind, namespace: str = "") -> Sequence[Object]:
        """As `list`; there is none of a kind that the cluster does not serve."""
        try:
            return await self.list(kind, namespace)
        except NotFound:
            return ()

    async def merge(self, kind: Kind, name: str, namespace: str, patch: Any, *, subresource: str = "") -> Object:
        """A JSON merge patch."""
        return await self.client.patch(kind, name, namespace, patch, subresource=subresource)

    async def delete(self, kind: Kind, name: str, namespace: str = "", *, propagation: str = "Background") -> None:
        await self.client.delete(kind, name, namespace, propagation=propagation)

    async def until(
        self,
        kind: Kind,
        name: str,
        namespace: str,
        holds: Callable[[Object], bool],
        what: str,
        *,
        seconds: float = PATIENCE,
    ) -> Object:
        """The object once `holds` of it; `what` says in the failure what was waited for. Absence is waited out."""
        found = await self.until_all(
            kind,
            namespace,
            lambda objects: any(holds(obj) for obj in objects if metadata.name(obj) == name),
            f"{kind.kind} {namespace}/{name}: {what}",
            seconds=seconds,
            field_selector=f"metadata.name={name}",
        )
        return found[0]

    async def until_gone(self, kind: Kind, name: str, namespace: str = "", *, seconds: float = PATIENCE) -> None:
        await self.until_all(
            kind,
            namespace,
            lambda objects: not objects,
            f"{kind.kind} {namespace}/{name} is gone",
            seconds=seconds,
            field_selector=f"metadata.name={name}",
        )

    async def until_all(
        self,
        kind: Kind,
        namespace: str,
        holds: Callable[[Sequence[Object]], bool],
        what: str,
        *,
        seconds: float = PATIENCE,
        **selectors: str,
    ) -> Sequence[Object]:
        """All objects of a kind once `holds` of them together."""
        seen: dict[metadata.ObjectKey, Object] = {}
        try:
            async with asyncio.timeout(seconds):
                while True:
                    async for objects in self._following(kind, namespace, seen, selectors):
                        if holds(objects):
                            return objects
        except TimeoutError:
            shown = "\n".join(_brief(obj) for obj in list(seen.values())[:5]) or "there is none"
            raise AssertionError(f"not after {seconds} s: {what}; seen last:\n{shown}") from None

    async def _following(
        self, kind: Kind, namespace: str, seen: dict[metadata.ObjectKey, Object], selectors: dict[str, str]
    ) -> AsyncIterator[Sequence[Object]]:
        """What there is, and again after each change, until the server ends the watch."""
        listed = await self.client.list(kind, namespace, **selectors)  # type: ignore[arg-type]  # selectors are texts
        seen.clear()
        seen.update((metadata.key(obj), obj) for obj in listed["items"])
        yield list(seen.values())
        version = listed["metadata"]["resourceVersion"]
        async with self.client.watch(kind, namespace, resource_version=version, **selectors) as events:  # type: ignore[arg-type]  # as above
            async for event in events:
                if event.type == "BOOKMARK":
                    continue
                if event.type == "DELETED":
                    seen.pop(metadata.key(event.object), None)
                else:
                    seen[metadata.key(event.object)] = event.object
                yield list(seen.values())


@asynccontextmanager
async def connect(kubeconfig: Path, field_manager: str = "e2e") -> AsyncIterator[Api]:
    """The cluster of a kubeconfig."""
    clock = SystemClock()
    config = await load_kubeconfig(str(kubeconfig), clock=clock)
    async with Connection(config, clock=clock, rng=random.Random()) as connection:
        yield Api(Client(connection, field_manager=field_manager))


def condition(obj: Object, type_: str) -> Object:
    """A condition of the status; empty when there is none."""
    found: Iterable[Object] = (obj.get("status") or {}).get("conditions") or ()
    return next((each for each in found if each.get("type") == type_), {})


def is_ready(obj: Object) -> bool:
    """Whether it is Ready, and says so of what it is now."""
    observed = (obj.get("status") or {}).get("observedGeneration", metadata.generation(obj))
    return condition(obj, "Ready").get("status") == "True" and observed == metadata.generation(obj)


def _brief(obj: Object) -> str:
    return f"{metadata.describe(obj)}: {str(obj.get('status') or obj.get('spec') or obj)[:1500]}"
