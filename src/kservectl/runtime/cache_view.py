"""The View that controllers and webhooks decide by: informer stores, read without a copy, a lock or a request.

A list by labels costs as much as it finds: the first one with a given set of label keys makes an index of it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Protocol

from kservectl.clock import Clock
from kservectl.informers import Informer
from kservectl.informers.store import IndexFunction, Store
from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey

OWNER_INDEX = "controller"
"""The index of objects by the uid of their controller; every informer that a view may be asked `owned` of has it."""

_MAX_LABEL_INDEXES = 8
_EVERYWHERE = "*"


def index_owners(informer: Informer) -> None:
    """Give an informer the index that `CacheView.owned` reads."""
    informer.add_index(OWNER_INDEX, _owner)


class Cached(Protocol):
    """What a view reads one kind from: an Informer, or a Lookup."""

    @property
    def store(self) -> Store: ...

    @property
    def served(self) -> bool: ...

    def add_index(self, name: str, function: IndexFunction) -> None: ...


class CacheView:
    """A look at the given informers; where a kind has several (different selectors), at all of them together."""

    def __init__(self, informers: Mapping[Kind, Sequence[Cached]], now: datetime, indexes: "LabelIndexes") -> None:
        self._informers = informers
        self._now = now
        self._indexes = indexes

    @property
    def now(self) -> datetime:
        return self._now

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        key = ObjectKey(namespace if kind.namespaced else "", name)
        for informer in self._informers.get(kind, ()):
            found = informer.store.get(key)
            if found is not None:
                return found
        return None

    def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Sequence[Object]:
        return self._gather(kind, lambda informer: self._indexes.find(informer, namespace, labels or {}))

    def owned(self, kind: Kind, owner_uid: str) -> Sequence[Object]:
        return self._gather(kind, lambda informer: informer.store.by_index(OWNER_INDEX, owner_uid))

    def served(self, kind: Kind) -> bool:
        return any(informer.served for informer in self._informers.get(kind, ()))

    def _gather(self, kind: Kind, read: Callable[[Cached], Iterable[Object]]) -> Sequence[Object]:
        informers = self._informers.get(kind, ())
        if len(informers) == 1:
            shown = list(read(informers[0]))
            return sorted(shown, key=metadata.key) if len(shown) > 1 else shown
        # What an earlier informer shows wins, as in `get`.
        found = {metadata.key(obj): obj for informer in reversed(informers) for obj in read(informer)}
        return [found[key] for key in sorted(found)]


class ViewSource:
    """Makes views over a fixed set of informers."""

    def __init__(self, informers: Mapping[Kind, Sequence[Cached]], clock: Clock) -> None:
        self._informers = informers
        self._clock = clock
        self._indexes = LabelIndexes()

    def view(self) -> CacheView:
        """A look at the caches, now."""
        return CacheView(self._informers, self._clock.now(), self._indexes)


class LabelIndexes:
    """Indexes by the sets of label keys that lists asked for; a few for each informer, beyond which lists are filtered."""

    def __init__(self) -> None:
        self._made: dict[Cached, set[tuple[str, ...]]] = {}

    def find(self, informer: Cached, namespace: str | None, labels: Mapping[str, str]) -> Iterable[Object]:
        if not labels:
            return informer.store.list(namespace)
        keys = tuple(sorted(labels))
        if not self._ensure(informer, keys):
            wanted = labels.items()
            return [obj for obj in informer.store.list(namespace) if wanted <= metadata.labels(obj).items()]
        where = _EVERYWHERE if namespace is None else namespace
        return informer.store.by_index(_index_name(keys), _index_value(where, [labels[key] for key in keys]))

    def _ensure(self, informer: Cached, keys: tuple[str, ...]) -> bool:
        made = self._made.setdefault(informer, set())
        if keys not in made:
            if len(made) >= _MAX_LABEL_INDEXES:
                return False
            informer.add_index(_index_name(keys), _label_index(keys))
            made.add(keys)
        return True


def _owner(obj: Object) -> Sequence[str]:
    reference = metadata.controller_of(obj)
    return [str(reference.get("uid") or "")] if reference else []


def _index_name(keys: tuple[str, ...]) -> str:
    return "labels:" + ",".join(keys)


@cache
def _label_index(keys: tuple[str, ...]) -> Callable[[Object], Sequence[str]]:
    """The index function for a set of label keys: always the same one, as informers want it when asked again."""

    def values(obj: Object) -> Sequence[str]:
        labels = metadata.labels(obj)
        if not all(key in labels for key in keys):
            return []
        found = [labels[key] for key in keys]
        return [_index_value(metadata.namespace(obj), found), _index_value(_EVERYWHERE, found)]

    return values


def _index_value(where: str, values: Sequence[str]) -> str:
    return "/".join((where, *values))
