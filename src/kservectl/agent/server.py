"""The agent's server: probes, then the batcher, then the log, then the server behind it.

When told to stop it says that it is not ready, goes on for a while, so that nobody is sent to a closed door, finishes what is
under way, and sends what is left of the log. What it pulls and what it counts is told on an address of its own.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import orjson
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from kservectl.agent.backend import Answer, Backend, problem
from kservectl.agent.batching import Batcher, NotBatchable
from kservectl.agent.events import About
from kservectl.agent.logstore import BucketSink
from kservectl.agent.models.disk import ModelDisk
from kservectl.agent.models.keeping import Means
from kservectl.agent.models.puller import Puller
from kservectl.agent.models.repository import ModelRepository
from kservectl.agent.models.status import StatusBoard
from kservectl.agent.payloads import LogOptions, PayloadLog, Sink
from kservectl.agent.readiness import Probe, Readiness
from kservectl.agent.records import Marshaller, Origin
from kservectl.agent.sinks import EventSink, tls_of
from kservectl.clock import Clock
from kservectl.download.downloader import Downloader, DownloadOptions
from kservectl.runtime.draining import DrainingServer
from kservectl.runtime.serving import HttpServer, metrics_application

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class PullOptions:
    """The folders of the puller, which are mounted; and where file:// and pvc:// may be read."""

    config_folder: Path
    model_folder: Path
    local_root: Path | None = None


@dataclass(frozen=True, slots=True)
class LoggerOptions:
    """`store_path` makes it a log in a bucket; `marshaller_url` is empty for files of the agent's own making."""

    url: str
    about: About
    log: LogOptions
    store_path: str = ""
    store_format: str = "json"
    marshaller_url: str = ""
    ca_file: str = ""
    tls_skip_verify: bool = False


@dataclass(frozen=True, slots=True)
class BatchOptions:
    max_size: int = 32
    max_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """What an agent does: those of its three jobs that are not None. Times are seconds."""

    bind: str = ":9081"
    admin_bind: str = ":9082"
    component: str = "http://127.0.0.1:8080"
    probe: Probe | None = None
    pull: PullOptions | None = None
    logger: LoggerOptions | None = None
    batch: BatchOptions | None = None
    drain: float = 10.0
    finish: float = 15.0
    max_bytes: int = 64 << 20
    environ: Mapping[str, str] = field(default_factory=dict)


