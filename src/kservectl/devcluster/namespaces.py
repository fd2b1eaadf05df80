"""What every cluster does about namespaces: furnish new ones, and empty those that are being deleted."""

import structlog

from kservectl.client.errors import AlreadyExists, Forbidden, NotFound
from kservectl.clock import Clock, rfc3339
from kservectl.devcluster.deletion import DeleteOptions, Deleter
from kservectl.devcluster.registry import Registry
from kservectl.devcluster.request import User, WriteOptions
from kservectl.devcluster.storage import Change, Entry, Resource, Store
from kservectl.devcluster.upkeep import Upkeep
from kservectl.devcluster.writing import Writer
from kservectl.objects.kind import CONFIG_MAP, NAMESPACE, SERVICE_ACCOUNT, Kind
from kservectl.objects.metadata import Object, ObjectKey, is_deleting

NAMESPACES = Resource(NAMESPACE.group, NAMESPACE.plural)
SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_USER = User(
    "system:serviceaccount:kube-system:namespace-controller",
    ("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"),
)
_OPTIONS = WriteOptions("kube-controller-manager", user=_USER)
_ROOT_CA = "kube-root-ca.crt"


class Namespaces:
    """The namespace controller. `authority` is the certificate that clients in pods would trust, or empty."""

    def __init__(self, store: Store, registry: Registry, *, clock: Clock, authority: str) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._authority = authority
        self._log = structlog.get_logger()
        self._upkeep = Upkeep("namespaces", clock)

    def restore(self) -> None:
        """Look at every stored namespace once `run` runs."""
        for entry in self._store.collection(NAMESPACES).entries():
            self._upkeep.add(entry.key.name)

    def observe(self, change: Change, resource: Resource) -> None:
        """Listens to the store: a namespace changed, or lost an object while it waits to be empty."""
        if resource == NAMESPACES:
            if change.type != "DELETED":
                self._upkeep.add(change.entry.key.name)
        elif change.type == "DELETED" and change.entry.key.namespace:
            namespace = self._store.collection(NAMESPACES).get(ObjectKey("", change.entry.key.namespace))
            if namespace is not None and is_deleting(namespace.object):
                self._upkeep.add(namespace.key.name)

    async def run(self, writer: Writer, deleter: Deleter) -> None:
        """Do what is pending, until cancelled."""
        await self._upkeep.run(lambda name: self._settle(name, writer, deleter))

    async def _settle(self, name: str, writer: Writer, deleter: Deleter) -> None:
        entry = self._store.collection(NAMESPACES).get(ObjectKey("", name))
        if entry is None:
            return
        if is_deleting(entry.object):
            await self._empty(entry, writer, deleter)
        else:
            await self._furnish(name, writer)

    async def _furnish(self, name: str, writer: Writer) -> None:
        await self._ensure(SERVICE_ACCOUNT, {"metadata": {"name": "default", "namespace": name}}, writer)
        note = (
            "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
            "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of "
            "Kubernetes clusters."
        )
        metadata = {"name": _ROOT_CA, "namespace": name, "annotations": {"kubernetes.io/description": note}}
        await self._ensure(CONFIG_MAP, {"metadata": metadata, "data": {"ca.crt": self._authority}}, writer)

    async def _ensure(self, kind: Kind, obj: Object, writer: Writer) -> None:
        served = self._registry.find(kind)
        key = ObjectKey(obj["metadata"]["namespace"], obj["metadata"]["name"])
        if served is None or writer.entry(served, key) is not None:
            return
        try:
            await writer.create(served, key.namespace, obj, _OPTIONS)
        except (AlreadyExists, Forbidden, NotFound) as error:  # made by somebody else, or the namespace is going
            self._log.debug("namespace is not furnished", object=f"{kind.kind} {key}", error=str(error))

    async def _empty(self, namespace: Entry, writer: Writer, deleter: Deleter) -> None:
        name = namespace.key.name
        left = 0
        for resource, kind in self._registry.resources():
            served = self._registry.find(kind)
            if served is None or not kind.namespaced:
                continue
            collection = self._store.collection(resource)
            for entry in list(collection.entries(name)):
                if not is_deleting(entry.object):
                    await deleter.delete(served, entry.key, DeleteOptions(propagation="Background", user=_USER))
            left += sum(1 for _ in collection.entries(name))
        served = self._registry.find(NAMESPACE)
        if served is None:
            return
        if left:
            await writer.modify(
                served, namespace.key, lambda live: self._remaining(live, left), _OPTIONS, subresource="status"
            )
        else:
            await writer.modify(served, namespace.key, _finalized, _OPTIONS, subresource="finalize")

    def _remaining(self, namespace: Object, left: int) -> Object:
        """The namespace with a condition that says what it waits for."""
        status = namespace.get("status") or {}
        message = f"Some content in the namespace has finalizers remaining or is ending: {left} objects"
        for condition in status.get("conditions") or ():
            if condition["type"] == "NamespaceContentRemaining" and condition["message"] == message:
                return namespace
        condition = {
            "type": "NamespaceContentRemaining",
            "status": "True",
            "lastTransitionTime": rfc3339(self._clock.now()),
            "reason": "SomeResourcesRemain",
            "message": message,
        }
        return {**namespace, "status": {**status, "conditions": [condition]}}


def _finalized(namespace: Object) -> Object:
    spec = namespace.get("spec") or {}
    kept = [one for one in spec.get("finalizers") or () if one != "kubernetes"]
    return {**namespace, "spec": {**spec, "finalizers": kept}}
