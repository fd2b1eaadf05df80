"""No task without an owner, no death unnoticed."""

import asyncio

import pytest
import structlog

from kservectl.runtime.supervision import Supervisor, TaskEnded, run_supervised


async def forever() -> None:
    await asyncio.Event().wait()


async def test_all_others_are_cancelled_when_one_fails_and_its_error_is_what_is_raised() -> None:
    ended: list[str] = []

    async def watched() -> None:
        try:
            await forever()
        finally:
            ended.append("watched")

    async def fails() -> None:
        await asyncio.sleep(0)
        raise LookupError("where is it")

    async def body(tasks: Supervisor) -> None:
        tasks.start("watched", watched())
        tasks.start("fails", fails())
        await forever()

    with structlog.testing.capture_logs() as logs, pytest.raises(LookupError, match="where is it"):
        await run_supervised(body)
    assert ended == ["watched"]
    assert [(entry["task"], entry["error"]) for entry in logs] == [("fails", "where is it")]


async def test_the_cause_is_found_inside_nested_groups() -> None:
    async def nested() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(deeper())

    async def deeper() -> None:
        raise LookupError("deep")

    async def body(tasks: Supervisor) -> None:
        tasks.start("nested", nested())
        await forever()

    with pytest.raises(LookupError, match="deep"):
        await run_supervised(body)


async def test_a_task_that_ends_by_itself_is_a_failure() -> None:
    async def brief() -> None:
        await asyncio.sleep(0)

    async def body(tasks: Supervisor) -> None:
        tasks.start("brief", brief())
        await forever()

    with pytest.raises(TaskEnded, match="brief ended by itself"):
        await run_supervised(body)


async def test_a_task_that_was_stopped_or_may_end_is_none() -> None:
    async def brief() -> None:
        await asyncio.sleep(0)

    async def body(tasks: Supervisor) -> None:
        stopped, expected = tasks.start("stopped", forever()), tasks.start("expected", brief())
        tasks.expect_end(expected)
        await asyncio.sleep(0)
        await tasks.stop(stopped)
        assert stopped.done()

    await run_supervised(body)
