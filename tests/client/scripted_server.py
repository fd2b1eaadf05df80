"""An HTTP server on loopback that answers as a test told it to, in order, and remembers what it was asked.

Watches (`watch=true`) and everything else are scripted separately, because a reflector mixes them. A watch beyond the script
stays open and silent; any other request beyond it is answered with 500, so that a surplus request fails its test.
"""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch") == "true"


class ScriptedServer:
    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._tls = tls
        self._answers: dict[str, deque[Answer]] = {"": deque()}
        self._watches: dict[str, deque[Answer]] = {"": deque()}
        self._ended = asyncio.Event()
        self._runner: web.AppRunner | None = None

    def answer(self, *answers: Answer, path: str = "") -> None:
        """Answer the next requests that are no watches with these; a `path` with a script of its own uses that one only."""
        self._answers.setdefault(path, deque()).extend(answers)

    def watch(self, *answers: Answer, path: str = "") -> None:
        """Answer the next watches with these."""
        self._watches.setdefault(path, deque()).extend(answers)

    @property
    def lists(self) -> list[Asked]:
        return [asked for asked in self.asked if not asked.is_watch]

    @property
    def watches(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.is_watch]

    async def __aenter__(self) -> "ScriptedServer":
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"{'https' if self._tls else 'http'}://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ended.set()
        assert self._runner is not None
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(
            request.method, request.rel_url.raw_path, dict(request.query), dict(request.headers), await request.read()
        )
        self.asked.append(asked)
        scripts = self._watches if asked.is_watch else self._answers
        script = scripts.get(asked.path, scripts[""])
        if script:
            return await script.popleft()(request)
        if not asked.is_watch:
            return await status(500, "InternalError", "the test has no answer to this")(request)
        response = await _open(request)
        await self._ended.wait()
        return response


def answer(body: Any, code: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """JSON, or bytes as they are."""

    async def respond(_: web.Request) -> web.StreamResponse:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(body=data, status=code, headers=dict(headers or {}), content_type="application/json")

    return respond


def status(code: int, reason: str, message: str = "", *, retry_after: int | None = None, **extra: Any) -> Answer:
    """A metav1.Status of failure."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, **extra}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return answer({**body, "message": message or reason}, code, headers)


def chunks(*pieces: bytes, cut: bool = False) -> Answer:
    """A stream of these pieces, which then ends; with `cut` the connection breaks instead."""

    async def respond(request: web.Request) -> web.StreamResponse:
        response = await _open(request)
        for piece in pieces:
            await response.write(piece)
        if cut:
            assert request.transport is not None
            request.transport.abort()
        return response

    return respond


def drop() -> Answer:
    """No answer: the connection breaks."""

    async def respond(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return respond


class Feed:
    """A watch that a test feeds while it runs; give it to `ScriptedServer.watch`."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        response = await _open(request)
        self.opened.set()
        while (piece := await self._pieces.get()) is not None:
            await response.write(piece)
        return response

    def send(self, *lines: bytes) -> None:
        for line in lines:
            self._pieces.put_nowait(line)

    def end(self) -> None:
        self._pieces.put_nowait(None)


def event(type_: str, obj: Mapping[str, Any]) -> bytes:
    return json.dumps({"type": type_, "object": obj}).encode() + b"\n"


async def _open(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    return response
