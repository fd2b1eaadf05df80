"""A process with no more than some CPU, as a container has with `resources.limits.cpu`: a cgroup of its own."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PERIOD_MICROSECONDS = 100_000
_V1 = Path("/sys/fs/cgroup/cpu")
_V2 = Path("/sys/fs/cgroup")


class CannotLimit(Exception):
    """This system, or this user, has no cgroups to limit CPU with."""


@contextmanager
def cpu_limit(cores: float) -> Iterator[Callable[[int], None]]:
    """What puts a process, by its id, under the limit of so many cores. It has to end within the block. Raises CannotLimit."""
    version_1 = (_V1 / "cpu.cfs_quota_us").exists()
    group = (_V1 if version_1 else _V2) / f"kservectl-benchmark-{os.getpid()}"
    quota = round(cores * _PERIOD_MICROSECONDS)
    limits = {"cpu.max": f"{quota} {_PERIOD_MICROSECONDS}"}
    if version_1:
        limits = {"cpu.cfs_period_us": f"{_PERIOD_MICROSECONDS}", "cpu.cfs_quota_us": f"{quota}"}
    try:
        group.mkdir()
        for name, value in limits.items():
            (group / name).write_text(value)
    except OSError as error:
        with suppress(OSError):
            group.rmdir()
        raise CannotLimit(f"CPU cannot be limited by cgroups here: {error}") from error
    try:
        yield lambda pid: _join(group, pid)
    finally:
        group.rmdir()


def _join(group: Path, pid: int) -> None:
    (group / "cgroup.procs").write_text(str(pid))
