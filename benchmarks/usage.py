"""What a process has used, from Linux' own accounting."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu_seconds` since its start; resident memory now and at its highest, in MB.

    `waited_seconds` is how long its main thread could have run while other work had the cores: on a shared machine, what of a
    time on the clock is not its own.
    """

    cpu_seconds: float
    resident_mb: float
    peak_mb: float
    waited_seconds: float = 0.0


def usage(pid: int) -> Usage:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = {
        name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in status) if "kB" in rest
    }
    waited = int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    ticks = int(fields[11]) + int(fields[12])
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), kilobytes["VmRSS"] / 1024, kilobytes["VmHWM"] / 1024, waited)
