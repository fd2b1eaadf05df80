"""The limits of a router, in seconds; None is no limit."""

from dataclasses import dataclass

from kservectl.api.inferencegraph import InferenceGraphSpec, RouterTimeouts

_READ = 60
_WRITE = 60
_IDLE = 180


@dataclass(frozen=True, slots=True)
class Timeouts:
    """`read` bounds the reading of a request, `write` a request from its headers to the end of the answer, `idle` a
    connection without requests, `call` one call of a service."""

    read: float | None = _READ
    write: float | None = _WRITE
    idle: float = _IDLE
    call: float | None = None

    @classmethod
    def of(cls, spec: InferenceGraphSpec) -> "Timeouts":
        """The graph's own; without a `serverWrite` its `timeout` stands for one. 0 sets no limit."""
        own = spec.router_timeouts or RouterTimeouts()
        write = own.server_write if own.server_write is not None else spec.timeout
        return cls(
            read=_limit(own.server_read, _READ),
            write=_limit(write, _WRITE),
            idle=_limit(own.server_idle, _IDLE) or _IDLE,
            call=_limit(own.service_client, None),
        )


def _limit(seconds: int | None, default: float | None) -> float | None:
    if seconds is None:
        return default
    return float(seconds) if seconds > 0 else None
