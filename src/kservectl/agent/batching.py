"""Joining the requests of several callers into one for the server, by KServe's v1 protocol.

Instances of requests to one path are joined until there are `max_size`, or the first waited `max_seconds`. The predictions are
handed out by position. Requests that differ in more than their instances (parameters, a signature) are never joined.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import orjson
from prometheus_client import CollectorRegistry, Histogram

from kservectl.agent.backend import Answer, BackendError
from kservectl.clock import Clock

_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

Post = Callable[[str, bytes], Awaitable[Answer]]
"""Asks the server; raises BackendError."""


class NotBatchable(ValueError):
    """The body is no request with instances."""


class Batcher:
    """Joins requests inside of its `async with`."""

    def __init__(
        self,
        post: Post,
        *,
        max_size: int,
        max_seconds: float,
        clock: Clock,
        registry: CollectorRegistry,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._post = post
        self._max_size = max_size
        self._max_seconds = max_seconds
        self._clock = clock
        self._new_id = new_id
        self._waits = True
        self._open: dict[tuple[str, bytes], _Batch] = {}
        self._group = asyncio.TaskGroup()
        self._sizes = Histogram(
            "kservectl_agent_batch_instances", "Instances of the batches.", registry=registry, buckets=_SIZES
        )

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what waits at once, and wait for the answers."""
        self.wait_no_longer()
        await self._group.__aexit__(kind, error, trace)

    def wait_no_longer(self) -> None:
        """Send what waits at once, and from now on everything as it comes."""
        self._waits = False
        for batch in self._open.values():
            batch.closed.set()

    async def predict(self, path: str, body: bytes) -> Answer:
        """The answer for one caller; raises NotBatchable for a body without instances. `path` may have a query."""
        instances, rest = _instances(body)
        key = (path, orjson.dumps(rest, option=orjson.OPT_SORT_KEYS))
        batch = self._open.get(key)
        if batch is not None and len(batch.instances) + len(instances) > self._max_size:
            batch.closed.set()
            batch = None
        if batch is None or batch.closed.is_set():
            batch = self._open[key] = _Batch(path, rest)
            self._group.create_task(self._run(key, batch))
        place = batch.add(instances)
        if not self._waits or len(batch.instances) >= self._max_size:
            batch.closed.set()
        return await place

    async def _run(self, key: tuple[str, bytes], batch: "_Batch") -> None:
        try:
            async with self._clock.timeout(self._max_seconds):
                await batch.closed.wait()
        except TimeoutError:
            batch.closed.set()
        if self._open.get(key) is batch:
            del self._open[key]
        batch.leave_out_cancelled()
        if not batch.places:
            return
        self._sizes.observe(len(batch.instances))
        try:
            answer = await self._post(batch.path, orjson.dumps({**batch.rest, "instances": batch.instances}))
        except BackendError as error:
            batch.fail(502, f"the model server gave no answer: {error}")
            return
        predictions, why = _predictions(answer, len(batch.instances))
        if predictions is None:
            batch.fail(answer.status if answer.status >= 400 else 500, why)
        else:
            batch.hand_out(predictions, self._new_id())


@dataclass(slots=True)
class _Batch:
    path: str
    rest: dict[str, Any]
    instances: list[Any] = field(default_factory=list)
    places: list[tuple[asyncio.Future[Answer], list[Any]]] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, instances: list[Any]) -> asyncio.Future[Answer]:
        place: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.places.append((place, instances))
        self.instances += instances
        return place

    def leave_out_cancelled(self) -> None:
        """Drop those whose callers went away meanwhile."""
        self.places = [entry for entry in self.places if not entry[0].cancelled()]
        self.instances = [instance for _, instances in self.places for instance in instances]

    def hand_out(self, predictions: list[Any], batch_id: str) -> None:
        start = 0
        for place, instances in self.places:
            own = predictions[start : start + len(instances)]
            start += len(instances)
            self._answer(place, 200, {"message": "", "batchId": batch_id, "predictions": own})

    def fail(self, status: int, why: str) -> None:
        for place, _ in self.places:
            self._answer(place, status, {"message": why, "batchId": "", "predictions": None})

    @staticmethod
    def _answer(place: asyncio.Future[Answer], status: int, body: dict[str, Any]) -> None:
        if not place.done():
            place.set_result(Answer(status, orjson.dumps(body)))


def _instances(body: bytes) -> tuple[list[Any], dict[str, Any]]:
    """The instances of a request, and everything else in it; raises NotBatchable."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotBatchable(f"the body is not JSON: {error}") from error
    instances = found.pop("instances", None) if isinstance(found, dict) else None
    if not isinstance(instances, list) or not instances:
        raise NotBatchable("no instances in the request: a list that is not empty is expected")
    return instances, found


def _predictions(answer: Answer, wanted: int) -> tuple[list[Any] | None, str]:
    """The predictions in `answer`, or None and why there are none."""
    if answer.status != 200:
        return None, answer.body.decode(errors="replace") or f"the model server answered {answer.status}"
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        return None, f"the model server answered with what is not JSON: {error}"
    predictions = found.get("predictions") if isinstance(found, dict) else None
    if not isinstance(predictions, list):
        return None, "the model server answered without predictions"
    if len(predictions) != wanted:
        return None, f"the model server gave {len(predictions)} predictions for {wanted} instances"
    return predictions, ""
