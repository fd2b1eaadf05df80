"""The server behind the agent: requests are passed on as they stream, answers as they come.

A payload log sees both go by. What belongs to one connection (hop-by-hop headers) stays with it; WebSockets are bridged.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
import orjson
import structlog
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from kservectl.agent.payloads import ID_HEADER, Exchange, PayloadLog

_OF_A_CONNECTION = (
    "Connection",
    "Expect",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
)
_KEPT_SECONDS = 3.0
"""For how long an idle connection is used again: shorter than model servers keep theirs (uvicorn: 5 s)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of the server."""

    status: int
    body: bytes
    content_type: str = "application/json"


class BackendError(Exception):
    """The server gave no answer."""


class Backend:
    """The server at `base`, inside of `async with`. `seen` is told whether it could be reached, with every request."""

    def __init__(
        self, base: str, log: PayloadLog | None = None, seen: Callable[[bool], None] = lambda up: None
    ) -> None:
        self._base = URL(base)
        self._payloads = log
        self._seen = seen
        self._session: aiohttp.ClientSession | None = None
        self._log = structlog.get_logger(component="proxy")

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("a Backend is used only inside of its `async with`")
        return self._session

    async def post(self, path: str, body: bytes) -> Answer:
        """The answer to a POST of JSON that the agent itself makes; raises BackendError. `path` may have a query."""
        headers = CIMultiDict({"Content-Type": "application/json"})
        exchange = self._begin(headers)
        if exchange is not None:
            exchange.start("request", "application/json")
            exchange.add("request", body)
            exchange.whole("request")
        try:
            async with self.session.post(self._url(path), data=body, headers=headers) as answer:
                self._seen(True)
                found = Answer(answer.status, await answer.read(), answer.headers.get("Content-Type", ""))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._failed(error)
            raise BackendError(_sentence(error)) from error
        if exchange is not None and found.status == 200:
            exchange.start("response", found.content_type)
            exchange.add("response", found.body)
            exchange.whole("response")
        return found

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        """The server's answer to `request`, as it comes; 502 if there is none."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._bridge(request)
        headers = _forwarded(request)
        exchange = self._begin(headers)
        response: web.StreamResponse | None = None
        try:
            async with self.session.request(
                request.method,
                self._url(request.raw_path),
                headers=headers,
                data=_body(request, exchange) if request.body_exists else None,
                allow_redirects=False,
            ) as answer:
                self._seen(True)
                response = _response(answer)
                await response.prepare(request)
                await _stream(answer, response, exchange if answer.status == 200 else None)
                return response
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._failed(error)
            self._log.warning("no whole answer from the server", path=request.path, why=_sentence(error))
            if response is None or not response.prepared:
                return problem(502, f"the model server gave no answer: {_sentence(error)}")
            if request.transport is not None:
                request.transport.abort()  # half an answer must not look like a whole one
            return response

    def _failed(self, error: Exception) -> None:
        if isinstance(error, aiohttp.ClientConnectorError):
            self._seen(False)

    def _begin(self, headers: CIMultiDict[str]) -> Exchange | None:
        if self._payloads is None:
            return None
        exchange = self._payloads.begin(headers)
        headers[ID_HEADER] = exchange.id
        return exchange

    async def _bridge(self, request: web.Request) -> web.StreamResponse:
        """Two WebSockets, each of which gets what the other one says."""
        protocols = [
            part.strip() for part in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if part.strip()
        ]
        headers = _forwarded(request)
        for name in [name for name in headers if name.lower().startswith("sec-websocket-")]:
            headers.popall(name, None)
        try:
            async with self.session.ws_connect(
                self._url(request.raw_path), headers=headers, protocols=protocols, max_msg_size=0
            ) as inner:
                outer = web.WebSocketResponse(protocols=[inner.protocol] if inner.protocol else [], max_msg_size=0)
                await outer.prepare(request)
                async with asyncio.TaskGroup() as group:
                    group.create_task(_relay(inner, outer))
                    group.create_task(_relay(outer, inner))
                return outer
        except aiohttp.WSServerHandshakeError as error:
            return problem(error.status, f"the model server refused the WebSocket: {error.message}")
        except (aiohttp.ClientError, OSError) as error:
            return problem(502, f"the model server gave no answer: {_sentence(error)}")

    def _url(self, path: str) -> URL:
        return URL(str(self._base).rstrip("/") + path, encoded=True)


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _relay(source: Socket, target: Socket) -> None:
    """Pass on messages until `source` is closed, then close `target`."""
    async for message in source:
        if message.type is aiohttp.WSMsgType.TEXT:
            await target.send_str(message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await target.send_bytes(message.data)
    await target.close(code=source.close_code or 1000)


def problem(status: int, why: str) -> web.Response:
    """An answer of the agent's own."""
    return web.Response(status=status, body=orjson.dumps({"error": why}), content_type="application/json")


def _response(answer: aiohttp.ClientResponse) -> web.StreamResponse:
    return web.StreamResponse(status=answer.status, reason=answer.reason, headers=_without_connection(answer.headers))


async def _stream(answer: aiohttp.ClientResponse, response: web.StreamResponse, exchange: Exchange | None) -> None:
    if exchange is not None:
        exchange.start("response", answer.headers.get("Content-Type", ""))
    async for piece in answer.content.iter_any():
        if exchange is not None:
            exchange.add("response", piece)
        await response.write(piece)
    await response.write_eof()
    if exchange is not None:
        exchange.whole("response")


async def _body(request: web.Request, exchange: Exchange | None) -> AsyncIterator[bytes]:
    if exchange is not None:
        exchange.start("request", request.headers.get("Content-Type", ""))
    async for piece in request.content.iter_any():
        if exchange is not None:
            exchange.add("request", piece)
        yield piece
    if exchange is not None:
        exchange.whole("request")


def _forwarded(request: web.Request) -> CIMultiDict[str]:
    headers = _without_connection(request.headers)
    if request.remote:
        before = headers.get("X-Forwarded-For")
        headers["X-Forwarded-For"] = f"{before}, {request.remote}" if before else request.remote
    return headers


def _without_connection(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    kept = CIMultiDict(headers)
    named = [part.strip() for value in headers.getall("Connection", ()) for part in value.split(",")]
    for name in (*_OF_A_CONNECTION, *named):
        if name:
            kept.popall(name, None)
    return kept


def _sentence(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port}: {error.strerror or error}"
    return str(error) or type(error).__name__
