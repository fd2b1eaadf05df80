"""One HTTP pool to one API server: authentication, deadlines, retries, metrics. JSON goes in and comes out.

Requests are HTTP/1.1 over kept-alive connections. Nothing waits without a limit: connecting, the answer's first line, and
the time between two pieces of a body each have a deadline. Redirects are refused, so that credentials stay with the server.
"""

import asyncio
import itertools
import platform
import random
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import metadata as distribution
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import orjson
import structlog
from yarl import URL

from kservectl.client.concurrency import AdaptiveConcurrency
from kservectl.client.config import ConnectionConfig, Identity
from kservectl.client.errors import (
    ApiError,
    ClientError,
    ConnectionFailed,
    InvalidConfiguration,
    Stalled,
    Unauthorized,
    Undecodable,
    Unreachable,
    error_from_status,
)
from kservectl.client.metrics import NO_ANSWER, ClientMetrics
from kservectl.client.rate_limit import RateLimit
from kservectl.client.retry import RetryPolicy, parse_retry_after
from kservectl.clock import Clock

JSON: Final = "application/json"
_IDLE_CONNECTION_SECONDS: Final = 90.0
_READ_BUFFER: Final = 2**18
_MOST_WARNINGS: Final = 1000
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Deadlines:
    """In seconds: to connect (TLS included), to the answer's first line, and between two pieces of its body.

    The middle one is above the API server's own limit of 60 s, so that its answer about that limit still arrives.
    """

    connect: float = 10.0
    answer: float = 65.0
    silence: float = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as often as it is tried. `path` is quoted already; `params` are not.

    `before` is called ahead of every attempt and may raise to prevent it. An `urgent` one waits for no slot behind others.
    """

    method: str
    path: str
    params: Mapping[str, str]
    body: bytes | None = None
    content_type: str = JSON
    accept: str = JSON
    idempotent: bool = True
    before: Callable[[], None] | None = None
    urgent: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Connection:
    """The way to one API server. Close it when done, or use it as an async context manager."""

    def __init__(
        self,
        config: ConnectionConfig,
        *,
        clock: Clock,
        rng: random.Random,
        metrics: ClientMetrics | None = None,
        limit: RateLimit | None = None,
        concurrency: AdaptiveConcurrency | None = None,
        retries: RetryPolicy | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        self.config = config
        self.clock = clock
        self.host = URL(config.server).authority
        self._rng = rng
        self._metrics = metrics
        self._limit = limit
        self._concurrency = concurrency or AdaptiveConcurrency(
            changed=metrics.concurrency(self.host) if metrics else None
        )
        self._retries = retries or RetryPolicy()
        self._deadlines = deadlines or Deadlines()
        self._server = config.server.rstrip("/")
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._tls: ssl.SSLContext | None = None
        self._tls_identity = Identity()
        self._reload_lock = asyncio.Lock()
        self._seen_warnings: set[str] = set()
        self._log = structlog.get_logger()

    async def __aenter__(self) -> "Connection":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection of the pool. Requests under way fail, and so do later ones."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(self, request: Request, *, retries: RetryPolicy | None = None) -> Any:
        """The decoded JSON of a successful answer (None for an empty one); raises ClientError."""
        policy = retries or self._retries
        for attempt in itertools.count(1):
            try:
                if request.urgent:
                    return await self._attempt(request)
                async with self._concurrency.slot():
                    return await self._attempt(request)
            except ClientError as error:
                delay = policy.delay(error, attempt=attempt, idempotent=request.idempotent, rng=self._rng)
                if delay is None:
                    raise
                if self._metrics:
                    self._metrics.retried(request.method, self.host, _code_of(error))
                self._log.debug("request is tried again", request=str(request), error=str(error), seconds=delay)
            await self.clock.sleep(delay)
        raise AssertionError("unreachable: the loop above ends by returning or raising")

    async def calm(self) -> None:
        """Return once only few requests are under way."""
        await self._concurrency.calm()

    @asynccontextmanager
    async def stream(self, request: Request, *, silence: float) -> AsyncIterator["Stream"]:
        """An answer read piece by piece, with at most `silence` seconds between two pieces. Not retried."""
        async with self._answer(request) as response:
            yield Stream(response, request, self.clock, silence)

    async def _attempt(self, request: Request) -> Any:
        async with self._answer(request) as response:
            stream = Stream(response, request, self.clock, self._deadlines.silence)
            body = await stream.read_all()
        self._note_warnings(response, request)
        if not body:
            return None
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Undecodable(f"{request} was answered with what is not JSON: {response.content_type}") from error

    @asynccontextmanager
    async def _answer(self, request: Request) -> AsyncIterator[aiohttp.ClientResponse]:
        """A successful answer whose body is still to be read. Credentials that are refused are reloaded once."""
        identity = await self.config.credentials.identity()
        response = await self._send(request, identity)
        try:
            if response.status == 401:
                response.close()
                await self._renew(identity, request)
                response = await self._send(request, await self.config.credentials.identity())
            if response.status >= 300:
                raise await self._error(response, request)
            yield response
        finally:
            # A no-op for an answer read to its end, which went back to the pool; any other cannot be used again.
            response.close()

    async def _renew(self, refused: Identity, request: Request) -> None:
        async with self._reload_lock:
            if await self.config.credentials.identity() != refused:
                return  # another request did it meanwhile
            try:
                await self.config.credentials.reload()
            except InvalidConfiguration as error:
                raise Unauthorized(
                    401, "Unauthorized", f"{request}: credentials refused, and not renewed: {error}"
                ) from error
            # Certificates may have been replaced in their files, under the same names.
            self._tls = None

    async def _send(self, request: Request, identity: Identity) -> aiohttp.ClientResponse:
        tls = await self._tls_context(identity)
        if self._limit:
            await self._limit.acquire()
        if self._closed:
            raise ConnectionFailed(f"{request}: the connection to {self.host} was closed by this process")
        session = self._pool()
        if request.before:
            request.before()
        headers = {"Accept": request.accept, "User-Agent": _user_agent()}
        if identity.authorization:
            headers["Authorization"] = identity.authorization
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        query = _query(tuple(request.params.items()))
        started, code = self.clock.monotonic(), NO_ANSWER
        try:
            async with self.clock.timeout(self._deadlines.answer):
                response = await session.request(
                    request.method,
                    URL(f"{self._server}{request.path}{query}", encoded=True),
                    data=request.body,
                    headers=headers,
                    ssl=tls if tls is not None else True,
                    server_hostname=self.config.tls_server_name or None,
                    proxy=self.config.proxy or None,
                    allow_redirects=False,
                )
                code = str(response.status)
                return response
        except (
            aiohttp.ClientConnectorError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.ClientProxyConnectionError,
        ) as error:
            if isinstance(error, aiohttp.ClientSSLError):
                self._tls = None  # perhaps the authority was replaced in its file: read it again next time
            raise Unreachable(f"{request}: {self.host} cannot be reached: {_why(error)}") from error
        except TimeoutError as error:
            raise Stalled(f"{request}: {self.host} did not answer within {self._deadlines.answer:.0f} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionFailed(f"{request}: the connection to {self.host} broke: {_why(error)}") from error
        finally:
            if self._metrics:
                self._metrics.answered(request.method, self.host, code, self.clock.monotonic() - started)

    async def _error(self, response: aiohttp.ClientResponse, request: Request) -> ApiError:
        body = await Stream(response, request, self.clock, self._deadlines.silence).read_all()
        try:
            status = orjson.loads(body)
        except orjson.JSONDecodeError:
            status = {}  # not from the API server itself: a proxy's page, which helps nobody
        after = parse_retry_after(response.headers.get("Retry-After", ""), self.clock.now())
        return error_from_status(
            response.status, status if isinstance(status, dict) else {}, request=str(request), retry_after=after
        )

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0, keepalive_timeout=_IDLE_CONNECTION_SECONDS, socket_factory=_keep_alive_socket
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                # Only the connect deadline is aiohttp's; the others are taken from the clock, in `_send` and `Stream`.
                timeout=aiohttp.ClientTimeout(total=None, connect=self._deadlines.connect),
                # Compressing costs both sides more than it saves inside a cluster.
                headers={"Accept-Encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=_READ_BUFFER,
            )
        return self._session

    async def _tls_context(self, identity: Identity) -> ssl.SSLContext | None:
        if not self._server.startswith("https:"):
            return None
        if self._tls is None or self._tls_identity != identity:
            same_files = (identity.cert_file, identity.key_file) == (
                self._tls_identity.cert_file,
                self._tls_identity.key_file,
            )
            if self._tls is None or not same_files:
                self._tls = await asyncio.to_thread(_make_tls_context, self.config, identity)
            self._tls_identity = identity
        return self._tls

    def _note_warnings(self, response: aiohttp.ClientResponse, request: Request) -> None:
        """Log what the server warns of (`299 - "text"` in Warning headers, RFC 7234), each text once."""
        for header in response.headers.getall("Warning", ()):
            quoted = _QUOTED.search(header)
            text = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else header
            if text not in self._seen_warnings and len(self._seen_warnings) < _MOST_WARNINGS:
                self._seen_warnings.add(text)
                self._log.warning("the API server warns", request=str(request), warning=text)


class Stream:
    """The body of an answer, piece by piece."""

    def __init__(self, response: aiohttp.ClientResponse, request: Request, clock: Clock, silence: float) -> None:
        self._response = response
        self._request = request
        self._clock = clock
        self._silence = silence

    async def read(self) -> bytes:
        """The next piece, empty at the end. Raises Stalled after too much silence, ConnectionFailed when it is cut."""
        content = self._response.content
        try:
            if here := content.read_nowait():
                return here
            async with self._clock.timeout(self._silence):
                return await content.readany()
        except TimeoutError as error:
            raise Stalled(f"{self._request}: no byte in {self._silence:.0f} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionFailed(f"{self._request}: the answer was cut short: {_why(error)}") from error

    async def read_all(self) -> bytes:
        """The rest of it; one that is here already takes no wait."""
        pieces = []
        while not self._response.content.at_eof() and (piece := await self.read()):
            pieces.append(piece)
        return b"".join(pieces)


def _make_tls_context(config: ConnectionConfig, identity: Identity) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=config.ca_file or None)
        if identity.cert_file:
            context.load_cert_chain(identity.cert_file, identity.key_file or None)
    except (ssl.SSLError, OSError) as error:
        raise InvalidConfiguration(f"the certificates for {config.server} cannot be loaded: {error}") from error
    # Certificates of clusters are often older than the strict reading of RFC 5280 that newer Pythons default to.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if config.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _keep_alive_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket that finds out within about a minute that its peer is gone, although a watch may be silent for long."""
    family, type_, protocol, _, _ = address
    sock = socket.socket(family, type_, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", 30),
        ("TCP_KEEPINTVL", 10),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", 60_000),
    ):
        if hasattr(socket, option):  # not every platform has all of them
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return sock


@lru_cache(maxsize=256)
def _query(params: tuple[tuple[str, str], ...]) -> str:
    """The part of a URL from the question mark on. Writes have few different ones."""
    return f"?{urlencode(params)}" if params else ""


@cache
def _user_agent() -> str:
    machine = platform.machine().lower()
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return f"kservectl/{distribution.version('kservectl')} ({platform.system().lower()}/{arch})"


def _code_of(error: ClientError) -> str:
    return str(error.code) if isinstance(error, ApiError) else NO_ANSWER


def _why(error: BaseException) -> str:
    """The cause in words, without the objects that aiohttp names in its messages."""
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    return str(cause) or type(cause).__name__
