"""A shared informer: one kind in memory, kept current, with handlers that are told of every change.

It joins what the modules beside it do: reflectors fetch (one a namespace), the store keeps, subscriptions tell. All users of
the same kind and selectors share one informer, which the factory hands out.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from kservectl.client.client import Client
from kservectl.clock import Clock
from kservectl.informers.handlers import Change, Handler, Subscription
from kservectl.informers.metrics import InformerMetrics
from kservectl.informers.reflector import Reflector, Target
from kservectl.informers.shaping import Shape, Transform
from kservectl.informers.store import Difference, IndexFunction, Store, StoreWriter
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey


@dataclass(frozen=True, slots=True)
class InformerSpec:
    """What an informer shows. No `namespaces` means all of them; see Shape for the last three.

    An `optional` kind may be missing from the server: it comes and goes, and while it is away the informer counts as synced.
    """

    kind: Kind
    namespaces: tuple[str, ...] = ()
    label_selector: str = ""
    field_selector: str = ""
    metadata_only: bool = False
    optional: bool = False
    transform: Transform | None = None
    keep_managed_by: str = ""
    predecessors: frozenset[str] = frozenset()


class Informer:
    """See the module. Made by InformerFactory; lives while `run` runs."""

    def __init__(
        self,
        client: Client,
        spec: InformerSpec,
        *,
        clock: Clock,
        rng: random.Random,
        metrics: InformerMetrics | None = None,
        streaming: bool = True,
        until_served: Callable[[Kind, float], Awaitable[None]] | None = None,
    ) -> None:
        self.spec = spec
        self._clock = clock
        self._metrics = metrics
        self._writer = StoreWriter()
        self._subscriptions: list[Subscription] = []
        self._group: asyncio.TaskGroup | None = None
        self._state_changed = asyncio.Event()
        self._announced = False
        self._was_served = True
        self._served_changed = asyncio.Event()
        shape = Shape(keep_managed_by=spec.keep_managed_by, predecessors=spec.predecessors, transform=spec.transform)
        self._reflectors = [
            Reflector(
                client,
                Target(
                    spec.kind,
                    namespace,
                    label_selector=spec.label_selector,
                    field_selector=spec.field_selector,
                    metadata_only=spec.metadata_only,
                    streaming=streaming,
                ),
                _Scope(self, namespace),
                shape=shape,
                clock=clock,
                rng=rng,
                until_served=(lambda delay: until_served(spec.kind, delay)) if until_served else None,
            )
            for namespace in (spec.namespaces or ("",))
        ]
        if metrics:
            metrics.track(self)

    @property
    def kind(self) -> Kind:
        return self.spec.kind

    @property
    def store(self) -> Store:
        """The objects; for reading only."""
        return self._writer.store

    @property
    def served(self) -> bool:
        """Whether the API server knows the kind, as far as is known: False only after it said that it does not."""
        return all(reflector.served for reflector in self._reflectors)

    @property
    def problem(self) -> str:
        """What keeps it from being synced or current, as a sentence; empty when nothing does."""
        return next((reflector.problem for reflector in self._reflectors if reflector.problem), "")

    @property
    def filled(self) -> bool:
        """Whether the first list is in the store (or the kind is optional and not served): who reads it sees what there is."""
        if not self.served:
            return self.spec.optional
        return self._listed and not any(reflector.refused for reflector in self._reflectors)

    @property
    def synced(self) -> bool:
        """Whether it is filled, and every handler has seen that, the one included that came a moment ago."""
        return self.filled and (not self.served or all(subscription.synced for subscription in self._subscriptions))

    @property
    def silent_seconds(self) -> float:
        """Seconds since the server last sent anything; 0 for a kind that it does not serve."""
        if not self.served:
            return 0.0
        return self._clock.monotonic() - min(reflector.heard_at for reflector in self._reflectors)

    @property
    def buffers(self) -> Iterable[tuple[str, int]]:
        return [(subscription.name, len(subscription)) for subscription in self._subscriptions]

    def __len__(self) -> int:
        return len(self.store)

    def __bool__(self) -> bool:
        """An informer is something even while its store is empty."""
        return True

    def add_index(self, name: str, function: IndexFunction) -> None:
        """Keep an index on the store; see StoreWriter.add_index."""
        self._writer.add_index(name, function)

    def add_handler(self, handler: Handler, *, name: str = "") -> None:
        """Tell `handler` of every change from now on, after feeding it what is in the store already.

        `name` is for metrics and logs.
        """
        shown = name or getattr(handler, "__qualname__", type(handler).__name__)
        subscription = Subscription(handler, shown, on_synced=self._state_changed.set)
        for obj in self.store.list():
            subscription.put(Change(None, obj, initial=True))
        if self._announced:
            subscription.end_of_first_list()
        self._subscriptions.append(subscription)
        if self._group is not None:
            self._group.create_task(subscription.run(), name=f"handler {shown} of {self.kind}")

    async def wait_synced(self) -> None:
        """Return once `synced`; callers set their own deadline and then look at `problem`."""
        while not self.synced:
            self._state_changed.clear()
            await self._state_changed.wait()

    async def served_changed(self) -> None:
        """Return when `served` changes the next time."""
        await self._served_changed.wait()

    async def run(self) -> None:
        """Keep the store current until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                for subscription in self._subscriptions:
                    group.create_task(subscription.run(), name=f"handler {subscription.name} of {self.kind}")
                for reflector in self._reflectors:
                    group.create_task(reflector.run(), name=f"reflector of {self.kind}")
                await asyncio.get_running_loop().create_future()  # until cancelled
            finally:
                self._group = None

    @property
    def _listed(self) -> bool:
        return all(reflector.listed for reflector in self._reflectors)

    def _publish(self, differences: Iterable[Difference | None], *, initial: bool = False) -> None:
        for difference in differences:
            if difference is not None:
                change = Change(difference.old, difference.new, initial and difference.new is not None)
                for subscription in self._subscriptions:
                    subscription.put(change)

    def _replace(self, objects: Mapping[ObjectKey, Object], namespace: str) -> None:
        self._publish(self._writer.replace(objects, namespace), initial=not self._announced)

    def _put(self, obj: Object) -> None:
        self._publish((self._writer.put(obj),))

    def _remove(self, obj: Object) -> None:
        self._publish((self._writer.remove(obj),))

    def _look(self) -> None:
        """See what became of the reflectors, and tell those who wait."""
        if self._listed and not self._announced:
            self._announced = True
            for subscription in self._subscriptions:
                subscription.end_of_first_list()
        if self.served != self._was_served:
            self._was_served = self.served
            self._served_changed.set()
            self._served_changed = asyncio.Event()  # for those who wait for the change after this one
        if not self.served and self.spec.optional:
            # Its objects went with it; what comes back one day is a first list again.
            self._replace({}, "")
            self._announced = False
            for subscription in self._subscriptions:
                subscription.synced = False
        self._state_changed.set()

    def _count_restart(self, reason: str) -> None:
        if self._metrics:
            self._metrics.restarted(self.kind, reason)


class _Scope:
    """The sink of one reflector: the part of the informer that is in its namespace."""

    def __init__(self, informer: Informer, namespace: str) -> None:
        self._informer = informer
        self._namespace = namespace

    def replaced(self, objects: Mapping[ObjectKey, Object]) -> None:
        self._informer._replace(objects, self._namespace)

    def changed(self, obj: Object) -> None:
        self._informer._put(obj)

    def deleted(self, obj: Object) -> None:
        self._informer._remove(obj)

    def restarted(self, reason: str) -> None:
        self._informer._count_restart(reason)

    def state_changed(self) -> None:
        self._informer._look()
