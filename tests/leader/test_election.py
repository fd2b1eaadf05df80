"""The promises of leader election, on one Lease in memory and a clock that moves when told."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from kservectl.client.errors import AlreadyExists, ClientError, Conflict, ConnectionFailed, NotFound
from kservectl.leader import ElectionMetrics, LeaderElector, LeadershipLost, Timing
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object
from tests.fake_clock import FakeClock


class LeaseServer:
    """One Lease with optimistic concurrency, as an API server keeps it."""

    def __init__(self) -> None:
        self.lease: Object | None = None
        self.version = 0
        self.writes: list[str] = []

    def store(self, obj: Object) -> Object:
        self.version += 1
        self.lease = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}
        self.writes.append(obj["spec"]["holderIdentity"])
        return self.lease

    @property
    def spec(self) -> Object:
        assert self.lease is not None
        spec: Object = self.lease["spec"]
        return spec


class LeaseClient:
    """One process's connection to the server; it can be broken, or hang."""

    def __init__(self, server: LeaseServer) -> None:
        self._server = server
        self.error: ClientError | None = None
        self.hang = False
        self.requests = 0

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        await self._travel()
        if self._server.lease is None:
            raise NotFound(404, "NotFound", f"lease {name} not found")
        return self._server.lease

    async def create(self, kind: Kind, obj: Object) -> Object:
        await self._travel()
        if self._server.lease is not None:
            raise AlreadyExists(409, "AlreadyExists", "lease exists")
        return self._server.store(obj)

    async def update(self, kind: Kind, obj: Object) -> Object:
        await self._travel()
        stored = self._server.lease
        if stored is None:
            raise NotFound(404, "NotFound", "lease not found")
        if stored["metadata"]["resourceVersion"] != obj["metadata"].get("resourceVersion"):
            raise Conflict(409, "Conflict", "the lease has been modified")
        return self._server.store(obj)

    async def _travel(self) -> None:
        self.requests += 1
        if self.hang:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        if self.error:
            raise self.error


