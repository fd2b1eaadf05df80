"""What a decision may look at: the informer caches, and the moment of looking. Reading never makes a request."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey


class View(Protocol):
    """A consistent look at the caches. Objects that it returns are shared: reading only."""

    @property
    def now(self) -> datetime:
        """The moment of observation; the only clock a decision has."""
        ...

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None: ...

    def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Sequence[Object]:
        """All cached objects of a kind, of one namespace when given, that carry all of `labels`; in name order."""
        ...

    def owned(self, kind: Kind, owner_uid: str) -> Sequence[Object]:
        """Cached objects whose controller ownerReference has this uid."""
        ...

    def served(self, kind: Kind) -> bool:
        """Whether the API server serves this kind now (an optional CRD may be absent). Unwatched kinds are not served."""
        ...


class StaticView:
    """A View over a given set of objects: for `render`, for tests, for anything offline.

    `kinds` names the kinds that count as served; objects of others are not found.
    """

    def __init__(self, objects: Iterable[Object], *, kinds: Iterable[Kind], now: datetime) -> None:
        self._now = now
        self._stores: dict[Kind, dict[ObjectKey, Object]] = {kind: {} for kind in kinds}
        by_name = {(kind.api_version, kind.kind): kind for kind in self._stores}
        for obj in objects:
            kind = by_name.get((str(obj.get("apiVersion")), str(obj.get("kind"))))
            if kind is not None:
                self._stores[kind][metadata.key(obj)] = obj

    @property
    def now(self) -> datetime:
        return self._now

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        return self._stores.get(kind, {}).get(ObjectKey(namespace if kind.namespaced else "", name))

    def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Sequence[Object]:
        wanted = (labels or {}).items()
        return [
            obj
            for key, obj in sorted(self._stores.get(kind, {}).items())
            if (namespace is None or key.namespace == namespace) and wanted <= metadata.labels(obj).items()
        ]

    def owned(self, kind: Kind, owner_uid: str) -> Sequence[Object]:
        return [obj for obj in self._stores.get(kind, {}).values() if metadata.is_controlled_by(obj, owner_uid)]

    def served(self, kind: Kind) -> bool:
        return kind in self._stores
