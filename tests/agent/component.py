"""A server behind an agent, with a path for each behaviour; and an agent that runs before it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

from kservectl.agent.server import Agent, AgentOptions
from kservectl.clock import Clock, SystemClock


@dataclass
class Component:
    """Keeps what it was sent. v1 predictions are the sums of the instances; errors as the query says."""

    seen: list[tuple[str, str, bytes, dict[str, str]]] = field(default_factory=list)
    ready: bool = True
    url: str = ""
    port: int = 0
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/ws":
            return await self._echo(request)
        if request.path == "/stream":
            return await self._stream(request)
        body = await request.read()
        self.seen.append((request.method, request.raw_path, body, dict(request.headers)))
        match request.path:
            case "/health":
                return web.Response(status=200 if self.ready else 503)
            case "/echo":
                return web.Response(body=body, headers={"X-Own": "1", "Content-Type": request.content_type})
            case "/teapot":
                return web.json_response({"short": "stout"}, status=418)
            case "/moved":
                return web.Response(status=307, headers={"Location": "/echo"})
            case "/hang":
                self.hanging.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    self.gone.set()
            case "/slow":
                self.hanging.set()
                await self.go_on.wait()
                return web.Response(body=body)
            case "/half":
                response = web.StreamResponse(headers={"Content-Length": "1000"})
                await response.prepare(request)
                await response.write(b"half")
                assert request.transport is not None
                request.transport.close()
                return response
            case path if path.endswith(":predict"):
                return self._predict(request, body)
        return web.Response(status=404)

    def _predict(self, request: web.Request, body: bytes) -> web.Response:
        instances = orjson.loads(body)["instances"]
        match request.query.get("as", ""):
            case "error":
                return web.Response(status=503, text="out of memory")
            case "short":
                return web.json_response({"predictions": [1]})
            case "text":
                return web.Response(text="no JSON")
            case "none":
                return web.json_response({})
        return web.json_response({"predictions": [sum(instance) for instance in instances]})

    async def _echo(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=["v2.infer"])
        await socket.prepare(request)
        async for message in socket:
            if message.data == "close":
                await socket.close(code=4001)
            elif message.type is aiohttp.WSMsgType.TEXT:
                await socket.send_str(f"{socket.ws_protocol}: {message.data}")
            else:
                await socket.send_bytes(message.data)
        return socket

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Answers each piece as it comes: only a proxy that waits for nothing gets through."""
        response = web.StreamResponse()
        await response.prepare(request)
        async for piece in request.content.iter_any():
            await response.write(piece.upper())
        return response


@asynccontextmanager
async def component(server: Component | None = None) -> AsyncIterator[Component]:
    server = server or Component()
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.port = int(runner.addresses[0][1])
    server.url = f"http://127.0.0.1:{server.port}"
    try:
        yield server
    finally:
        await runner.cleanup()


class Running:
    """An agent that runs, and a client of it."""

    def __init__(self, agent: Agent, session: aiohttp.ClientSession, stop: asyncio.Event, registry: Any) -> None:
        self.agent, self.session, self.stop, self.registry = agent, session, stop, registry

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.agent.port}{path}"

    async def post(self, path: str, body: Any = b"", **kwargs: Any) -> tuple[int, bytes]:
        async with self.session.post(self.url(path), data=body, **kwargs) as answer:
            return answer.status, await answer.read()

    async def probe(self, path: str = "/") -> tuple[int, str]:
        async with self.session.get(self.url(path), headers={"K-Network-Probe": "queue"}) as answer:
            return answer.status, await answer.text()

    async def admin(self, path: str) -> str:
        async with self.session.get(f"http://127.0.0.1:{self.agent.admin_port}{path}") as answer:
            assert answer.status == 200
            return await answer.text()

    def metric(self, line: str) -> bool:
        return line in generate_latest(self.registry).decode()


@asynccontextmanager
async def agent(clock: Clock | None = None, **options: Any) -> AsyncIterator[Running]:
    registry, stop = CollectorRegistry(), asyncio.Event()
    given = {"bind": "127.0.0.1:0", "admin_bind": "127.0.0.1:0", "drain": 0.0, "finish": 2.0, **options}
    running = Agent(AgentOptions(**given), clock=clock or SystemClock(), rng=random.Random(1), registry=registry)
    async with asyncio.TaskGroup() as group, aiohttp.ClientSession(auto_decompress=False) as session:
        task = group.create_task(running.run(stop))
        starting = group.create_task(running.started.wait())
        await asyncio.wait((task, starting), return_when=asyncio.FIRST_COMPLETED)
        starting.cancel()
        yield Running(running, session, stop, registry)
        stop.set()
        await task
