"""Faults on purpose: what a test makes the server do to a request instead of, before or after serving it.

A hook sees every HTTP request and answers with a Fault or None. It may also just count: it is a plain function.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from kservectl.client.errors import ApiError
from kservectl.devcluster.request import RequestInfo


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request.

    delay
        Seconds to wait before anything else.
    answer
        Answered instead of serving the request (see `kservectl.devcluster.refusals` for making one).
    drop
        `before`: the connection is dropped and nothing was done; `after`: the request was served but no answer arrives.
    cut_after
        A watch is broken off after so many bytes, in the middle of a line if it happens so.
    """

    delay: float = 0.0
    answer: ApiError | None = None
    drop: Literal["", "before", "after"] = ""
    cut_after: int | None = None


Hook = Callable[[RequestInfo], Fault | None]


class Faults:
    """The hooks of one server, asked in the order in which they were added; the first that answers decides."""

    def __init__(self) -> None:
        self._hooks: list[Hook] = []

    def add(self, hook: Hook) -> Callable[[], None]:
        """Install a hook; call what is returned to take it away."""
        self._hooks.append(hook)

        def remove() -> None:
            if hook in self._hooks:
                self._hooks.remove(hook)

        return remove

    def of(self, info: RequestInfo) -> Fault | None:
        found = [hook(info) for hook in tuple(self._hooks)]  # every hook sees every request, so that counters count
        return next((fault for fault in found if fault is not None), None)
