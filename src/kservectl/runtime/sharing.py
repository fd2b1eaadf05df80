"""Several active replicas: the controllers of this process work on its part of the keys, and hand over what moves away.

Every replica caches everything; only deciding and writing are shared. What belongs to no key (certificates) is the leader's.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from prometheus_client import CollectorRegistry

from kservectl.client.client import Client
from kservectl.client.errors import ClientError
from kservectl.clock import Clock
from kservectl.informers import Change, InformerFactory
from kservectl.leader import LeaderElector, ShardMember, ShardMetrics, Timing
from kservectl.leader.assignment import GROUP_LABEL
from kservectl.objects.kind import LEASE
from kservectl.objects.metadata import ObjectKey
from kservectl.runtime.runner import ControllerRunner


@dataclass(frozen=True, slots=True)
class Sharding:
    """Which replicas share: those whose Leases in `namespace` carry the name of the `group`."""

    group: str
    namespace: str
    timing: Timing = field(default_factory=Timing)


class Sharing:
    """Ties a ShardMember to the informer that shows it the others, and to the runners that it concerns.

    As long as the Lease of `election` is held by one that does not share (a manager of another kind, or one that leads alone),
    this replica does not join: that one works on every key. One that took the Lease just before this replica joined may have seen
    no replica; so who holds it is asked again after joining, and before anything is worked on. One that sees this replica
    waits for it (`leader.precedence.until_none_shares`): of the two, at least one sees the other.
    """

    def __init__(
        self,
        client: Client,
        factory: InformerFactory,
        options: Sharding,
        *,
        clock: Clock,
        identity: str,
        registry: CollectorRegistry,
        rng: random.Random,
        election: LeaderElector | None = None,
    ) -> None:
        self._identity = identity
        self._election = election
        self._clock = clock
        self._retry = options.timing.retry
        self._waits_for = ""
        self._log = structlog.get_logger(component="sharding", identity=identity)
        self._runners: list[ControllerRunner] = []
        self.joined = asyncio.Event()
        """Set once this replica has its Lease: its controllers may start."""
        self.member = ShardMember(
            client,
            group=options.group,
            namespace=options.namespace,
            clock=clock,
            identity=identity,
            foreign_in_hand=lambda: any(runner.foreign_in_hand() for runner in self._runners),
            gained=self._gained,
            timing=options.timing,
            metrics=ShardMetrics(registry),
            rng=rng,
        )
        self._leases = factory.informer(
            LEASE, namespaces=(options.namespace,), label_selector=f"{GROUP_LABEL}={options.group}"
        )
        self._leases.add_handler(self._see, name="sharding")

    def owns(self, key: ObjectKey) -> bool:
        """Whether this replica may act on `key` now."""
        return self.member.owns(str(key))

    def concerns(self, runners: Sequence[ControllerRunner]) -> None:
        """These runners work on the keys that are shared."""
        self._runners = [*runners]

    async def run(self) -> None:
        """Join, and follow the others for ever; raises LeadershipLost when the Lease is lost."""
        await self._leases.wait_synced()
        await self._join()
        self.joined.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.member.hold(), name="shard lease")
            group.create_task(self.member.run(), name="shard assignment")

    async def _join(self) -> None:
        election = self._election
        if election is None:
            await self.member.join()
            return
        while True:
            await election.until_holder(self._may_join)
            await self.member.join()
            try:
                if self._may_join(await election.look()):
                    return
            except (ClientError, TimeoutError) as error:
                self._log.warning("cannot look who leads; joining later", error=str(error) or "no answer in time")
            await self.member.leave()
            await self._clock.sleep(self._retry)

    def _may_join(self, holder: str) -> bool:
        """Whether nobody holds the Lease of the election, or one of those who share."""
        members = ((lease.get("spec") or {}).get("holderIdentity") for lease in self._leases.store.list())
        if holder in ("", self._identity, *members):
            return True
        if holder != self._waits_for:
            self._waits_for = holder
            self._log.warning("not joining: the Lease is held by one that shares its work with nobody", holder=holder)
        return False

    def _see(self, change: Change) -> None:
        self.member.see(change.key.name, change.new)

    def _gained(self, is_new: Callable[[str], bool]) -> None:
        for runner in self._runners:
            runner.take_up(lambda key: is_new(str(key)))
