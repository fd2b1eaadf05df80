"""The promises of the manager: what starts and stops when, and how it ends."""

import asyncio
from dataclasses import replace

import aiohttp
import pytest

from kservectl.client.errors import ConnectionFailed, Forbidden
from kservectl.informers import Change
from kservectl.leader import LeadershipLost
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, EVENT, LEASE, SECRET
from kservectl.objects.metadata import Object
from kservectl.runtime.manager import Election, Manager, ManagerOptions
from kservectl.runtime.outcome import EventRecord, Outcome
from kservectl.runtime.sources import CacheSyncTimeout
from kservectl.runtime.supervision import TaskEnded
from kservectl.runtime.view import View
from tests.fake_clock import FakeClock
from tests.runtime.memory_api import MemoryApi
from tests.runtime.widgets import WIDGET, WIDGETS, Decisions, managing, reconcile_widget, widget

SILENT = ManagerOptions(metrics_bind="", health_bind="")
ELECTING = replace(SILENT, election=Election("kservectl", "kserve"))


class Recorder:
    """A runnable that tells when it starts and stops."""

    def __init__(self, name: str, journal: list[str]) -> None:
        self.name = name
        self.journal = journal

    async def run(self) -> None:
        self.journal.append(f"{self.name} starts")
        try:
            await asyncio.Event().wait()
        finally:
            self.journal.append(f"{self.name} stops")


def holder(api: MemoryApi) -> str:
    lease = api.get(LEASE, "kservectl", "kserve")
    return str(lease["spec"]["holderIdentity"]) if lease else ""


async def test_run_returns_after_a_clean_stop() -> None:
    api = MemoryApi()
    async with managing(api, WIDGETS) as running:
        assert running.manager.started.is_set()
        assert running.manager.health.ready
        await running.stopped()
        assert not running.manager.health.ready


async def test_start_and_stop_are_in_order() -> None:
    api = MemoryApi()
    journal: list[str] = []
    ends: list[str] = []

    def decide(obj: Object, view: View) -> Outcome:
        journal.append("decides")
        return reconcile_widget(obj, view)

    def prepare(manager: Manager) -> None:
        manager.add_runnable("webhooks", Recorder("webhooks", journal).run, needs_leader=False)
        manager.add_runnable("certificates", Recorder("certificates", journal).run, needs_leader=True)

    await api.put(WIDGET, widget("w"))
    controller = replace(WIDGETS, reconcile=decide)
    async with managing(api, controller, options=replace(ELECTING, identity="me"), prepare=prepare) as running:
        assert holder(api) == "me"
        update = api.requests.index("GET " + LEASE.path("kserve", "kservectl"))
        assert update < api.requests.index("PATCH " + WIDGET.path("n", "w", "status"))

        def watch_release(request: object) -> None:
            if "PUT" in str(request):
                ends.append(f"lease written after {journal[-1]}")

        api.fail = watch_release
        await running.stopped()
    assert journal[0] == "webhooks starts"
    assert journal.index("certificates starts") > 0
    assert journal[-2:] == ["certificates stops", "webhooks stops"]
    assert ends == ["lease written after certificates stops"]
    assert holder(api) == ""


async def test_reconciles_in_hand_are_finished_before_stopping() -> None:
    api = MemoryApi()
    async with managing(api, WIDGETS) as running:
        slow = asyncio.Event()

        async def until_allowed() -> None:
            await slow.wait()

        api.delay = lambda request: until_allowed() if request.method == "PATCH" else None
        await api.put(WIDGET, widget("w", "a"))
        await running.clock.advance(1)
        running.stop.set()
        await running.clock.advance(20)
        assert not running.task.done()
        slow.set()
        await running.clock.advance(1)
        assert running.task.done()
        running.task.result()
        assert [metadata.name(obj) for obj in api.all(CONFIG_MAP)] == ["w-a"]


async def test_reconciles_that_do_not_finish_are_cancelled_and_it_stops_all_the_same() -> None:
    api = MemoryApi()
    async with managing(api, WIDGETS, options=replace(ELECTING, identity="me")) as running:
        api.hang = lambda request: request.method == "PATCH"
        await api.put(WIDGET, widget("w", "a"))
        await running.clock.advance(1)
        running.stop.set()
        assert await running.clock.advance_until(running.task.done) <= 25.1
        running.task.result()
        assert holder(api) == ""


async def test_no_key_is_taken_after_the_stop() -> None:
    api, decisions = MemoryApi(), Decisions()
    async with managing(api, replace(WIDGETS, reconcile=decisions)) as running:
        api.hang = lambda request: request.method == "PATCH"
        await api.put(WIDGET, widget("w", "a"))
        await running.clock.advance(1)
        running.stop.set()
        await running.clock.settle()
        made = len(decisions.made)
        await api.put(WIDGET, widget("v"))
        await running.clock.advance(10)
        assert len(decisions.made) == made


