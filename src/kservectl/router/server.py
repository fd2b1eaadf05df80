"""The router's HTTP server: every path and method runs the graph, but for `/readyz`.

A request has a deadline, and a limit for its body; it gets an answer in any case. When it is told to stop, the router says
that it is not ready, goes on for a while, so that nobody is sent to a closed door, and then finishes what is under way.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from kservectl.api.inferencegraph import InferenceGraphSpec
from kservectl.clock import Clock
from kservectl.router.answer import Answer, StepError, content_type, failure
from kservectl.router.call import Relay
from kservectl.router.calling import ServiceClient
from kservectl.router.headers import HeaderRules
from kservectl.router.holding import HeldBytes, Holding, TooLong
from kservectl.router.metrics import RouterMetrics
from kservectl.router.relaying import ResponseRelay
from kservectl.router.retrying import RetryBudget, RetryingCaller
from kservectl.router.running import GraphRunner
from kservectl.router.timeouts import Timeouts
from kservectl.runtime.draining import DrainingServer

MAX_BYTES = 64 << 20
MAX_HELD_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class RouterOptions:
    """`drain_seconds` is for how long a router that stops still takes requests, `finish_seconds` for how long it then
    waits for the ones under way. `max_bytes` bounds each body, both ways, `max_held_bytes` all of them together."""

    bind: str = ":8080"
    headers: HeaderRules = field(default_factory=lambda: HeaderRules(()))
    drain_seconds: float = 10.0
    finish_seconds: float = 15.0
    max_bytes: int = MAX_BYTES
    max_held_bytes: int = MAX_HELD_BYTES


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
        self._held = HeldBytes(options.max_held_bytes, metrics.overloaded)
        metrics.show(self._held)
        self._serving = DrainingServer(
            "router",
            options.bind,
            drain_seconds=options.drain_seconds,
            finish_seconds=options.finish_seconds,
            clock=clock,
        )
        self.started = self._serving.started
        self._log = structlog.get_logger()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then drain; raises OSError when the address cannot be listened on."""
        app = web.Application()
        app.router.add_route("*", "/readyz", self._readyz)
        app.router.add_route("*", "/{path:.*}", self._handle)
        async with self._client:
            await self._serving.run(app, stop, keepalive_timeout=self._timeouts.idle)

    @property
    def port(self) -> int | None:
        """The port that is listened on, once `started` is set."""
        return self._serving.port

    async def _readyz(self, request: web.Request) -> web.Response:
        return web.Response(status=503, text="shutting down") if self._serving.draining else web.Response()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        with self._serving.under_way.request():
            return await self._answered(request)

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        began, relay = self._clock.monotonic(), ResponseRelay(request)
        with self._held.request() as holding:
            answer = await self._answer(request, relay, holding)
            code = str(answer.status)
            if relay.begun and not answer.relayed:
                relay.abort()
                code = "aborted"
            self._metrics.answered(code, self._clock.monotonic() - began)
            return relay.response or await _sent(request, answer)

    async def _answer(self, request: web.Request, relay: Relay, holding: Holding) -> Answer:
        try:
            async with self._clock.timeout(self._timeouts.write):
                body = await self._body(request, holding)
                headers = self._options.headers.propagated(request.headers)
                return await self._graph.run(body, headers, holding, relay)
        except StepError as error:
            self._log.warning("the graph gave no answer", cause=error.cause, status=error.status)
            return failure(error.cause, error.status)
        except TimeoutError:
            cause = f"the graph gave no answer within {self._timeouts.write:g} s"
            self._log.warning(cause)
            return failure(cause, 504)

    async def _body(self, request: web.Request, holding: Holding) -> bytes:
        limit = self._options.max_bytes
        try:
            async with self._clock.timeout(self._timeouts.read):
                return await holding.read(request.content, request.content_length, limit)
        except TooLong as error:
            raise StepError(f"the request is longer than {limit} bytes", 413) from error
        except TimeoutError as error:
            raise StepError(f"the request did not arrive within {self._timeouts.read:g} s", 408) from error


async def _sent(request: web.Request, answer: Answer) -> web.Response:
    """The response to `request`, on its way already: until then its body is held."""
    response = web.Response(status=answer.status, body=answer.body, headers={"Content-Type": content_type(answer)})
    with suppress(ConnectionError):  # a caller that has left is told nothing
        await response.prepare(request)
        await response.write_eof()
    return response
