"""What the long-running commands share: an event loop, signals that stop it, and exit codes."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import click
import uvloop

from kservectl.client.errors import ClientError
from kservectl.leader import LeadershipLost
from kservectl.runtime.memory import return_large_blocks
from kservectl.runtime.sources import CacheSyncTimeout

Main = Callable[[asyncio.Event], Coroutine[Any, Any, int]]
"""The body of a command: runs until its event is set, answers the exit code."""


def run_until_signal(main: Main) -> None:
    """Run `main` and exit the process with its answer.

    The first SIGTERM or SIGINT sets the event; a second one ends the process at once, with the exit code that a shell gives
    to a process killed by that signal. Expected failures are a sentence on standard error and exit code 1.
    """
    return_large_blocks()
    try:
        code = uvloop.run(_run(main))
    except* (ClientError, LeadershipLost, CacheSyncTimeout, OSError, click.ClickException) as group:
        for error in _leaves(group):
            click.echo(
                f"Error: {error.format_message() if isinstance(error, click.ClickException) else error}", err=True
            )
        code = 1
    sys.exit(code)


async def _run(main: Main) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def on_signal(number: int) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    try:
        return await main(stop)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