async def test_the_lease_is_renewed_while_work_drains() -> None:
    api = MemoryApi()
    async with managing(api, WIDGETS, options=replace(ELECTING, identity="me")) as running:
        api.hang = lambda request: request.path.startswith(CONFIG_MAP.path("n"))
        await api.put(WIDGET, widget("w", "a"))
        await running.clock.advance(1)
        running.stop.set()
        before = api.requests.count("PUT " + LEASE.path("kserve", "kservectl"))
        await running.clock.advance(20)
        assert api.requests.count("PUT " + LEASE.path("kserve", "kservectl")) - before == 10
        assert holder(api) == "me"


async def test_a_standby_keeps_its_caches_warm_and_decides_nothing() -> None:
    api, clock = MemoryApi(), FakeClock()
    decisions = Decisions()
    async with (
        managing(api, WIDGETS, clock=clock, options=replace(ELECTING, identity="a")) as first,
        managing(
            api, replace(WIDGETS, reconcile=decisions), clock=clock, options=replace(ELECTING, identity="b")
        ) as second,
    ):
        await api.put(WIDGET, widget("w", "a"))
        await clock.advance(30)
        assert holder(api) == "a"
        assert second.manager.health.ready
        assert not second.manager.started.is_set()
        assert len(second.manager.factory.informer(WIDGET).store) == 1
        assert decisions.made == []
        await first.stopped()
        await clock.advance(2.1)
        assert holder(api) == "b"
        assert len(decisions.made) == 1
        assert second.registry.get_sample_value("leader_election_master_status", {"name": "kservectl"}) == 1


async def test_a_replica_that_is_ready_stays_so_while_controllers_begin_to_look_at_its_caches() -> None:
    """Otherwise its webhooks would refuse everybody for a moment whenever it becomes the leader."""
    api = MemoryApi()
    await api.put(WIDGET, widget("w", "a"))

    async def slow(change: Change) -> None:
        await asyncio.Event().wait()

    async with managing(api, WIDGETS) as running:
        assert running.manager.health.ready
        informer = running.manager.factory.informer(WIDGET)
        informer.add_handler(slow)
        await running.clock.settle()
        assert not informer.synced
        assert running.manager.health.ready


async def test_losing_the_lease_ends_the_process_with_an_error_and_without_another_write() -> None:
    api = MemoryApi()
    async with managing(api, WIDGETS, options=ELECTING) as running:
        api.fail = lambda request: ConnectionFailed("gone") if LEASE.plural in request.path else None
        await running.clock.advance_until(running.task.done)
        with pytest.raises(LeadershipLost):
            running.task.result()
        writes = len(api.writes)
        await api.put(WIDGET, widget("w", "a"))
        await running.clock.advance(60)
        assert len(api.writes) == writes


async def test_a_process_that_was_suspended_past_its_lease_writes_nothing_when_it_wakes() -> None:
    api = MemoryApi()
    async with managing(api, WIDGETS, options=ELECTING) as running:
        await running.clock.advance(5)
        api.requests.clear()
        running.clock.suspend(60)
        await api.put(WIDGET, widget("w", "a"))  # the first thing it hears of when it wakes
        await running.clock.advance(5)
        assert api.writes == []
        with pytest.raises(LeadershipLost):
            running.task.result()


async def test_a_standby_may_not_write_through_the_managers_client() -> None:
    api, clock = MemoryApi(), FakeClock()
    async with (
        managing(api, clock=clock, options=replace(ELECTING, identity="a")),
        managing(api, clock=clock, options=replace(ELECTING, identity="b")) as standby,
    ):
        with pytest.raises(LeadershipLost):
            await standby.manager.client.create(SECRET, {"metadata": {"name": "s", "namespace": "n"}})
        assert await standby.manager.client.list(SECRET)


async def test_caches_that_do_not_fill_end_the_process_and_say_which_and_why() -> None:
    api = MemoryApi()
    api.fail = lambda request: (
        Forbidden(403, "Forbidden", "configmaps is forbidden") if CONFIG_MAP.plural in request.path else None
    )
    async with managing(api, WIDGETS) as running:
        assert not running.manager.health.ready
        await running.clock.advance_until(running.task.done)
        with pytest.raises(CacheSyncTimeout, match=r"controller widget .* 120 s: ConfigMap: .*forbidden"):
            running.task.result()


async def test_a_task_that_fails_ends_the_process_with_its_error() -> None:
    async def broken() -> None:
        raise OSError("disk full")

    api = MemoryApi()
    prepare = lambda manager: manager.add_runnable("certificates", broken, needs_leader=True)  # noqa: E731 - short
    async with managing(api, WIDGETS, prepare=prepare) as running:
        with pytest.raises(OSError, match="disk full"):
            await running.task


