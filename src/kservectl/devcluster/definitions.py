"""CustomResourceDefinitions: their kinds are served from the moment of creation, until the last object is gone."""

from collections.abc import Iterable

import structlog

from kservectl.clock import Clock, rfc3339
from kservectl.devcluster.contract import RefusedByTypes, ServedKind, TypeSystem
from kservectl.devcluster.deletion import DeleteOptions, Deleter
from kservectl.devcluster.registry import Registry
from kservectl.devcluster.request import User, WriteOptions
from kservectl.devcluster.storage import Change, Resource, Store
from kservectl.devcluster.strategies import CRD_FINALIZER
from kservectl.devcluster.upkeep import Upkeep
from kservectl.devcluster.writing import Writer
from kservectl.objects.kind import CUSTOM_RESOURCE_DEFINITION
from kservectl.objects.metadata import Object, ObjectKey, is_deleting

CRDS = Resource(CUSTOM_RESOURCE_DEFINITION.group, CUSTOM_RESOURCE_DEFINITION.plural)
_USER = User("system:apiserver", ("system:masters", "system:authenticated"))
_OPTIONS = WriteOptions("kube-apiserver", user=_USER)


class Definitions:
    """Keeps the registry and the status of definitions in step with what is stored."""

    def __init__(self, store: Store, registry: Registry, types: TypeSystem, clock: Clock) -> None:
        self._store = store
        self._registry = registry
        self._types = types
        self._clock = clock
        self._log = structlog.get_logger()
        self._upkeep = Upkeep("definitions", clock)

    def register(self, crd: Object) -> None:
        """Serve the versions of a definition about to be stored; raises the type system's refusals."""
        self._types.add_definition(crd)
        self._registry.refresh()

    def restore(self) -> None:
        """Serve all stored definitions again, after a restart."""
        for entry in self._store.collection(CRDS).entries():
            self._upkeep.add(entry.key.name)
            try:
                self._types.add_definition(entry.object)
            except RefusedByTypes as refused:
                self._log.error("stored definition is not served", name=entry.key.name, error=str(refused))
        self._registry.refresh()

    def observe(self, change: Change, resource: Resource) -> None:
        """Listens to the store: what may need work is looked at by `run`."""
        if resource == CRDS:
            if change.type == "DELETED":
                self._stop_serving(change.object)
            else:
                self._upkeep.add(change.entry.key.name)
        elif change.type == "DELETED":
            name = f"{resource.plural}.{resource.group}"
            if self._store.collection(CRDS).get(ObjectKey("", name)) is not None:
                self._upkeep.add(name)

    async def run(self, writer: Writer, deleter: Deleter) -> None:
        """Accept new definitions and clean up after deleted ones, until cancelled."""
        await self._upkeep.run(lambda name: self._settle(name, writer, deleter))

    async def _settle(self, name: str, writer: Writer, deleter: Deleter) -> None:
        served = self._registry.find(CUSTOM_RESOURCE_DEFINITION)
        entry = self._store.collection(CRDS).get(ObjectKey("", name))
        if entry is None or served is None:
            return
        if is_deleting(entry.object):
            if await self._emptied(entry.object, deleter):
                await writer.modify(served, entry.key, _without_finalizer, _OPTIONS)
        elif entry.object.get("status") != (wanted := self._accepted(entry.object)):
            await writer.modify(
                served, entry.key, lambda live: {**live, "status": wanted}, _OPTIONS, subresource="status"
            )

    async def _emptied(self, crd: Object, deleter: Deleter) -> bool:
        """Delete all objects of a definition; whether none is left."""
        one = self._any_version(crd)
        if one is None:
            return True
        collection = self._store.collection(_instances(crd))
        for entry in list(collection.entries()):
            if not is_deleting(entry.object):
                await deleter.delete(one, entry.key, DeleteOptions(user=_USER))
        return len(collection) == 0

    def _any_version(self, crd: Object) -> ServedKind | None:
        spec = crd["spec"]
        found = (self._registry.at(spec["group"], one["name"], spec["names"]["plural"]) for one in spec["versions"])
        return next(filter(None, found), None)

    def _accepted(self, crd: Object) -> Object:
        """The status of a definition that is served."""
        before = crd.get("status") or {}
        times = {one["type"]: one.get("lastTransitionTime") for one in before.get("conditions") or ()}
        now = rfc3339(self._clock.now())
        conditions = [
            {
                "type": type_,
                "status": "True",
                "lastTransitionTime": times.get(type_) or now,
                "reason": reason,
                "message": message,
            }
            for type_, reason, message in (
                ("NamesAccepted", "NoConflicts", "no conflicts found"),
                ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            )
        ]
        names = crd["spec"]["names"]
        singular = names.get("singular") or names["kind"].lower()
        accepted = {**names, "singular": singular, "listKind": names.get("listKind") or f"{names['kind']}List"}
        stored = list(before.get("storedVersions") or ())
        stored += [one for one in _storage_versions(crd) if one not in stored]
        return {"conditions": conditions, "acceptedNames": accepted, "storedVersions": stored}

    def _stop_serving(self, crd: Object) -> None:
        self._types.remove_definition(crd["metadata"]["name"])
        self._registry.refresh()
        self._store.drop(_instances(crd))


def _instances(crd: Object) -> Resource:
    return Resource(crd["spec"]["group"], crd["spec"]["names"]["plural"])


def _storage_versions(crd: Object) -> Iterable[str]:
    return (one["name"] for one in crd["spec"]["versions"] if one.get("storage"))


def _without_finalizer(crd: Object) -> Object:
    finalizers = [one for one in crd["metadata"].get("finalizers") or () if one != CRD_FINALIZER]
    return {**crd, "metadata": {**crd["metadata"], "finalizers": finalizers}}
