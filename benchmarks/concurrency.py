"""Many requests of one sender, some at a time: enough to keep the API server busy, too few to queue up behind its limits."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

_AT_ONCE = 16


async def some_at_once(work: Iterable[Coroutine[Any, Any, object]]) -> None:
    """Do all of it; the first that fails ends the rest, and is raised in an ExceptionGroup."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(coroutine: Coroutine[Any, Any, object]) -> None:
        async with slots:
            await coroutine

    async with asyncio.TaskGroup() as group:
        for coroutine in work:
            group.create_task(one(coroutine))
