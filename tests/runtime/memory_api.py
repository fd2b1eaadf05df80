"""An API server small enough to be read at a glance, in the place of a client's connection.

The Client, informers, queue and controllers on top are the real ones; only the network is missing, so that they run on a
FakeClock. It knows no schema: objects are kept as they come, with resourceVersion, uid, generation, finalizers, the record of
what was applied, preconditions, selection by one label, and watches that can be held back.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import orjson

from kservectl.client.client import APPLY_PATCH, Client
from kservectl.client.connection import Connection, Request
from kservectl.client.errors import AlreadyExists, ApiError, ClientError, Conflict, Expired, NotFound
from kservectl.objects import mergepatch, metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey

Place = tuple[str, ObjectKey]
"""A collection (its path without namespace) and a key in it."""


class MemoryApi:
    """The server. `fail`, `hang` and `delay` are asked before each request; `requests` has `VERB path` of all but watches."""

    def __init__(self) -> None:
        self.objects: dict[Place, Object] = {}
        self.requests: list[str] = []
        self.fail: Callable[[Request], ClientError | None] = lambda request: None
        self.hang: Callable[[Request], bool] = lambda request: False
        self.delay: Callable[[Request], Awaitable[None] | None] = lambda request: None
        self.busy_until = asyncio.Event()
        """Not set while many other requests are under way."""
        self.busy_until.set()
        self._held: set[str] = set()
        self._versions = itertools.count(100)
        self._uids = itertools.count(1)
        self._version = "100"
        self._log: list[tuple[str, str, str, Object]] = []  # (collection, type, version, object)
        self._news = asyncio.Condition()
        self._unserved: set[str] = set()

    def client(self) -> Client:
        return Client(cast(Connection, self))

    @property
    def writes(self) -> list[str]:
        return [request for request in self.requests if not request.startswith("GET")]

    # --- what a test does as somebody else ---

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        return self.objects.get((kind.path(), ObjectKey(namespace, name)))

    def all(self, kind: Kind) -> list[Object]:
        return [obj for (collection, _), obj in self.objects.items() if collection == kind.path()]

    async def put(self, kind: Kind, obj: Object) -> Object:
        """Create or replace, whatever was there."""
        place = (kind.path(), metadata.key(obj))
        return await self._store(place, self.objects.get(place), obj)

    async def remove(self, kind: Kind, name: str, namespace: str = "") -> None:
        await self._delete((kind.path(), ObjectKey(namespace, name)))

    def hold(self, kind: Kind) -> None:
        """Let watches of this kind deliver nothing until `release`: the caches fall behind."""
        self._held.add(kind.path())

    async def release(self) -> None:
        self._held.clear()
        async with self._news:
            self._news.notify_all()

    def unserve(self, kind: Kind) -> None:
        self._unserved.add(kind.path())

    def serve(self, kind: Kind) -> None:
        self._unserved.discard(kind.path())

    # --- the methods of a Connection ---

    async def calm(self) -> None:
        await self.busy_until.wait()

    async def request(self, request: Request, *, retries: object = None) -> Any:
        await self._travel(request)
        return orjson.loads(orjson.dumps(await self._answer(request)))  # what is answered is the asker's to change

    @asynccontextmanager
    async def stream(self, request: Request, *, silence: float) -> AsyncIterator["_Feed"]:
        await asyncio.sleep(0)
        error = self.fail(request)
        if error is not None:
            raise error
        collection, namespace, _, _ = _parse(request.path)
        self._check_served(collection)
        version = request.params.get("resourceVersion", "")
        yield _Feed(self, collection, namespace, self._position(version), request.params.get("labelSelector", ""))

    async def _answer(self, request: Request) -> Any:
        collection, namespace, name, subresource = _parse(request.path)
        self._check_served(collection)
        place = (collection, ObjectKey(namespace, name))
        body: Any = orjson.loads(request.body) if request.body else None
        match request.method:
            case "GET" if not name:
                selector = request.params.get("labelSelector", "")
                items = [
                    obj
                    for (where, key), obj in self.objects.items()
                    if _inside(where, key, collection, namespace) and _selected(obj, selector)
                ]
                return {"kind": "List", "metadata": {"resourceVersion": self._version}, "items": items}
            case "GET":
                return self._existing(place)
            case "POST":
                place = (collection, ObjectKey(namespace, metadata.name(body)))
                if place in self.objects:
                    raise AlreadyExists(409, "AlreadyExists", f"{place[1]} already exists")
                return await self._store(place, None, body)
            case "PATCH" if request.content_type == APPLY_PATCH:
                return await self._apply(place, body)
            case "PATCH":
                return await self._patch(place, body, subresource)
            case "PUT":
                self._check_conditions(place, body)
                return await self._store(place, self._existing(place), body)
            case "DELETE":
                self._check_conditions(place, {"metadata": (body or {}).get("preconditions") or {}})
                return await self._delete(place)
            case _:
                raise ApiError(405, "MethodNotAllowed", str(request))

    async def _travel(self, request: Request) -> None:
        if request.before:
            request.before()
        self.requests.append(str(request))
        await asyncio.sleep(0)
        if self.hang(request):
            await asyncio.Event().wait()
        if (delay := self.delay(request)) is not None:
            await delay
        error = self.fail(request)
        if error is not None:
            raise error

    def _position(self, version: str) -> int:
        """Where in the log a watch from `version` starts."""
        if version == "100":
            return 0
        for position, entry in enumerate(self._log):
            if entry[2] == version:
                return position + 1
        raise Expired(410, "Expired", f"resourceVersion {version} is too old")

    def _check_served(self, collection: str) -> None:
        if collection in self._unserved:
            raise NotFound(404, "NotFound", "the server could not find the requested resource")

    def _existing(self, place: Place) -> Object:
        if place not in self.objects:
            raise NotFound(404, "NotFound", f"{place[0]} {place[1]} not found")
        return self.objects[place]

    def _check_conditions(self, place: Place, body: Object) -> None:
        live = self._existing(place)
        for field in ("uid", "resourceVersion"):
            wanted = metadata.metadata(body).get(field)
            if wanted and wanted != live["metadata"][field]:
                raise Conflict(409, "Conflict", f"{place[1]}: {field} is {live['metadata'][field]}, not {wanted}")

    async def _apply(self, place: Place, body: Object) -> Object:
        live = self.objects.get(place)
        if live is not None:
            self._check_conditions(place, body)
        inner = {k: v for k, v in body["metadata"].items() if k not in ("uid", "resourceVersion")}
        body = {**body, "metadata": inner}
        fields = _fields(
            {
                **{k: v for k, v in body.items() if k not in ("apiVersion", "kind")},
                "metadata": {k: v for k, v in inner.items() if k not in ("name", "namespace")},
            }
        )
        entries = metadata.metadata(live or {}).get("managedFields")
        before = entries[0]["fieldsV1"] if entries else {}
        merged = mergepatch.apply(_without(live or {}, before, fields), body)
        merged["metadata"]["managedFields"] = [
            {"manager": "kservectl", "operation": "Apply", "apiVersion": body["apiVersion"], "fieldsV1": fields}
        ]
        if live is not None and merged == live:
            return live
        return await self._store(place, live, merged)

    async def _patch(self, place: Place, body: Object, subresource: str) -> Object:
        live = self._existing(place)
        self._check_conditions(place, body)
        body = {**body, "metadata": {k: v for k, v in body.get("metadata", {}).items() if k != "resourceVersion"}}
        part = {"status": body.get("status")} if subresource == "status" else {**body, "status": live.get("status")}
        return await self._store(place, live, mergepatch.apply(live, part))

    async def _store(self, place: Place, live: Object | None, obj: Object) -> Object:
        version = str(next(self._versions) + 1)
        inner = dict(obj["metadata"])
        inner["uid"] = live["metadata"]["uid"] if live else f"uid-{next(self._uids)}"
        generation = live["metadata"]["generation"] if live else 0
        changed = live is None or live.get("spec") != obj.get("spec")
        inner |= {"resourceVersion": version, "generation": generation + changed}
        stored = {**obj, "metadata": inner}
        if inner.get("deletionTimestamp") and not inner.get("finalizers"):
            self.objects.pop(place, None)
            await self._tell(place, "DELETED", version, stored)
        else:
            self.objects[place] = stored
            await self._tell(place, "MODIFIED" if live else "ADDED", version, stored)
        return stored

    async def _delete(self, place: Place) -> Object:
        live = self._existing(place)
        inner = dict(live["metadata"])
        if inner.get("finalizers"):
            inner["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        else:
            del self.objects[place]
            version = str(next(self._versions) + 1)
            await self._tell(place, "DELETED", version, {**live, "metadata": {**inner, "resourceVersion": version}})
            return {"kind": "Status", "status": "Success"}
        return await self._store(place, live, {**live, "metadata": inner})

    async def _tell(self, place: Place, event: str, version: str, obj: Object) -> None:
        self._version = version
        self._log.append((place[0], event, version, obj))
        async with self._news:
            self._news.notify_all()


class _Feed:
    """The body of one watch."""

    def __init__(self, api: MemoryApi, collection: str, namespace: str, position: int, selector: str) -> None:
        self._api = api
        self._collection = collection
        self._namespace = namespace
        self._position = position
        self._selector = selector

    async def read(self) -> bytes:
        while True:
            while self._position < len(self._api._log) and self._collection not in self._api._held:
                collection, event, _, obj = self._api._log[self._position]
                self._position += 1
                if _inside(collection, metadata.key(obj), self._collection, self._namespace) and _selected(
                    obj, self._selector
                ):
                    return orjson.dumps({"type": event, "object": obj}) + b"\n"
            async with self._api._news:
                if self._position == len(self._api._log) or self._collection in self._api._held:
                    await self._api._news.wait()


def _inside(where: str, key: ObjectKey, collection: str, namespace: str) -> bool:
    return where == collection and (not namespace or key.namespace == namespace)


def _selected(obj: Object, selector: str) -> bool:
    """`selector` is `KEY=VALUE`, or empty; labels never change here."""
    key, _, value = selector.partition("=")
    return not selector or metadata.labels(obj).get(key) == value


def _parse(path: str) -> tuple[str, str, str, str]:
    """Collection path without namespace, namespace, name, subresource."""
    parts = path.strip("/").split("/")
    head, rest = (parts[:2], parts[2:]) if parts[0] == "api" else (parts[:3], parts[3:])
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = (*rest, "", "")[:3]
    return "/" + "/".join((*head, plural)), namespace, name, subresource


def _fields(value: Object) -> Object:
    return {f"f:{name}": _fields(below) if isinstance(below, dict) else {} for name, below in value.items()}


def _without(live: Object, before: Object, now: Object) -> Object:
    """`live` less the fields that were applied before and are not any more."""
    kept = {}
    for name, value in live.items():
        field = f"f:{name}"
        if field in before and field not in now:
            continue
        kept[name] = (
            _without(value, before[field], now[field]) if field in before and isinstance(value, dict) else value
        )
    return kept
