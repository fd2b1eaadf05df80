"""Killed before and after any single call to the API server, the next manager ends where one ends that was never killed."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from difflib import unified_diff
from typing import Any

import pytest

from kservectl.api.kinds import HTTP_ROUTE, INFERENCE_GRAPH, INFERENCE_SERVICE, TRAINED_MODEL
from kservectl.assembly import CONTROLLERS, Options, assemble
from kservectl.client.client import Client
from kservectl.client.config import ConnectionConfig
from kservectl.clock import SystemClock
from kservectl.development.environment import Environment, EnvironmentOptions, local_options, running
from kservectl.objects import metadata
from kservectl.objects.kind import (
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    NAMESPACE,
    POD,
    SERVICE,
)
from kservectl.objects.metadata import Object
from tests.crashes.stopping_connection import Point, StoppingConnection

pytestmark = pytest.mark.crashes

CONTROL = "control"
KINDS = (
    INFERENCE_SERVICE,
    INFERENCE_GRAPH,
    TRAINED_MODEL,
    DEPLOYMENT,
    SERVICE,
    HORIZONTAL_POD_AUTOSCALER,
    HTTP_ROUTE,
    INGRESS,
    CONFIG_MAP,
    CONTROLLER_REVISION,
)
OF_ANY_NAMESPACE = ("kube-root-ca.crt",)
"""Made by the cluster, some time after the namespace."""

PATIENCE = 60.0
LOOK_AGAIN = 0.1
STILL = 12
"""So many looks in a row that show the same are taken for the end."""

WORKERS = 400
"""A key that is stopped holds its worker for good."""

Act = Callable[[Environment, str], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """What is there before, and what happens then; both are done in a namespace."""

    before: tuple[Act, ...]
    act: Act


def service(name: str = "iris", annotations: Mapping[str, str] | None = None, **spec: Any) -> Act:
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": spec.pop("source", "gs://bucket/iris/1")}
    predictor = {"model": model, **spec.pop("predictor", {})}
    return applied(INFERENCE_SERVICE, name, {"spec": {"predictor": predictor, **spec}}, annotations)


def garden() -> Act:
    model = {"modelFormat": {"name": "sklearn"}, "resources": {"limits": {"memory": "4Gi"}}}
    return applied(INFERENCE_SERVICE, "garden", {"spec": {"predictor": {"model": model}}})


def rose(source: str = "gs://bucket/rose") -> Act:
    model = {"storageUri": source, "framework": "sklearn", "memory": "10Mi"}
    return applied(TRAINED_MODEL, "rose", {"spec": {"inferenceService": "garden", "model": model}})


def graph(*urls: str) -> Act:
    root = {"routerType": "Sequence", "steps": [{"serviceUrl": url} for url in urls]}
    return applied(INFERENCE_GRAPH, "chain", {"spec": {"nodes": {"root": root}}})


def applied(kind: Any, name: str, body: Object, annotations: Mapping[str, str] | None = None) -> Act:
    async def act(environment: Environment, namespace: str) -> None:
        head = {"name": name, "namespace": namespace, "annotations": dict(annotations or {})}
        obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": head, **body}
        await environment.client.apply(kind, obj)

    return act


def deleted(kind: Any, name: str) -> Act:
    async def act(environment: Environment, namespace: str) -> None:
        await environment.client.delete(kind, name, namespace)

    return act


TRANSFORMER = {"containers": [{"name": "kserve-container", "image": "example/transformer:1"}]}
CANARY = [
    {
        "trafficPercent": 20,
        "predictor": {
            "name": "v2",
            "minReplicas": 1,
            "model": {"modelFormat": {"name": "sklearn"}, "storageUri": "gs://bucket/iris/2"},
        },
    }
]
STOPPED = {"serving.kserve.io/stop": "true"}

SCENARIOS = {
    "created": Scenario((), service()),
    "changed": Scenario((service(),), service(source="gs://bucket/iris/2", predictor={"maxReplicas": 3})),
    "transformer added": Scenario((service(),), service(transformer=TRANSFORMER)),
    "transformer removed": Scenario((service(transformer=TRANSFORMER),), service()),
    "canary": Scenario((service(),), service(canary=CANARY)),
    "promotion": Scenario(
        (service(), service(canary=CANARY)), service(source="gs://bucket/iris/2", predictor={"name": "v2"})
    ),
    "stopped": Scenario((service(transformer=TRANSFORMER),), service(annotations=STOPPED, transformer=TRANSFORMER)),
    "started": Scenario((service(annotations=STOPPED),), service()),
    "by Ingress": Scenario((service(),), service(annotations={"networking.kserve.io/gateway-api": "false"})),
    "deleted": Scenario((service(),), deleted(INFERENCE_SERVICE, "iris")),
    "graph created": Scenario((), graph("http://a.example.com")),
    "graph changed": Scenario((graph("http://a.example.com"),), graph("http://b.example.com", "http://c.example.com")),
    "model created": Scenario((garden(),), rose()),
    "model deleted": Scenario((garden(), rose()), deleted(TRAINED_MODEL, "rose")),
}


@pytest.fixture
async def environment() -> AsyncIterator[Environment]:
    """A cluster whose webhooks are served by a manager that is never killed, and that runs no controllers."""
    async with running(EnvironmentOptions(options=replace(local_options(), controllers=()))) as made:
        yield made


@asynccontextmanager
async def managing(environment: Environment) -> AsyncIterator[StoppingConnection]:
    """A manager of this block's; at its end it is gone, and nothing that it would still do has any effect."""
    clock = SystemClock()
    connection = StoppingConnection(ConnectionConfig(environment.cluster.url), clock=clock, rng=random.Random(1))
    workers = dict.fromkeys(CONTROLLERS, WORKERS)
    options = Options(webhooks=None, metrics_bind="", health_bind="", workers=workers)
    manager = assemble(Client(connection), clock, options)
    task = asyncio.create_task(manager.run(asyncio.Event()))
    try:
        await manager.started.wait()
        yield connection
    finally:
        await connection.close()  # first of all: what is tried while it ends reaches nobody
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SCENARIOS)
async def test_it_converges_from_every_call_at_which_it_can_be_killed(environment: Environment, name: str) -> None:
    scenario = SCENARIOS[name]
    suite = name.replace(" ", "-").lower()
    control = f"{suite}-{CONTROL}"
    async with managing(environment) as connection:
        seen = await prepare(environment, scenario, control)
        calls = len(connection.calls[control])
        await scenario.act(environment, control)
        wanted = await at_rest(environment, control)
        number = len(connection.calls[control]) - calls
        assert number > 0

        points = {
            f"{suite}-{call}-{'after' if served else 'before'}": Point(call, served)
            for call in range(1, number + 1)
            for served in (False, True)
        }
        await prepare_alike(environment, scenario, list(points), seen)
        connection.calls.clear()
        connection.points.update(points)
        await asyncio.gather(*(scenario.act(environment, namespace) for namespace in points))
        await stopped_or_done(environment, connection, list(points), wanted)
        assert len(connection.stopped) >= number, "most points are reached"

    async with managing(environment):
        differing = await asyncio.gather(*(difference(environment, each, wanted) for each in points))
    failed = [
        f"killed {point} ({connection.calls[namespace][point.call - 1 :][:1]}):\n{each}"
        for (namespace, point), each in zip(points.items(), differing, strict=True)
        if each
    ]
    assert not failed, "\n".join(failed)


