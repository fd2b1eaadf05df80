"""The log of payloads: bodies are noted as they go by, and sent by workers, so that no answer waits for the log.

What does not fit into the queue is dropped and counted. A sink that is down costs events, never answers.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import structlog
from multidict import CIMultiDict, CIMultiDictProxy
from prometheus_client import CollectorRegistry, Counter

from kservectl.agent.events import Kind, Payload
from kservectl.clock import Clock

Headers = CIMultiDict[str] | CIMultiDictProxy[str]
Mode = Literal["all", "request", "response"]
ID_HEADER = "Ce-Id"

Sink = Callable[[Sequence[Payload]], Awaitable[None]]
"""Takes a batch to where it is kept; raises SinkError."""


class SinkError(Exception):
    """A batch was not taken."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What is logged, and how. `queue_size` payloads with `queue_bytes` may wait; a longer body than `max_bytes` is not logged.

    A batch is sent when it has `batch_size` payloads, or `batch_seconds` after its first (0: not before it is full).
    """

    mode: Mode = "all"
    workers: int = 5
    queue_size: int = 100
    queue_bytes: int = 64 << 20
    max_bytes: int = 16 << 20
    batch_size: int = 1
    batch_seconds: float = 0.0
    metadata_headers: Sequence[str] = ()


class PayloadLog:
    """Notes payloads for as long as `run` runs."""

    def __init__(
        self,
        options: LogOptions,
        sink: Sink,
        *,
        clock: Clock,
        registry: CollectorRegistry,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self.options = options
        self._sink = sink
        self._clock = clock
        self._new_id = new_id
        self._queue: asyncio.Queue[Payload | None] = asyncio.Queue()
        self._bytes = 0
        self._drops_told = False
        self._log = structlog.get_logger(component="logger")
        self._events = Counter(
            "kservectl_agent_log_events",
            "Payloads by what became of them: sent, failed, dropped (the queue was full), too_large.",
            ["outcome"],
            registry=registry,
        )
        for outcome in ("sent", "failed", "dropped", "too_large"):
            self._events.labels(outcome)

    def begin(self, headers: Headers) -> "Exchange":
        """A request with `headers` comes by."""
        return Exchange(
            self, _text(headers.get(ID_HEADER, "")) or self._new_id(), self._metadata(headers), self._clock.now()
        )

    def put(self, payload: Payload) -> None:
        """Log `payload` soon, if there is room."""
        size = len(payload.body)
        if self._queue.qsize() >= self.options.queue_size or self._bytes + size > self.options.queue_bytes:
            self._events.labels("dropped").inc()
            if not self._drops_told:
                self._log.warning("payloads are dropped: the sink is slower than the requests", id=payload.id)
            self._drops_told = True
            return
        self._drops_told = False
        self._bytes += size
        self._queue.put_nowait(payload)

    def too_large(self) -> None:
        """A body was too long to be logged."""
        self._events.labels("too_large").inc()

    async def run(self) -> None:
        """Send what is put, until `stop`."""
        # One worker fills the batches: with several, each would wait for a full one of its own.
        workers = 1 if self.options.batch_size > 1 else self.options.workers
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._work())

    async def stop(self, running: asyncio.Task[None], seconds: float) -> None:
        """Send what is left, for at most `seconds`, and end the task that runs `run`."""
        for _ in range(self.options.workers):
            self._queue.put_nowait(None)
        try:
            async with self._clock.timeout(seconds):
                await asyncio.wait([running])
        except TimeoutError:
            self._log.warning("payloads are lost: the sink did not take them in time", payloads=self._queue.qsize())
        running.cancel()
        await asyncio.wait([running])

    async def _work(self) -> None:
        while True:
            batch, ended = await self._batch()
            if batch:
                await self._send(batch)
            if ended:
                return

    async def _batch(self) -> tuple[list[Payload], bool]:
        """The next payloads, and whether no more will come."""
        first = await self._queue.get()
        if first is None:
            return [], True
        batch = [first]
        try:
            async with self._clock.timeout(self.options.batch_seconds or None):
                while len(batch) < self.options.batch_size:
                    payload = await self._queue.get()
                    if payload is None:
                        return batch, True
                    batch.append(payload)
        except TimeoutError:
            return batch, False
        return batch, False

    async def _send(self, batch: Sequence[Payload]) -> None:
        try:
            await self._sink(batch)
        except SinkError as error:
            self._events.labels("failed").inc(len(batch))
            self._log.warning("payloads were not taken", why=str(error), ids=[payload.id for payload in batch][:10])
        except Exception:  # one odd payload must not end the log, and the agent with it
            self._events.labels("failed").inc(len(batch))
            self._log.exception("payloads were lost", ids=[payload.id for payload in batch][:10])
        else:
            self._events.labels("sent").inc(len(batch))
        finally:
            self._bytes -= sum(len(payload.body) for payload in batch)

    def _metadata(self, headers: Headers) -> Mapping[str, Sequence[str]]:
        return {
            name: [_text(value) for value in headers.getall(name)]
            for name in self.options.metadata_headers
            if name in headers
        }


class Exchange:
    """A request and its answer on their way: keeps copies of their bodies, up to a limit."""

    def __init__(self, log: PayloadLog, id_: str, metadata: Mapping[str, Sequence[str]], began: datetime) -> None:
        self.id = id_
        self._log = log
        self._metadata = metadata
        self._began = began
        self._bodies: dict[Kind, _Body] = {}

    def start(self, kind: Kind, content_type: str) -> None:
        """The body of the request, or of the answer, begins."""
        if self._log.options.mode in ("all", kind):
            self._bodies[kind] = _Body(content_type)

    def add(self, kind: Kind, piece: bytes) -> None:
        """A piece of that body went by."""
        body = self._bodies.get(kind)
        if body is not None:
            body.size += len(piece)
            if body.size <= self._log.options.max_bytes:
                body.pieces.append(piece)
            else:
                body.pieces.clear()

    def whole(self, kind: Kind) -> None:
        """All of that body went by: only then is it logged."""
        body = self._bodies.pop(kind, None)
        if body is None:
            return
        if body.size > self._log.options.max_bytes:
            self._log.too_large()
            return
        content = b"".join(body.pieces)
        self._log.put(Payload(self.id, kind, content, body.content_type, self._began, self._metadata))


def _text(value: str) -> str:
    """A header as text: bytes that are no UTF-8 come from the server as surrogates, which JSON does not know."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@dataclass(slots=True)
class _Body:
    content_type: str
    size: int = 0
    pieces: list[bytes] = field(default_factory=list)
