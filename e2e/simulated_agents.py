"""Node agents for a cluster whose nodes are played: the devcluster's simulation, run against any API server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from e2e.api import connect
from kservectl.clock import SystemClock
from kservectl.devcluster.workloads.controllers import node_agents
from kservectl.devcluster.workloads.pod import Pace
from kservectl.runtime.manager import Manager, ManagerOptions


@asynccontextmanager
async def simulated_agents(kubeconfig: Path, *, seconds: float = 1.0) -> AsyncIterator[None]:
    """The agents of all nodes until the block ends; a download takes this long."""
    stop = asyncio.Event()
    async with connect(kubeconfig) as api:
        manager = Manager(api.client, SystemClock(), ManagerOptions(metrics_bind="", health_bind=""))
        manager.add(node_agents(Pace(download=seconds)))
        async with asyncio.TaskGroup() as group:
            group.create_task(manager.run(stop))
            try:
                yield
            finally:
                stop.set()
