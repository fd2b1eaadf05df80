"""Events about objects, written through `events.k8s.io/v1`.

`emit` returns at once and never fails: events tell people what happened, and nothing may wait for them. They are correlated
(`event_correlation`), queued within a bound, and sent one by one by `run`, each when few other requests are under way, or ten
seconds after it was emitted: a burst needs the API server's time for what makes objects ready. An event that cannot be sent
after 12 tries is counted and dropped. What Events look like is given by the Kubernetes API (its validation bounds the lengths).
"""

import asyncio
import contextlib
import random
import uuid
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
from prometheus_client import Counter

from kservectl.client.errors import ClientError, ConnectionFailed, NotFound, ServerError, TooManyRequests
from kservectl.clock import Clock, rfc3339_micro
from kservectl.objects import metadata
from kservectl.objects.kind import EVENT, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.event_correlation import EventCorrelator, Series
from kservectl.runtime.outcome import EventRecord

_QUEUED = 1000
_TRIES = 12
_BACKOFF = (0.5, 10.0)
_SEND_SECONDS = 10.0
GIVES_WAY_SECONDS = 10.0
"""How long an event waits at most for other requests to become few."""
_NOTE_BYTES = 1024
_NAME_CHARS = 128


class EventClient(Protocol):
    """The requests that sending takes, and when to make them."""

    async def calm(self) -> None: ...
    async def create(self, kind: Kind, obj: Object) -> Object: ...
    async def patch(self, kind: Kind, name: str, namespace: str, body: Object) -> Object: ...


@dataclass(frozen=True, slots=True)
class _Queued:
    event: Object
    series: Series
    count: int
    seen: datetime


class EventRecorder:
    """The events of one process, reported by `controller` as `instance`."""

    def __init__(
        self,
        client: EventClient,
        *,
        clock: Clock,
        instance: str,
        controller: str = "kservectl",
        outcomes: Counter | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._instance = instance[:_NAME_CHARS]
        self._controller = controller
        self._outcomes = outcomes
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries, guards no secret
        self._correlator = EventCorrelator()
        self._queue: deque[_Queued] = deque()
        self._arrived = asyncio.Event()
        self._all_sent = asyncio.Event()
        self._all_sent.set()
        self._log = structlog.get_logger(component="events")

    def emit(self, regarding: Object, record: EventRecord) -> None:
        """Have an event about `regarding` sent, unless it is one too many."""
        correlated = self._correlator.correlate(regarding, record, self._clock.monotonic())
        if correlated is None:
            self._count("filtered")
            return
        if len(self._queue) >= _QUEUED:
            self._count("dropped")
            return
        event = self._event(regarding, correlated.record)
        self._queue.append(_Queued(event, correlated.series, correlated.series.count, self._clock.now()))
        self._all_sent.clear()
        self._arrived.set()

    async def run(self) -> None:
        """Send what is emitted, in order, until cancelled."""
        while True:
            await self._arrived.wait()
            while self._queue:
                await self._give_way(self._queue[0])
                await self._send(self._queue[0])
                self._queue.popleft()
            self._arrived.clear()
            self._all_sent.set()

    async def flush(self, seconds: float) -> bool:
        """Wait until everything emitted so far is sent or given up, at most `seconds`; answers whether it is."""
        try:
            async with self._clock.timeout(seconds):
                await self._all_sent.wait()
        except TimeoutError:
            return False
        return True

    async def _give_way(self, queued: _Queued) -> None:
        waited = (self._clock.now() - queued.seen).total_seconds()
        left = min(GIVES_WAY_SECONDS - waited, GIVES_WAY_SECONDS)  # the clock may have been set back
        if left > 0:
            with contextlib.suppress(TimeoutError):
                async with self._clock.timeout(left):
                    await self._client.calm()

    async def _send(self, queued: _Queued) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                async with self._clock.timeout(_SEND_SECONDS):
                    await self._write(queued)
            except (ConnectionFailed, ServerError, TooManyRequests, TimeoutError) as error:
                if attempt == _TRIES:
                    self._give_up(queued, error)
                    return
                await self._clock.sleep(self._delay(attempt, error))
            except ClientError as error:  # refused (a namespace that is going, no permission): trying again is no use
                self._give_up(queued, error)
                return
            else:
                self._count("sent")
                return

    async def _write(self, queued: _Queued) -> None:
        stored = queued.series.stored
        series = {"count": queued.count, "lastObservedTime": rfc3339_micro(queued.seen)}
        if stored is not None and queued.count > 1:
            try:
                await self._client.patch(EVENT, stored.name, stored.namespace, {"series": series})
            except NotFound:  # the API server keeps Events for an hour only; a new one takes over
                queued.series.stored = None
            else:
                return
        event = {**queued.event, "series": series} if queued.count > 1 else queued.event
        queued.series.stored = metadata.key(await self._client.create(EVENT, event))

    def _delay(self, attempt: int, error: Exception) -> float:
        first, cap = _BACKOFF
        wait = min(cap, first * 2.0**attempt) * self._rng.uniform(0.5, 1.0)
        asked = getattr(error, "retry_after", None)
        return max(wait, asked) if isinstance(asked, int | float) else wait

    def _give_up(self, queued: _Queued, error: Exception) -> None:
        self._count("failed")
        self._log.warning(
            "an event could not be sent",
            object=f"{queued.event['regarding']['kind']} {queued.event['regarding']['name']}",
            reason=queued.event["reason"],
            error=str(error) or "no answer in time",
        )

    def _event(self, regarding: Object, record: EventRecord) -> Object:
        name = metadata.name(regarding)
        namespace = metadata.namespace(regarding) or "default"
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"name": f"{name[:200]}.{uuid.uuid4().hex[:16]}", "namespace": namespace},
            "eventTime": rfc3339_micro(self._clock.now()),
            "reportingController": self._controller,
            "reportingInstance": self._instance,
            "action": record.action[:_NAME_CHARS],
            "reason": record.reason[:_NAME_CHARS],
            "type": record.type,
            "note": _shortened(record.message),
            "regarding": {
                "apiVersion": regarding.get("apiVersion", ""),
                "kind": regarding.get("kind", ""),
                "name": name,
                "namespace": metadata.namespace(regarding),
                "uid": metadata.uid(regarding),
                "resourceVersion": metadata.resource_version(regarding),
            },
        }

    def _count(self, outcome: str) -> None:
        if self._outcomes is not None:
            self._outcomes.labels(outcome).inc()


def _shortened(note: str) -> str:
    """At most 1024 bytes of UTF-8, cut between characters."""
    encoded = note.encode()
    if len(encoded) <= _NOTE_BYTES:
        return note
    return encoded[: _NOTE_BYTES - 3].decode(errors="ignore") + "..."
