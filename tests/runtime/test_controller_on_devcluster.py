"""A controller against an API server that defaults, validates, prunes, collects garbage, and misbehaves on demand.

A Fleet wants a Deployment for each of `spec.models`; its definition is a real CustomResourceDefinition. Everything goes over
HTTP and takes real time, if little of it.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from prometheus_client import CollectorRegistry

from kservectl.client.client import Client
from kservectl.client.config import ConnectionConfig
from kservectl.client.connection import Connection
from kservectl.clock import SystemClock
from kservectl.devcluster.cluster import DevCluster
from kservectl.devcluster.faults import Fault
from kservectl.devcluster.request import RequestInfo
from kservectl.devcluster.types import builtin_types
from kservectl.objects import metadata
from kservectl.objects.kind import CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.controller import Controller, Owned
from kservectl.runtime.manager import Manager, ManagerOptions
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.predicates import not_only_status
from kservectl.runtime.view import View
from tests.fake_clock import eventually

FLEET = Kind("test.example.com", "v1", "Fleet", "fleets")
FINALIZER = "test.example.com/fleet"
DEFINITION: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "fleets.test.example.com"},
    "spec": {
        "group": FLEET.group,
        "scope": "Namespaced",
        "names": {"kind": "Fleet", "listKind": "FleetList", "plural": "fleets", "singular": "fleet"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                        },
                    }
                },
            }
        ],
    },
}


def fleet(name: str, *models: str, image: str = "server:1") -> Object:
    return {
        "apiVersion": FLEET.api_version,
        "kind": FLEET.kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"models": list(models), "image": image},
    }


def deployment(owner: Object, model: str) -> Object:
    labels = {"app": f"{metadata.name(owner)}-{model}"}
    container = {
        "name": "server",
        "image": owner["spec"]["image"],
        "ports": [{"containerPort": 8080}],
        "env": [{"name": "MODEL", "value": model}, {"name": "EMPTY", "value": ""}],
        "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"cpu": "1"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": labels["app"], "namespace": metadata.namespace(owner), "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def reconcile_fleet(obj: Object, view: View) -> Outcome:
    if metadata.is_deleting(obj):
        return Outcome(finalizers=())
    present = view.owned(DEPLOYMENT, metadata.uid(obj))
    return Outcome(
        desired=tuple(deployment(obj, model) for model in obj["spec"]["models"]),
        status={"deployments": len(present)},
        finalizers=(FINALIZER,),
    )


FLEETS = Controller(
    "fleet", FLEET, reconcile_fleet, finalizer=FINALIZER, owns=(Owned(DEPLOYMENT),), predicate=not_only_status
)


@dataclass
class World:
    """A devcluster, and what the manager asks of it."""

    cluster: DevCluster
    requests: list[str] = field(default_factory=list)

    def note(self, info: RequestInfo) -> Fault | None:
        if info.verb != "watch" and info.plural:
            self.requests.append(f"{info.verb} {info.plural}")
        return None

    @property
    def writes(self) -> list[str]:
        return [request for request in self.requests if request.split()[0] not in ("get", "list")]

    def deployments(self) -> dict[str, Object]:
        return {metadata.name(obj): obj for obj in self.cluster.list(DEPLOYMENT)}

    def settled(self, name: str, *models: str, image: str = "server:1") -> bool:
        stored = self.cluster.get(FLEET, name, "default")
        found = {key: obj for key, obj in self.deployments().items() if key.startswith(f"{name}-")}
        return (
            stored is not None
            and stored.get("status") == {"deployments": len(models)}
            and set(found) == {f"{name}-{model}" for model in models}
            and all(container(obj)["image"] == image for obj in found.values())
        )

    @asynccontextmanager
    async def managed(self, controller: Controller = FLEETS) -> AsyncIterator[Manager]:
        clock, stop = SystemClock(), asyncio.Event()
        async with Connection(ConnectionConfig(self.cluster.url), clock=clock, rng=random.Random(1)) as connection:
            options = ManagerOptions(metrics_bind="", health_bind="")
            manager = Manager(Client(connection), clock, options, registry=CollectorRegistry(), rng=random.Random(1))
            manager.add(controller)
            running = asyncio.create_task(manager.run(stop))
            try:
                await eventually(lambda: manager.health.ready and manager.started.is_set())
                yield manager
            finally:
                stop.set()
                await asyncio.wait_for(running, 10)


def container(obj: Object) -> Object:
    found: Object = obj["spec"]["template"]["spec"]["containers"][0]
    return found


async def quiet(world: World, seconds: float = 0.3) -> None:
    """Let pass what would happen soon if anything did."""
    await asyncio.sleep(seconds)
    world.requests.clear()
    await asyncio.sleep(seconds)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with DevCluster(builtin_types(), clock=SystemClock(), seed=1) as cluster:
        await cluster.create(CUSTOM_RESOURCE_DEFINITION, DEFINITION)
        made = World(cluster)
        cluster.faults.add(made.note)
        yield made


async def test_a_fleet_gets_its_deployments_with_one_write_each(world: World) -> None:
    async with world.managed():
        await world.cluster.create(FLEET, fleet("f", "a", "b"))
        await eventually(lambda: world.settled("f", "a", "b"))
        assert sorted(world.writes) == ["patch deployments"] * 2 + ["patch fleets"] * 2  # finalizer, status


async def test_what_the_server_defaults_is_no_difference_even_after_a_restart(world: World) -> None:
    async with world.managed():
        await world.cluster.create(FLEET, fleet("f", "a"))
        await eventually(lambda: world.settled("f", "a"))
        assert container(world.deployments()["f-a"])["terminationMessagePath"] == "/dev/termination-log"
    decided: list[str] = []

    def decide(obj: Object, view: View) -> Outcome:
        decided.append(metadata.name(obj))
        return reconcile_fleet(obj, view)

    async with world.managed(replace(FLEETS, reconcile=decide)):
        await eventually(lambda: decided == ["f"])
        await quiet(world)
        assert world.requests == []


async def test_a_child_edited_or_deleted_by_hand_is_put_right_and_strangers_fields_stay(world: World) -> None:
    async with world.managed():
        await world.cluster.create(FLEET, fleet("f", "a", "b"))
        await eventually(lambda: world.settled("f", "a", "b"))
        by_hand = {"spec": {"replicas": 7, "template": {"spec": {"containers": [{"name": "server", "image": "evil"}]}}}}
        await world.cluster.patch(DEPLOYMENT, "f-a", "default", by_hand, patch_type="strategic", manager="kubectl")
        await world.cluster.delete(DEPLOYMENT, "f-b", "default")
        await eventually(lambda: world.settled("f", "a", "b"))
        assert world.deployments()["f-a"]["spec"]["replicas"] == 7


async def test_a_changed_spec_changes_children_and_prunes(world: World) -> None:
    async with world.managed():
        await world.cluster.create(FLEET, fleet("f", "a", "b"))
        await eventually(lambda: world.settled("f", "a", "b"))
        await world.cluster.patch(FLEET, "f", "default", {"spec": {"models": ["b", "c"], "image": "server:2"}})
        await eventually(lambda: world.settled("f", "b", "c", image="server:2"))


async def test_late_watches_cause_no_second_write(world: World) -> None:
    world.cluster.delay_watches(0.3)
    async with world.managed():
        await world.cluster.create(FLEET, fleet("f", "a", "b"))
        await eventually(lambda: world.settled("f", "a", "b"))
        assert world.writes.count("patch deployments") == 2
        assert "get deployments" not in world.requests


async def test_an_owner_deleted_takes_its_children_along_and_nothing_comes_after(world: World) -> None:
    async with world.managed():
        await world.cluster.create(FLEET, fleet("f", "a", "b"))
        await eventually(lambda: world.settled("f", "a", "b"))
        await world.cluster.delete(FLEET, "f", "default")
        await eventually(lambda: world.cluster.get(FLEET, "f", "default") is None and not world.deployments())
        await quiet(world)
        assert world.writes == []


async def test_broken_watches_and_lost_history_lose_nothing(world: World) -> None:
    async with world.managed():
        for number in range(10):
            await world.cluster.create(FLEET, fleet(f"f{number}", "a"))
            if number % 3 == 0:
                world.cluster.expire_history()
            world.cluster.break_watches()
        await eventually(lambda: all(world.settled(f"f{number}", "a") for number in range(10)), 20)


FAULTS: dict[str, Callable[[], Fault]] = {
    "dropped before": lambda: Fault(drop="before"),
    "dropped after": lambda: Fault(drop="after"),
}


@pytest.mark.parametrize("kind_of_fault", FAULTS)
async def test_lost_requests_and_lost_answers_converge(world: World, kind_of_fault: str) -> None:
    rng = random.Random(3)

    def hook(info: RequestInfo) -> Fault | None:
        return FAULTS[kind_of_fault]() if info.verb in ("patch", "delete") and rng.random() < 0.3 else None

    remove = world.cluster.faults.add(hook)
    async with world.managed():
        for number in range(10):
            await world.cluster.create(FLEET, fleet(f"f{number}", "a", "b"))
        await asyncio.sleep(0.5)
        remove()
        await eventually(lambda: all(world.settled(f"f{number}", "a", "b") for number in range(10)), 20)
        await quiet(world)
        assert world.writes == []


async def test_somebody_who_edits_all_the_time_is_not_fought_with_lost_updates(world: World) -> None:
    async with world.managed():
        await world.cluster.create(FLEET, fleet("f", "a"))
        for number in range(40):
            await world.cluster.patch(FLEET, "f", "default", {"metadata": {"annotations": {"tick": str(number)}}})
            if world.deployments():
                body = {"metadata": {"annotations": {"tick": str(number)}}}
                await world.cluster.patch(DEPLOYMENT, "f-a", "default", body, manager="kubectl")
            await asyncio.sleep(0.005)
        await eventually(lambda: world.settled("f", "a"))
        stored = world.cluster.get(FLEET, "f", "default")
        assert stored is not None
        assert metadata.annotations(stored)["tick"] == "39"
        assert metadata.annotations(world.deployments()["f-a"])["tick"] == "39"
