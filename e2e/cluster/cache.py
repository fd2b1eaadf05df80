"""The folder in which built programs are kept, and the lock that lets one process at a time fill it."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster.errors import ClusterError

__all__ = ["Report", "cache_folder", "locked", "put_in_place"]

Report = Callable[[str], None]
"""Takes one line that tells a person how things go."""

_LOCK_POLL_SECONDS = 0.5


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return ``$KSERVECTL_CACHE/cluster``, or the same below ``~/.cache/kservectl``."""
    chosen = environ.get("KSERVECTL_CACHE")
    root = Path(chosen).absolute() if chosen else Path.home() / ".cache" / "kservectl"
    return root / "cluster"


@contextmanager
def locked(path: Path, report: Report, *, patience: float = 3600.0) -> Iterator[None]:
    """Hold an exclusive lock on a file; the operating system lets go of it when the holder dies.

    :raises ClusterError: when another process holds it for longer than ``patience`` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + patience
    with path.open("w") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ClusterError(f"another process has held {path} for {patience:.0f} s; end it first") from None
                if not told:
                    report(f"waiting for another process that holds {path}")
                    told = True
                time.sleep(_LOCK_POLL_SECONDS)
        yield


def put_in_place(make: Callable[[Path], None], final: Path) -> None:
    """Let ``make`` write a file under another name in the same folder and give it its own name once it is whole.

    So a file under its final name is always a finished one, whatever happened to the process that made it.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = final.with_name(f".{final.name}.{os.getpid()}.partial")
    try:
        make(partial)
        partial.replace(final)
    finally:
        partial.unlink(missing_ok=True)
