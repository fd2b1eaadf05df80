"""One of several replicas that share the work: it keeps a Lease of its own, and with the others an assignment of keys.

Promises: no key is worked on by two replicas at once, whatever each of them has seen of the others and when; what a replica that
died had is worked on again within the term of its Lease. There is no coordinator: whoever is no member yet, or sees
the Lease of a member run out, writes the next epoch, conditional on the one before. See `assignment` for the rules.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry, Gauge

from kservectl.client.errors import AlreadyExists, ClientError, Conflict, NotFound
from kservectl.clock import Clock
from kservectl.leader.assignment import (
    ASSIGNMENT_ANNOTATION,
    CONFIRMED_ANNOTATION,
    GROUP_LABEL,
    Assignment,
    Tenure,
    suspects,
)
from kservectl.leader.election import LeaderElector, LeaseClient, Timing
from kservectl.leader.lease import Observation
from kservectl.objects import metadata
from kservectl.objects.kind import LEASE, Kind
from kservectl.objects.metadata import Object


class ShardClient(LeaseClient, Protocol):
    """The requests that sharding makes."""

    async def list(self, kind: Kind, namespace: str = "", *, label_selector: str = "") -> Object: ...
    async def delete(
        self, kind: Kind, name: str, namespace: str = "", *, uid: str = "", resource_version: str = ""
    ) -> None: ...


class ShardMetrics:
    """`kservectl_shard_epoch` and `kservectl_shard_members`, as this replica sees them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.epoch = Gauge("kservectl_shard_epoch", "The newest assignment of keys that is known.", registry=registry)
        self.members = Gauge("kservectl_shard_members", "Replicas that it names.", registry=registry)


