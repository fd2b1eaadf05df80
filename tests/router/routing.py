"""A router over real connections, and a service that answers, hangs, breaks off, or says too much."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry

from kservectl.api.inferencegraph import InferenceGraphSpec
from kservectl.clock import Clock, SystemClock
from kservectl.router.holding import HeldBytes, Holding
from kservectl.router.metrics import RouterMetrics
from kservectl.router.server import RouterOptions, RouterServer
from tests.fake_clock import FakeClock

MIB = 1 << 20
NO_LIMIT = Holding(HeldBytes(1 << 40))


class Upstream:
    """A service with a misbehaviour for each path; keeps what it was sent."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.hanging = asyncio.Event()
        self.gone = asyncio.Event()
        self.more = asyncio.Event()
        self.done = False
        self.arrivals: asyncio.Queue[str] = asyncio.Queue()
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.seen.append((request.method, request.path, body, dict(request.headers)))
        match request.path:
            case "/echo":
                return web.Response(body=body, content_type="application/json")
            case "/text":
                return web.Response(body=b"plain words", content_type="text/csv")
            case "/teapot":
                return web.json_response({"short": "stout"}, status=418)
            case "/moved":
                return web.Response(status=int(request.query.get("as", "307")), headers={"Location": "/echo"})
            case "/hang" | "/wait":
                return await self._wait(request)
            case "/reset":
                assert request.transport is not None
                request.transport.abort()
            case "/flood":
                return await self._flood(request, web.StreamResponse())
            case "/flood/announced":
                return await self._flood(request, web.StreamResponse(headers={"Content-Length": str(100 * MIB)}))
            case "/broken":
                return web.json_response({"detail": "out of memory"}, status=500)
            case "/events" | "/events/broken":
                return await self._events(request)
            case "/events/refused":
                return web.json_response({"busy": True}, status=503)
        return web.Response(status=404)

    async def _wait(self, request: web.Request) -> web.StreamResponse:
        """Answers once `more` is set; `/hang` never does."""
        self.hanging.set()
        self.arrivals.put_nowait(request.path)
        try:
            await (asyncio.Event() if request.path == "/hang" else self.more).wait()
        finally:
            self.gone.set()
        return web.json_response({})

    async def _flood(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        """100 MiB."""
        await response.prepare(request)
        for _ in range(100):
            await response.write(b"x" * MIB)
        return response

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """An event each time that `more` is set, until `done` is set too."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        try:
            for number in range(1, 1000):
                await self.more.wait()
                self.more.clear()
                if self.done and number > 1:
                    return response
                if number > 1 and request.path.endswith("/broken"):
                    assert request.transport is not None
                    request.transport.abort()
                await response.write(b"data: %d\n\n" % number)
                if self.done:
                    return response
        finally:
            self.gone.set()
        return response


@asynccontextmanager
async def serving_upstream() -> AsyncIterator[Upstream]:
    service = Upstream()
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", service.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield service
    await runner.cleanup()


class Router:
    """A running router and a client of it."""

    def __init__(
        self, server: RouterServer, session: aiohttp.ClientSession, stop: asyncio.Event, registry: Any
    ) -> None:
        self.server, self.session, self.stop, self.registry = server, session, stop, registry

    async def post(self, body: Any = b"{}", path: str = "/", **kwargs: Any) -> tuple[int, bytes, str]:
        async with self.session.post(f"http://127.0.0.1:{self.server.port}{path}", data=body, **kwargs) as answer:
            return answer.status, await answer.read(), answer.headers["Content-Type"]

    async def cause(self, body: Any = b"{}") -> tuple[int, str]:
        status, answer, kind = await self.post(body)
        assert kind == "application/json"
        assert list(json.loads(answer)) == ["error", "cause"]
        return status, json.loads(answer)["cause"]


@asynccontextmanager
async def routing(
    *steps: dict[str, Any], type_: str = "Sequence", clock: Clock | None = None, spec: Any = None, **options: Any
) -> AsyncIterator[Router]:
    graph = InferenceGraphSpec.parse({"nodes": {"root": {"routerType": type_, "steps": list(steps)}}, **(spec or {})})
    registry, stop = CollectorRegistry(), asyncio.Event()
    clock = clock or SystemClock()
    server = RouterServer(
        graph,
        RouterOptions(**{"bind": "127.0.0.1:0", "drain_seconds": 0, "finish_seconds": 1, **options}),
        clock=clock,
        draw=lambda: 0,
        rng=random.Random(1),
        metrics=RouterMetrics(registry, clock.monotonic),
    )
    async with asyncio.TaskGroup() as group, aiohttp.ClientSession() as session:
        running = group.create_task(server.run(stop))
        await server.started.wait()
        yield Router(server, session, stop, registry)
        stop.set()
        if isinstance(clock, FakeClock):
            await clock.advance(60)
        await running


def to(url: str, **fields: Any) -> dict[str, Any]:
    return {"serviceUrl": url, **fields}
