"""The devcluster: an API server in this process, good enough to develop controllers against.

`DevCluster` puts the parts together, runs the controllers that a cluster always has (namespaces, garbage collection,
custom resource definitions), and is the door for code in the same process: what goes through `create`, `update`, `patch`
and `delete` here goes through the same defaulting, admission and validation as over HTTP.
"""

import asyncio
import base64
import random
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from kservectl.clock import Clock
from kservectl.devcluster.addresses import ServiceAddresses
from kservectl.devcluster.contract import PatchType, ServedKind, TypeSystem
from kservectl.devcluster.definitions import Definitions
from kservectl.devcluster.deletion import DeleteOptions, Deleter
from kservectl.devcluster.discovery import Discovery
from kservectl.devcluster.faults import Faults
from kservectl.devcluster.garbage import GarbageCollector
from kservectl.devcluster.journal import Journal
from kservectl.devcluster.listing import Lister
from kservectl.devcluster.namespaces import SYSTEM_NAMESPACES, Namespaces
from kservectl.devcluster.refusals import refusal
from kservectl.devcluster.registry import Registry, resource_of
from kservectl.devcluster.request import WriteOptions
from kservectl.devcluster.resources import Resources
from kservectl.devcluster.responses import Presenter
from kservectl.devcluster.reviews import REVIEWS
from kservectl.devcluster.server import ApiServer
from kservectl.devcluster.storage import Change, Store
from kservectl.devcluster.subresources import LogOf, Subresources, no_log
from kservectl.devcluster.tables import Tables
from kservectl.devcluster.watching import Watcher
from kservectl.devcluster.webhook_call import Resolver
from kservectl.devcluster.webhooks import Webhooks
from kservectl.devcluster.writing import Writer
from kservectl.objects import metadata
from kservectl.objects.kind import NAMESPACE, SERVICE, Kind
from kservectl.objects.metadata import Object, ObjectKey


def no_service(namespace: str, name: str, port: int) -> str | None:
    """The resolver of a cluster in which nothing listens behind a Service."""
    return None


CLUSTER_NAME = "devcluster"
"""What its kubeconfig calls it."""

_MANAGER = "kservectl-devcluster"
_SHUTDOWN_SECONDS = 1.0


