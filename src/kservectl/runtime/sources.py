"""Where a controller's keys come from: the informers it needs, and what each change means to it."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from kservectl.clock import Clock
from kservectl.informers import Change, Informer, InformerFactory
from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.cache_view import Cached, CacheView, ViewSource, index_owners
from kservectl.runtime.controller import Controller, Owned, Watched
from kservectl.runtime.lookup import Lookup, wanted_names
from kservectl.runtime.writes import FIELD_MANAGER
from kservectl.workqueue import CHANGED, UNCHANGED, UNDER_WAY

Enqueue = Callable[[ObjectKey, int], None]
"""Have a key decided, with this priority."""

EnqueueAfter = Callable[[ObjectKey, float, int], None]
"""Have a key decided in so many seconds, unless it is to be decided sooner, with this priority."""

Seen = Callable[[Kind, Change], Collection[ObjectKey]]
"""Told of every change of an object that the controller may write, before any key is enqueued for it; answers who made it."""


class CacheSyncTimeout(Exception):
    """Caches did not fill in time; the message names the kinds and why."""


class Sources:
    """The informers of one controller. Making it asks the factory for them, so that a standby's caches are warm.

    `lookups` are those of the process; a kind of facts that is not among them is not served.
    """

    def __init__(
        self,
        controller: Controller,
        factory: InformerFactory,
        *,
        clock: Clock,
        namespaces: Sequence[str] = (),
        field_manager: str = FIELD_MANAGER,
        predecessors: Iterable[str] = (),
        lookups: Mapping[Kind, Lookup] | None = None,
    ) -> None:
        self._lookups = {
            each.kind: lookups[each.kind] for each in controller.looks_up if lookups and each.kind in lookups
        }
        self._controller = controller
        self._clock = clock
        scope = tuple(namespaces)
        self._owned: list[tuple[Owned, Informer]] = []
        for owned in controller.owns:
            informer = factory.informer(
                owned.kind,
                namespaces=scope if owned.kind.namespaced else (),
                label_selector=owned.label_selector,
                field_selector=owned.field_selector,
                optional=owned.optional,
                keep_managed_by=field_manager,
                predecessors=predecessors,
            )
            self._owned.append((owned, informer))
        self.primary = factory.informer(
            controller.kind,
            namespaces=scope if controller.kind.namespaced else (),
            field_selector=controller.field_selector,
            optional=controller.optional,
            transform=controller.transform,
        )
        self._watched: list[tuple[Watched, Informer]] = [
            (watched, _watch(watched, factory, scope)) for watched in controller.watches
        ]
        owned_kinds = {owned.kind for owned in controller.owns}
        for kind, informer in self._informers():
            if kind in owned_kinds:
                index_owners(informer)  # a view gathers what is owned from all informers of the kind
        self._views = ViewSource(self._by_kind(), clock)

    def view(self) -> CacheView:
        """A look at the caches, now."""
        return self._views.view()

    def subscribe(self, enqueue: Enqueue, enqueue_after: EnqueueAfter, seen: Seen) -> None:
        """Have everything that is in the caches, and every change from now on, turned into keys."""
        for owned, informer in self._owned:
            informer.add_handler(self._owned_handler(owned, enqueue, seen))
        self.primary.add_handler(self._primary_handler(enqueue, seen))
        for watched, informer in self._watched:
            informer.add_handler(self._watched_handler(watched, enqueue, enqueue_after))
        for lookup in self._lookups.values():
            lookup.listen(self._controller.name, lambda key: enqueue(key, CHANGED))

    async def wait_synced(self, seconds: float) -> None:
        """Return once every cache is filled and every handler has seen it; raises CacheSyncTimeout."""
        try:
            async with self._clock.timeout(seconds), asyncio.TaskGroup() as group:
                for _, informer in self._informers():
                    group.create_task(informer.wait_synced())
        except TimeoutError:
            raise CacheSyncTimeout(
                f"controller {self._controller.name} cannot start: its caches were not filled within {seconds:g} s: "
                + (self.problem() or "a handler is still busy")
            ) from None

    async def follow_served(self, enqueue: Enqueue) -> None:
        """Have every key decided anew when an optional kind comes or goes, for ever: decisions ask `view.served`."""
        async with asyncio.TaskGroup() as group:
            for kind, informer in self._informers():
                if informer.spec.optional:
                    group.create_task(self._follow_served(informer, enqueue), name=f"served {kind}")

    def problem(self) -> str:
        """Which kinds are not synced, and why; empty when all are."""
        return unsynced(informer for _, informer in self._informers())

    async def _follow_served(self, informer: Informer, enqueue: Enqueue) -> None:
        while True:
            await informer.served_changed()
            for key in list(self.primary.store.keys()):
                enqueue(key, UNCHANGED)

    def _informers(self) -> Iterator[tuple[Kind, Informer]]:
        for owned, informer in self._owned:
            yield owned.kind, informer
        yield self._controller.kind, self.primary
        for watched, informer in self._watched:
            yield watched.kind, informer

    def _by_kind(self) -> dict[Kind, list[Cached]]:
        """Owned kinds first: only their informers keep what comparing children needs."""
        found: dict[Kind, list[Cached]] = {kind: [lookup] for kind, lookup in self._lookups.items()}
        for kind, informer in self._informers():
            if informer not in found.setdefault(kind, []):
                found[kind].append(informer)
        return found

    def _primary_handler(self, enqueue: Enqueue, seen: Seen) -> Callable[[Change], None]:
        def handle(change: Change) -> None:
            seen(self._controller.kind, change)
            for kind, names in wanted_names(self._controller.looks_up, change.new).items():
                if kind in self._lookups:
                    self._lookups[kind].want((self._controller.name, change.key), names)
            if self._controller.predicate is None or self._controller.predicate(change):
                enqueue(change.key, priority_at_first_sight(change.object) if change.initial else _priority(change))

        return handle

    def _owned_handler(self, owned: Owned, enqueue: Enqueue, seen: Seen) -> Callable[[Change], None]:
        def handle(change: Change) -> None:
            authors = seen(owned.kind, change)
            if owned.predicate is None or owned.predicate(change):
                keys = owner_keys(change, self._controller.kind)
                if owned.shared_by is not None:
                    keys.update(owned.shared_by(change, self.view()))
                if owned.quiet:
                    keys.difference_update(authors)
                for key in keys:
                    enqueue(key, _priority(change, UNDER_WAY))

        return handle

    def _watched_handler(
        self, watched: Watched, enqueue: Enqueue, enqueue_after: EnqueueAfter
    ) -> Callable[[Change], None]:
        def handle(change: Change) -> None:
            for key in watched.to_keys(change, self.view()):
                if watched.gather:
                    enqueue_after(key, watched.gather, _priority(change))
                else:
                    enqueue(key, _priority(change))

        return handle


def unsynced(informers: Iterable[Informer]) -> str:
    """Which of them are not synced, and why; empty when all are."""
    return "; ".join(
        f"{informer.kind}: {informer.problem or 'the first list has not come yet'}"
        for informer in informers
        if not informer.synced
    )


def unfilled(informers: Iterable[Informer]) -> str:
    """The same of what can be read, whether or not controllers that have just started have looked at it."""
    return unsynced(informer for informer in informers if not informer.filled)


def owner_keys(change: Change, owner: Kind) -> set[ObjectKey]:
    """The keys of the objects of kind `owner` that control, or did until now, the changed one."""
    return {
        ObjectKey(metadata.namespace(obj) if owner.namespaced else "", str(reference.get("name") or ""))
        for obj in (change.old, change.new)
        if obj is not None
        and (reference := metadata.controller_of(obj)) is not None
        and reference.get("kind") == owner.kind
        and _group(str(reference.get("apiVersion") or "")) == owner.group
    }


def _watch(watched: Watched, factory: InformerFactory, scope: tuple[str, ...]) -> Informer:
    namespaces = (watched.namespace,) if watched.namespace else scope
    return factory.informer(
        watched.kind,
        namespaces=namespaces if watched.kind.namespaced else (),
        label_selector=watched.label_selector,
        field_selector=watched.field_selector,
        optional=watched.optional,
        metadata_only=watched.metadata_only,
        transform=watched.transform,
    )


def _group(api_version: str) -> str:
    group, slash, _ = api_version.partition("/")
    return group if slash else ""


def priority_at_first_sight(obj: Object) -> int:
    """Of an object of which no change was seen: one whose status is out of date was changed while nobody looked."""
    return UNCHANGED if metadata.has_current_status(obj) else CHANGED


def _priority(change: Change, of_a_change: int = CHANGED) -> int:
    return UNCHANGED if change.initial or _same_version(change.old, change.new) else of_a_change


def _same_version(old: Object | None, new: Object | None) -> bool:
    return old is not None and new is not None and metadata.resource_version(old) == metadata.resource_version(new)
