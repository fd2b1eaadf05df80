"""When all that was there at a controller's start has been decided once: until then a restart is not over."""

from collections.abc import Callable, Iterable
from typing import Any

from kservectl.objects.metadata import ObjectKey


class FirstPass:
    """Counts `keys` off, and says in `log` when none is left, with how many there were and the seconds that it took."""

    def __init__(self, keys: Iterable[ObjectKey], *, monotonic: Callable[[], float], log: Any) -> None:
        self._left = set(keys)
        self._number = len(self._left)
        self._monotonic = monotonic
        self._started = monotonic()
        self._log = log

    def had(self, key: ObjectKey) -> None:
        """The key was in hand, whatever came of it: it is retried like any other."""
        if key not in self._left:
            return
        self._left.remove(key)
        if not self._left:
            seconds = round(self._monotonic() - self._started, 3)
            self._log.info("all that was there was looked at", keys=self._number, seconds=seconds)