class DevCluster:
    """One cluster. Start it once; everything it runs ends with `stop`.

    `types` says what is served. `data_dir` keeps the state across restarts. `resolver` finds what is behind a Service
    that a webhook configuration names. `window` is how many changes of each kind can be followed at least; older
    resourceVersions are answered with 410. `seed` makes uids and generated names repeatable.
    """

    def __init__(
        self,
        types: TypeSystem,
        *,
        clock: Clock,
        data_dir: Path | None = None,
        resolver: Resolver = no_service,
        window: int = 4096,
        bookmark_seconds: float = 60.0,
        seed: int | None = None,
        authority: str = "",
        log_of: LogOf = no_log,
    ) -> None:
        self.clock = clock
        random_source = random.Random(seed)  # noqa: S311  # names and uids, no secrets
        self.registry = Registry(types)
        self.storage = Store(window=window)
        self.faults = Faults()
        self._journal = Journal(data_dir, self.storage, self.registry.convert) if data_dir is not None else None
        self._addresses = ServiceAddresses(self.storage)
        self._definitions = Definitions(self.storage, self.registry, types, clock)
        self._namespaces = Namespaces(self.storage, self.registry, clock=clock, authority=authority)
        self._garbage = GarbageCollector(self.storage, self.registry, clock)
        self._webhooks = Webhooks(
            self.storage, self.registry, clock=clock, resolver=resolver, random_source=random_source
        )
        self._lister = Lister(self.storage, self.registry)
        self._writer = Writer(
            self.storage,
            self.registry,
            types,
            clock=clock,
            admission=self._webhooks,
            addressed=self._addresses.address,
            register=self._definitions.register,
            random_source=random_source,
        )
        self._deleter = Deleter(self.storage, self.registry, clock=clock, admission=self._webhooks)
        self._watcher = Watcher(
            self.storage, self.registry, self._lister, clock=clock, bookmark_seconds=bookmark_seconds
        )
        presenter = Presenter(self.registry, Tables(clock))
        subresources = Subresources(
            self.registry, self._lister, self._writer, self._deleter, clock=clock, log_of=log_of
        )
        resources = Resources(self._lister, self._writer, self._deleter, presenter, subresources)
        self.pages: dict[str, Callable[[], bytes]] = {}
        """Texts by path that the server answers beside the API, for whatever runs in this process: `/metrics`, or what is
        behind the proxy of a Service."""
        self._server = ApiServer(
            registry=self.registry,
            types=types,
            resources=resources,
            watcher=self._watcher,
            presenter=presenter,
            discovery=Discovery(self.registry, tuple(REVIEWS.values())),
            faults=self.faults,
            clock=clock,
            pages=self.pages,
        )
        for listener in (self._addresses, self._definitions, self._namespaces, self._garbage):
            self.storage.listen(listener.observe)
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._url = ""

    # Life

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, *, tls: ssl.SSLContext | None = None, backlog: int = 512
    ) -> None:
        """Listen, and run the cluster's own controllers. Port 0 takes a free one; see `url`.

        Raises JournalError when the folder of an earlier run cannot be used.
        """
        try:
            await self._start(host, port, tls, backlog)
        except BaseException:
            await self.stop()
            raise

    async def _start(self, host: str, port: int, tls: ssl.SSLContext | None, backlog: int) -> None:
        if self._journal is not None:
            self._journal.open()
            for part in (self._definitions, self._addresses, self._namespaces, self._garbage):
                part.restore()
        await self._populate()
        self._tasks = [
            asyncio.create_task(controller.run(self._writer, self._deleter), name=type(controller).__name__)
            for controller in (self._definitions, self._namespaces, self._garbage)
        ]
        runner = web.AppRunner(
            self._server.app(),
            access_log=None,
            handler_cancellation=True,  # a watch ends with its client
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        self._runner = runner
        await runner.setup()
        site = web.TCPSite(runner, host, port, ssl_context=tls, backlog=backlog)
        await site.start()
        bound = runner.addresses[0][1]
        self._url = f"{'https' if tls else 'http'}://{host}:{bound}"

    async def stop(self) -> None:
        """End watches, stop listening, end the controllers. What was written stays readable."""
        self._watcher.stop_all()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._webhooks.close()
        if self._journal is not None:
            self._journal.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return self._url

    def kubeconfig(self, *, authority: bytes | None = None) -> Object:
        """A kubeconfig for this cluster; `authority` is the PEM of the certificate that serves, when TLS does."""
        cluster: Object = {"server": self._url}
        if authority is not None:
            cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": CLUSTER_NAME,
            "clusters": [{"name": CLUSTER_NAME, "cluster": cluster}],
            "contexts": [
                {
                    "name": CLUSTER_NAME,
                    "context": {"cluster": CLUSTER_NAME, "user": "developer", "namespace": "default"},
                }
            ],
            "users": [{"name": "developer", "user": {}}],
            "preferences": {},
        }

    # Objects, in this process

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        """An object, or None. It belongs to everybody: do not change it."""
        entry = self.storage.collection(resource_of(kind)).get(ObjectKey(namespace if kind.namespaced else "", name))
        return None if entry is None else entry.as_kind(kind, self.registry.convert)

    def list(self, kind: Kind, namespace: str = "", labels: Mapping[str, str] | None = None) -> Sequence[Object]:
        """All objects of a kind, of one namespace when given, that carry all of the labels; in key order."""
        wanted = (labels or {}).items()
        found = (
            entry.as_kind(kind, self.registry.convert)
            for entry in self.storage.collection(resource_of(kind)).entries(namespace)
        )
        return [obj for obj in found if wanted <= metadata.labels(obj).items()]

    def follow(self, kind: Kind, revision: int | None = None) -> AsyncIterator[Change]:
        """Changes of a kind after `revision` (None: from now on), for ever."""
        return self.storage.follow(resource_of(kind), revision)

    async def create(self, kind: Kind, obj: Object, *, manager: str = _MANAGER) -> Object:
        """Create an object; answers the stored one, raises the errors of `kservectl.client.errors`."""
        written = await self._writer.create(self._served(kind), metadata.namespace(obj), obj, WriteOptions(manager))
        return written.entry.as_kind(kind, self.registry.convert)

    async def update(self, kind: Kind, obj: Object, *, subresource: str = "", manager: str = _MANAGER) -> Object:
        """Replace an object, conditional on its resourceVersion when it has one."""
        key = _key(kind, obj["metadata"]["name"], metadata.namespace(obj))
        written = await self._writer.update(
            self._served(kind), key, obj, WriteOptions(manager), subresource=subresource
        )
        return written.entry.as_kind(kind, self.registry.convert)

    async def patch(
        self,
        kind: Kind,
        name: str,
        namespace: str,
        body: Any,
        *,
        patch_type: PatchType = "merge",
        subresource: str = "",
        manager: str = _MANAGER,
        force: bool = True,
    ) -> Object:
        """Change an object by a patch; an apply patch creates it when it is not there."""
        options = WriteOptions(manager, force=force)
        key = _key(kind, name, namespace)
        written = await self._writer.patch(self._served(kind), key, body, patch_type, options, subresource=subresource)
        return written.entry.as_kind(kind, self.registry.convert)

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str = "",
        *,
        propagation: str = "",
        grace: int | None = None,
        uid: str = "",
    ) -> None:
        """Delete an object, or mark it when it has finalizers."""
        options = DeleteOptions(propagation=propagation, grace=grace, uid=uid)
        await self._deleter.delete(self._served(kind), _key(kind, name, namespace), options)

    # Faults

    def break_watches(self) -> None:
        """Drop the connection of every running watch."""
        self._watcher.cut_all()

    def expire_history(self) -> None:
        """Forget all changes so far: watches and lists from an older resourceVersion are answered with 410."""
        self.storage.expire()

    def delay_watches(self, seconds: float) -> None:
        """Hold every delivery to watches back by so long; 0 ends it."""
        self._watcher.delay_seconds = seconds

    @property
    def watches(self) -> int:
        """How many watches are running."""
        return self._watcher.running

    # Inside

    async def _populate(self) -> None:
        """The namespaces and the Service that every cluster has."""
        for one in SYSTEM_NAMESPACES:
            if self.storage.collection(resource_of(NAMESPACE)).get(ObjectKey("", one)) is None:
                await self.create(NAMESPACE, {"metadata": {"name": one}}, manager="kube-apiserver")
        if self.get(SERVICE, "kubernetes", "default") is None:
            await self.create(SERVICE, _KUBERNETES, manager="kube-apiserver")

    def _served(self, kind: Kind) -> ServedKind:
        served = self.registry.find(kind)
        if served is None:
            raise refusal(404, "NotFound", f"the server could not find the requested resource ({kind.resource})")
        return served


def _key(kind: Kind, name: str, namespace: str) -> ObjectKey:
    return ObjectKey(namespace if kind.namespaced else "", name)


_KUBERNETES: Object = {
    "metadata": {
        "name": "kubernetes",
        "namespace": "default",
        "labels": {"component": "apiserver", "provider": "kubernetes"},
    },
    "spec": {
        "type": "ClusterIP",
        "clusterIP": "10.96.0.1",
        "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
    },
}
