"""Whether somebody works under a Lease, as one sees it who does not compete for it."""

import asyncio
from datetime import timedelta

from kservectl.clock import rfc3339_micro
from kservectl.leader.precedence import renewing_holder
from kservectl.objects.metadata import Object
from tests.fake_clock import FakeClock
from tests.leader.test_election import LeaseClient, LeaseServer


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
