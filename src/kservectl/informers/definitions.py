"""When a kind that the API server does not know is worth asking for again.

Custom kinds come into being with their CustomResourceDefinition, so its definitions are watched instead of probing: while
nothing changes there, a missing kind costs no request. Where definitions may not be watched, plain back-off remains.
"""

import asyncio
from contextlib import suppress
from typing import Final

from kservectl.clock import Clock
from kservectl.informers.handlers import Change
from kservectl.informers.informer import Informer
from kservectl.objects.kind import Kind

_SETTLING: Final = 60.0
"""Seconds after a change of a definition within which the kind may start to be served at any moment."""
_PROBE: Final = 900.0
"""Seconds after which a missing kind is asked for all the same: not every kind has a definition (aggregated APIs)."""


class Definitions:
    """Waits for kinds, by means of an informer of CustomResourceDefinitions."""

    def __init__(self, informer: Informer, *, clock: Clock) -> None:
        self._informer = informer
        self._clock = clock
        self._changed_at: dict[str, float] = {}
        self._changed: dict[str, asyncio.Event] = {}
        informer.add_handler(self._note, name="definitions")

    async def until_served(self, kind: Kind, delay: float) -> None:
        """Return when another try makes sense: `delay` seconds later, or when the definition of `kind` changes.

        It is the change alone if the definition has not changed for a while.
        """
        settling = self._clock.monotonic() - self._changed_at.get(kind.resource, float("-inf")) < _SETTLING
        changed = self._changed.setdefault(kind.resource, asyncio.Event())
        changed.clear()
        with suppress(TimeoutError):  # the time being over is one of the two ways to return
            async with self._clock.timeout(delay if settling or not self._informer.synced else _PROBE):
                await changed.wait()

    def _note(self, change: Change) -> None:
        name = change.key.name  # definitions are named `plural.group`, as Kind.resource is
        self._changed_at[name] = self._clock.monotonic()
        if name in self._changed:
            self._changed[name].set()
