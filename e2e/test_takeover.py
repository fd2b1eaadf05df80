"""Taking over from KServe's manager: its objects are adopted as they are, `preflight` says before what will change, and two
managers never work at once.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from e2e.api import Api, condition
from e2e.conftest import Configure, StartManager
from e2e.installation import SYSTEM_NAMESPACE, allow_sharding
from e2e.left_graph import ROUTER, left_graph
from e2e.left_services import LeftService
from e2e.manager import ManagerProcess
from e2e.predecessor import CHILDREN, leave_behind, register_webhooks, unregister_webhooks
from e2e.process import kservectl
from e2e.target import Target
from kservectl.api.kinds import GATEWAY, HTTP_ROUTE, INFERENCE_GRAPH, INFERENCE_SERVICE
from kservectl.assembly import LEASE_NAME
from kservectl.clock import rfc3339_micro
from kservectl.manifests.gateway import gateway
from kservectl.objects import metadata
from kservectl.objects.kind import CONTROLLER_REVISION, DEPLOYMENT, LEASE, Kind
from kservectl.objects.metadata import Object
from kservectl.preflight.fields import field_changes
from kservectl.preflight.forecast import comparable

_KSERVE = "kserve-controller-manager-0_5e1f"
_RENEWS_SECONDS = 0.5
_READY_SECONDS = 60.0
_QUIET_SECONDS = 3.0
_LOOK_AGAIN_SECONDS = 0.2
_OLD = "old.example/setting"

Name = tuple[str, str]
"""Kind and name."""


def left_services(namespace: str, *, by_ingress: bool = False) -> list[LeftService]:
    """A dozen, each with something of its own."""

    def left(name: str, **different: Any) -> LeftService:
        return LeftService(name, namespace, by_ingress=by_ingress, **different)

    both = ("predictor", "transformer")
    return [
        left("plain"),
        left("transformed", components=both),
        left("scaled", annotations={"serving.kserve.io/autoscalerClass": "hpa"}, most=4),
        left("labelled", labels={"team": "vision"}),
        left("annotated", annotations={"team.example/contact": "vision@example.com"}),
        left("with-side-car", side_car=True),
        left("twice", replicas=2, most=2),
        left("commanded", container={"command": ["serve", "--fast"]}),
        left("all-of-it", components=both, labels={"team": "text"}, side_car=True, most=3),
        left("stale", stale={_OLD: "1"}),
        left("was-transformed"),
        left("ends-on-predictor-predictor"),
    ]


@asynccontextmanager
async def without_webhooks(api: Api) -> AsyncIterator[None]:
    """While objects are put there for which no manager answers."""
    await unregister_webhooks(api)
    try:
        yield
    finally:
        await register_webhooks(api)


@asynccontextmanager
async def no_gateway(api: Api) -> AsyncIterator[None]:
    """While nobody says anything about new routes; on the real cluster the simulated gateway needs no object."""
    wanted = gateway()
    await api.delete(GATEWAY, metadata.name(wanted), metadata.namespace(wanted))
    try:
        yield
    finally:
        await api.client.apply(GATEWAY, wanted)


@asynccontextmanager
async def kserve_leads(api: Api) -> AsyncIterator[None]:
    """KServe's manager works: it holds the Lease and renews it."""

    async def renew() -> None:
        while True:
            await _hold(api)
            await asyncio.sleep(_RENEWS_SECONDS)

    await _hold(api)
    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        await api.delete(LEASE, LEASE_NAME, SYSTEM_NAMESPACE)


async def _hold(api: Api) -> None:
    moment = rfc3339_micro(datetime.now(UTC))
    spec = {"holderIdentity": _KSERVE, "leaseDurationSeconds": 15, "renewTime": moment, "acquireTime": moment}
    lease = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "spec": spec}
    await api.client.apply(LEASE, {**lease, "metadata": {"name": LEASE_NAME, "namespace": SYSTEM_NAMESPACE}})


class ReadyWatch:
    """Watches that services (or graphs) that are Ready stay so."""

    def __init__(self, api: Api, namespace: str, kind: Kind = INFERENCE_SERVICE) -> None:
        self.lost: list[str] = []
        self._api, self._namespace, self._kind = api, namespace, kind

    @asynccontextmanager
    async def watching(self) -> AsyncIterator["ReadyWatch"]:
        listed = await self._api.client.list(self._kind, self._namespace)
        assert all(condition(each, "Ready").get("status") == "True" for each in listed["items"])
        task = asyncio.create_task(self._watch(listed["metadata"]["resourceVersion"]))
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _watch(self, version: str) -> None:
        async with self._api.client.watch(self._kind, self._namespace, resource_version=version) as events:
            async for event in events:
                gone = event.type == "DELETED"
                if event.type != "BOOKMARK" and (gone or condition(event.object, "Ready").get("status") != "True"):
                    self.lost.append(f"{event.type} {metadata.name(event.object)}: {event.object.get('status')}")


