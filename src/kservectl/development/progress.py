"""Following what was applied until all of it is Ready, or until it is plain that it will not be."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from kservectl.clock import Clock
from kservectl.devcluster.cluster import DevCluster
from kservectl.inspection.state import state
from kservectl.inspection.tree import Node, tree
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import ObjectKey

_BECOME_READY = frozenset({"InferenceService", "LocalModelCache", "LocalModelNamespaceCache"})
"""Kinds whose objects are not ready before they say so."""

Target = tuple[Kind, ObjectKey]


@dataclass(frozen=True, slots=True)
class Settled:
    """`unready` are the targets that are not Ready although nothing has moved for a while."""

    unready: tuple[Target, ...] = ()


class Progress:
    """Follows `targets` and all objects of `kinds`, which may be owned by them."""

    def __init__(self, cluster: DevCluster, targets: Sequence[Target], kinds: Sequence[Kind], clock: Clock) -> None:
        self._cluster = cluster
        self._targets = targets
        self._kinds = [kind for kind in kinds if cluster.registry.find(kind) is not None]
        self._clock = clock
        self._changed = asyncio.Event()

    def trees(self) -> list[Node]:
        """The tree of every target that exists, as it is now."""
        owned = [obj for kind in self._kinds for obj in self._cluster.list(kind)]
        roots = [self._cluster.get(kind, key.name, key.namespace) for kind, key in self._targets]
        return [tree(root, owned) for root in roots if root is not None]

    def unready(self) -> tuple[Target, ...]:
        """The targets that are not Ready now. Kinds that have no such notion count as ready."""
        return tuple(target for target in self._targets if not self._is_ready(target))

    async def follow(self, on_change: Callable[[], None]) -> None:
        """Call `on_change` after changes, never more than twenty times a second, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in {*self._kinds, *(kind for kind, _ in self._targets)}:
                group.create_task(self._notice(kind))
            while True:
                await self._changed.wait()
                self._changed.clear()
                on_change()
                await self._clock.sleep(0.05)

    async def settle(self, on_change: Callable[[], None], *, quiet: float) -> Settled:
        """Return when every target is Ready, or when nothing at all has changed for `quiet` seconds."""
        moved = asyncio.Event()

        def note() -> None:
            moved.set()
            on_change()

        following = asyncio.create_task(self.follow(note))
        try:
            while self.unready():
                moved.clear()
                with suppress(TimeoutError):
                    async with self._clock.timeout(quiet):
                        await moved.wait()
                if not moved.is_set():
                    return Settled(self.unready())
            return Settled()
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            on_change()

    def _is_ready(self, target: Target) -> bool:
        kind, key = target
        obj = self._cluster.get(kind, key.name, key.namespace)
        if obj is None:
            return False
        ready = state(obj).ready
        return ready is not False and not (ready is None and kind.kind in _BECOME_READY)

    async def _notice(self, kind: Kind) -> None:
        async for _ in self._cluster.follow(kind):
            self._changed.set()