class Process:
    """A candidate in its own task: acquires, then holds."""

    def __init__(self, server: LeaseServer, clock: FakeClock, identity: str, timing: Timing | None = None) -> None:
        self.client = LeaseClient(server)
        self.registry = CollectorRegistry()
        self.elector = LeaderElector(
            self.client,
            name="kservectl",
            namespace="kserve",
            clock=clock,
            identity=identity,
            timing=timing,
            metrics=ElectionMetrics(self.registry),
            rng=random.Random(identity),
        )
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        await self.elector.acquire()
        await self.elector.hold()

    async def kill(self) -> None:
        """End without a word, as kill -9 does."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def stop(self) -> None:
        await self.kill()
        await self.elector.release()

    @property
    def leads(self) -> bool:
        return self.elector.is_leader

    @property
    def gauge(self) -> float | None:
        return self.registry.get_sample_value("leader_election_master_status", {"name": "kservectl"})


def leading(process: Process) -> Callable[[], bool]:
    return lambda: process.leads


async def test_the_first_candidate_creates_the_lease_and_leads() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    assert a.gauge == 0
    await clock.settle()
    assert a.leads
    assert a.gauge == 1
    a.elector.check()
    assert server.spec == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-01-01T00:00:00.000000Z",
        "renewTime": "2026-01-01T00:00:00.000000Z",
        "leaseTransitions": 0,
    }
    await a.kill()


async def test_a_holder_renews_every_two_seconds_with_one_request() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    before = a.client.requests
    await clock.advance(60)
    assert a.client.requests - before == 30
    assert server.spec["renewTime"] == "2026-01-01T00:01:00.000000Z"
    assert server.spec["acquireTime"] == "2026-01-01T00:00:00.000000Z"
    assert server.spec["leaseTransitions"] == 0
    await a.kill()


async def test_a_standby_waits_as_long_as_the_holder_renews() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    b = Process(server, clock, "b")
    await clock.advance(600)
    assert a.leads
    assert not b.leads
    assert set(server.writes) == {"a"}
    await a.kill()
    await b.kill()


async def test_a_standby_takes_over_within_the_lease_of_a_killed_leader() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    b = Process(server, clock, "b")
    await clock.advance(30)
    await a.kill()
    assert await clock.advance_until(leading(b)) <= 15 + 2 + 0.1
    assert server.spec["holderIdentity"] == "b"
    assert server.spec["leaseTransitions"] == 1
    await b.kill()


async def test_a_standby_takes_over_within_two_seconds_of_a_release() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    b = Process(server, clock, "b")
    await clock.advance(30)
    await a.stop()
    assert server.spec["holderIdentity"] == ""
    assert server.spec["leaseDurationSeconds"] == 1
    assert not a.leads
    assert a.gauge == 0
    assert await clock.advance_until(leading(b)) <= 2
    await b.kill()


@pytest.mark.parametrize("skew", [timedelta(hours=1), timedelta(hours=-1)])
async def test_a_standby_with_a_wrong_clock_does_not_steal_the_lease(skew: timedelta) -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    skewed = FakeClock(now=clock.now() + skew)
    b = Process(server, skewed, "b")
    for _ in range(60):
        await clock.advance(1)
        await skewed.advance(1)
    assert a.leads
    assert not b.leads
    await a.kill()
    await b.kill()


async def test_a_record_seen_first_is_waited_for_a_whole_term_however_old_its_times_are() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    await a.kill()
    await clock.advance(3600)
    b = Process(server, clock, "b")
    await clock.advance(14.9)
    assert not b.leads
    await clock.advance(2.2)
    assert b.leads
    await b.kill()


async def test_a_holder_that_cannot_renew_gives_up_before_anybody_may_take_over() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    b = Process(server, clock, "b")
    await clock.advance(20)
    a.client.error = ConnectionFailed("connection refused")
    lost = await clock.advance_until(a.task.done)
    assert lost <= 10
    assert not b.leads
    assert a.gauge == 0
    with pytest.raises(LeadershipLost, match="10 s"):
        a.task.result()
    with pytest.raises(LeadershipLost):
        a.elector.check()
    await clock.advance_until(leading(b))
    await b.kill()


async def test_a_request_that_hangs_ends_in_time_too() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    a.client.hang = True
    assert await clock.advance_until(a.task.done) <= 10
    with pytest.raises(LeadershipLost):
        a.task.result()


async def test_one_hanging_request_does_not_cost_the_leadership() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    a.client.hang = True
    await clock.advance(3)
    a.client.hang = False  # the request under way still hangs; the next one does not
    await clock.advance(30)
    assert a.leads
    await a.kill()


async def test_a_short_outage_does_not_cost_the_leadership() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    a.client.error = ConnectionFailed("connection refused")
    await clock.advance(7)
    a.client.error = None
    await clock.advance(60)
    assert a.leads
    assert server.writes.count("a") > 25
    await a.kill()


async def test_a_suspended_leader_may_not_write_when_it_wakes_and_ends() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    await clock.advance(5)
    writes, requests = len(server.writes), a.client.requests
    clock.suspend(30)
    with pytest.raises(LeadershipLost):
        a.elector.check()
    await clock.advance(0.1)
    assert a.task.done()
    with pytest.raises(LeadershipLost):
        a.task.result()
    assert len(server.writes) == writes
    assert a.client.requests == requests


async def test_a_leader_that_finds_another_in_the_lease_ends_at_once() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    assert server.lease is not None
    server.store({**server.lease, "spec": {**server.spec, "holderIdentity": "thief"}})
    await clock.advance(2.1)
    with pytest.raises(LeadershipLost, match="thief"):
        a.task.result()


async def test_a_deleted_lease_is_put_back_by_its_holder_and_never_makes_two_leaders() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    b = Process(server, clock, "b")
    await clock.advance(10)
    for _ in range(20):
        server.lease = None
        for _ in range(25):
            await clock.advance(0.1)
            assert not (a.leads and b.leads)
    assert a.leads
    assert server.spec["holderIdentity"] == "a"
    await a.kill()
    await b.kill()


async def test_a_lease_deleted_with_its_holder_dead_is_taken_after_its_term() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    b = Process(server, clock, "b")
    await clock.advance(10)
    await a.kill()
    server.lease = None
    assert await clock.advance_until(leading(b)) <= 17.1
    await b.kill()


async def test_of_many_candidates_exactly_one_leads_at_any_time() -> None:
    server, clock = LeaseServer(), FakeClock()
    rng = random.Random(7)
    processes = [Process(server, clock, f"p{number}") for number in range(5)]
    for moment in range(600):
        await clock.advance(0.5)
        leaders = [process for process in processes if process.leads]
        assert len(leaders) <= 1
        if moment % 60 == 59:
            assert len(leaders) == 1
            await rng.choice([leaders[0].kill, leaders[0].stop])()
            processes.remove(leaders[0])
            processes.append(Process(server, clock, f"q{moment}"))
    for process in processes:
        await process.kill()


async def test_a_candidate_survives_an_api_server_that_is_away() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    a.client.error = ConnectionFailed("connection refused")
    await clock.advance(120)
    assert not a.leads
    a.client.error = None
    await clock.advance(2)
    assert a.leads
    await a.kill()


async def test_release_by_one_who_does_not_lead_writes_nothing() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    b = Process(server, clock, "b")
    await clock.settle()
    await b.stop()
    assert server.writes == ["a"]
    await a.kill()


async def test_release_keeps_a_lease_that_somebody_else_took_meanwhile() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    await a.kill()
    assert server.lease is not None
    server.store({**server.lease, "spec": {**server.spec, "holderIdentity": "b"}})
    await a.elector.release()
    assert server.spec["holderIdentity"] == "b"


async def test_what_others_keep_in_the_lease_survives() -> None:
    server, clock = LeaseServer(), FakeClock()
    server.store(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "kservectl", "namespace": "kserve", "labels": {"team": "ml"}},
            "spec": {"holderIdentity": "", "strategy": "OldestEmulationVersion", "leaseTransitions": 4},
        }
    )
    a = Process(server, clock, "a")
    await clock.settle()
    assert server.lease is not None
    assert server.lease["metadata"]["labels"] == {"team": "ml"}
    assert server.spec["strategy"] == "OldestEmulationVersion"
    assert server.spec["leaseTransitions"] == 5
    await a.kill()


@pytest.mark.parametrize("timing", [(10, 10.0, 2.0), (15, 2.3, 2.0), (15, 10.0, 0.0)])
def test_timing_that_could_make_two_leaders_is_refused(timing: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError, match="lease duration > renew deadline"):
        Timing(*timing)


async def test_one_that_was_suspended_does_not_even_release() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    await a.kill()
    clock.suspend(30)
    requests = a.client.requests
    await a.elector.release()
    assert a.client.requests == requests
    assert server.spec["holderIdentity"] == "a"


async def test_one_can_wait_for_a_holder_that_suits() -> None:
    server, clock = LeaseServer(), FakeClock()
    a = Process(server, clock, "a")
    await clock.settle()
    b = Process(server, clock, "b")
    other = asyncio.create_task(b.elector.until_holder(lambda holder: holder in ("", "b")))
    any_holder = asyncio.create_task(b.elector.until_holder(bool))
    await clock.advance(5)
    assert any_holder.done()
    assert not other.done()
    await a.stop()
    await clock.advance(5)
    assert other.done()
