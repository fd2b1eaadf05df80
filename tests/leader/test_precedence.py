"""Whether others are at work, as one sees it who does not compete with them for a Lease."""

import asyncio
from datetime import timedelta

from structlog.testing import capture_logs

from kservectl.client.errors import Forbidden
from kservectl.clock import rfc3339_micro
from kservectl.leader.assignment import GROUP_LABEL
from kservectl.leader.precedence import renewing_holder, until_none_shares
from kservectl.objects.kind import LEASE
from kservectl.objects.metadata import Object
from tests.fake_clock import FakeClock
from tests.leader.test_election import LeaseClient, LeaseServer
from tests.runtime.memory_api import MemoryApi


def held_by(holder: str, clock: FakeClock, *, renewed: float = 0.0) -> Object:
    moment = rfc3339_micro(clock.now() + timedelta(seconds=renewed))
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": moment, "acquireTime": moment}
    return {"metadata": {"name": "lock", "namespace": "kserve"}, "spec": spec}


class Looking:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.server = LeaseServer()
        self.client = LeaseClient(self.server)

    async def start(self, holder: str = "", *, renewed: float = 0.0) -> "asyncio.Task[str]":
        if holder:
            self.server.store(held_by(holder, self.clock, renewed=renewed))
        task = asyncio.create_task(renewing_holder(self.client, "lock", "kserve", self.clock))
        await self.clock.settle()
        return task


async def test_without_a_lease_nobody_works() -> None:
    task = await Looking().start()
    assert task.result() == ""


async def test_a_released_lease_is_nobodys() -> None:
    looking = Looking()
    looking.server.store(held_by("", looking.clock))
    task = await looking.start()
    assert task.result() == ""


async def test_who_renews_works_whatever_the_clocks_say() -> None:
    looking = Looking()
    task = await looking.start("kserve-manager", renewed=-7200)
    await looking.clock.advance(3)
    assert not task.done()
    looking.server.store(held_by("kserve-manager", looking.clock, renewed=-7200))
    await looking.clock.advance(1)
    assert task.result() == "kserve-manager"


async def test_who_lets_the_term_pass_is_gone() -> None:
    looking = Looking()
    task = await looking.start("kserve-manager")
    await looking.clock.advance(14)
    assert not task.done()
    await looking.clock.advance(2)
    assert task.result() == ""


async def test_a_successor_works_too() -> None:
    looking = Looking()
    task = await looking.start("first")
    looking.server.store(held_by("second", looking.clock, renewed=1))
    await looking.clock.advance(1)
    assert task.result() == "second"


async def test_a_lease_that_is_released_or_deleted_meanwhile_is_nobodys() -> None:
    for change in ("released", "deleted"):
        looking = Looking()
        task = await looking.start("kserve-manager")
        if change == "released":
            looking.server.store(held_by("", looking.clock, renewed=1))
        else:
            looking.server.lease = None
        await looking.clock.advance(1)
        assert task.result() == ""


class Waiting:
    """One that leads, beside replicas of a group that share their work."""

    def __init__(self) -> None:
        self.clock, self.api = FakeClock(), MemoryApi()

    async def put(self, name: str, holder: str) -> None:
        """A replica renews, or gives its Lease back."""
        lease = held_by(holder, self.clock)
        lease["metadata"] = {"name": name, "namespace": "kserve", "labels": {GROUP_LABEL: "shards"}}
        await self.api.put(LEASE, {"apiVersion": LEASE.api_version, "kind": LEASE.kind, **lease})

    async def start(self) -> "asyncio.Task[None]":
        waiting = until_none_shares(self.api.client(), "shards", "kserve", self.clock, retry=2.0)
        task = asyncio.create_task(waiting)
        await self.clock.settle()
        return task


async def test_who_leads_waits_for_nobody_where_none_shares() -> None:
    waiting = Waiting()
    await waiting.api.put(LEASE, {"apiVersion": LEASE.api_version, "kind": LEASE.kind, **held_by("me", waiting.clock)})
    assert (await waiting.start()).done()
    assert len(waiting.api.requests) == 1


async def test_who_leads_waits_as_long_as_replicas_renew_and_says_for_whom() -> None:
    waiting = Waiting()
    with capture_logs() as logs:
        await waiting.put("shard-a", "a")
        task = await waiting.start()
        for _ in range(20):
            await waiting.clock.advance(5)
            await waiting.put("shard-a", "a")
        assert not task.done()
        await waiting.put("shard-a", "")
        await waiting.clock.advance(2)
        assert task.done()
    told = [(line["event"], line.get("reason", "")) for line in logs]
    assert told == [
        (
            "leading, but not working yet",
            "replicas that share the work (--sharded) are still at it: a",
        ),
        ("no replica shares the work any more", ""),
    ]


async def test_a_replica_that_died_is_waited_for_one_term_and_never_again() -> None:
    waiting = Waiting()
    await waiting.put("shard-a", "a")
    task = await waiting.start()
    await waiting.clock.advance(13)
    assert not task.done()
    await waiting.clock.advance(3)
    assert task.done()
    assert (await waiting.start()).done()


async def test_a_lease_deleted_while_it_is_held_counts_for_the_rest_of_its_term() -> None:
    waiting = Waiting()
    await waiting.put("shard-a", "a")
    task = await waiting.start()
    await waiting.api.remove(LEASE, "shard-a", "kserve")
    await waiting.clock.advance(13)
    assert not task.done()
    await waiting.clock.advance(3)
    assert task.done()


async def test_who_cannot_look_whether_others_share_does_not_begin_and_says_why() -> None:
    waiting = Waiting()
    waiting.api.fail = lambda request: Forbidden(403, "Forbidden", "leases may not be listed")
    with capture_logs() as logs:
        task = await waiting.start()
        await waiting.clock.advance(60)
    assert not task.done()
    (told,) = [line["reason"] for line in logs]
    assert "leases may not be listed" in told
    waiting.api.fail = lambda request: None
    await waiting.clock.advance(2)
    assert task.done()
