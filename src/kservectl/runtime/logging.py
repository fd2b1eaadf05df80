"""Logs: one line an event, `key=value` for people or JSON for machines, on standard error.

`configure` is called once, by the command line; every other module takes `structlog.get_logger()` inside its objects and
works the same without any set-up, so that tests and library users keep their own.
"""

import logging
import sys
from typing import Any, Literal, TextIO

import orjson
import structlog
from structlog.types import Processor

Format = Literal["console", "json"]


def configure(log_format: Format = "console", level: str = "info", stream: TextIO | None = None) -> None:
    """Set up structlog for the process; `level` is a name of the logging module, in any case."""
    stream = stream or sys.stderr
    threshold = logging.getLevelNamesMapping().get(level.upper())
    if threshold is None:
        raise ValueError(f"unknown log level {level!r}; use debug, info, warning or error")
    structlog.configure(
        processors=processors(log_format, colors=stream.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )


def processors(log_format: Format, *, colors: bool = False) -> list[Processor]:
    """The steps that each entry goes through."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
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


def _to_json(entry: Any, **_: Any) -> str:
    return orjson.dumps(entry, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
