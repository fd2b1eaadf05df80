"""A model server that keeps what it was asked, and misbehaves on demand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class ModelServer:
    """Loads by the V2 repository interface. `refuses` gives statuses to answer for calls (`load a`) instead."""

    refuses: dict[str, list[int]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    loaded: set[str] = field(default_factory=set)
    hangs: set[str] = field(default_factory=set)
    port: int = 0

    async def repository(self, request: web.Request) -> web.Response:
        name, what = request.match_info["name"], request.match_info["what"]
        call = f"{what} {name}"
        self.calls.append(call)
        assert await request.json() == {}
        if call in self.hangs:
            await asyncio.Event().wait()
        if self.refuses.get(call):
            return web.Response(status=self.refuses[call].pop(0), text="no such thing")
        if what == "load":
            self.loaded.add(name)
        else:
            self.loaded.discard(name)
        return web.json_response({"name": name, what: True})

    async def is_ready(self, request: web.Request) -> web.Response:
        return web.Response(status=200 if request.match_info["name"] in self.loaded else 404)


@asynccontextmanager
async def model_server(server: ModelServer, port: int = 0) -> AsyncIterator[ModelServer]:
    app = web.Application()
    app.router.add_post("/v2/repository/models/{name}/{what}", server.repository)
    app.router.add_get("/v2/models/{name}/ready", server.is_ready)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    server.port = int(runner.addresses[0][1])
    try:
        yield server
    finally:
        await runner.cleanup()
