"""Which kinds are served under which path, and in which collection and version they are stored."""

from collections.abc import Mapping, Sequence

from kservectl.devcluster.contract import ServedKind, TypeSystem
from kservectl.devcluster.events import CORE_EVENT, convert_event
from kservectl.devcluster.storage import Resource
from kservectl.objects.kind import EVENT, Kind
from kservectl.objects.metadata import Object


class Registry:
    """An index over the type system's served kinds; `refresh` it after a definition was added or removed."""

    def __init__(self, types: TypeSystem) -> None:
        self._types = types
        self._by_path: Mapping[tuple[str, str, str], ServedKind] = {}
        self._by_name: Mapping[tuple[str, str, str], ServedKind] = {}
        self._stored_as: Mapping[Resource, Kind] = {}
        self.served: Sequence[ServedKind] = ()
        self.refresh()

    def refresh(self) -> None:
        self.served = tuple(self._types.served())
        self._by_path = {(one.kind.group, one.kind.version, one.kind.plural): one for one in self.served}
        self._by_name = {(one.kind.group, one.kind.version, one.kind.kind): one for one in self.served}
        stored: dict[Resource, Kind] = {}
        for one in sorted(self.served, key=lambda one: not one.preferred):
            stored.setdefault(resource_of(one.kind), one.kind)
        stored[resource_of(CORE_EVENT)] = CORE_EVENT
        self._stored_as = stored

    def at(self, group: str, version: str, plural: str) -> ServedKind | None:
        """The kind served at a URL path."""
        return self._by_path.get((group, version, plural))

    def named(self, group: str, version: str, kind: str) -> ServedKind | None:
        """The kind that an object's apiVersion and kind name."""
        return self._by_name.get((group, version, kind))

    def find(self, kind: Kind) -> ServedKind | None:
        return self._by_path.get((kind.group, kind.version, kind.plural))

    def stored_as(self, resource: Resource) -> Kind | None:
        """The version in which a resource is stored; None when it is not served."""
        return self._stored_as.get(resource)

    def resources(self) -> Sequence[tuple[Resource, Kind]]:
        return tuple(self._stored_as.items())

    def convert(self, obj: Object, to: Kind) -> Object:
        """The same object in another version of its kind."""
        if obj.get("apiVersion") == to.api_version:
            return obj
        if resource_of(to) == resource_of(CORE_EVENT):
            return convert_event(obj, to)
        return self._types.convert(obj, to)


def resource_of(kind: Kind) -> Resource:
    """The collection that holds a kind; both Event kinds share one."""
    if kind.group == EVENT.group and kind.plural == EVENT.plural:
        return Resource(CORE_EVENT.group, CORE_EVENT.plural)
    return Resource(kind.group, kind.plural)