async def prepare(environment: Environment, scenario: Scenario, namespace: str) -> Sequence[str]:
    """Do what is done before, in a namespace of its own; answers what there was after each act."""
    await environment.client.create(NAMESPACE, named(namespace))
    seen = []
    for act in scenario.before:
        await act(environment, namespace)
        seen.append(await at_rest(environment, namespace))
    return seen


async def prepare_alike(
    environment: Environment, scenario: Scenario, namespaces: Sequence[str], seen: Sequence[str]
) -> None:
    """The same in many namespaces, each of which has to come to what was seen in the one before."""

    async def one(namespace: str) -> None:
        await environment.client.create(NAMESPACE, named(namespace))
        for act, wanted in zip(scenario.before, seen, strict=True):
            await act(environment, namespace)
            if differs := await difference(environment, namespace, wanted):
                pytest.fail(f"{namespace} is not as it was before:\n{differs}")

    await asyncio.gather(*map(one, namespaces))


def named(namespace: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}


async def at_rest(environment: Environment, namespace: str) -> str:
    """What there is once it changes no more, as text."""
    seen, same = "", 0
    async with asyncio.timeout(PATIENCE):
        while same < STILL:
            await asyncio.sleep(LOOK_AGAIN)
            now = snapshot(environment, namespace)
            seen, same = now, same + 1 if now == seen else 0
    return seen


async def stopped_or_done(
    environment: Environment, connection: StoppingConnection, namespaces: Sequence[str], wanted: str
) -> None:
    """Wait until the manager has stopped in each; where calls were saved it may have come to the end before."""
    end = asyncio.get_running_loop().time() + PATIENCE
    while waiting := [
        each for each in namespaces if each not in connection.stopped and snapshot(environment, each) != wanted
    ]:
        assert asyncio.get_running_loop().time() < end, told(wanted, snapshot(environment, waiting[0]))
        await asyncio.sleep(LOOK_AGAIN)


async def difference(environment: Environment, namespace: str, wanted: str) -> str:
    """How a namespace differs from what is wanted after all patience, as a diff of lines; empty when it does not."""
    end = asyncio.get_running_loop().time() + PATIENCE
    while (found := snapshot(environment, namespace)) != wanted:
        if asyncio.get_running_loop().time() > end:
            return told(wanted, found)
        await asyncio.sleep(LOOK_AGAIN)
    return ""


def told(wanted: str, found: str) -> str:
    lines = unified_diff(wanted.splitlines(), found.splitlines(), "never killed", "killed", lineterm="", n=2)
    return "\n".join(lines)


def snapshot(environment: Environment, namespace: str) -> str:
    """Everything in a namespace that is no matter of time or chance; of pods, how many there are of which Deployment."""
    found = {
        f"{kind.kind}/{metadata.name(obj)}": essence(obj)
        for kind in KINDS
        for obj in environment.cluster.list(kind, namespace)
    }
    pods = sorted(metadata.labels(pod).get("app", "") for pod in environment.cluster.list(POD, namespace))
    text = json.dumps({**found, "pods": pods}, indent=1, sort_keys=True)
    return _REPLICA_SET.sub("ReplicaSet", text.replace(namespace, "NAMESPACE"))


_REPLICA_SET = re.compile(r'ReplicaSet \\"[\w-]+\\"')
"""Its name has a hash in it that depends on the namespace."""

_CHANCE = frozenset(
    (
        *("uid", "resourceVersion", "generation", "observedGeneration", "managedFields"),
        *("creationTimestamp", "deletionTimestamp", "lastTransitionTime", "lastUpdateTime", "lastScaleTime"),
        *("clusterIP", "clusterIPs", "pod-template-hash"),
    )
)


def essence(value: Any) -> Any:
    """Without identities and times, at any depth."""
    if isinstance(value, dict):
        return {name: essence(inner) for name, inner in value.items() if name not in _CHANCE}
    return [essence(inner) for inner in value] if isinstance(value, list) else value
