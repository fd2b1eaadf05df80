"""A connection on which the process seems to end at a chosen call: for each namespace at one of its own.

Whatever comes after that call in that namespace is neither sent nor answered, as if the process were gone. So one process shows
every moment at which it can be killed: in each of many namespaces, that do the same, it stops at another call; when it has
stopped in all of them it is killed.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from kservectl.client.connection import Connection, Request
from kservectl.client.retry import RetryPolicy
from kservectl.devcluster.request import parse_request


@dataclass(frozen=True, slots=True)
class Point:
    """The number of a call, from 1, and whether it is still served."""

    call: int
    served: bool

    def __str__(self) -> str:
        return f"{'after' if self.served else 'before'} call {self.call}"


class StoppingConnection(Connection):
    """Counts calls in `calls` by namespace; watches, lists and Events are no calls: they change nothing that is decided on."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.points: dict[str, Point] = {}
        self.calls: dict[str, list[str]] = defaultdict(list)
        self.stopped: set[str] = set()

    async def request(self, request: Request, *, retries: RetryPolicy | None = None) -> Any:
        info = parse_request(request.method, request.path, request.params)
        if not info.namespace or info.verb == "list" or info.plural in ("events", "leases"):
            return await super().request(request, retries=retries)
        await self._while_alive(info.namespace)
        calls = self.calls[info.namespace]
        calls.append(str(request))
        point = self.points.get(info.namespace)
        if point is not None and len(calls) == point.call:
            if point.served:
                await super().request(request, retries=retries)
            self.stopped.add(info.namespace)
        await self._while_alive(info.namespace)
        answer = await super().request(request, retries=retries)
        await self._while_alive(info.namespace)
        return answer

    async def _while_alive(self, namespace: str) -> None:
        if namespace in self.stopped:
            await asyncio.Event().wait()
