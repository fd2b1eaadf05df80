"""Logs: one line an event, `key=value` for people or JSON for machines, on standard error.

`configure` is called once, by the command line; every other module takes `structlog.get_logger()` inside its objects and
works the same without any set-up, so that tests and library users keep their own.
"""

import logging
import sys
from collections.abc import MutableMapping, Sequence
from typing import Any, Literal, TextIO

import orjson
import structlog
from structlog.types import Processor

from kservectl.runtime.recording import record

Format = Literal["console", "json"]


def configure(
    log_format: Format = "console", level: str = "info", stream: TextIO | None = None, *, recorded: bool = False
) -> None:
    """Set up structlog for the process; `level` is a name of the logging module, in any case.

    `recorded` hands what is said at level info, and above, to whoever listens (`runtime.recording`), shown or not.
    """
    stream = stream or sys.stderr
    threshold = logging.getLevelNamesMapping().get(level.upper())
    if threshold is None:
        raise ValueError(f"unknown log level {level!r}; use debug, info, warning or error")
    between = (record, _not_below(threshold)) if recorded else ()
    structlog.configure(
        processors=processors(log_format, colors=stream.isatty(), between=between),
        wrapper_class=structlog.make_filtering_bound_logger(min(threshold, logging.INFO) if recorded else threshold),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )


def processors(log_format: Format, *, colors: bool = False, between: Sequence[Processor] = ()) -> list[Processor]:
    """The steps that each entry goes through; those `between` come when it is whole and is no text yet."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *between,
    ]
    if log_format == "console":
        # A plain traceback: the prettier ones print local variables, and with them what may be secret.
        plain = structlog.dev.plain_traceback
        return [*shared, structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
    return [
        *shared,
        structlog.processors.EventRenamer("msg"),
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=_to_json),
    ]


def _not_below(threshold: int) -> Processor:
    levels = logging.getLevelNamesMapping()

    def drop(logger: Any, method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if levels[str(entry["level"]).upper()] < threshold:
            raise structlog.DropEvent
        return entry

    return drop


def _to_json(entry: Any, **_: Any) -> str:
    return orjson.dumps(entry, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
