"""The last lines of the log of a part of the process, kept to be read: those of one manager among others, say.

`record` is a step of the log (`logging.configure` puts it in where it is asked for). Lines that nobody listens to pass it.
"""

from collections import deque
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import structlog

from kservectl.objects.metadata import Object

_LISTENING: ContextVar["Recorder | None"] = ContextVar("listening", default=None)


class Recorder:
    """Keeps the last `limit` entries, as a console would show them."""

    def __init__(self, limit: int = 10_000) -> None:
        self._lines: deque[str] = deque(maxlen=limit)
        self._rendered = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear what is written in this block, and in every task that is started in it, for as long as that runs."""
        token = _LISTENING.set(self)
        try:
            yield
        finally:
            _LISTENING.reset(token)

    def add(self, entry: Object) -> None:
        self._lines.append(str(self._rendered(None, "", dict(entry))))

    def text(self) -> str:
        """One entry a line, but for tracebacks, which have more; the oldest first."""
        return "".join(f"{line}\n" for line in self._lines)


def record(logger: Any, method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Let the recorder that listens here, if any does, keep the entry."""
    if (recorder := _LISTENING.get()) is not None:
        recorder.add(dict(entry))
    return entry
