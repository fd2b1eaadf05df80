"""Replicas that share the work, on Leases in memory and a clock that moves when told."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kservectl.client.errors import AlreadyExists, Conflict, ConnectionFailed, NotFound
from kservectl.leader import LeadershipLost, ShardMember, Timing
from kservectl.leader.assignment import ASSIGNMENT_ANNOTATION, Assignment
from kservectl.leader.sharding import lease_name
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object
from tests.fake_clock import FakeClock

KEYS = [f"space/{number}" for number in range(60)]
TIMING = Timing()


class LeaseServer:
    """Leases with optimistic concurrency, and who watches them."""

    def __init__(self) -> None:
        self.leases: dict[str, Object] = {}
        self.watchers: list[Callable[[str, Object | None], None]] = []
        self._versions = itertools.count(1)

    def put(self, obj: Object) -> Object:
        name = obj["metadata"]["name"]
        stored = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(next(self._versions))}}
        self.leases[name] = stored
        self.tell(name, stored)
        return stored

    def tell(self, name: str, lease: Object | None) -> None:
        for watcher in self.watchers:
            watcher(name, lease)


class Connection:
    """One replica's way to the server, and its watch."""

    def __init__(self, server: LeaseServer) -> None:
        self.server = server
        self.cut = False
        self.deaf = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        await self._travel()
        if name not in self.server.leases:
            raise NotFound(404, "NotFound", name)
        return self.server.leases[name]

    async def list(self, kind: Kind, namespace: str = "", *, label_selector: str = "") -> Object:
        await self._travel()
        return {"items": list(self.server.leases.values())}

    async def create(self, kind: Kind, obj: Object) -> Object:
        await self._travel()
        if obj["metadata"]["name"] in self.server.leases:
            raise AlreadyExists(409, "AlreadyExists", obj["metadata"]["name"])
        return self.server.put(obj)

    async def update(self, kind: Kind, obj: Object) -> Object:
        await self._travel()
        stored = self.server.leases.get(obj["metadata"]["name"])
        if stored is None:
            raise NotFound(404, "NotFound", obj["metadata"]["name"])
        if stored["metadata"]["resourceVersion"] != obj["metadata"].get("resourceVersion"):
            raise Conflict(409, "Conflict", obj["metadata"]["name"])
        written = self.server.put(obj)
        if ASSIGNMENT_ANNOTATION in obj["metadata"].get("annotations", {}):
            await self.answers.wait()
        return written

    async def delete(
        self, kind: Kind, name: str, namespace: str = "", *, uid: str = "", resource_version: str = ""
    ) -> None:
        await self._travel()
        if self.server.leases.pop(name, None) is None:
            raise NotFound(404, "NotFound", name)
        self.server.tell(name, None)

    async def _travel(self) -> None:
        await asyncio.sleep(0)
        if self.cut:
            raise ConnectionFailed("the network is away")


