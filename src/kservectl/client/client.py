"""The verbs of the Kubernetes API, on plain objects.

One coroutine for each verb; every failure is one of `client/errors.py`. Writes name their field manager, and pass a guard
first, through which a leader that may have lost its Lease keeps itself from writing. Requests that can be repeated safely
are, within limits; nothing is cached.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import orjson

from kservectl.client.connection import JSON, Connection, Request
from kservectl.client.errors import Undecodable
from kservectl.client.retry import NO_RETRIES
from kservectl.client.watch import WatchStream, is_object
from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

MERGE_PATCH: Final = "application/merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"
STRATEGIC_MERGE_PATCH: Final = "application/strategic-merge-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"

_STALL_MARGIN: Final = 30.0
_READS: Final = frozenset({"GET", "HEAD"})


class Client:
    """The API of one server, as one field manager. Clients are cheap: several may share a connection."""

    def __init__(
        self,
        connection: Connection,
        *,
        field_manager: str = "kservectl",
        guard: Callable[[], None] | None = None,
        urgent: bool = False,
    ) -> None:
        self.connection = connection
        self.field_manager = field_manager
        self._guard = guard
        self._urgent = urgent

    def guarded_by(self, guard: Callable[[], None]) -> "Client":
        """The same client, whose every attempt to write calls `guard` first; what that raises prevents the write."""
        return Client(self.connection, field_manager=self.field_manager, guard=guard, urgent=self._urgent)

    def urgent(self) -> "Client":
        """The same client for those who cannot wait behind a burst of other requests: they keep a Lease, or somebody waits."""
        return Client(self.connection, field_manager=self.field_manager, guard=self._guard, urgent=True)

    async def close(self) -> None:
        """Close the connection, also for the clients that share it."""
        await self.connection.close()

    async def calm(self) -> None:
        """Return once only few requests of all clients of the connection are under way: before what can wait."""
        await self.connection.calm()

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        return await self._object(Request("GET", kind.path(namespace, name), {}, urgent=self._urgent))

    async def list(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int | None = None,
        continue_: str = "",
        resource_version: str = "",
        resource_version_match: str = "",
        metadata_only: bool = False,
        retry: bool = True,
    ) -> Object:
        """The list object; every item carries its apiVersion and kind, which the server leaves out of lists.

        An empty `namespace` means all. With `metadata_only` items have nothing but metadata. `retry=False` is for callers that
        back off by themselves.
        """
        params = _present(
            labelSelector=label_selector,
            fieldSelector=field_selector,
            limit="" if limit is None else str(limit),
            resourceVersion=resource_version,
            resourceVersionMatch=resource_version_match,
            **{"continue": continue_},
        )
        accept = _accept("List") if metadata_only else JSON
        request = Request("GET", kind.path(namespace), params, accept=accept, urgent=self._urgent)
        answer = await self._object(request, retry=retry)
        items = answer.get("items")
        if not isinstance(items or [], list) or not all(is_object(item) for item in items or ()):
            raise Undecodable(f"{request} was answered with a {answer.get('kind')}, which is no list of objects")
        return {**answer, "items": [_typed(kind, item) for item in items or ()]}

    async def create(self, kind: Kind, obj: Object, *, dry_run: bool = False) -> Object:
        """The created object; raises AlreadyExists. Not repeated when the connection breaks: it may have been created."""
        params = self._writing(dryRun="All" if dry_run else "")
        return await self._write("POST", kind.path(metadata.namespace(obj)), obj, params, idempotent=False)

    async def apply(self, kind: Kind, obj: Object, *, force: bool = True, subresource: str = "") -> Object:
        """Server-side apply (KEP-555): the object with the fields of `obj`, which become this field manager's.

        Without `force`, Conflict when another manager owns one of them with another value; with it, they are taken over. A
        `metadata.resourceVersion` or `metadata.uid` in `obj` is a condition; Conflict when it does not hold.
        """
        params = self._writing(force="true" if force else "false")
        path = kind.path(metadata.namespace(obj), metadata.name(obj), subresource)
        return await self._write("PATCH", path, obj, params, content_type=APPLY_PATCH)

    async def patch(
        self,
        kind: Kind,
        name: str,
        namespace: str,
        body: Any,
        *,
        subresource: str = "",
        content_type: str = MERGE_PATCH,
    ) -> Object:
        """The patched object. Only a JSON patch is not repeated: it need not give the same twice."""
        path = kind.path(namespace, name, subresource)
        repeatable = content_type != JSON_PATCH
        return await self._write("PATCH", path, body, self._writing(), content_type=content_type, idempotent=repeatable)

    async def update(self, kind: Kind, obj: Object, *, subresource: str = "") -> Object:
        """The replaced object; Conflict when `obj` carries another resourceVersion than the server."""
        path = kind.path(metadata.namespace(obj), metadata.name(obj), subresource)
        return await self._write("PUT", path, obj, self._writing())

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: str = "Background",
        grace_seconds: int | None = None,
    ) -> None:
        """Delete on the condition that uid and resourceVersion are the given ones (Conflict otherwise).

        `grace_seconds` None leaves the time that a pod has to end to the server; 0 is what a kubelet sends once it ended.
        NotFound may also mean that a first attempt, whose answer was lost, succeeded.
        """
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if conditions := _present(uid=uid, resourceVersion=resource_version):
            options["preconditions"] = conditions
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        await self._send("DELETE", kind.path(namespace, name), {}, body=options)

    @asynccontextmanager
    async def watch(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        resource_version: str = "",
        label_selector: str = "",
        field_selector: str = "",
        timeout_seconds: int = 300,
        send_initial_events: bool = False,
        metadata_only: bool = False,
    ) -> AsyncIterator[WatchStream]:
        """A watch from `resource_version` on, open while the block lasts; see WatchStream for how it ends.

        The server ends it after `timeout_seconds`; if 30 s after that it has not, and no byte came for that long, it raises
        Stalled. With `send_initial_events` the present objects come first, up to a bookmark that says so (KEP-3157).
        """
        params = _present(
            watch="true",
            allowWatchBookmarks="true",
            resourceVersion=resource_version,
            labelSelector=label_selector,
            fieldSelector=field_selector,
            timeoutSeconds=str(timeout_seconds),
            sendInitialEvents="true" if send_initial_events else "",
            resourceVersionMatch="NotOlderThan" if send_initial_events else "",
        )
        request = Request("GET", kind.path(namespace), params, accept=_accept("") if metadata_only else JSON)
        async with self.connection.stream(request, silence=timeout_seconds + _STALL_MARGIN) as source:
            yield WatchStream(source, request=f"WATCH {request.path}", complete=lambda obj: _typed(kind, obj))

    async def raw(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str | None = None,
        accept: str = JSON,
    ) -> Any:
        """Any request; decoded JSON. `path` starts with a slash and is quoted. Only reads are repeated.

        `accept` asks for another form of JSON, such as a Table or aggregated discovery.
        """
        return await self._send(
            method,
            path,
            params or {},
            body=body,
            content_type=content_type or JSON,
            accept=accept,
            idempotent=method in _READS,
        )

    async def _write(self, method: str, path: str, body: Any, params: Mapping[str, str], **options: Any) -> Object:
        answer = await self._send(method, path, params, body=body, **options)
        return _checked(answer, f"{method} {path}")

    async def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        *,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
        idempotent: bool = True,
    ) -> Any:
        guard = None if method in _READS else self._guard
        encoded = None if body is None else orjson.dumps(body)
        return await self.connection.request(
            Request(
                method,
                path,
                params,
                encoded,
                content_type,
                accept,
                idempotent=idempotent,
                before=guard,
                urgent=self._urgent,
            )
        )

    async def _object(self, request: Request, *, retry: bool = True) -> Object:
        answer = await self.connection.request(request, retries=None if retry else NO_RETRIES)
        return _checked(answer, str(request))

    def _writing(self, **params: str) -> dict[str, str]:
        return _present(fieldManager=self.field_manager, **params)


def _present(**params: str) -> dict[str, str]:
    return {name: value for name, value in params.items() if value}


def _accept(suffix: str) -> str:
    """The media type of objects reduced to their metadata (or a list of them, with the suffix `List`)."""
    return f"application/json;as=PartialObjectMetadata{suffix};g=meta.k8s.io;v=v1,{JSON}"


def _checked(answer: Any, request: str) -> Object:
    if not is_object(answer):
        raise Undecodable(f"{request} was answered with JSON that is no object")
    return answer


def _typed(kind: Kind, obj: Object) -> Object:
    """`obj` under its own apiVersion and kind: items of lists have none, and reduced ones have PartialObjectMetadata's."""
    if obj.get("kind") == kind.kind and obj.get("apiVersion") == kind.api_version:
        return obj
    return {**obj, "apiVersion": kind.api_version, "kind": kind.kind}
