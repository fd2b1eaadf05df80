"""Hands out informers, each one once, and runs them all.

Nobody but the factory makes informers, so that no kind is listed and watched twice for the same purpose. Once a kind turns out
not to be served, it watches CustomResourceDefinitions as well, to know when that changes.
"""

import asyncio
import random
from collections.abc import Iterable

from kservectl.client.client import Client
from kservectl.clock import Clock
from kservectl.informers.definitions import Definitions
from kservectl.informers.informer import Informer, InformerSpec
from kservectl.informers.metrics import InformerMetrics
from kservectl.informers.shaping import Transform
from kservectl.objects.kind import CUSTOM_RESOURCE_DEFINITION, Kind


class InformerFactory:
    """All informers of a process over one client. `streaming_lists` asks for first lists as watches (KEP-3157)."""

    def __init__(
        self,
        client: Client,
        *,
        clock: Clock,
        rng: random.Random,
        metrics: InformerMetrics | None = None,
        streaming_lists: bool = True,
    ) -> None:
        self._client = client
        self._clock = clock
        self._rng = rng
        self._metrics = metrics
        self._streaming_lists = streaming_lists
        self._informers: dict[InformerSpec, Informer] = {}
        self._definitions: Definitions | None = None
        self._group: asyncio.TaskGroup | None = None

    @property
    def informers(self) -> Iterable[Informer]:
        """Those asked for so far."""
        return tuple(self._informers.values())

    def informer(
        self,
        kind: Kind,
        *,
        namespaces: Iterable[str] = (),
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        optional: bool = False,
        transform: Transform | None = None,
        keep_managed_by: str = "",
        predecessors: Iterable[str] = (),
    ) -> Informer:
        """The informer with these arguments; the same ones give the same informer. It starts with `run`, or at once then."""
        spec = InformerSpec(
            kind,
            tuple(sorted(set(namespaces))) if kind.namespaced else (),
            label_selector,
            field_selector,
            metadata_only,
            optional,
            transform,
            keep_managed_by,
            frozenset(predecessors),
        )
        informer = self._informers.get(spec)
        if informer is None:
            informer = self._informers[spec] = self._make(spec)
            self._start(informer)
        return informer

    async def run(self) -> None:
        """Run every informer, also those asked for later, until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                for informer in self._informers.values():
                    self._start(informer)
                await asyncio.get_running_loop().create_future()  # until cancelled
            finally:
                self._group = None

    def _make(self, spec: InformerSpec) -> Informer:
        return Informer(
            self._client,
            spec,
            clock=self._clock,
            rng=self._rng,
            metrics=self._metrics,
            streaming=self._streaming_lists,
            until_served=self._until_served,
        )

    async def _until_served(self, kind: Kind, delay: float) -> None:
        if self._definitions is None:
            # An informer of the factory's own: nobody needs to wait for it, or be told that it may not watch.
            informer = self._make(InformerSpec(CUSTOM_RESOURCE_DEFINITION, metadata_only=True, optional=True))
            self._definitions = Definitions(informer, clock=self._clock)
            self._start(informer)
        await self._definitions.until_served(kind, delay)

    def _start(self, informer: Informer) -> None:
        if self._group is not None:
            self._group.create_task(informer.run(), name=f"informer of {informer.kind}")
