"""Objects of all kinds under one revision counter, in memory.

Promises: a write either happens at once and wholly, or raises; every write has its own revision, which is the object's
resourceVersion; changes of a collection can be followed in order from any revision still in its window; an object is
encoded at most once per version and API version, however many read it. Nothing here knows HTTP, schemas or admission.

Everything runs on one event loop and no method awaits between reading and writing, so that a compare-and-set needs no lock.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import orjson

from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey, key

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
Convert = Callable[[Object, Kind], Object]


class Resource(NamedTuple):
    """What is stored together: all versions of one plural name of one group."""

    group: str
    plural: str


class NameTaken(Exception):
    """An insert found the key in use."""


class Stale(Exception):
    """The entry that a write was based on is no longer the current one."""


class TooOld(Exception):
    """The asked revision is before the kept history; `oldest` is the first one that can still be asked for."""

    def __init__(self, revision: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {revision} ({oldest})")
        self.revision = revision
        self.oldest = oldest


@dataclass(slots=True, eq=False)
class Entry:
    """One version of one object. `object` belongs to everybody: it is never changed."""

    kind: Kind
    key: ObjectKey
    object: Object
    revision: int
    _encoded: dict[Kind, bytes] = field(default_factory=dict)
    _converted: dict[Kind, Object] = field(default_factory=dict)

    def as_kind(self, kind: Kind, convert: Convert) -> Object:
        """The object in another served version."""
        if kind == self.kind:
            return self.object
        found = self._converted.get(kind)
        if found is None:
            found = self._converted[kind] = convert(self.object, kind)
        return found

    def encoded(self, kind: Kind, convert: Convert) -> bytes:
        """The JSON of `as_kind`, made once."""
        found = self._encoded.get(kind)
        if found is None:
            found = self._encoded[kind] = orjson.dumps(self.as_kind(kind, convert))
        return found


@dataclass(slots=True, eq=False)
class Change:
    """One write as those who follow the collection see it.

    `entry` is the object after the write; for DELETED its last state, under the revision of the deletion.
    """

    type: ChangeType
    revision: int
    entry: Entry
    previous: Entry | None
    _departed: Entry | None = None

    @property
    def object(self) -> Object:
        return self.entry.object

    def departed(self) -> Entry:
        """What a watch shows when the object no longer matches its selector: the old state under the new revision."""
        if self._departed is None:
            before = self.previous or self.entry
            obj = with_version(before.object, self.revision)
            self._departed = Entry(before.kind, before.key, obj, self.revision)
        return self._departed


def with_version(obj: Object, revision: int) -> Object:
    """`obj` under a revision, with apiVersion and kind first (an encoded list item is cut after them)."""
    metadata = {**obj["metadata"], "resourceVersion": str(revision)}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], **obj, "metadata": metadata}


class Collection:
    """The objects of one resource and the recent history of their changes."""

    def __init__(self, resource: Resource, window: int, revision: int) -> None:
        self.resource = resource
        self.compacted = revision
        """Changes up to this revision can no longer be followed."""
        self.closed = False
        """Set when the resource stops being served; followers end."""
        self._window = window
        self._entries: dict[ObjectKey, Entry] = {}
        self._sorted: list[ObjectKey] | None = None
        self._history: list[Change] = []
        self._dropped = 0
        self._followers: set[Follower] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: ObjectKey) -> Entry | None:
        return self._entries.get(key)

    def entries(self, namespace: str = "") -> Iterator[Entry]:
        """Current entries in key order, of one namespace when given."""
        if self._sorted is None:
            self._sorted = sorted(self._entries)
        keys = self._sorted
        if namespace:
            keys = keys[bisect_right(keys, ObjectKey(namespace, "")) :]
        for one in keys:
            if namespace and one.namespace != namespace:
                return
            yield self._entries[one]

    def entries_at(self, revision: int) -> list[Entry]:
        """The entries as they were at `revision`, in key order; raises TooOld when history does not reach that far."""
        if revision < self.compacted:
            raise TooOld(revision, self.compacted)
        state = dict(self._entries)
        for change in reversed(self._history):
            if change.revision <= revision:
                break
            if change.previous is None:
                state.pop(change.entry.key, None)
            else:
                state[change.entry.key] = change.previous
        return [state[key] for key in sorted(state)]

    def follow(self, revision: int) -> "Follower":
        """A reader of all changes after `revision`; raises TooOld. Close it when done."""
        if revision < self.compacted:
            raise TooOld(revision, self.compacted)
        position = self._dropped + bisect_right(self._history, revision, key=lambda change: change.revision)
        follower = Follower(self, position, revision)
        self._followers.add(follower)
        return follower

    def expire(self, revision: int) -> None:
        """Forget all changes so far."""
        self._dropped += len(self._history)
        self._history.clear()
        self.compacted = revision

    def close(self) -> None:
        self.closed = True
        self._wake()

    def restore(self, key: ObjectKey, entry: Entry | None, revision: int) -> None:
        """Put back (or take away) what was read from disk; nobody is told, and there is no history before it."""
        self.compacted = max(self.compacted, revision)
        self._sorted = None
        if entry is None:
            self._entries.pop(key, None)
        else:
            self._entries[key] = entry

    def record(self, change: Change) -> None:
        entry = change.entry
        if change.type == "DELETED":
            del self._entries[entry.key]
            self._sorted = None
        else:
            if change.type == "ADDED":
                self._sorted = None
            self._entries[entry.key] = entry
        self._history.append(change)
        if len(self._history) > 2 * self._window:  # in batches, so that dropping costs nothing per write
            excess = len(self._history) - self._window
            self.compacted = self._history[excess - 1].revision
            del self._history[:excess]
            self._dropped += excess
        self._wake()

    def _wake(self) -> None:
        for follower in self._followers:
            follower.wake()

    def _since(self, position: int, revision: int) -> Sequence[Change]:
        if position < self._dropped:
            raise TooOld(revision, self.compacted)
        return self._history[position - self._dropped :]

    def _end(self) -> int:
        return self._dropped + len(self._history)


class Follower:
    """A position in a collection's history. Holds nothing but the position: a slow reader costs no memory."""

    def __init__(self, collection: Collection, position: int, revision: int) -> None:
        self._collection = collection
        self._position = position
        self._revision = revision
        self._signal = asyncio.Event()
        self._signal.set()

    @property
    def ended(self) -> bool:
        """Whether the resource is no longer served."""
        return self._collection.closed

    @property
    def behind(self) -> bool:
        """Whether there are changes not read yet."""
        return self._position < self._collection._end()

    def pending(self) -> Sequence[Change]:
        """Changes not read yet, oldest first, and move past them; raises TooOld when too slow for the window."""
        changes = self._collection._since(self._position, self._revision)
        if changes:
            self._position += len(changes)
            self._revision = changes[-1].revision
        return changes

    async def wait(self) -> None:
        """Return when there may be something new, the collection ended, or `wake` was called."""
        await self._signal.wait()
        self._signal.clear()

    def wake(self) -> None:
        self._signal.set()

    def close(self) -> None:
        self._collection._followers.discard(self)


