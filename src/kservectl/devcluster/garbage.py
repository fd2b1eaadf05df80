"""The garbage collector: what is owned goes with its owners, in the background or before them, or is set free.

An object goes when all of its owners are gone (by uid); while one is left, references to the gone ones are taken off.
`foregroundDeletion` holds an owner until the dependents that block it are gone; `orphan` frees the dependents first.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from kservectl.clock import Clock
from kservectl.devcluster.contract import ServedKind
from kservectl.devcluster.deletion import FOREGROUND, ORPHAN, DeleteOptions, Deleter
from kservectl.devcluster.registry import Registry
from kservectl.devcluster.request import User, WriteOptions
from kservectl.devcluster.storage import Change, Entry, Resource, Store
from kservectl.devcluster.upkeep import Upkeep
from kservectl.devcluster.writing import Writer
from kservectl.objects.metadata import Object, ObjectKey, is_deleting, uid

_USER = User(
    "system:serviceaccount:kube-system:generic-garbage-collector",
    ("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"),
)
_OPTIONS = WriteOptions("kube-controller-manager", user=_USER)


class _Place(NamedTuple):
    resource: Resource
    key: ObjectKey


class GarbageCollector:
    """Keeps the graph of owners by listening to the store, and acts on it in `run`."""

    def __init__(self, store: Store, registry: Registry, clock: Clock) -> None:
        self._store = store
        self._registry = registry
        self._places: dict[str, _Place] = {}
        self._dependents: dict[str, dict[str, None]] = {}
        self._upkeep = Upkeep("garbage collector", clock)

    def restore(self) -> None:
        """Take in everything that is stored already."""
        for collection in self._store.collections():
            for entry in collection.entries():
                self._add(entry, None, collection.resource)

    def observe(self, change: Change, resource: Resource) -> None:
        """Listens to the store."""
        if change.type == "DELETED":
            self._remove(change.entry.object, change.previous)
        else:
            self._add(change.entry, change.previous, resource)

    async def run(self, writer: Writer, deleter: Deleter) -> None:
        """Do what is pending, until cancelled."""
        await self._upkeep.run(lambda one: self._settle(one, writer, deleter))

    def _enqueue(self, one: str) -> None:
        if one in self._places:
            self._upkeep.add(one)

    def _add(self, entry: Entry, previous: Entry | None, resource: Resource) -> None:
        own = uid(entry.object)
        self._places[own] = _Place(resource, entry.key)
        owners = [reference["uid"] for reference in _owners(entry.object)]
        if previous is not None:
            for gone in {reference["uid"] for reference in _owners(previous.object)} - set(owners):
                self._dependents.get(gone, {}).pop(own, None)
                self._enqueue(gone)
        for owner in owners:
            self._dependents.setdefault(owner, {})[own] = None
        metadata = entry.object["metadata"]
        if owners or (metadata.get("deletionTimestamp") and _awaits(metadata)):
            self._enqueue(own)

    def _remove(self, obj: Object, previous: Entry | None) -> None:
        own = uid(obj)
        self._places.pop(own, None)
        for reference in _owners(previous.object if previous is not None else obj):
            self._dependents.get(reference["uid"], {}).pop(own, None)
            self._enqueue(reference["uid"])
        for dependent in self._dependents.pop(own, {}):
            self._enqueue(dependent)

    def _entry(self, one: str) -> tuple[Entry, ServedKind] | None:
        place = self._places.get(one)
        entry = self._store.collection(place.resource).get(place.key) if place else None
        kind = self._registry.stored_as(place.resource) if place else None
        served = self._registry.find(kind) if kind else None
        return (entry, served) if entry is not None and served is not None and uid(entry.object) == one else None

    async def _settle(self, one: str, writer: Writer, deleter: Deleter) -> None:
        found = self._entry(one)
        if found is None:
            return
        entry, served = found
        metadata = entry.object["metadata"]
        if is_deleting(entry.object):
            if ORPHAN in (metadata.get("finalizers") or ()):
                await self._free_dependents(one, writer)
                await writer.modify(served, entry.key, _without_finalizer(ORPHAN), _OPTIONS)
            elif FOREGROUND in (metadata.get("finalizers") or ()):
                await self._delete_dependents(one, entry, served, writer)
            return
        await self._judge(one, entry, served, writer, deleter)

    async def _judge(self, one: str, entry: Entry, served: ServedKind, writer: Writer, deleter: Deleter) -> None:
        """Keep, free of gone owners, or delete one object, by the state of its owners."""
        states = [(reference, self._state(reference, entry)) for reference in _owners(entry.object)]
        gone = {reference["uid"] for reference, state in states if state != "solid"}
        if not gone:
            return
        if any(state in {"solid", "unknown"} for _, state in states):
            dangling = {reference["uid"] for reference, state in states if state in {"absent", "waiting"}}
            if dangling:
                await writer.modify(served, entry.key, _without_owners(dangling), _OPTIONS)
            return
        waiting = any(state == "waiting" for _, state in states)
        policy = "Foreground" if waiting and self._dependents.get(one) else _policy(entry.object)
        await deleter.delete(served, entry.key, DeleteOptions(policy, uid=one, user=_USER))

    def _state(self, reference: Mapping[str, Any], dependent: Entry) -> str:
        """solid, absent, waiting (deleting its dependents first), or unknown (its kind is not served)."""
        group, _, version = str(reference["apiVersion"]).rpartition("/")
        if self._registry.named(group, version, reference["kind"]) is None:
            return "unknown"
        found = self._entry(reference["uid"])
        if found is None:
            return "absent"
        owner, _ = found
        same = owner.object["kind"] == reference["kind"] and owner.key.name == reference["name"]
        if not same or (owner.key.namespace and owner.key.namespace != dependent.key.namespace):
            return "absent"
        metadata = owner.object["metadata"]
        return "waiting" if is_deleting(owner.object) and FOREGROUND in (metadata.get("finalizers") or ()) else "solid"

    async def _delete_dependents(self, one: str, entry: Entry, served: ServedKind, writer: Writer) -> None:
        blocking = False
        for dependent in list(self._dependents.get(one, {})):
            found = self._entry(dependent)
            if found is None:
                continue
            references = _owners(found[0].object)
            blocking |= any(reference["uid"] == one and reference.get("blockOwnerDeletion") for reference in references)
            self._enqueue(dependent)
        if not blocking:
            await writer.modify(served, entry.key, _without_finalizer(FOREGROUND), _OPTIONS)

    async def _free_dependents(self, one: str, writer: Writer) -> None:
        for dependent in list(self._dependents.get(one, {})):
            found = self._entry(dependent)
            if found is not None:
                await writer.modify(found[1], found[0].key, _without_owners({one}), _OPTIONS)


def _owners(obj: Object) -> Iterable[Mapping[str, Any]]:
    owners: Iterable[Mapping[str, Any]] = obj["metadata"].get("ownerReferences") or ()
    return owners


def _awaits(metadata: Mapping[str, Any]) -> bool:
    finalizers = metadata.get("finalizers") or ()
    return FOREGROUND in finalizers or ORPHAN in finalizers


def _policy(obj: Object) -> str:
    finalizers = obj["metadata"].get("finalizers") or ()
    return "Orphan" if ORPHAN in finalizers else "Foreground" if FOREGROUND in finalizers else "Background"


def _without_finalizer(finalizer: str) -> Callable[[Object], Object]:
    def change(obj: Object) -> Object:
        kept = [one for one in obj["metadata"].get("finalizers") or () if one != finalizer]
        return {**obj, "metadata": {**obj["metadata"], "finalizers": kept}}

    return change


def _without_owners(uids: set[str]) -> Callable[[Object], Object]:
    def change(obj: Object) -> Object:
        metadata = {field: value for field, value in obj["metadata"].items() if field != "ownerReferences"}
        kept = [reference for reference in _owners(obj) if reference["uid"] not in uids]
        return {**obj, "metadata": {**metadata, "ownerReferences": kept} if kept else metadata}

    return change
