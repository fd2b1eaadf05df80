"""The tasks of a process: each has a name and an owner, and none may end unless it was told to.

When one ends by itself or raises, all others are cancelled, and what it raised is what the caller gets: a process with a part
missing looks healthy and is not.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog


class TaskEnded(Exception):
    """A task that should have run until it was stopped ended by itself."""


class Supervisor:
    """Starts and stops tasks inside `run_supervised`."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._expected: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger(component="supervisor")

    def start(self, name: str, work: Awaitable[None]) -> asyncio.Task[None]:
        """Run `work` as a task of that name."""
        return self._group.create_task(self._supervise(name, work), name=name)

    def expect_end(self, *tasks: asyncio.Task[None]) -> None:
        """From now on these may end by themselves."""
        self._expected.update(tasks)

    async def stop(self, *tasks: asyncio.Task[None]) -> None:
        """Cancel tasks, and return when they have ended."""
        self.expect_end(*tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _supervise(self, name: str, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:
            self._log.error("a task failed; the process ends", task=name, error=str(root_cause(error)))
            raise
        if asyncio.current_task() not in self._expected:
            raise TaskEnded(f"{name} ended by itself, which it must not")


async def run_supervised(body: Callable[[Supervisor], Awaitable[None]]) -> None:
    """Run `body`, which may start tasks and must have stopped all when it returns; raises what ended the first of them."""
    try:
        async with asyncio.TaskGroup() as group:
            supervisor = Supervisor(group)
            await body(supervisor)
    except BaseExceptionGroup as failures:
        raise root_cause(failures) from failures


def root_cause(error: BaseException) -> BaseException:
    """The first exception inside (nested) exception groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
