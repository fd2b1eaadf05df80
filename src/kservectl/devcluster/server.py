"""The HTTP side: one handler that reads a request, lets faults happen, and hands it to whoever answers it."""

import asyncio
import re
from collections.abc import Callable, Mapping

import orjson
import structlog
from aiohttp import web

from kservectl.client.errors import ApiError
from kservectl.clock import Clock
from kservectl.devcluster.contract import ServedKind, TypeSystem
from kservectl.devcluster.discovery import VERSION, Discovery
from kservectl.devcluster.faults import Fault, Faults
from kservectl.devcluster.negotiation import JSON, accepts, decode_body, negotiate, parse_accept
from kservectl.devcluster.refusals import internal_error, not_acceptable, refusal, status_of
from kservectl.devcluster.registry import Registry
from kservectl.devcluster.request import ADMIN, RequestInfo, User, parse_request
from kservectl.devcluster.resources import Resources
from kservectl.devcluster.responses import Presenter, answer_document
from kservectl.devcluster.reviews import REVIEWS, answer_review
from kservectl.devcluster.watching import Cut, Watcher

_BODY_LIMIT = 3 * 1024 * 1024  # as kube-apiserver's
_DEFAULT_WATCH_SECONDS = 1800.0
_HEALTH = re.compile(r"/(healthz|livez|readyz)(/.*)?")
_OPENAPI_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_OPENAPI_OF_NOTHING = b"\n\x032.0"  # field 1, the version of OpenAPI
_NOT_FOUND = "404 page not found\n"


class _Dropped(Exception):
    """A fault asks for the connection to be dropped."""