class Store:
    """All collections. `window` is how many changes each keeps at least for those who follow."""

    def __init__(self, *, window: int = 4096, revision: int = 100) -> None:
        # Clients may take 0 and 1 for "any" and "surely too old"; a real server is far past both when it first answers.
        self.revision = revision
        self._window = window
        self._collections: dict[Resource, Collection] = {}
        self._floor = revision
        self._floors: dict[Resource, int] = {}
        self._listeners: list[Callable[[Change, Resource], None]] = []

    def collection(self, resource: Resource) -> Collection:
        found = self._collections.get(resource)
        if found is None:
            floor = self._floors.get(resource, self._floor)
            found = self._collections[resource] = Collection(resource, self._window, floor)
        return found

    def collections(self) -> list[Collection]:
        return list(self._collections.values())

    def listen(self, listener: Callable[[Change, Resource], None]) -> None:
        """Call a plain function after every write (garbage collection, the journal). It must not write itself."""
        self._listeners.append(listener)

    def insert(self, resource: Resource, kind: Kind, obj: Object) -> Entry:
        """Store a new object; raises NameTaken."""
        collection = self.collection(resource)
        object_key = key(obj)
        if collection.get(object_key) is not None:
            raise NameTaken(str(object_key))
        return self._commit(collection, "ADDED", kind, object_key, obj, None)

    def replace(self, resource: Resource, kind: Kind, obj: Object, expected: Entry) -> Entry:
        """Store a new version of an object; raises Stale unless `expected` is the current one."""
        collection = self._current(resource, expected)
        return self._commit(collection, "MODIFIED", kind, expected.key, obj, expected)

    def remove(self, resource: Resource, expected: Entry, *, last_state: Object | None = None) -> Entry:
        """Remove an object; `last_state` is what followers are shown. Raises Stale."""
        collection = self._current(resource, expected)
        obj = expected.object if last_state is None else last_state
        return self._commit(collection, "DELETED", expected.kind, expected.key, obj, expected)

    def restore(self, resource: Resource, key: ObjectKey, entry: Entry | None) -> None:
        """Put back what was read from disk, before anybody else uses the store; None for what was deleted."""
        self._floor = self.revision
        self.collection(resource).restore(key, entry, self.revision)

    def drop(self, resource: Resource) -> None:
        """Stop storing a resource whose kind is no longer served; it must be empty."""
        collection = self._collections.pop(resource, None)
        if collection is not None:
            self._floors[resource] = self.revision
            collection.close()

    def expire(self) -> None:
        """Forget the history of every collection, so that older resourceVersions are answered with 410."""
        self.revision += 1
        self._floor = self.revision
        self._floors.clear()
        for collection in self._collections.values():
            collection.expire(self.revision)

    async def follow(self, resource: Resource, revision: int | None = None) -> AsyncIterator[Change]:
        """Changes after `revision` (None: from now on), for ever; for code in this process."""
        follower = self.collection(resource).follow(self.revision if revision is None else revision)
        try:
            while not follower.ended:
                for change in follower.pending():
                    yield change
                await follower.wait()
        finally:
            follower.close()

    def _current(self, resource: Resource, expected: Entry) -> Collection:
        collection = self.collection(resource)
        if collection.get(expected.key) is not expected:
            raise Stale(str(expected.key))
        return collection

    def _commit(
        self, collection: Collection, type_: ChangeType, kind: Kind, key: ObjectKey, obj: Object, previous: Entry | None
    ) -> Entry:
        self.revision += 1
        entry = Entry(kind, key, with_version(obj, self.revision), self.revision)
        change = Change(type_, self.revision, entry, previous)
        collection.record(change)
        for listener in self._listeners:
            listener(change, collection.resource)
        return entry
