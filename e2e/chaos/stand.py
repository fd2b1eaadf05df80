"""What a chaos run works on: a devcluster whose server can go down and come back, and managers that can be killed and frozen."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import yaml

from e2e.api import Api, connect
from e2e.manager import ManagerProcess
from e2e.service_address import ServiceAddress
from kservectl.api.kinds import INFERENCE_GRAPH, INFERENCE_SERVICE, TRAINED_MODEL
from kservectl.devcluster.cluster import DevCluster
from kservectl.development.environment import EnvironmentOptions, running
from kservectl.manifests.webhooks import configurations
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, REPLICA_SET

Mode = Literal["single", "pair", "sharded"]

REPLICAS: Mapping[Mode, int] = {"single": 1, "pair": 2, "sharded": 3}
"""How many managers there are: one alone, two with leader election, three that share the work."""

_LEADER_EXITS = 1
"""The exit code of a manager that lost its Lease: a fresh start is the only clean state."""

_RESTART_SECONDS = 0.5
_START_SECONDS = 60.0
_PROBE_SECONDS = 0.2


@dataclass
class Stand:
    """A running cluster with its managers. `deaths` counts managers that ended without having been killed by us."""

    cluster: DevCluster
    api: Api
    managers: list[ManagerProcess]
    deaths: int = 0
    _doomed: set[ManagerProcess] = field(default_factory=set)

    def uids(self) -> set[str]:
        """Of everything that may own other objects."""
        kinds = (INFERENCE_SERVICE, INFERENCE_GRAPH, TRAINED_MODEL, DEPLOYMENT, REPLICA_SET)
        return {metadata.uid(obj) for kind in kinds for obj in self.cluster.list(kind)}

    async def kill(self, manager: ManagerProcess, *, gently: bool, away: float) -> None:
        """End it with SIGKILL, or as a kubelet would, and start it again after so many seconds."""
        if manager in self._doomed or not manager.alive:
            return
        self._doomed.add(manager)
        try:
            await asyncio.to_thread(manager.stop if gently else manager.kill9)
            await asyncio.sleep(away)
            manager.start()
        finally:
            self._doomed.discard(manager)

    async def freeze(self, manager: ManagerProcess, seconds: float) -> None:
        """Stop it for so long; to it the clock jumps."""
        if manager in self._doomed or not manager.alive:
            return
        self._doomed.add(manager)
        manager.pause()
        try:
            await asyncio.sleep(seconds)
        finally:
            manager.resume()
            self._doomed.discard(manager)

    async def restart_server(self, away: float, *, forget: bool) -> None:
        """The API server goes down, and comes back on the same port; with `forget` without the history of changes."""
        port = int(self.cluster.url.rpartition(":")[2])
        await self.cluster.stop()
        await asyncio.sleep(away)
        if forget:
            self.cluster.expire_history()
        await self.cluster.start(port=port)

    async def keep_alive(self) -> None:
        """Start managers again that ended by themselves, as a kubelet would, for ever."""
        while True:
            for manager in self.managers:
                if not manager.alive and manager not in self._doomed:
                    self.deaths += 1
                    assert manager.exit_code == _LEADER_EXITS, (
                        f"{manager} ended with {manager.exit_code}:\n{manager.tail()}"
                    )
                    manager.start()
            await asyncio.sleep(_RESTART_SECONDS)

    async def all_ready(self) -> None:
        """Wait until every manager is ready."""
        await self._until(all)

    async def any_ready(self) -> None:
        """Wait until one of the managers is ready."""
        await self._until(any)

    async def _until(self, enough: Callable[[list[bool]], bool]) -> None:
        async with asyncio.timeout(_START_SECONDS):
            while not enough([await asyncio.to_thread(manager.is_ready) for manager in self.managers]):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(_PROBE_SECONDS)


@asynccontextmanager
async def standing(mode: Mode, folder: Path) -> AsyncIterator[Stand]:
    """Everything installed and ready, until the block ends."""
    async with running(EnvironmentOptions(with_manager=False)) as environment:
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(environment.cluster.kubeconfig()))
        await environment.apply(configurations())
        options = ("--sharded",) if mode == "sharded" else ()
        managers: list[ManagerProcess] = []
        with ServiceAddress(lambda: [each.webhook_port for each in managers if each.alive]) as address:
            for number in range(REPLICAS[mode]):
                log = folder / f"manager-{number}.log"
                managers.append(
                    ManagerProcess(
                        kubeconfig, log, leader_elect=mode == "pair", webhook_url=address.url, options=options
                    )
                )
            try:
                for manager in managers:
                    manager.start()
                async with connect(kubeconfig, "user") as api:
                    stand = Stand(environment.cluster, api, managers)
                    await stand.all_ready()
                    yield stand
            finally:
                for manager in managers:
                    await asyncio.to_thread(manager.stop)