async def test_a_task_that_ends_by_itself_ends_the_process() -> None:
    async def brief() -> None:
        pass

    api = MemoryApi()
    prepare = lambda manager: manager.add_runnable("webhooks", brief, needs_leader=False)  # noqa: E731 - short
    async with managing(api, WIDGETS, prepare=prepare) as running:
        with pytest.raises(TaskEnded, match="webhooks"):
            await running.task


async def test_a_failure_releases_the_lease_too() -> None:
    async def broken() -> None:
        raise OSError("disk full")

    api = MemoryApi()
    prepare = lambda manager: manager.add_runnable("certificates", broken, needs_leader=True)  # noqa: E731 - short
    async with managing(api, WIDGETS, options=ELECTING, prepare=prepare) as running:
        await asyncio.gather(running.task, return_exceptions=True)
        lease = api.get(LEASE, "kservectl", "kserve")
        assert lease is not None
        assert holder(api) == ""


async def test_events_under_way_are_flushed_before_it_stops() -> None:
    api = MemoryApi()

    def decide(obj: Object, view: View) -> Outcome:
        return Outcome(status={"seen": True}, events=(EventRecord("Normal", "Seen", "here it is"),))

    async with managing(api, replace(WIDGETS, reconcile=decide)) as running:
        api.delay = lambda request: running.clock.sleep(0.5) if EVENT.plural in request.path else None
        await api.put(WIDGET, widget("w"))
        await running.clock.settle()
        assert api.all(EVENT) == []
        await running.stopped()
        assert len(api.all(EVENT)) == 1


async def test_metrics_and_probes_are_served_on_free_ports() -> None:
    api = MemoryApi()
    options = ManagerOptions(metrics_bind="127.0.0.1:0", health_bind="127.0.0.1:0")
    async with managing(api, WIDGETS, options=options) as running, aiohttp.ClientSession() as http:
        while not running.manager.started.is_set():
            await running.clock.advance(0.1)
        await running.clock.advance(1)
        health, metrics = running.manager.health_port, running.manager.metrics_port
        async with http.get(f"http://127.0.0.1:{health}/readyz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok")
        async with http.get(f"http://127.0.0.1:{metrics}/metrics") as answer:
            text = await answer.text()
            assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'workqueue_depth{controller="widget",name="widget",priority="0"}' in text or "workqueue_adds_total" in text
    assert 'controller_runtime_max_concurrent_reconciles{controller="widget"} 4.0' in text
    assert 'kservectl_informer_synced{kind="ConfigMap"} 1.0' in text
    assert "process_resident_memory_bytes " in text
    assert "_created" not in text


async def test_an_address_that_is_taken_is_named() -> None:
    api = MemoryApi()
    options = ManagerOptions(metrics_bind="127.0.0.1:0", health_bind="")
    async with managing(api, options=options) as first:
        await asyncio.sleep(0.05)
        taken = f"127.0.0.1:{first.manager.metrics_port}"
        second = Manager(api.client(), first.clock, replace(options, metrics_bind=taken))
        with pytest.raises(OSError, match=f"cannot listen on {taken}"):
            await second.run(asyncio.Event())


async def test_a_stop_while_waiting_for_the_lease_ends_it_at_once() -> None:
    api, clock = MemoryApi(), FakeClock()
    async with (
        managing(api, clock=clock, options=replace(ELECTING, identity="a")),
        managing(api, WIDGETS, clock=clock, options=replace(ELECTING, identity="b")) as standby,
    ):
        await clock.advance(5)
        standby.stop.set()
        await clock.advance(0.1)
        assert standby.task.done()
        standby.task.result()
        assert holder(api) == "a"


async def test_views_for_webhooks_read_the_managers_caches() -> None:
    api = MemoryApi()
    await api.put(SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}})
    views = []
    async with managing(api, prepare=lambda manager: views.append(manager.view(SECRET))) as running:
        view = views[0]()
        assert view.get(SECRET, "s", "n") is not None
        assert view.served(SECRET)
        assert not view.served(CONFIG_MAP)
        assert view.now == running.clock.now()


async def test_only_the_given_namespaces_are_looked_at() -> None:
    api, decisions = MemoryApi(), Decisions()
    await api.put(WIDGET, widget("w", namespace="mine"))
    await api.put(WIDGET, widget("w", namespace="theirs"))
    options = replace(SILENT, namespaces=("mine",))
    async with managing(api, replace(WIDGETS, reconcile=decisions), options=options) as running:
        await running.clock.advance(1)
        assert {key.namespace for key in decisions.made} == {"mine"}
        lists = [request for request in api.requests if request.startswith("GET")]
        assert all("/namespaces/mine/" in request for request in lists)
