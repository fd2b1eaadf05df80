"""A fleet of InferenceServices: creating them, and seeing how far they have come.

Progress is followed by watches, so that looking costs the API server next to nothing.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.concurrency import some_at_once
from e2e.api import Api, is_ready
from e2e.services import service
from kservectl.api.kinds import HTTP_ROUTE, INFERENCE_SERVICE
from kservectl.client.errors import ApiError
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, SERVICE, Kind
from kservectl.objects.metadata import Object

CHILDREN = {DEPLOYMENT: 1, SERVICE: 1, HORIZONTAL_POD_AUTOSCALER: 1, HTTP_ROUTE: 2}
"""What a raw service with a predictor has behind a Gateway, and how many of each."""

_SECONDS = 3600.0


def fleet(number: int, namespaces: Sequence[str], *, prefix: str = "m", fault: str = "") -> list[Object]:
    """Scikit-learn predictors, spread over the namespaces."""
    made = []
    for position in range(number):
        obj = service(f"{prefix}{position}", namespaces[position % len(namespaces)], fault=fault)
        obj["spec"]["predictor"] |= {"minReplicas": 1, "maxReplicas": 3}
        made.append(obj)
    return made


async def create(api: Api, services: Sequence[Object]) -> None:
    """Create them as fast as the API server takes them, some at a time."""
    await some_at_once(api.create(INFERENCE_SERVICE, obj) for obj in services)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds from the first creation of many until every route existed, every status was written, everything was Ready.

    `created` is when whoever created them had done so.
    """

    routes: float
    status: float
    ready: float
    created: float

    @property
    def done(self) -> float:
        """When every route existed and every status was written."""
        return max(self.routes, self.status)


async def make_ready(
    api: Api, number: int, namespaces: Sequence[str], *, creating: Coroutine[Any, Any, float] | None = None
) -> Times:
    """Create this many beside what there is, and wait until all are Ready; `creating` does it in another way,
    and answers when it had (`time.perf_counter`)."""
    progress = Progress(api)
    known = {kind: len(await api.list(kind)) for kind in (HTTP_ROUTE, INFERENCE_SERVICE)}
    routes = known[HTTP_ROUTE] + CHILDREN[HTTP_ROUTE] * number
    services = known[INFERENCE_SERVICE] + number
    async with asyncio.TaskGroup() as group:
        following = [
            group.create_task(progress.follow(HTTP_ROUTE)),
            group.create_task(progress.follow(INFERENCE_SERVICE, state)),
        ]
        started = time.perf_counter()
        making = group.create_task(creating or _created(api, fleet(number, namespaces)))
        moments = await asyncio.gather(
            progress.when(HTTP_ROUTE, lambda found: len(found) >= routes, _SECONDS),
            progress.when(INFERENCE_SERVICE, _Are(services, ("written", "ready")), _SECONDS),
            progress.when(INFERENCE_SERVICE, _Are(services, ("ready",)), _SECONDS),
        )
        finished = await making
        for task in following:
            task.cancel()
    return Times(*(moment - started for moment in (*moments, finished)))


async def _created(api: Api, services: Sequence[Object]) -> float:
    """The moment (`time.perf_counter`) when all were."""
    await create(api, services)
    return time.perf_counter()


@dataclass(frozen=True, slots=True)
class _Are:
    """So many there are, and each is in one of these states."""

    number: int
    states: Sequence[str]

    def __call__(self, found: Sequence[str]) -> bool:
        return len(found) >= self.number and all(each in self.states for each in found)


class Progress:
    """Follows all objects of some kinds; `when(kind, holds)` waits for what should become true of the whole of a kind."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._objects: dict[Kind, dict[metadata.ObjectKey, Any]] = defaultdict(dict)
        self._changed = asyncio.Condition()

    async def follow(self, kind: Kind, digest: Callable[[Object], Any] | None = None) -> None:
        """Keep what `digest` makes of each object, True by default, for ever."""
        digest = digest or (lambda obj: True)
        while True:
            try:
                listed = await self._api.client.list(kind)
                self._objects[kind] = {metadata.key(obj): digest(obj) for obj in listed["items"]}
                version = listed["metadata"]["resourceVersion"]
                async with self._api.client.watch(kind, resource_version=version) as events:
                    async for event in events:
                        if event.type == "DELETED":
                            self._objects[kind].pop(metadata.key(event.object), None)
                        elif event.type != "BOOKMARK":
                            self._objects[kind][metadata.key(event.object)] = digest(event.object)
                        async with self._changed:
                            self._changed.notify_all()
            except ApiError:
                await asyncio.sleep(1)  # an API server under load ends watches; what was missed is listed

    async def when(self, kind: Kind, holds: Callable[[Sequence[Any]], bool], seconds: float) -> float:
        """The moment (`time.perf_counter`) at which it holds of the digests of all objects of the kind."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: holds(list(self._objects[kind].values())))
            return time.perf_counter()


def with_status(obj: Object) -> bool:
    """Whether somebody has written conditions."""
    return bool((obj.get("status") or {}).get("conditions"))


def state(obj: Object) -> str:
    """`new`, `written` or `ready`."""
    return "ready" if is_ready(obj) else "written" if with_status(obj) else "new"