class ShardMember:
    """This replica. `see` is told of every Lease of the group; `run` lives as long as the work.

    foreign_in_hand
        Whether a key is in hand that `owns` is not true of any more; `poke` is to be called when that may have changed.
    gained
        Called when keys may be worked on that could not before, with what tells whether a key is one of them.
    """

    def __init__(
        self,
        client: ShardClient,
        *,
        group: str,
        namespace: str,
        clock: Clock,
        identity: str,
        foreign_in_hand: Callable[[], bool],
        gained: Callable[[Callable[[str], bool]], None],
        timing: Timing | None = None,
        metrics: ShardMetrics | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.identity = identity
        self._client = client
        self._group = group
        self._namespace = namespace
        self._clock = clock
        self._timing = timing or Timing()
        self._foreign_in_hand = foreign_in_hand
        self._gained = gained
        self._metrics = metrics
        self._tenure = Tenure(identity)
        self._confirmed = self._tenure.newest.confirmation()
        self._assignment: Object | None = None
        self._leases: dict[str, Observation] = {}
        self._changed = asyncio.Event()
        self._wait = 0.0
        self._joined = False
        self._log = structlog.get_logger(component="sharding", identity=identity)
        self._elector = LeaderElector(
            client,
            name=lease_name(group, identity),
            namespace=namespace,
            clock=clock,
            identity=identity,
            timing=self._timing,
            rng=rng,
            labels={GROUP_LABEL: group},
            annotations=lambda: {CONFIRMED_ANNOTATION: self._confirmed},
        )

    def owns(self, key: str) -> bool:
        """Whether this replica may act on `key` now."""
        return self._tenure.owns(key)

    def check(self) -> None:
        """Return if a write may be made now; raise LeadershipLost otherwise. Costs no request."""
        self._elector.check()

    def see(self, name: str, lease: Object | None) -> None:
        """Take in a Lease of the group as it is now; None for one that was deleted."""
        self._take_in(name, lease)
        self.poke()

    def _take_in(self, name: str, lease: Object | None) -> None:
        if name == assignment_name(self._group):
            self._assignment = lease and _newer(self._assignment, lease)
        elif lease is not None:
            seen = self._leases.setdefault(name, Observation())
            seen.see(_newer(seen.lease, lease), self._clock.monotonic())
        elif name in self._leases and not self._leases[name].is_held(self._clock.monotonic()):
            del self._leases[name]
        # One that vanished while it was held counts as held for the rest of its term: its holder puts it back.

    def poke(self) -> None:
        """Look again."""
        self._changed.set()

    async def join(self) -> None:
        """Take this replica's own Lease."""
        await self._elector.acquire()
        self._joined = True

    async def hold(self) -> None:
        """Renew it for ever; raises LeadershipLost when that cannot be done any more: the process must end."""
        await self._elector.hold()

    async def run(self) -> None:
        """Follow the others for ever."""
        while True:
            self._changed.clear()
            self._wait = self._until_next_expiry()
            await self._step()
            try:
                async with self._clock.timeout(self._wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def leave(self) -> None:
        """Give the Lease back, after all work has ended: the others see it at once. Again, or before `join`, it does nothing."""
        if not self._joined:
            return
        self._joined = False
        await self._elector.release()
        await self._delete(lease_name(self._group, self.identity))

    async def _step(self) -> None:
        assignment = Assignment.of(self._assignment)
        if self._tenure.follow(assignment):
            self._log.info("the keys are dealt out anew", epoch=assignment.epoch, members=list(assignment.members))
            if self._metrics:
                self._metrics.epoch.set(assignment.epoch)
                self._metrics.members.set(len(assignment.members))
        confirmation = self._tenure.newest.confirmation()
        if confirmation != self._confirmed and not self._foreign_in_hand():
            self._confirmed = confirmation
            self._elector.renew_soon()
        if self._tenure.may_begin(self._confirmations()):
            self._gained(self._tenure.begin())
        if not self._elector.is_leader:
            return
        if self._due() is not None:
            await self._publish()
        elif self.identity == min(assignment.members):
            await self._clean_up(assignment)

    def _due(self) -> Assignment | None:
        return self._tenure.due(Assignment.of(self._assignment), self._live(), tuple(self._confirmations().values()))

    def _live(self) -> set[str]:
        now = self._clock.monotonic()
        return {self.identity} | {seen.holder for seen in self._leases.values() if seen.is_held(now)}

    def _confirmations(self) -> Mapping[str, str]:
        found = {
            seen.holder: metadata.annotations(seen.lease).get(CONFIRMED_ANNOTATION, "")
            for seen in self._leases.values()
            if seen.holder and seen.lease is not None
        }
        return {**found, self.identity: self._confirmed}

    def _until_next_expiry(self) -> float:
        now = self._clock.monotonic()
        waits = [seen.expires_at - now for seen in self._leases.values() if seen.is_held(now)]
        return max(min(waits, default=self._timing.lease), 0.0) + self._timing.retry / 10

    async def _publish(self) -> None:
        """Write the epoch that is due, unless the server says otherwise of those who seem to be gone."""
        try:
            async with self._clock.timeout(self._timing.renew_deadline):
                if self._tenure.is_lost(Assignment.of(self._assignment), self._confirmations().values()):
                    await self._look_at_all()
                for member in suspects(Assignment.of(self._assignment), self._live()):
                    await self._look_at(member)
                if (successor := self._due()) is not None:
                    # Its event, and those of later epochs, may have come before this answer.
                    written = await self._write(successor)
                    self._assignment = _newer(self._assignment, written)
                    self.poke()
        except (Conflict, AlreadyExists):
            self._wait = min(self._wait, self._timing.retry)  # somebody else has; its event is on the way
        except NotFound:
            self._assignment = None
            self.poke()
        except (ClientError, TimeoutError) as error:
            self._log.warning("cannot deal out the keys anew", error=str(error) or "no answer in time")
            self._wait = min(self._wait, self._timing.retry)

    async def _look_at(self, member: str) -> None:
        """Ask the server about a Lease that seems to have run out: a watch may be behind."""
        name = lease_name(self._group, member)
        try:
            lease = await self._client.get(LEASE, name, self._namespace)
        except NotFound:
            return
        self._take_in(name, lease)

    async def _look_at_all(self) -> None:
        """Ask the server about all Leases of the group: the watch may not have brought yet who is at work, and on what."""
        listed = await self._client.list(LEASE, self._namespace, label_selector=f"{GROUP_LABEL}={self._group}")
        for lease in listed["items"]:
            self._take_in(metadata.name(lease), lease)

    async def _write(self, assignment: Assignment) -> Object:
        before = self._assignment
        name = assignment_name(self._group)
        head: Object = before or {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": {"name": name, "namespace": self._namespace},
        }
        inner = metadata.metadata(head)
        inner = {
            **inner,
            "labels": {**(inner.get("labels") or {}), GROUP_LABEL: self._group},
            "annotations": {**(inner.get("annotations") or {}), ASSIGNMENT_ANNOTATION: assignment.text()},
        }
        wanted = {**head, "metadata": inner}
        return await (self._client.create(LEASE, wanted) if before is None else self._client.update(LEASE, wanted))

    async def _clean_up(self, assignment: Assignment) -> None:
        """Delete the Leases of those who are gone, members in an earlier epoch or in none."""
        now = self._clock.monotonic()
        kept = {lease_name(self._group, member) for member in assignment.members}
        gone = [name for name, seen in self._leases.items() if not seen.is_held(now) and name not in kept]
        for name in gone:  # before the first request: news of the others may come meanwhile
            del self._leases[name]
        for name in gone:
            await self._delete(name)

    async def _delete(self, name: str) -> None:
        """Clean up; what is left behind by a failure holds nothing and hurts nobody."""
        try:
            async with self._clock.timeout(self._timing.renew_deadline):
                await self._client.delete(LEASE, name, self._namespace)
        except NotFound:
            return
        except (ClientError, TimeoutError) as error:
            self._log.warning("a Lease that nobody needs stays", lease=name, error=str(error) or "no answer in time")


def assignment_name(group: str) -> str:
    """The Lease that holds the assignment in its annotation."""
    return f"{group}-assignment"


def lease_name(group: str, identity: str) -> str:
    """The Lease of one replica; identities may hold what names must not."""
    return f"{group}-{blake2b(identity.encode(), digest_size=6).hexdigest()}"


def _newer(one: Object | None, other: Object) -> Object:
    """Of two states of an object the later one: its versions are numbers that grow (KEP-5504)."""
    return one if one is not None and _version(one) > _version(other) else other


def _version(obj: Object) -> int:
    version = metadata.resource_version(obj)
    return int(version) if version.isdecimal() else 0
