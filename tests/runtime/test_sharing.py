"""Replicas that share their work beside one that leads alone: never both at once, in either order, and none waits for ever."""

import asyncio
from dataclasses import replace

from structlog.testing import capture_logs

from kservectl.client.connection import Request
from kservectl.client.errors import ConnectionFailed
from kservectl.leader.sharding import lease_name
from kservectl.objects.kind import LEASE
from kservectl.runtime.manager import Election, ManagerOptions
from kservectl.runtime.sharing import Sharding
from tests.fake_clock import FakeClock
from tests.runtime.memory_api import MemoryApi
from tests.runtime.widgets import WIDGET, WIDGETS, Decisions, managing, widget

ALONE = ManagerOptions(
    metrics_bind="", health_bind="", identity="alone", election=Election("lock", "kserve", sharers="shards")
)
FIRST = replace(ALONE, identity="first", sharding=Sharding("shards", "kserve"))
SECOND = replace(FIRST, identity="second")


def holder(api: MemoryApi) -> str:
    lease = api.get(LEASE, "lock", "kserve")
    return str(lease["spec"]["holderIdentity"]) if lease else ""


def is_of(identity: str, request: Request, method: str, path: str) -> bool:
    """Whether this is a request that puts `identity` into a Lease."""
    wanted = (method, LEASE.path("kserve", path))
    return (request.method, request.path) == wanted and f'"{identity}"'.encode() in (request.body or b"")


async def test_one_that_leads_waits_for_those_that_share_and_works_when_they_are_gone() -> None:
    api, clock, decisions = MemoryApi(), FakeClock(), Decisions()
    api.fail = lambda request: ConnectionFailed("cut off") if is_of("second", request, "PUT", "lock") else None
    async with (
        managing(api, WIDGETS, clock=clock, options=FIRST) as first,
        managing(api, WIDGETS, clock=clock, options=SECOND) as second,
        managing(api, replace(WIDGETS, reconcile=decisions), clock=clock, options=ALONE) as alone,
    ):
        await clock.advance(5)
        assert second.manager.started.is_set()
        await first.stopped()
        await clock.advance(60)
        assert holder(api) == "alone"
        await api.put(WIDGET, widget("w", "a"))
        await clock.advance(60)
        assert not alone.manager.started.is_set()
        await second.stopped()
        await clock.advance(16)
        assert alone.manager.started.is_set()
        assert decisions.made


async def test_one_that_shares_does_not_join_while_another_leads_alone_and_says_so() -> None:
    api, clock = MemoryApi(), FakeClock()
    with capture_logs() as logs:
        async with (
            managing(api, WIDGETS, clock=clock, options=ALONE) as alone,
            managing(api, WIDGETS, clock=clock, options=FIRST) as first,
        ):
            await clock.advance(60)
            assert alone.manager.started.is_set()
            assert not first.manager.started.is_set()
            assert api.get(LEASE, lease_name("shards", "first"), "kserve") is None
            await alone.stopped()
            await clock.advance(3)
            assert first.manager.started.is_set()
    assert [line["holder"] for line in logs if line["event"].startswith("not joining")] == ["alone"]


async def test_one_that_joins_just_as_another_takes_the_lead_gives_way() -> None:
    """Its Lease is on the way to the server when the other looks for those that share, and finds none."""
    api, clock, arrives = MemoryApi(), FakeClock(), asyncio.Event()

    async def later() -> None:
        await arrives.wait()

    api.delay = lambda request: later() if is_of("second", request, "POST", "") else None
    async with (
        managing(api, WIDGETS, clock=clock, options=FIRST) as first,
        managing(api, WIDGETS, clock=clock, options=SECOND) as second,
        managing(api, WIDGETS, clock=clock, options=ALONE) as alone,
    ):
        api.fail = lambda request: ConnectionFailed("cut off") if is_of("second", request, "PUT", "lock") else None
        await first.stopped()
        await clock.advance(3)
        assert alone.manager.started.is_set()
        arrives.set()
        await clock.advance(60)
        assert not second.manager.started.is_set()
        assert api.get(LEASE, lease_name("shards", "second"), "kserve") is None


async def test_one_that_cannot_look_who_leads_after_it_joined_tries_again() -> None:
    api, clock = MemoryApi(), FakeClock()
    joined = False

    def fail(request: Request) -> ConnectionFailed | None:
        nonlocal joined
        joined = joined or is_of("first", request, "POST", "")
        return ConnectionFailed("cut off") if joined and request.path == LEASE.path("kserve", "lock") else None

    async with managing(api, WIDGETS, clock=clock, options=ALONE) as alone:
        await alone.stopped()
    api.fail = fail
    async with managing(api, WIDGETS, clock=clock, options=FIRST) as first:
        await clock.advance(5)
        assert not first.manager.started.is_set()
        api.fail = lambda request: None
        await clock.advance(5)
        assert first.manager.started.is_set()
