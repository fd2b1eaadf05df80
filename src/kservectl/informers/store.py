"""The objects of one kind as last seen, with indexes that are always in step with them.

Only a `StoreWriter` changes a store; everybody else holds its read-only `Store`. Reading is synchronous and takes no lock:
between two reads with no `await` in between nothing changes. Objects are shared with all readers, none of whom changes them.
"""

from collections.abc import Callable, Iterable, KeysView, Mapping, Sequence
from dataclasses import dataclass

import structlog

from kservectl.objects import metadata
from kservectl.objects.metadata import Object, ObjectKey

IndexFunction = Callable[[Object], Iterable[str]]
"""The values under which an object is found; none for an object that the index leaves out."""

_Objects = dict[ObjectKey, Object]


@dataclass(slots=True)
class _Index:
    function: IndexFunction
    postings: dict[str, _Objects]


class Store:
    """Reading access. Every answer costs in proportion to its length, not to the size of the store."""

    def __init__(
        self, objects: Mapping[ObjectKey, Object], namespaces: Mapping[str, _Objects], indexes: Mapping[str, _Index]
    ) -> None:
        self._objects = objects
        self._namespaces = namespaces
        self._indexes = indexes

    def get(self, key: ObjectKey) -> Object | None:
        return self._objects.get(key)

    def list(self, namespace: str | None = None) -> Sequence[Object]:
        """The objects of a namespace, or all of them, in no particular order."""
        return [*(self._objects if namespace is None else self._namespaces.get(namespace, {})).values()]

    def by_index(self, name: str, value: str) -> Sequence[Object]:
        """The objects for which index `name` gives `value`; KeyError when there is no such index."""
        return [*self._indexes[name].postings.get(value, {}).values()]

    def keys(self) -> KeysView[ObjectKey]:
        """A live view; copy it before awaiting."""
        return self._objects.keys()

    def __len__(self) -> int:
        return len(self._objects)

    def __contains__(self, key: object) -> bool:
        return key in self._objects


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of one object: `old` is None for one that appeared, `new` for one that went."""

    old: Object | None
    new: Object | None


class StoreWriter:
    """Writing access. Each call changes objects and indexes in one step."""

    def __init__(self) -> None:
        self._objects: _Objects = {}
        self._namespaces: dict[str, _Objects] = {}
        self._indexes: dict[str, _Index] = {}
        self._log = structlog.get_logger()
        self.store = Store(self._objects, self._namespaces, self._indexes)

    def add_index(self, name: str, function: IndexFunction) -> None:
        """Keep an index from now on; present objects are entered at once. The same index may be asked for again."""
        present = self._indexes.get(name)
        if present is not None:
            if present.function is not function:
                raise ValueError(f"there is already another index named {name!r}")
            return
        index = self._indexes[name] = _Index(function, {})
        for key, obj in self._objects.items():
            self._enter(name, index, key, obj)

    def put(self, obj: Object) -> Difference | None:
        """Store `obj`; None when this very version is stored already."""
        key = metadata.key(obj)
        old = self._objects.get(key)
        if old is not None and _same_version(old, obj):
            return None
        self._set(key, old, obj)
        return Difference(old, obj)

    def remove(self, obj: Object) -> Difference | None:
        """Remove the object with the key of `obj`, which is its last state; None when it is not stored."""
        key = metadata.key(obj)
        old = self._objects.get(key)
        if old is None:
            return None
        self._unset(key, old)
        return Difference(obj, None)

    def replace(self, objects: Mapping[ObjectKey, Object], namespace: str = "") -> list[Difference]:
        """Make `objects` the whole content (of `namespace`, when given); what differed before, by version."""
        scope = self._namespaces.get(namespace, {}) if namespace else self._objects
        gone = [(key, obj) for key, obj in scope.items() if key not in objects]
        differences = []
        for key, obj in gone:
            self._unset(key, obj)
            differences.append(Difference(obj, None))
        for key, obj in objects.items():
            old = self._objects.get(key)
            if old is None or not _same_version(old, obj):
                self._set(key, old, obj)
                differences.append(Difference(old, obj))
        return differences

    def _set(self, key: ObjectKey, old: Object | None, new: Object) -> None:
        self._objects[key] = new
        self._namespaces.setdefault(key.namespace, {})[key] = new
        for name, index in self._indexes.items():
            if old is not None:
                self._leave(name, index, key, old)
            self._enter(name, index, key, new)

    def _unset(self, key: ObjectKey, old: Object) -> None:
        del self._objects[key]
        peers = self._namespaces[key.namespace]
        del peers[key]
        if not peers:
            del self._namespaces[key.namespace]
        for name, index in self._indexes.items():
            self._leave(name, index, key, old)

    def _enter(self, name: str, index: _Index, key: ObjectKey, obj: Object) -> None:
        for value in self._values(name, index, key, obj):
            index.postings.setdefault(value, {})[key] = obj

    def _leave(self, name: str, index: _Index, key: ObjectKey, obj: Object) -> None:
        for value in self._values(name, index, key, obj):
            posting = index.postings.get(value)
            if posting is not None:
                posting.pop(key, None)
                if not posting:
                    del index.postings[value]

    def _values(self, name: str, index: _Index, key: ObjectKey, obj: Object) -> set[str]:
        try:
            return set(index.function(obj))
        except Exception:
            # One object that its author did not think of must not stop the stream of all others.
            self._log.exception("index function failed, the object is left out", index=name, key=str(key))
            return set()


def _same_version(one: Object, other: Object) -> bool:
    version = metadata.resource_version(one)
    return version != "" and version == metadata.resource_version(other)
