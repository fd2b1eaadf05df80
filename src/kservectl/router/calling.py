"""Calling a service: one POST to the URL of a step.

Whatever the service answers is an Answer. A URL that cannot be called, a connection that fails, a deadline that passes and
an answer that is too long are StepErrors, whose text holds no credentials.

An answer is read whole, but for one that comes in pieces on purpose (server-sent events, JSON lines) and is that of the graph:
it is relayed piece by piece, and has no limit but time.
"""

import re
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from kservectl.router.answer import Answer, StepError
from kservectl.router.call import Call, Relay
from kservectl.router.holding import TooLong
from kservectl.router.mesh import Mesh

_HOST = re.compile(r"[\w.~%:-]+")
_IN_PIECES = frozenset(
    {"text/event-stream", "application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-seq"}
)
_KEPT_SECONDS = 3.0
"""For how long an idle connection is used again: shorter than model servers keep theirs (uvicorn: 5 s), because a POST that
meets a connection as it is being closed is lost."""


class ServiceClient:
    """Calls services until the block of `async with` ends.

    `seconds` bounds each call, None does not; `max_bytes` bounds the body of an answer. Proxies of the environment are used.
    """

    def __init__(self, *, seconds: float | None, max_bytes: int, mesh: Mesh | None = None) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._mesh = mesh or Mesh()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._seconds, sock_connect=None),
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_SECONDS),
            trust_env=True,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, call: Call) -> Answer:
        """The service's answer; raises StepError."""
        if self._session is None:
            raise RuntimeError("a ServiceClient calls only inside of its `async with`")
        target = _parsed(call.url)
        if target.scheme == "https" and await self._mesh.has_side_car(self._session):
            target = target.with_scheme("http")
        shown = target.with_user(None)
        try:
            async with self._session.post(target, data=call.body, headers=call.headers) as answer:
                kind = answer.headers.get("Content-Type", "")
                if call.relay is not None and answer.ok and answer.content_type in _IN_PIECES:
                    await _passed_on(answer, call.relay, kind)
                    return Answer(answer.status, b"", kind, relayed=True)
                return Answer(answer.status, await self._read(answer, call, shown), kind)
        except TimeoutError as error:
            why = str(error) if self._seconds is None else f"no answer within {self._seconds:g} s"
            raise StepError(f'Post "{shown}": {why}', passing=True) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            unsent = isinstance(error, aiohttp.ClientConnectorError) and not isinstance(error, aiohttp.ClientSSLError)
            passing = unsent or isinstance(error, aiohttp.ServerConnectionError | aiohttp.ClientPayloadError | OSError)
            raise StepError(f'Post "{shown}": {_sentence(error)}', unsent=unsent, passing=passing) from error

    async def _read(self, answer: aiohttp.ClientResponse, call: Call, shown: URL) -> bytes:
        try:
            return await call.holding.read(answer.content, answer.content_length, self._max_bytes)
        except TooLong as error:
            answer.close()
            raise StepError(f'Post "{shown}": the answer is longer than {self._max_bytes} bytes') from error


async def _passed_on(answer: aiohttp.ClientResponse, relay: Relay, kind: str) -> None:
    await relay.begin(answer.status, kind)
    async for piece in answer.content.iter_any():
        await relay.write(piece)


def _parsed(url: str) -> URL:
    try:
        parsed = URL(url)
    except ValueError as error:
        raise StepError(f'parse "{url}": {error}') from error
    if parsed.scheme not in ("http", "https"):
        raise StepError(f'Post "{url}": unsupported protocol scheme "{parsed.scheme}"')
    if not parsed.host or not _HOST.fullmatch(parsed.raw_host or "") or set(parsed.host) & set("{}$"):
        raise StepError(f'parse "{url}": invalid character in host name')
    return parsed


def _sentence(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port}: {error.strerror or error}"
    return str(error) or type(error).__name__
