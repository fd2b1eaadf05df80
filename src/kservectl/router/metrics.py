"""What a router counts: requests with their duration, and the calls of each step."""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from kservectl.router.answer import Answer
from kservectl.router.holding import HeldBytes

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class RouterMetrics:
    """Metrics of one router. Node and step names come from the graph, so there are only so many."""

    def __init__(self, registry: CollectorRegistry, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._requests = Counter(
            "kservectl_router_requests", "Requests to the graph, by the status they got.", ["code"], registry=registry
        )
        self._seconds = Histogram(
            "kservectl_router_request_seconds", "How long requests took.", registry=registry, buckets=_BUCKETS
        )
        self._retries = Counter(
            "kservectl_router_retries",
            "Calls that were due to be tried again: tried, or refused because the budget was spent.",
            ["outcome"],
            registry=registry,
        )
        self._held = Gauge("kservectl_router_held_bytes", "Bytes of bodies that are in memory.", registry=registry)
        self._overloads = Counter(
            "kservectl_router_overloads", "Bodies that there was no room for in memory.", registry=registry
        )
        self._calls = Histogram(
            "kservectl_router_step_seconds",
            "How long the calls of a step took, by the status they got; error or cancelled where there was none.",
            ["node", "step", "code"],
            registry=registry,
            buckets=_BUCKETS,
        )

    def show(self, held: HeldBytes) -> None:
        """Have the use of this budget read with the metrics."""
        self._held.set_function(lambda: held.held)

    def overloaded(self) -> None:
        """There was no room for a body."""
        self._overloads.inc()

    def retried(self, allowed: bool) -> None:
        """A call was due to be tried again; `allowed` says whether it was."""
        self._retries.labels("tried" if allowed else "refused").inc()

    def answered(self, code: str, seconds: float) -> None:
        """A request got its answer; `code` is `aborted` where the answer broke off on its way."""
        self._requests.labels(code).inc()
        self._seconds.observe(seconds)

    async def observe(self, node: str, step: str, call: Awaitable[Answer]) -> Answer:
        """Await a call, and count it."""
        began, code = self._monotonic(), "error"
        try:
            answer = await call
            code = str(answer.status)
        except asyncio.CancelledError:
            code = "cancelled"
            raise
        else:
            return answer
        finally:
            self._calls.labels(node, step, code).observe(self._monotonic() - began)
