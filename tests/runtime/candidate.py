"""A process that competes for a Lease and, while it leads, writes its name into a ConfigMap many times a second.

Run as `python candidate.py URL NAME`. Prints `leading` when it does. Exit codes: 0 after SIGTERM, 3 when leadership was lost.
"""

import asyncio
import itertools
import random
import signal
import sys
from contextlib import suppress

from kservectl.client.client import Client
from kservectl.client.config import ConnectionConfig
from kservectl.client.connection import Connection
from kservectl.client.errors import Conflict
from kservectl.clock import SystemClock
from kservectl.leader import LeadershipLost, Timing
from kservectl.objects.kind import CONFIG_MAP
from kservectl.runtime.logging import configure
from kservectl.runtime.manager import Election, Manager, ManagerOptions

TIMING = Timing(lease=4, renew_deadline=3.0, retry=0.5)


async def main(url: str, name: str) -> int:
    clock, stop = SystemClock(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Connection(ConnectionConfig(url), clock=clock, rng=random.Random()) as connection:
        options = ManagerOptions(
            metrics_bind="", health_bind="", identity=name, election=Election("test", "default", TIMING)
        )
        manager = Manager(Client(connection), clock, options)

        async def write() -> None:
            print("leading", flush=True)
            for text in itertools.cycle((name, f"{name} again")):
                beat = await manager.client.get(CONFIG_MAP, "beat", "default")
                # Conditional, as every write of a controller: one that was on its way when the process was stopped fails.
                condition = {"resourceVersion": beat["metadata"]["resourceVersion"]}
                with suppress(Conflict):
                    await manager.client.patch(
                        CONFIG_MAP, "beat", "default", {"metadata": condition, "data": {"by": text}}
                    )
                await clock.sleep(0.02)

        manager.add_runnable("writer", write, needs_leader=True)
        try:
            await manager.run(stop)
        except LeadershipLost:
            return 3
    return 0


if __name__ == "__main__":
    configure("console", "error")
    sys.exit(asyncio.run(main(*sys.argv[1:])))
