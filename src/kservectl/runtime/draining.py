"""A server that stops without sending anybody to a closed door, and without cutting a request off.

A pod that is told to stop is still sent requests until everybody knows that it does. So such a server first only says that it
is `draining`, for its readiness to tell, and goes on; then it listens no more and finishes what is under way.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from aiohttp import web

from kservectl.clock import Clock
from kservectl.runtime.serving import parse_bind
from kservectl.runtime.under_way import UnderWay

_WRITING_SECONDS = 1.0
"""What the last answers have to be written, once their handlers are done; whatever is not done by then is cancelled."""


class DrainingServer:
    """Serves on `bind`; `name` is what its log calls it. Requests are under way in blocks of `under_way.request()`.

    `drain_seconds` is for how long it goes on when it is told to stop, `finish_seconds` for how long it then waits. Raises
    ValueError where `bind` is no address.
    """

    def __init__(self, name: str, bind: str, *, drain_seconds: float, finish_seconds: float, clock: Clock) -> None:
        self._name = name
        self._host, self._port = parse_bind(bind)
        self._drain_seconds = drain_seconds
        self._finish_seconds = finish_seconds
        self._clock = clock
        self._log = structlog.get_logger(component=name)
        self.under_way = UnderWay()
        self.draining = False
        self.started = asyncio.Event()
        self.port: int | None = None
        """The port that is listened on, once `started` is set."""

    async def run(
        self, app: web.Application, stop: asyncio.Event, *, closed: Callable[[], None] = lambda: None, **options: Any
    ) -> None:
        """Serve `app` until `stop` is set, then drain; raises OSError when the address cannot be listened on.

        `closed` is called once nobody else is let in, before what is under way is waited for: requests that wait for others have
        to go on alone. `options` are aiohttp's for a runner. A handler is cancelled when its caller leaves.
        """
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=_WRITING_SECONDS, **options
        )
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._host, self._port)
            await site.start()
            self.port = int(runner.addresses[0][1])
            self.started.set()
            self._log.info(f"{self._name} serves", port=self.port)
            await stop.wait()
            self.draining = True
            self._log.info(f"{self._name} stops", drain_seconds=self._drain_seconds)
            await self._clock.sleep(self._drain_seconds)
            await site.stop()
            closed()
            if not await self.under_way.finished(self._clock, self._finish_seconds):
                self._log.warning("requests are cut off", requests=self.under_way.count)
        finally:
            await runner.cleanup()