async def leave(api: Api, cluster: Target, namespace: str, services: Iterable[LeftService]) -> None:
    """Put everything there, and wait until the Deployments are Ready."""
    services = list(services)
    objects = [obj for each in services for obj in each.objects()]
    objects += [obj for each in services if each.name == "was-transformed" for obj in each.removed_transformer()]
    await _leave(api, cluster, namespace, objects)


async def _leave(api: Api, cluster: Target, namespace: str, objects: Sequence[Object]) -> None:
    await leave_behind(cluster.kubeconfig, objects)
    await api.until_all(
        DEPLOYMENT,
        namespace,
        lambda found: all(condition(each, "Available").get("status") == "True" for each in found),
        "all Deployments are available",
        seconds=_READY_SECONDS,
    )


async def everything(api: Api, namespace: str) -> dict[Name, Object]:
    kinds = (INFERENCE_SERVICE, *CHILDREN, CONTROLLER_REVISION)
    found = [obj for kind in kinds for obj in await api.list_served(kind, namespace)]
    return {(str(obj["kind"]), metadata.name(obj)): obj for obj in found if _is_of_a_service(obj)}


def _is_of_a_service(obj: Object) -> bool:
    owner = metadata.controller_of(obj)
    return obj["kind"] == INFERENCE_SERVICE.kind or (owner is not None and owner["kind"] == INFERENCE_SERVICE.kind)


async def preflight(cluster: Target, namespace: str) -> tuple[int, Object]:
    """The exit code and the report."""
    arguments = (f"--kubeconfig={cluster.kubeconfig}", f"--namespace={namespace}", "--account=", "-o", "json")
    done = await asyncio.to_thread(kservectl, "preflight", *arguments)
    assert done.returncode in (0, 1, 2), done.stderr
    report: Object = json.loads(done.stdout)
    return done.returncode, report


def told_updates(report: Object) -> list[Object]:
    """All changes of objects that are there."""
    return [change for obj in report["objects"] for change in obj["changes"] if change["deed"] == "update"]


def announced(report: Object) -> dict[Name, tuple[str, frozenset[str]]]:
    """What is said to be done to which object, and with which fields."""
    return {
        (change["kind"], change["name"]): (
            change["deed"],
            frozenset(field["path"] for field in change["fields"]) if change["deed"] == "update" else frozenset(),
        )
        for obj in report["objects"]
        for change in obj["changes"]
    }


def happened(before: Mapping[Name, Object], after: Mapping[Name, Object]) -> dict[Name, tuple[str, frozenset[str]]]:
    """What was done to which object, in the same words."""
    found: dict[Name, tuple[str, frozenset[str]]] = {}
    for name in before.keys() | after.keys():
        if name not in after:
            found[name] = ("delete", frozenset())
        elif name not in before:
            found[name] = ("create", frozenset())
        else:
            status = name[0] == INFERENCE_SERVICE.kind
            changes = field_changes(comparable(before[name], status=status), comparable(after[name], status=status))
            if changes:
                found[name] = ("update", frozenset(each.path for each in changes))
    return found


async def until_at_rest(manager: ManagerProcess) -> None:
    """Wait until it has not written for a while."""
    loop = asyncio.get_running_loop()
    since, last = loop.time(), -1.0
    async with asyncio.timeout(_READY_SECONDS):
        while loop.time() - since < _QUIET_SECONDS:
            writes = sum(number for method, number in manager.requests().items() if method != "GET")
            if writes != last:
                since, last = loop.time(), writes
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("by_ingress", [False, True], ids=["gateway", "ingress"])
async def test_services_are_taken_over_as_they_are_and_preflight_says_what_changes(
    api: Api, namespace: str, cluster: Target, managers: StartManager, configure: Configure, by_ingress: bool
) -> None:
    if by_ingress:
        await configure("ingress", enableGatewayApi=False)
    services = left_services(namespace, by_ingress=by_ingress)
    async with without_webhooks(api):
        await leave(api, cluster, namespace, services)
    code, report = await preflight(cluster, namespace)
    assert code == 1, report["findings"]
    assert report["summary"]["rollouts"] == 0, [each for each in told_updates(report) if each["rollsOut"]]
    before = await everything(api, namespace)

    manager = managers()
    async with ReadyWatch(api, namespace).watching() as watch:
        await asyncio.to_thread(manager.start_ready)
        await until_at_rest(manager)

    after = await everything(api, namespace)
    assert watch.lost == []
    assert happened(before, after) == announced(report)
    for name, obj in before.items():
        if name[0] == DEPLOYMENT.kind:
            assert after[name]["spec"]["template"] == obj["spec"]["template"], name
            # An annotation that goes counts as a generation, too; no pod is replaced for it.
            assert metadata.generation(after[name]) == metadata.generation(obj) + (name[1] == "stale-predictor"), name
    gone = {name for name in before if name not in after}
    assert gone == {("Service", "was-transformed-transformer"), ("HTTPRoute", "was-transformed-transformer")}
    assert _OLD not in metadata.labels(after["Service", "stale-predictor"])
    assert _OLD not in metadata.annotations(after["Deployment", "stale-predictor"])
    assert (await preflight(cluster, namespace))[1]["summary"]["updates"] == 0


