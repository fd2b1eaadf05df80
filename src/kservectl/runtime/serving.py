"""A plain HTTP server on one address, for metrics and probes."""

import asyncio

from aiohttp import web
from prometheus_client import CollectorRegistry

from kservectl.runtime.metrics import CONTENT_TYPE, exposition

_SHUTDOWN_SECONDS = 2.0


class HttpServer:
    """Serves `app` on `bind`: `HOST:PORT`, `:PORT` for all interfaces, `[V6]:PORT`; port 0 takes a free one."""

    def __init__(self, app: web.Application, bind: str) -> None:
        self._app = app
        self._bind = bind
        self._host, self._port = parse_bind(bind)
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int | None:
        """The port that is listened on; None before `start`."""
        if self._runner is None or not self._runner.addresses:
            return None
        return int(self._runner.addresses[0][1])

    async def start(self) -> None:
        """Listen; raises OSError, with the address in its text, when that is not possible."""
        runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            await runner.cleanup()
            raise OSError(error.errno, f"cannot listen on {self._bind}: {error.strerror}") from error
        self._runner = runner

    async def stop(self) -> None:
        """Finish the requests under way and close."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def run(self) -> None:
        """Listen until cancelled."""
        await self.start()
        try:
            await asyncio.Event().wait()
        finally:
            await self.stop()


def parse_bind(bind: str) -> tuple[str | None, int]:
    """Host (None for all interfaces) and port of a bind address; raises ValueError with what is wrong."""
    host, colon, port = bind.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{bind!r} is no address to listen on; write HOST:PORT or :PORT")
    return host.strip("[]") or None, int(port)


def metrics_application(registry: CollectorRegistry) -> web.Application:
    """Answers `/metrics` with all of `registry`."""

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=exposition(registry), headers={"Content-Type": CONTENT_TYPE})

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    return app
