"""What one application of an outcome does to an API server, request by request.

The server is the devcluster, over HTTP. The owner is a ConfigMap, whose status nobody writes; children are ConfigMaps and
Services.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from kservectl.client.client import Client
from kservectl.client.config import ConnectionConfig
from kservectl.client.connection import Connection
from kservectl.client.errors import AlreadyExists, NotFound, ServerError
from kservectl.clock import SystemClock
from kservectl.devcluster.cluster import DevCluster
from kservectl.devcluster.faults import Fault
from kservectl.devcluster.request import RequestInfo
from kservectl.devcluster.types import builtin_types
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, NAMESPACE, NETWORK_POLICY, SERVICE
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.apply import Applied, Applier
from kservectl.runtime.expectations import Expectations
from kservectl.runtime.outcome import EventRecord, Failure, Outcome, Reference
from kservectl.runtime.view import StaticView, View
from kservectl.runtime.writes import ApplyRetry, NamespaceGoing
from tests.fake_clock import FakeClock

OWNER = ObjectKey("default", "owner")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def service(name: str, port: Any = 80) -> Object:
    spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def told(owner: Object, outcome: Outcome, failures: tuple[Failure, ...], view: View) -> Outcome:
    return Outcome(desired=outcome.desired, events=(EventRecord("Warning", "Refused", failures[0].message),))


@dataclass
class Bench:
    """An owner on a server, an applier for it, and what was asked of the server."""

    cluster: DevCluster
    client: Client
    clock: FakeClock = field(default_factory=FakeClock)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.expectations = Expectations(self.clock)
        self.restart()

    def restart(self) -> None:
        """Another process: nothing is remembered."""
        self.applier = Applier(
            self.client,
            kind=CONFIG_MAP,
            owns={CONFIG_MAP: False, SERVICE: True, NETWORK_POLICY: False},
            expectations=self.expectations,
            monotonic=self.clock.monotonic,
            finalizer="test/finalizer",
            on_failure=told,  # type: ignore[arg-type]  # a tuple is the sequence that it is given
        )

    def owner(self) -> Object:
        found = self.cluster.get(CONFIG_MAP, OWNER.name, OWNER.namespace)
        assert found is not None
        return found

    def view(self) -> StaticView:
        return StaticView(
            [obj for kind in (CONFIG_MAP, SERVICE, NETWORK_POLICY) for obj in self.cluster.list(kind)],
            kinds=[CONFIG_MAP, SERVICE, NETWORK_POLICY],
            now=NOW,
        )

    async def apply(self, outcome: Outcome, view: View | None = None) -> Applied:
        self.requests.clear()
        return await self.applier.apply(self.owner(), outcome, view or self.view())

    def data(self, name: str) -> Object | None:
        found = self.cluster.get(CONFIG_MAP, name, "default")
        return None if found is None else found.get("data") or {}


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with (
        DevCluster(builtin_types(), clock=SystemClock(), seed=1) as cluster,
        Connection(ConnectionConfig(cluster.url), clock=SystemClock(), rng=random.Random(1)) as connection,
    ):
        await cluster.create(CONFIG_MAP, {"metadata": {"name": "owner", "namespace": "default"}})
        made = Bench(cluster, Client(connection))

        def note(info: RequestInfo) -> Fault | None:
            made.requests.append(f"{info.verb} {info.plural}")
            return None

        cluster.faults.add(note)
        yield made


async def test_children_are_created_as_owned_and_cost_nothing_afterwards(bench: Bench) -> None:
    wanted = Outcome(desired=(config_map("a", x="1"), service("b")))
    first = await bench.apply(wanted)
    assert (first.writes, first.deferred) == (2, True)
    assert bench.expectations.pending(OWNER)
    child = bench.cluster.get(SERVICE, "b", "default")
    assert child is not None
    assert metadata.is_controlled_by(child, metadata.uid(bench.owner()))
    second = await bench.apply(wanted)
    assert (second.writes, second.deferred, bench.requests) == (0, False, [])


async def test_what_is_no_longer_wanted_goes_unless_the_decision_was_cut_short(bench: Bench) -> None:
    await bench.apply(Outcome(desired=(config_map("a"), config_map("b"))))
    await bench.apply(Outcome(desired=(config_map("a"),), complete=False))
    assert bench.data("b") == {}
    await bench.apply(Outcome(desired=(config_map("a"),)))
    assert bench.data("b") is None
    assert bench.data("a") == {}


async def test_a_child_that_is_on_its_way_out_is_not_deleted_again(bench: Bench) -> None:
    held = config_map("b")
    held["metadata"]["finalizers"] = ["somebody/else"]
    await bench.apply(Outcome(desired=(held,)))
    await bench.apply(Outcome())
    assert bench.requests == ["delete configmaps"]
    await bench.apply(Outcome())
    assert bench.requests == []
    assert bench.data("b") == {}


async def test_a_key_that_is_no_longer_wanted_goes_and_a_strangers_stays(bench: Bench) -> None:
    await bench.apply(Outcome(desired=(config_map("a", old="1", kept="1"),)))
    await bench.cluster.patch(CONFIG_MAP, "a", "default", {"data": {"human": "1"}}, manager="kubectl")
    await bench.apply(Outcome(desired=(config_map("a", kept="1"),)))
    assert bench.data("a") == {"kept": "1", "human": "1"}


async def test_a_strangers_object_is_left_untouched_even_when_the_cache_does_not_show_it(bench: Bench) -> None:
    await bench.cluster.create(
        CONFIG_MAP, {**config_map("a", theirs="1"), "metadata": {"name": "a", "namespace": "default"}}
    )
    blind = StaticView([], kinds=[CONFIG_MAP, SERVICE], now=NOW)
    for view in (bench.view(), blind):
        applied = await bench.apply(Outcome(desired=(config_map("a", ours="1"),)), view)
        assert "exists and is not owned by ConfigMap default/owner" in applied.failures[0].message
        assert applied.outcome.events[0].reason == "Refused"
    assert bench.data("a") == {"theirs": "1"}


async def test_a_name_that_a_stranger_holds_unseen_is_tried_again_soon_and_then_ever_later(bench: Bench) -> None:
    theirs = {**config_map("a", theirs="1"), "metadata": {"name": "a", "namespace": "default"}}
    await bench.cluster.create(CONFIG_MAP, theirs)
    blind = StaticView([], kinds=[CONFIG_MAP, SERVICE], now=NOW)
    wanted = Outcome(desired=(config_map("a", ours="1"),))
    for seconds in (10, 20, 40, 80, 160, 300, 300):
        applied = await bench.apply(wanted, blind)
        assert applied.retry_after == pytest.approx(seconds)
        await bench.clock.advance(seconds + 1)
    await bench.cluster.delete(CONFIG_MAP, "a", "default")
    assert (await bench.apply(wanted, blind)).failures == ()
    assert bench.data("a") == {"ours": "1"}


async def test_an_ownerless_object_of_a_kind_that_may_be_adopted_is(bench: Bench) -> None:
    theirs = {**service("b"), "metadata": {"name": "b", "namespace": "default", "labels": {"theirs": "1"}}}
    await bench.cluster.create(SERVICE, theirs)
    applied = await bench.apply(Outcome(desired=(service("b"),)))
    assert applied.failures == ()
    child = bench.cluster.get(SERVICE, "b", "default")
    assert child is not None
    assert metadata.is_controlled_by(child, metadata.uid(bench.owner()))


async def test_an_own_child_that_the_cache_does_not_show_yet_is_not_an_error(bench: Bench) -> None:
    await bench.apply(Outcome(desired=(config_map("a", x="1"),)))
    blind = StaticView([], kinds=[CONFIG_MAP, SERVICE], now=NOW)
    with pytest.raises(ApplyRetry):
        await bench.apply(Outcome(desired=(config_map("a", x="1"),)), blind)
    applied = await bench.apply(Outcome(desired=(config_map("a", x="2"),)), blind)
    assert applied.writes == 1
    assert bench.data("a") == {"x": "2"}


async def test_a_child_changed_since_it_was_observed_is_not_overwritten(bench: Bench) -> None:
    await bench.apply(Outcome(desired=(config_map("a", x="1"),)))
    observed = bench.view()
    await bench.cluster.patch(CONFIG_MAP, "a", "default", {"data": {"x": "human"}}, manager="kubectl")
    with pytest.raises(ApplyRetry):
        await bench.apply(Outcome(desired=(config_map("a", x="2"),)), observed)
    assert bench.data("a") == {"x": "human"}
    with pytest.raises(ApplyRetry):
        await bench.apply(Outcome(), observed)
    assert bench.data("a") == {"x": "human"}


async def test_a_child_deleted_since_it_was_observed_is_not_made_again_by_an_update(bench: Bench) -> None:
    await bench.apply(Outcome(desired=(config_map("a", x="1"),)))
    observed = bench.view()
    await bench.cluster.delete(CONFIG_MAP, "a", "default")
    with pytest.raises(ApplyRetry):
        await bench.apply(Outcome(desired=(config_map("a", x="2"),)), observed)
    assert bench.data("a") is None
    applied = await bench.apply(Outcome(), observed)
    assert applied.writes == 1


async def test_a_refused_child_holds_up_no_other_and_is_not_tried_again_until_something_changes(bench: Bench) -> None:
    wanted = Outcome(desired=(service("bad", "not a port"), config_map("a")))
    applied = await bench.apply(wanted)
    assert applied.failures[0].message.startswith(
        "Service default/bad was refused by the API server: failed to create typed patch object"
    )
    assert bench.data("a") == {}
    again = await bench.apply(wanted)
    assert (again.failures, bench.requests) == (applied.failures, [])
    assert again.retry_after == pytest.approx(300)
    await bench.clock.advance(301)
    await bench.apply(wanted)
    assert bench.requests == ["patch services"]
    mended = await bench.apply(Outcome(desired=(service("bad"), config_map("a"))))
    assert (mended.failures, mended.writes) == ((), 1)
    assert bench.applier.freed((SERVICE, ObjectKey("default", "bad"))) == ()


async def test_a_refusal_that_is_lifted_while_others_are_written_needs_no_time_of_its_own(bench: Bench) -> None:
    bad = service("bad", "not a port")
    await bench.apply(Outcome(desired=(bad,)))
    lifted: list[ObjectKey] = []

    def lift(info: RequestInfo) -> Fault | None:
        if info.verb == "patch":
            lifted.extend(bench.applier.freed((SERVICE, ObjectKey("default", "bad"))))
        return None

    bench.cluster.faults.add(lift)
    applied = await bench.apply(Outcome(desired=(bad, config_map("a"))))
    assert lifted == [OWNER]
    assert (len(applied.failures), applied.retry_after) == (1, None)


async def test_a_refusal_that_names_the_object_is_told_in_the_servers_words_alone(bench: Bench) -> None:
    applied = await bench.apply(Outcome(desired=(service("bad", 0),)))
    assert applied.failures[0].message.startswith('Service "bad" is invalid: [spec.ports[0].port')


async def test_a_child_for_a_namespace_that_is_not_there_is_told_of_and_tried_again_soon(bench: Bench) -> None:
    child = config_map("a")
    child["metadata"]["namespace"] = "not-there"
    wanted = Outcome(desired=(child, config_map("b")), shared=frozenset({0}))
    applied = await bench.apply(wanted)
    assert 'namespaces "not-there" not found' in applied.failures[0].message
    assert bench.data("b") == {}
    assert applied.retry_after == pytest.approx(10)
    assert (await bench.apply(wanted)).writes == 0


async def test_an_owner_whose_namespace_is_being_deleted_is_left_alone(bench: Bench) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "going"}}
    await bench.cluster.create(NAMESPACE, namespace)
    owner = await bench.cluster.create(
        CONFIG_MAP, {"metadata": {"name": "owner", "namespace": "going", "finalizers": ["test/keep"]}}
    )
    await bench.cluster.delete(NAMESPACE, "going")
    with pytest.raises(NamespaceGoing):
        await bench.applier.apply(owner, Outcome(desired=(config_map("a"),)), bench.view())


async def test_a_shared_child_has_no_owner_and_is_never_pruned(bench: Bench) -> None:
    await bench.apply(Outcome(desired=(config_map("a", x="1"),), shared=frozenset({0})))
    child = bench.cluster.get(CONFIG_MAP, "a", "default")
    assert child is not None
    assert "ownerReferences" not in child["metadata"]
    await bench.apply(Outcome())
    assert bench.data("a") == {"x": "1"}


async def test_a_shared_child_that_many_create_at_once_is_made_once_and_waited_for(bench: Bench) -> None:
    observed = bench.view()
    wanted = Outcome(desired=(config_map("a", x="1"),), shared=frozenset({0}))
    attempts = [bench.applier.apply(bench.owner(), wanted, observed) for _ in range(8)]
    answers = await asyncio.gather(*attempts, return_exceptions=True)
    assert [answer.writes for answer in answers if isinstance(answer, Applied)] == [1]
    assert [answer for answer in answers if not isinstance(answer, Applied | ApplyRetry)] == []
    assert bench.data("a") == {"x": "1"}


async def test_a_server_that_loses_the_race_for_a_new_child_says_so_in_another_way(bench: Bench) -> None:
    observed = bench.view()
    await bench.cluster.create(CONFIG_MAP, {"metadata": {"name": "a", "namespace": "default"}, "data": {"x": "0"}})
    taken = Fault(answer=AlreadyExists(409, "AlreadyExists", 'configmaps "a" already exists'))
    refuse = iter([taken])
    bench.cluster.faults.add(lambda info: next(refuse, None) if info.verb == "patch" else None)
    await bench.apply(Outcome(desired=(config_map("a", x="1"),), shared=frozenset({0})), observed)
    assert bench.data("a") == {"x": "1"}


async def test_the_finalizer_is_added_with_the_annotations_in_one_write_and_removed_last(bench: Bench) -> None:
    applied = await bench.apply(Outcome(finalizers=("test/finalizer",), annotations={"noted": "1"}))
    assert (applied.writes, bench.requests) == (1, ["patch configmaps"])
    await bench.cluster.create(
        CONFIG_MAP, {**config_map("other"), "metadata": {"name": "other", "namespace": "default"}}
    )
    await bench.cluster.delete(CONFIG_MAP, OWNER.name, OWNER.namespace)
    reference = Reference(CONFIG_MAP, "default", "other")
    await bench.apply(Outcome(finalizers=(), delete=(reference,)))
    assert bench.requests == ["delete configmaps", "patch configmaps"]
    assert bench.cluster.get(CONFIG_MAP, OWNER.name, OWNER.namespace) is None
    assert bench.data("other") is None


async def test_nothing_is_decided_about_an_owner_that_vanished_until_the_cache_shows_it(bench: Bench) -> None:
    """The answer to the removal of the last finalizer carries the version that the owner had."""
    await bench.apply(Outcome(finalizers=("test/finalizer",)))
    await bench.cluster.delete(CONFIG_MAP, OWNER.name, OWNER.namespace)
    bench.expectations.forget(OWNER)
    await bench.apply(Outcome(finalizers=()))
    assert bench.expectations.pending(OWNER)
    bench.expectations.observe(CONFIG_MAP, OWNER, None)
    assert not bench.expectations.pending(OWNER)


async def test_labels_of_the_owner_are_set_and_removed_once(bench: Bench) -> None:
    await bench.apply(Outcome(labels={"found": "yes", "old": "1"}))
    bench.requests.clear()
    await bench.apply(Outcome(labels={"found": "yes", "old": None}))
    assert bench.requests == ["patch configmaps"]
    bench.requests.clear()
    await bench.apply(Outcome(labels={"found": "yes", "old": None}))
    owner = bench.cluster.get(CONFIG_MAP, OWNER.name, OWNER.namespace)
    assert owner is not None
    assert {name: owner["metadata"]["labels"].get(name) for name in ("found", "old")} == {"found": "yes", "old": None}
    assert bench.requests == []


async def test_nothing_is_created_for_an_owner_that_is_being_deleted(bench: Bench) -> None:
    await bench.apply(Outcome(finalizers=("test/finalizer",)))
    await bench.cluster.delete(CONFIG_MAP, OWNER.name, OWNER.namespace)
    await bench.apply(Outcome(desired=(config_map("late"),)))
    assert bench.data("late") is None


async def test_trouble_with_the_server_is_raised_after_the_others_were_written(bench: Bench) -> None:
    def broken(info: RequestInfo) -> Fault | None:
        return Fault(answer=ServerError(501, "NotImplemented", "out of order")) if info.plural == "services" else None

    bench.cluster.faults.add(broken)
    with pytest.raises(ServerError):
        await bench.apply(Outcome(desired=(service("b"), config_map("a"))))
    assert bench.data("a") == {}


async def test_a_status_is_written_only_when_it_differs(bench: Bench) -> None:
    await bench.cluster.create(SERVICE, {**service("owner"), "metadata": {"name": "owner", "namespace": "default"}})
    applier = Applier(
        bench.client, kind=SERVICE, owns={}, expectations=bench.expectations, monotonic=bench.clock.monotonic
    )
    status = {"loadBalancer": {"ingress": [{"ip": "10.0.0.9"}]}}
    owner = bench.cluster.get(SERVICE, "owner", "default")
    assert owner is not None
    applied = await applier.apply(owner, Outcome(status=status), bench.view())
    assert (applied.status_written, applied.writes) == (True, 1)
    stored = bench.cluster.get(SERVICE, "owner", "default")
    assert stored is not None
    again = await applier.apply(stored, Outcome(status=stored["status"]), bench.view())
    assert (again.status_written, again.writes) == (False, 0)
    with pytest.raises(ApplyRetry):
        await applier.apply(owner, Outcome(status={"loadBalancer": {"ingress": [{"ip": "10.0.0.8"}]}}), bench.view())


async def test_a_status_that_holds_a_decision_is_written_before_the_children_that_follow_it(bench: Bench) -> None:
    await bench.cluster.create(SERVICE, {**service("owner"), "metadata": {"name": "owner", "namespace": "default"}})
    owns = {CONFIG_MAP: False}
    applier = Applier(
        bench.client, kind=SERVICE, owns=owns, expectations=bench.expectations, monotonic=bench.clock.monotonic
    )
    owner = bench.cluster.get(SERVICE, "owner", "default")
    assert owner is not None
    status = {"loadBalancer": {"ingress": [{"ip": "10.0.0.9"}]}}
    bench.requests.clear()
    applied = await applier.apply(
        owner, Outcome(desired=(config_map("a"),), status=status, status_first=True), bench.view()
    )
    assert bench.requests == ["patch services", "patch configmaps"]
    assert (applied.status_written, applied.deferred, applied.writes) == (True, True, 2)


async def test_a_field_that_the_server_puts_back_is_not_fought_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.apply(Outcome(desired=(config_map("a", x="1"),)))
    genuine = bench.client.apply

    async def set_back(kind: Any, obj: Object, *, force: bool = True) -> Object:
        """Stands for a mutating webhook that sets `x` back, whoever writes."""
        return await genuine(kind, {**obj, "data": {**obj["data"], "x": "1"}}, force=force)

    monkeypatch.setattr(bench.client, "apply", set_back)
    wanted = Outcome(desired=(config_map("a", x="2"),))
    await bench.apply(wanted)
    assert bench.requests == ["patch configmaps"]
    await bench.apply(wanted)
    assert bench.requests == []
    await bench.apply(Outcome(desired=(config_map("a", x="3"),)))
    assert bench.requests == ["patch configmaps"]


async def test_an_owner_that_is_gone_needs_no_answer(bench: Bench) -> None:
    owner = bench.owner()
    await bench.cluster.delete(CONFIG_MAP, OWNER.name, OWNER.namespace)
    with pytest.raises(ApplyRetry):
        await bench.applier.apply(owner, Outcome(finalizers=("test/finalizer",)), bench.view())
    with pytest.raises(NotFound):
        await bench.client.get(CONFIG_MAP, OWNER.name, OWNER.namespace)


# --- what is applied as one piece ---


def policy(**entry: Any) -> Outcome:
    """A NetworkPolicy, whose ports are one piece for the server, which fills in `protocol`."""
    spec = {"podSelector": {}, "ingress": [{"ports": [{"port": 80, **entry}]}]}
    head = {"apiVersion": NETWORK_POLICY.api_version, "kind": NETWORK_POLICY.kind, "metadata": {"name": "p"}}
    return Outcome(desired=({**head, "spec": spec},))


def ports(bench: Bench) -> Any:
    found = bench.cluster.get(NETWORK_POLICY, "p", "default")
    assert found is not None
    return found["spec"]["ingress"][0]["ports"]


async def test_defaults_inside_of_one_piece_are_nothing_to_write_also_after_a_restart(bench: Bench) -> None:
    await bench.apply(policy())
    assert ports(bench) == [{"port": 80, "protocol": "TCP"}]
    assert (await bench.apply(policy())).writes == 0
    bench.restart()
    assert (await bench.apply(policy())).writes == 0


async def test_field_inside_of_one_piece_that_is_no_longer_wanted_goes(bench: Bench) -> None:
    await bench.apply(policy(endPort=90))
    bench.restart()
    assert (await bench.apply(policy(endPort=90))).writes == 0
    assert (await bench.apply(policy())).writes == 1
    assert ports(bench) == [{"port": 80, "protocol": "TCP"}]
    assert (await bench.apply(policy())).writes == 0


async def test_such_a_field_goes_although_the_owner_was_changed_while_nobody_looked(bench: Bench) -> None:
    await bench.apply(policy(endPort=90))
    bench.restart()
    owner = bench.owner()
    changed = {
        **owner,
        "metadata": {**owner["metadata"], "generation": 2},
        "status": {"observedGeneration": 1},
    }
    assert (await bench.applier.apply(changed, policy(), bench.view())).writes == 1
    assert ports(bench) == [{"port": 80, "protocol": "TCP"}]


async def test_apply_that_changes_nothing_is_not_waited_for(bench: Bench) -> None:
    await bench.apply(policy())
    bench.expectations.forget(OWNER)
    bench.restart()
    owner = bench.owner()
    changed = {**owner, "metadata": {**owner["metadata"], "generation": 2}, "status": {"observedGeneration": 1}}
    before = bench.view().get(NETWORK_POLICY, "p", "default")
    assert (await bench.applier.apply(changed, policy(), bench.view())).writes == 1
    assert bench.view().get(NETWORK_POLICY, "p", "default") == before
    assert not bench.expectations.pending(OWNER)  # no event would come
