"""How far a download is, and what it brought."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes that are on the disk, those of an earlier try included. `bytes_total` is None while a size is not known."""

    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int | None


Report = Callable[[Progress], None]
"""Called with every piece that was written, on the event loop: it has to be quick. What it raises ends the download."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What is in the folder now. `received` counts the bytes that came over the network this time."""

    files: int
    bytes: int
    received: int


class Tally:
    """Adds up the files of one download, and reports."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._sizes: dict[str, int | None] = {}
        self._done: dict[str, int] = {}
        self._finished: set[str] = set()
        self.received = 0

    def expect(self, path: str, size: int | None) -> None:
        """A file of that size is wanted; a size that is learned later may be told later."""
        self._sizes[path] = size if size is not None else self._sizes.get(path)
        self._done.setdefault(path, 0)

    def has(self, path: str, size: int) -> None:
        """So much of a file is there from before, or no more than that."""
        self._done[path] = size
        self.tell()

    def add(self, path: str, size: int) -> None:
        """A piece of a file was received and written."""
        self._done[path] += size
        self.received += size
        self.tell()

    def finish(self, path: str) -> None:
        """The file is whole."""
        self._finished.add(path)
        self.tell()

    def tell(self) -> None:
        """Report the state of things."""
        sizes = list(self._sizes.values())
        known = [size for size in sizes if size is not None]
        total = sum(known) if len(known) == len(sizes) else None
        self._report(Progress(len(self._finished), len(sizes), sum(self._done.values()), total))

    @property
    def remaining(self) -> int | None:
        """Bytes that are still to come; None while a size is not known."""
        if any(size is None for size in self._sizes.values()):
            return None
        return sum(max(0, (size or 0) - self._done[path]) for path, size in self._sizes.items())