class Replica:
    """A process: it joins, holds its Lease, follows the others; `in_hand` are keys that it has not finished."""

    def __init__(self, server: LeaseServer, clock: FakeClock, name: str) -> None:
        self.connection = Connection(server)
        self.in_hand: set[str] = set()
        self.error: BaseException | None = None
        self.member = ShardMember(
            self.connection,
            group="work",
            namespace="kserve",
            clock=clock,
            identity=name,
            foreign_in_hand=lambda: any(not self.member.owns(key) for key in self.in_hand),
            gained=lambda is_new: None,
            timing=TIMING,
            rng=random.Random(name),
        )
        server.watchers.append(self._hear)
        for key, lease in server.leases.items():
            self.member.see(key, lease)
        self._tasks = [asyncio.create_task(self._live())]

    @property
    def keys(self) -> set[str]:
        """Those on which it could write now."""
        with suppress(LeadershipLost):
            self.member.check()
            return {key for key in KEYS if self.member.owns(key)}
        return set()

    async def kill(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def leave(self) -> None:
        await self.kill()
        await self.member.leave()

    def finish(self) -> None:
        self.in_hand.clear()
        self.member.poke()

    async def _live(self) -> None:
        try:
            await self.member.join()
            async with asyncio.TaskGroup() as group:
                group.create_task(self.member.hold())
                group.create_task(self.member.run())
        except* LeadershipLost as lost:
            self.error = lost

    def _hear(self, name: str, lease: Object | None) -> None:
        if not self.connection.deaf:
            self.member.see(name, lease)


class Group:
    """Replicas on one server; `check` is called at every step of time."""

    def __init__(self) -> None:
        self.server = LeaseServer()
        self.clock = FakeClock()
        self.replicas: list[Replica] = []

    def start(self, name: str) -> Replica:
        replica = Replica(self.server, self.clock, name)
        self.replicas.append(replica)
        return replica

    def check(self) -> None:
        for one, other in itertools.combinations(self.replicas, 2):
            both = one.keys & other.keys
            assert not both, f"{one.member.identity} and {other.member.identity} both have {sorted(both)[:3]}"

    async def pass_time(self, seconds: float, step: float = 0.5) -> None:
        for _ in range(int(seconds / step)):
            await self.clock.advance(step)
            self.check()

    def epoch(self) -> int:
        return Assignment.of(self.server.leases.get("work-assignment")).epoch

    def served(self) -> set[str]:
        return set().union(*(replica.keys for replica in self.replicas))


@pytest.fixture
async def group() -> AsyncIterator[Group]:
    made = Group()
    yield made
    for replica in made.replicas:
        await replica.kill()


async def test_one_replica_has_every_key(group: Group) -> None:
    only = group.start("a")
    await group.pass_time(3)
    assert only.keys == set(KEYS)


async def test_three_replicas_share_every_key(group: Group) -> None:
    for name in "abc":
        group.start(name)
        await group.pass_time(5)
    assert group.served() == set(KEYS)
    assert all(8 < len(replica.keys) < 35 for replica in group.replicas)


async def test_a_key_in_hand_is_finished_before_somebody_else_has_it(group: Group) -> None:
    first = group.start("a")
    await group.pass_time(3)
    first.in_hand = set(KEYS)
    second = group.start("b")
    await group.pass_time(8)
    assert second.keys == set()
    first.finish()
    await group.pass_time(1)
    assert first.keys | second.keys == set(KEYS)
    assert second.keys


async def test_one_that_leaves_is_followed_at_once_and_leaves_no_lease(group: Group) -> None:
    first, second = group.start("a"), group.start("b")
    await group.pass_time(6)
    await second.leave()
    await group.pass_time(1)
    assert first.keys == set(KEYS)
    assert {lease["spec"]["holderIdentity"] for lease in group.server.leases.values() if "spec" in lease} == {"a"}


async def test_one_that_is_killed_is_followed_within_the_term_of_its_lease(group: Group) -> None:
    first, second = group.start("a"), group.start("b")
    await group.pass_time(6)
    await second.kill()
    await group.pass_time(TIMING.lease + 1)
    assert first.keys == set(KEYS)


async def test_one_that_cannot_reach_the_server_stops_before_the_others_begin(group: Group) -> None:
    first, second = group.start("a"), group.start("b")
    await group.pass_time(6)
    second.connection.cut = True
    await group.pass_time(TIMING.renew_deadline + 1)
    assert second.error is not None
    await group.pass_time(TIMING.lease)
    assert first.keys == set(KEYS)


async def test_one_whose_watch_is_behind_does_not_turn_the_others_out(group: Group) -> None:
    first, second = group.start("a"), group.start("b")
    await group.pass_time(6)
    before = second.keys, group.server.leases["work-assignment"]
    first.connection.deaf = True
    await group.pass_time(3 * TIMING.lease)
    assert (second.keys, group.server.leases["work-assignment"]) == before
    assert first.error is second.error is None


async def test_a_lease_deleted_by_hand_does_not_make_a_second_owner(group: Group) -> None:
    first, second = group.start("a"), group.start("b")
    await group.pass_time(6)
    for name, lease in list(group.server.leases.items()):
        if lease.get("spec", {}).get("holderIdentity") == "b":
            del group.server.leases[name]
            group.server.tell(name, None)
    await group.pass_time(2 * TIMING.lease)
    assert first.keys | second.keys == set(KEYS)
    assert second.keys


async def test_an_answer_that_comes_after_the_news_of_later_epochs_changes_nothing(group: Group) -> None:
    first = group.start("a")
    await group.pass_time(3)
    slow = first, group.start("b")
    for replica in slow:
        replica.connection.answers.clear()
    await group.pass_time(3)
    assert group.epoch() == 2
    group.start("c")
    await group.pass_time(3)
    assert group.epoch() == 3
    for replica in slow:
        replica.connection.answers.set()
    await group.pass_time(5)
    assert group.served() == set(KEYS)


async def test_two_that_differ_about_one_that_died_do_not_write_epochs_against_each_other(group: Group) -> None:
    for name in "ab":
        group.start(name)
        await group.pass_time(5)
    await group.replicas.pop().kill()
    await group.pass_time(TIMING.lease / 2)
    group.start("c")  # for it the Lease of "b" has a whole term yet
    await group.pass_time(2 * TIMING.lease)
    assert group.epoch() == 4
    assert group.served() == set(KEYS)


@pytest.mark.parametrize("text", [None, "nonsense"])
async def test_an_assignment_lost_by_hand_is_made_again_and_makes_no_second_owner(
    group: Group, text: str | None
) -> None:
    for name in "ab":
        group.start(name)
        await group.pass_time(5)
    lost = group.server.leases.pop("work-assignment")
    if text is None:
        group.server.tell("work-assignment", None)
    else:
        group.server.put({**lost, "metadata": {**lost["metadata"], "annotations": {ASSIGNMENT_ANNOTATION: text}}})
    group.start("c")
    await group.pass_time(2 * TIMING.lease)
    assert group.served() == set(KEYS)
    assert all(replica.keys for replica in group.replicas)


async def test_what_comes_in_place_of_a_lost_assignment_is_made_of_all_leases_that_the_server_has(group: Group) -> None:
    for name in "ab":
        group.start(name)
        await group.pass_time(5)
    second = group.replicas[1]
    second.connection.deaf = True
    group.start("c")
    await group.pass_time(5)
    for replica in group.replicas:
        replica.connection.deaf = True
    del group.server.leases["work-assignment"]
    second.member.see("work-assignment", None)
    await group.pass_time(1)
    written = Assignment.of(group.server.leases["work-assignment"])
    assert (written.epoch, written.members) == (4, ("a", "b", "c"))


async def test_the_lease_of_one_that_died_before_it_was_a_member_goes_too(group: Group) -> None:
    group.start("a")
    await group.pass_time(3)
    spec = {"holderIdentity": "dead", "leaseDurationSeconds": TIMING.lease, "renewTime": "2026-11-27T10:00:00.000000Z"}
    group.server.put({"metadata": {"name": lease_name("work", "dead")}, "spec": spec})
    await group.pass_time(TIMING.lease + 3)
    assert lease_name("work", "dead") not in group.server.leases
    assert group.served() == set(KEYS)


async def test_leases_of_the_dead_that_somebody_else_deletes_meanwhile_do_no_harm(group: Group) -> None:
    only = group.start("a")
    await group.pass_time(3)
    spec = {"leaseDurationSeconds": TIMING.lease, "renewTime": "2026-11-27T10:00:00.000000Z"}
    dead = {lease_name("work", name): {**spec, "holderIdentity": name} for name in ("one", "two")}
    for name, each in dead.items():
        group.server.put({"metadata": {"name": name}, "spec": each})

    def also_delete_the_others(name: str, lease: Object | None) -> None:
        if lease is None and name in dead:
            for other in dead:
                if group.server.leases.pop(other, None):
                    group.server.tell(other, None)

    group.server.watchers.append(also_delete_the_others)
    await group.pass_time(TIMING.lease + 3)
    assert not dead.keys() & group.server.leases.keys()
    assert only.error is None
    assert not any(task.done() for task in only._tasks)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["start", "kill", "leave", "cut", "mend", "deaf", "hear", "busy", "idle", "lose"]),
            st.integers(0, 2),
        ),
        max_size=10,
    )
)
def test_no_two_have_a_key_whatever_happens_and_in_the_end_all_keys_are_served(steps: list[tuple[str, int]]) -> None:
    asyncio.run(_story(steps))