class ApiServer:
    """The aiohttp application of one devcluster."""

    def __init__(
        self,
        *,
        registry: Registry,
        types: TypeSystem,
        resources: Resources,
        watcher: Watcher,
        presenter: Presenter,
        discovery: Discovery,
        faults: Faults,
        clock: Clock,
        pages: Mapping[str, Callable[[], bytes]],
    ) -> None:
        self._registry = registry
        self._types = types
        self._resources = resources
        self._watcher = watcher
        self._presenter = presenter
        self._discovery = discovery
        self._faults = faults
        self._clock = clock
        self._pages = pages
        self._log = structlog.get_logger()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=_BODY_LIMIT)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        info = parse_request(request.method, request.rel_url.raw_path, request.query)
        try:
            return await self._serve(request, info)
        except ApiError as error:
            return _refused(error)
        except (_Dropped, Cut, ConnectionError):  # the last: the client is gone
            if request.transport is not None:
                request.transport.abort()
            raise asyncio.CancelledError from None
        except web.HTTPRequestEntityTooLarge:
            message = f"Request entity too large: limit is {_BODY_LIMIT}"
            return _refused(refusal(413, "RequestEntityTooLarge", message))
        except web.HTTPException:
            raise
        except Exception as error:
            self._log.exception("request failed", method=info.method, path=info.path)
            return _refused(internal_error(f"{type(error).__name__}: {error}"))

    async def _serve(self, request: web.Request, info: RequestInfo) -> web.StreamResponse:
        fault = self._faults.of(info)
        if fault is not None:
            if fault.delay:
                await self._clock.sleep(fault.delay)
            if fault.drop == "before":
                raise _Dropped
            if fault.answer is not None:
                raise fault.answer
        response = await self._answer(request, info, fault)
        if fault is not None and fault.drop == "after":
            raise _Dropped
        return response

    async def _answer(self, request: web.Request, info: RequestInfo, fault: Fault | None) -> web.StreamResponse:
        if info.method == "GET" and (page := self._pages.get(info.path)) is not None:
            return web.Response(body=page(), content_type="text/plain", charset="utf-8")
        if not info.plural:
            return self._plain(request, info)
        user = _user(request.headers)
        served = self._registry.at(info.group, info.version, info.plural)
        if served is None:
            return await self._review(request, info, user)
        if info.verb == "watch":
            return await self._watch(request, info, served, fault)
        return await self._resources.serve(request, info, served, user)

    def _plain(self, request: web.Request, info: RequestInfo) -> web.Response:
        """Everything that is no resource: discovery, OpenAPI, health."""
        path = info.path
        if info.method not in {"GET", "HEAD"}:
            raise web.HTTPNotFound(text=_NOT_FOUND)
        if _HEALTH.fullmatch(path):
            return web.Response(text="ok")
        if path in {"/api", "/apis"}:
            return self._groups(request, core=path == "/api")
        if path == "/openapi/v2":
            return self._openapi_v2(request)
        documents = {
            "/": lambda: {"paths": self._discovery.paths()},
            "/version": lambda: dict(VERSION),
            "/openapi/v3": self._types.openapi_v3_index,
        }
        make = documents.get(path)
        document = make() if make is not None else self._document(path)
        if document is None:
            raise web.HTTPNotFound(text=_NOT_FOUND)
        return answer_document(document)

    def _document(self, path: str) -> Mapping[str, object] | None:
        if path.startswith("/openapi/v3/"):
            return self._types.openapi_v3(path.removeprefix("/openapi/v3/"))
        match path.strip("/").split("/"):
            case ["api", version]:
                return self._discovery.resource_list("", version)
            case ["apis", group]:
                return self._discovery.group(group)
            case ["apis", group, version]:
                return self._discovery.resource_list(group, version)
            case _:
                return None

    def _groups(self, request: web.Request, *, core: bool) -> web.Response:
        for media in parse_accept(request.headers.get("Accept", "")):
            wanted = media.parameters
            if wanted.get("as") == "APIGroupDiscoveryList" and wanted.get("v") in {"v2", "v2beta1"}:
                version = wanted["v"]
                response = answer_document(self._discovery.aggregated(core=core, version=version))
                form = f"{JSON};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
                response.headers["Content-Type"] = form
                return response
            if not wanted.get("as") and accepts(media, JSON):
                return answer_document(self._discovery.versions() if core else self._discovery.group_list())
        raise not_acceptable((JSON,))

    def _openapi_v2(self, request: web.Request) -> web.Response:
        wanted = parse_accept(request.headers.get("Accept", ""))
        if not any(accepts(media, JSON) for media in wanted):
            if any(media.name == _OPENAPI_PROTOBUF for media in wanted):
                # A document of no kinds: kubectl asks for it about those that /openapi/v3 does not have, to say so.
                return web.Response(body=_OPENAPI_OF_NOTHING, content_type=_OPENAPI_PROTOBUF.replace("@", "."))
            raise not_acceptable((JSON,))
        return answer_document(self._types.openapi_v2())

    async def _review(self, request: web.Request, info: RequestInfo, user: User) -> web.Response:
        kind = REVIEWS.get((info.group, info.version, info.plural))
        if kind is None or info.verb != "create" or info.name:
            raise web.HTTPNotFound(text=_NOT_FOUND)
        body = decode_body(request.content_type, await request.read())
        return answer_document(answer_review(kind, body if isinstance(body, dict) else {}, user), status=201)

    async def _watch(
        self, request: web.Request, info: RequestInfo, served: ServedKind, fault: Fault | None
    ) -> web.StreamResponse:
        form = negotiate(request.headers.get("Accept", ""))
        options = self._watcher.options(served, info, _DEFAULT_WATCH_SECONDS, self._presenter.identity(served, form))
        encode = self._presenter.watch_encoder(served, form, info.query.get("includeObject", ""))
        response = web.StreamResponse(headers={"Content-Type": JSON, "Cache-Control": "no-cache, private"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        left = fault.cut_after if fault is not None else None
        async for chunk in self._watcher.stream(served, options, encode):
            if left is not None and len(chunk) >= left:
                await response.write(chunk[:left])
                raise Cut
            left = None if left is None else left - len(chunk)
            await response.write(chunk)
        await response.write_eof()
        return response


def _refused(error: ApiError) -> web.Response:
    response = web.Response(body=orjson.dumps(status_of(error)), status=error.code, content_type=JSON)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(int(error.retry_after))
    return response


def _user(headers: Mapping[str, str]) -> User:
    """Who asks: the administrator, or whom they impersonate (`kubectl --as`)."""
    name = headers.get("Impersonate-User")
    if not name:
        return ADMIN
    groups = getattr(headers, "getall", lambda key, default: default)("Impersonate-Group", [])
    return User(name, (*groups, "system:authenticated"))
