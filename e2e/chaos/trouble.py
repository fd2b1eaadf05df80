"""Trouble, as the dice say: what a network, an API server, a machine and a kubelet do to a manager on a bad day."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import structlog

from e2e.chaos.stand import Stand
from kservectl.devcluster.faults import Fault
from kservectl.devcluster.refusals import refusal
from kservectl.devcluster.request import RequestInfo
from kservectl.manifests.names import NAMESPACE
from kservectl.objects import metadata
from kservectl.objects.kind import LEASE

_PAUSE = (0.3, 3.0)
_FREEZES = (1.0, 5.0, 17.0)
"""Seconds; a Lease runs out in the last of them."""


class Trouble:
    """Makes trouble for `stand`, and cleans up behind it. `made` counts what was made."""

    def __init__(self, stand: Stand, dice: random.Random) -> None:
        self.made: Counter[str] = Counter()
        self._stand = stand
        self._dice = dice
        self._hits = random.Random(dice.random())
        self._log = structlog.get_logger(component="trouble")
        self._kinds: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self._storm, 6),
            (self._broken_watches, 3),
            (self._expired_history, 2),
            (self._slow_watches, 2),
            (self._server_restart, 1),
            (self._killed_manager, 3),
            (self._frozen_manager, 2),
            (self._lost_lease, 2),
        ]

    async def run(self, stop: asyncio.Event) -> None:
        """One thing after the other, with some calm between, until `stop`; the last one is brought to its end."""
        while not stop.is_set():
            await asyncio.sleep(self._dice.uniform(*_PAUSE))
            kind = self._dice.choices([each for each, _ in self._kinds], [weight for _, weight in self._kinds])[0]
            name = kind.__name__.strip("_").replace("_", " ")
            self.made[name] += 1
            self._log.info("trouble", what=name)
            await kind()

    async def _storm(self) -> None:
        """Requests fail, wait, or lose their connection before or after they were served."""
        share = self._dice.choice((0.05, 0.2, 0.5))
        remove = self._stand.cluster.faults.add(lambda info: self._fault(info) if self._hits.random() < share else None)
        try:
            await asyncio.sleep(self._dice.uniform(1, 6))
        finally:
            remove()

    def _fault(self, info: RequestInfo) -> Fault | None:
        if info.verb == "watch":
            return Fault(cut_after=self._hits.randrange(5000))
        made = self._hits.choice(("429", "500", "503", "before", "after", "delay"))
        self.made[f"fault {made}"] += 1
        match made:
            case "429":
                return Fault(answer=refusal(429, "TooManyRequests", "the server is overloaded", retry_after=1))
            case "500":
                return Fault(answer=refusal(500, "InternalError", "etcdserver: request timed out"))
            case "503":
                return Fault(answer=refusal(503, "ServiceUnavailable", "the server is shutting down"))
            case "before":
                return Fault(drop="before")
            case "after":
                return Fault(drop="after")
            case _:
                return Fault(delay=self._hits.uniform(0.02, 1.0))

    async def _broken_watches(self) -> None:
        self._stand.cluster.break_watches()

    async def _expired_history(self) -> None:
        self._stand.cluster.expire_history()
        self._stand.cluster.break_watches()

    async def _slow_watches(self) -> None:
        self._stand.cluster.delay_watches(self._dice.uniform(0.1, 2.0))
        try:
            await asyncio.sleep(self._dice.uniform(1, 5))
        finally:
            self._stand.cluster.delay_watches(0)

    async def _server_restart(self) -> None:
        await self._stand.restart_server(self._dice.uniform(0, 2), forget=self._dice.random() < 0.5)

    async def _killed_manager(self) -> None:
        manager = self._dice.choice(self._stand.managers)
        await self._stand.kill(manager, gently=self._dice.random() < 0.3, away=self._dice.uniform(0, 1))

    async def _frozen_manager(self) -> None:
        manager = self._dice.choice(self._stand.managers)
        await self._stand.freeze(manager, self._dice.choice(_FREEZES))

    async def _lost_lease(self) -> None:
        """Somebody deletes a Lease by hand: that of a replica, that of who leads, or the assignment of keys."""
        if leases := self._stand.cluster.list(LEASE, NAMESPACE):
            await self._stand.cluster.delete(LEASE, metadata.name(self._dice.choice(leases)), NAMESPACE)
