"""The router's HTTP server: every path and method runs the graph, but for `/readyz`.

A request has a deadline, and a limit for its body; it gets an answer in any case. When it is told to stop, the router says
that it is not ready, goes on for a while, so that nobody is sent to a closed door, and then finishes what is under way.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from kservectl.api.inferencegraph import InferenceGraphSpec
from kservectl.clock import Clock
from kservectl.router.answer import Answer, StepError, content_type, failure
from kservectl.router.call import Relay
from kservectl.router.calling import ServiceClient
from kservectl.router.headers import HeaderRules
from kservectl.router.metrics import RouterMetrics
from kservectl.router.relaying import ResponseRelay
from kservectl.router.retrying import RetryBudget, RetryingCaller
from kservectl.router.running import GraphRunner
from kservectl.router.timeouts import Timeouts
from kservectl.runtime.serving import parse_bind

MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class RouterOptions:
    """`drain_seconds` is for how long a router that stops still takes requests, `finish_seconds` for how long it then
    waits for the ones under way. `max_bytes` bounds each body, both ways."""

    bind: str = ":8080"
    headers: HeaderRules = field(default_factory=lambda: HeaderRules(()))
    drain_seconds: float = 10.0
    finish_seconds: float = 15.0
    max_bytes: int = MAX_BYTES


class RouterServer:
    """Serves `graph` until it is told to stop. `draw` gives a number from 0 to 99; `rng` spreads retries."""

    def __init__(
        self,
        graph: InferenceGraphSpec,
        options: RouterOptions,
        *,
        clock: Clock,
        draw: Callable[[], int],
        rng: random.Random,
        metrics: RouterMetrics,
    ) -> None:
        self._options = options
        self._timeouts = Timeouts.of(graph)
        self._clock = clock
        self._metrics = metrics
        self._client = ServiceClient(seconds=self._timeouts.call, max_bytes=options.max_bytes)
        caller = RetryingCaller(self._client.post, clock=clock, rng=rng, budget=RetryBudget(), told=metrics.retried)
        self._graph = GraphRunner(graph, caller, draw, clock, metrics.observe)
        self._draining = False
        self._log = structlog.get_logger()
        self.port: int | None = None
        """The port that is listened on, once `started` is set."""
        self.started = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then drain; raises OSError when the address cannot be listened on."""
        app = web.Application(client_max_size=self._options.max_bytes)
        app.router.add_route("*", "/readyz", self._readyz)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=self._timeouts.idle,
            shutdown_timeout=self._options.finish_seconds,
            handler_cancellation=True,
        )
        async with self._client:
            await runner.setup()
            try:
                host, port = parse_bind(self._options.bind)
                await web.TCPSite(runner, host, port).start()
                self.port = int(runner.addresses[0][1])
                self.started.set()
                self._log.info("router serves", port=self.port)
                await stop.wait()
                self._draining = True
                self._log.info("router stops", drain_seconds=self._options.drain_seconds)
                await self._clock.sleep(self._options.drain_seconds)
            finally:
                await runner.cleanup()

    async def _readyz(self, request: web.Request) -> web.Response:
        return web.Response(status=503, text="shutting down") if self._draining else web.Response()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        began, relay = self._clock.monotonic(), ResponseRelay(request)
        answer = await self._answer(request, relay)
        code = str(answer.status)
        if relay.begun and not answer.relayed:
            relay.abort()
            code = "aborted"
        self._metrics.answered(code, self._clock.monotonic() - began)
        if relay.response is not None:
            return relay.response
        return web.Response(status=answer.status, body=answer.body, headers={"Content-Type": content_type(answer)})

    async def _answer(self, request: web.Request, relay: Relay) -> Answer:
        try:
            async with self._clock.timeout(self._timeouts.write):
                body = await self._body(request)
                headers = self._options.headers.propagated(request.headers)
                return await self._graph.run(body, headers, relay)
        except StepError as error:
            self._log.warning("the graph gave no answer", cause=error.cause, status=error.status)
            return failure(error.cause, error.status)
        except TimeoutError:
            cause = f"the graph gave no answer within {self._timeouts.write:g} s"
            self._log.warning(cause)
            return failure(cause, 504)

    async def _body(self, request: web.Request) -> bytes:
        try:
            async with self._clock.timeout(self._timeouts.read):
                return await request.read()
        except web.HTTPRequestEntityTooLarge as error:
            limit = self._options.max_bytes
            raise StepError(f"the request is longer than {limit} bytes", 413) from error
        except TimeoutError as error:
            raise StepError(f"the request did not arrive within {self._timeouts.read:g} s", 408) from error