async def _story(steps: list[tuple[str, int]]) -> None:
    group = Group()
    for count, (step, number) in enumerate(steps):
        alive = [replica for replica in group.replicas if replica.error is None]
        if step == "start" and len(alive) < 3:
            group.start(f"r{count}")
        elif alive:
            await _do(step, alive[number % len(alive)], group)
        await group.pass_time(1 + 7 * number)
    for replica in group.replicas:
        replica.connection.cut = replica.connection.deaf = False
        replica.finish()
        for name, lease in group.server.leases.items():
            replica.member.see(name, lease)
    group.start("last")
    await group.pass_time(3 * TIMING.lease)
    assert group.served() == set(KEYS)
    for replica in group.replicas:
        await replica.kill()


async def _do(step: str, replica: Replica, group: Group) -> None:
    match step:
        case "kill":
            await replica.kill()
            group.replicas.remove(replica)
        case "leave" if not replica.connection.cut:
            await replica.leave()
            group.replicas.remove(replica)
        case "cut" | "mend":
            replica.connection.cut = step == "cut"
        case "deaf":
            replica.connection.deaf = True
        case "hear":
            replica.connection.deaf = False
            for name, lease in group.server.leases.items():
                replica.member.see(name, lease)
        case "lose" if group.server.leases.pop("work-assignment", None):
            group.server.tell("work-assignment", None)
        case "busy":
            replica.in_hand = set(replica.keys)
        case _:
            replica.finish()