class Agent:
    """One agent. `admin_port` is the port of its metrics, once it has started; None where there is none."""

    def __init__(self, options: AgentOptions, *, clock: Clock, rng: random.Random, registry: CollectorRegistry) -> None:
        self.admin_port: int | None = None
        self._options = options
        self.clock = clock
        self._rng = rng
        self._registry = registry
        self._server_is_up = True
        self._serving = DrainingServer(
            "agent", options.bind, drain_seconds=options.drain, finish_seconds=options.finish, clock=clock
        )
        self.started = self._serving.started
        self._board = StatusBoard(registry, clock)
        self._puller: Puller | None = None
        self._log = structlog.get_logger(component="agent")
        self._requests = Counter(
            "kservectl_agent_requests", "Requests through the agent, by their status.", ["code"], registry=registry
        )
        gauge = Gauge("kservectl_agent_requests_under_way", "Requests that have no answer yet.", registry=registry)
        gauge.set_function(lambda: self._serving.under_way.count)
        self._seconds = Histogram(
            "kservectl_agent_request_seconds", "How long they took.", registry=registry, buckets=_SECONDS
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then drain. Raises OSError for what cannot be listened on, read or written."""
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
            payloads = self._payload_log(session)
            backend = Backend(self._options.component, payloads, lambda up: self.server_seen(up=up))
            await stack.enter_async_context(backend)
            readiness = Readiness(self._options.probe, session, self.clock)
            logging = group.create_task(payloads.run()) if payloads is not None else None
            pulling = None
            if self._options.pull is not None:
                puller = self._puller = await self._make_puller(session, self._options.pull, stack)
                pulling = group.create_task(puller.run())
            admin = await self._admin()
            batcher = self._batcher(backend)
            handler = _Handler(self, backend, batcher, readiness)
            try:
                async with batcher or nullcontext():
                    await self._serve(handler, stop, batcher)
            finally:
                if pulling is not None:
                    pulling.cancel()
                if logging is not None and payloads is not None:
                    await payloads.stop(logging, self._options.finish)
                if admin is not None:
                    await admin.stop()

    @property
    def port(self) -> int | None:
        """The port that is listened on, once `started` is set."""
        return self._serving.port

    async def why_not_ready(self, readiness: Readiness) -> str:
        """ "" when requests may come; else a sentence."""
        if self._serving.draining:
            return "the agent is shutting down"
        if self._puller is not None and not self._puller.ready.is_set():
            return "models of the start are still being pulled and loaded"
        why = await readiness.why_not()
        self.server_seen(up=not why)
        return why

    @contextmanager
    def request(self) -> Iterator[Callable[[int], None]]:
        """A request is under way in this block; what it gives is called with the status of its answer."""
        began = self.clock.monotonic()

        def answered(code: int) -> None:
            self._requests.labels(str(code)).inc()
            self._seconds.observe(self.clock.monotonic() - began)

        with self._serving.under_way.request():
            yield answered

    def server_seen(self, *, up: bool) -> None:
        """The server answered, or did not. One that comes back may have lost its models."""
        if up and not self._server_is_up and self._puller is not None:
            self._log.info("the model server is back: its models are looked at")
            self._puller.look_again()
        self._server_is_up = up

    async def _serve(self, handler: "_Handler", stop: asyncio.Event, batcher: Batcher | None) -> None:
        app = web.Application(client_max_size=self._options.max_bytes)
        app.router.add_route("*", "/{path:.*}", handler.handle)
        self._log.info("agent starts", model_server=self._options.component)
        closed = batcher.wait_no_longer if batcher is not None else lambda: None
        await self._serving.run(app, stop, closed=closed, auto_decompress=False)

    async def _admin(self) -> HttpServer | None:
        """Metrics and the state of models. That its port is taken is no reason not to serve."""
        if not self._options.admin_bind:
            return None

        async def models(request: web.Request) -> web.Response:
            return web.Response(body=orjson.dumps(self._board.as_json()), content_type="application/json")

        app = metrics_application(self._registry)
        app.router.add_get("/models", models)
        server = HttpServer(app, self._options.admin_bind)
        try:
            await server.start()
        except OSError as error:
            self._log.warning("no metrics and no state of models are served", why=str(error))
            return None
        self.admin_port = server.port
        return server

    def _payload_log(self, session: aiohttp.ClientSession) -> PayloadLog | None:
        logger = self._options.logger
        if logger is None:
            return None
        return PayloadLog(logger.log, self._sink(logger, session), clock=self.clock, registry=self._registry)

    def _sink(self, logger: LoggerOptions, session: aiohttp.ClientSession) -> Sink:
        if not logger.store_path:
            tls = tls_of(logger.ca_file, logger.tls_skip_verify)
            return EventSink(session, logger.url, logger.about, self.clock, tls)
        origin = Origin(logger.about, logger.url, logger.ca_file, logger.tls_skip_verify)
        return BucketSink(
            origin,
            logger.store_path,
            logger.store_format,
            environ=self._options.environ,
            clock=self.clock,
            marshaller=Marshaller(session, logger.marshaller_url, self.clock) if logger.marshaller_url else None,
        )

    def _batcher(self, backend: Backend) -> Batcher | None:
        batch = self._options.batch
        if batch is None:
            return None
        return Batcher(
            backend.post,
            max_size=batch.max_size,
            max_seconds=batch.max_seconds,
            clock=self.clock,
            registry=self._registry,
        )

    async def _make_puller(self, session: aiohttp.ClientSession, pull: PullOptions, stack: AsyncExitStack) -> Puller:
        downloader = Downloader(
            clock=self.clock,
            rng=self._rng,
            environ=self._options.environ,
            options=DownloadOptions(local_root=pull.local_root),
        )
        means = Means(
            ModelDisk(pull.model_folder),
            await stack.enter_async_context(downloader),
            ModelRepository(session, self._options.component, self.clock),
            self._board,
            self.clock,
            self._rng,
        )
        return Puller(pull.config_folder, means)


class _Handler:
    """Answers the requests of an agent."""

    def __init__(self, agent: Agent, backend: Backend, batcher: Batcher | None, readiness: Readiness) -> None:
        self._agent = agent
        self._backend = backend
        self._batcher = batcher
        self._readiness = readiness

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if is_probe(request):
            why = await self._agent.why_not_ready(self._readiness)
            return web.Response(status=503, text=why) if why else web.Response(text="queue")
        with self._agent.request() as answered:
            answer = await self._answer(request)
            answered(answer.status)
        return answer

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self._batcher is None or not _is_batchable(request):
            return await self._backend.pass_on(request)
        try:
            answer = await self._batcher.predict(request.raw_path, await request.read())
        except NotBatchable as error:
            return problem(400, str(error))
        return _response(answer)


def is_probe(request: web.Request) -> bool:
    """Whether the kubelet asks, or Knative for it."""
    asks_agent = request.headers.get("K-Network-Probe") == "queue"
    return asks_agent or request.headers.get("User-Agent", "").startswith("kube-probe/")


def _is_batchable(request: web.Request) -> bool:
    packed = request.headers.get("Content-Encoding", "identity").lower() != "identity"
    return request.method == "POST" and request.path.endswith(":predict") and not packed


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, headers={"Content-Type": answer.content_type})