@pytest.mark.timeout(180)
async def test_a_graph_stays_ready_although_it_gets_a_route_only_now(
    api: Api, namespace: str, cluster: Target, managers: StartManager, configure: Configure
) -> None:
    await configure("router", image=ROUTER)
    async with without_webhooks(api):
        await _leave(api, cluster, namespace, left_graph("flow", namespace))
    _, report = await preflight(cluster, namespace)
    assert report["summary"]["rollouts"] == 0, [each for each in told_updates(report) if each["rollsOut"]]
    assert announced(report)["HTTPRoute", "flow"] == ("create", frozenset())
    before = await api.get(DEPLOYMENT, "flow", namespace)

    manager = managers()
    async with ReadyWatch(api, namespace, INFERENCE_GRAPH).watching() as watch:
        async with no_gateway(api) if cluster.is_devcluster else nullcontext():
            await asyncio.to_thread(manager.start_ready)
            await until_at_rest(manager)
            assert await api.get(HTTP_ROUTE, "flow", namespace)
        graph = await api.until(
            INFERENCE_GRAPH, "flow", namespace, lambda found: "deploymentMode" in found["status"], "it is taken over"
        )
        await until_at_rest(manager)
    assert watch.lost == []
    assert condition(graph, "Ready")["lastTransitionTime"] <= metadata.metadata(before)["creationTimestamp"]
    after = await api.get(DEPLOYMENT, "flow", namespace)
    assert metadata.generation(after) == metadata.generation(before)
    said = announced(report)["InferenceGraph", "flow"][1]
    assert "status.deploymentMode" in said
    assert not any("conditions" in path for path in said)


async def test_nothing_starts_beside_a_manager_that_works(api: Api, managers: StartManager) -> None:
    async with kserve_leads(api):
        alone = managers()
        await asyncio.to_thread(alone.start)
        assert await asyncio.to_thread(alone.wait, 20) == 1
    told = alone.log.read_text()
    assert _KSERVE in told
    assert "--leader-elect" in told
    assert "Traceback" not in told


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", ["elected", "sharded"])
async def test_who_waits_for_another_manager_writes_nothing_and_goes_on_when_that_one_is_gone(
    api: Api, namespace: str, cluster: Target, managers: StartManager, how: str
) -> None:
    async with without_webhooks(api):
        await leave(api, cluster, namespace, left_services(namespace)[:1])
    if how == "sharded":
        await allow_sharding(api)
    before = await everything(api, namespace)
    waiting = managers(leader_elect=how == "elected", options=("--sharded",) if how == "sharded" else ())

    async with kserve_leads(api):
        await asyncio.to_thread(waiting.start)
        await asyncio.to_thread(waiting.wait_until, lambda: _says(waiting, _KSERVE), "waiting for the other one", 30)
        await asyncio.sleep(_QUIET_SECONDS)
        assert {method for method, number in waiting.requests().items() if number} == {"GET"}
        assert await everything(api, namespace) == before

    await api.until_all(
        CONTROLLER_REVISION, namespace, lambda found: bool(found), "it has taken over", seconds=_READY_SECONDS
    )
    await asyncio.to_thread(waiting.wait_ready)


def _says(manager: ManagerProcess, text: str) -> bool:
    return manager.log.is_file() and text in manager.log.read_text()


@pytest.mark.real
async def test_preflight_reads_only_and_says_which_rights_are_missing(
    api: Api, namespace: str, cluster: Target, tmp_path: Path
) -> None:
    async with without_webhooks(api):
        await leave(api, cluster, namespace, left_services(namespace)[:1])
    before = await everything(api, namespace)
    done = await asyncio.to_thread(
        kservectl, "preflight", f"--kubeconfig={cluster.kubeconfig}", "--account=default", "-o", "json"
    )
    assert done.returncode == 2, done.stderr
    told = [each["message"] for each in json.loads(done.stdout)["findings"] if each["severity"] == "blocker"]
    assert any("deployments.apps" in each for each in told)
    done = await asyncio.to_thread(
        kservectl, "preflight", f"--kubeconfig={cluster.kubeconfig}", f"--namespace={namespace}", "-o", "json"
    )
    assert not [each for each in json.loads(done.stdout)["findings"] if "it may not" in each["message"]]
    assert await everything(api, namespace) == before


def test_a_cluster_that_cannot_be_read_is_told_apart(tmp_path: Path) -> None:
    done = kservectl("preflight", f"--kubeconfig={tmp_path / 'none'}")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
