"""Services in Knative mode on a whole cluster: samples become Ready, and a canary goes its way from 0 to all and back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from kservectl.api.kinds import INFERENCE_GRAPH, INFERENCE_SERVICE, KNATIVE_SERVICE, VIRTUAL_SERVICE
from kservectl.cli.files import read_objects
from kservectl.development.environment import Environment, EnvironmentOptions, running
from kservectl.objects.kind import CONTROLLER_REVISION, DEPLOYMENT, SERVICE, Kind
from kservectl.objects.metadata import Object

SAMPLES = Path(__file__).parents[2] / "manifests" / "samples" / "serverless"
PATIENCE = 30.0
V1, V2 = "iris-predictor-00001", "iris-predictor-00002"
STOP = "serving.kserve.io/stop"


@pytest.fixture
async def environment() -> AsyncIterator[Environment]:
    async with running(EnvironmentOptions()) as made:
        yield made


def service(version: int, annotations: Object | None = None, **predictor: Any) -> Object:
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": f"gs://bucket/v{version}"}
    own = {"serving.kserve.io/deploymentMode": "Knative", **(annotations or {})}
    return {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": INFERENCE_SERVICE.kind,
        "metadata": {"name": "iris", "annotations": own},
        "spec": {"predictor": {"model": model, **predictor}},
    }


async def until(environment: Environment, kind: Kind, name: str, holds: Callable[[Object], bool]) -> Object:
    """The object once `holds` is so of it; {} while it is not there."""
    changes = environment.cluster.follow(kind)
    async with asyncio.timeout(PATIENCE):
        while not holds(found := environment.cluster.get(kind, name, "default") or {}):
            await anext(changes)
    return found


def condition(obj: Object, type_: str) -> str:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((each["status"] for each in conditions if each["type"] == type_), "")


def ready(obj: Object) -> bool:
    return condition(obj, "Ready") == "True"


def serves(**shares: int) -> Callable[[Object], bool]:
    """Whether the service is Ready and its revisions have these shares."""

    def holds(obj: Object) -> bool:
        component = ((obj.get("status") or {}).get("components") or {}).get("predictor") or {}
        found = {entry["revisionName"]: entry["percent"] for entry in component.get("traffic") or ()}
        names = {"v1": V1, "v2": V2}
        return ready(obj) and found == {names[name]: percent for name, percent in shares.items()}

    return holds


async def test_samples_become_ready(environment: Environment) -> None:
    for file in sorted(SAMPLES.glob("*serverless-*.yaml")):
        await environment.apply(read_objects([str(file)]))
    for name in ("serverless-iris", "serverless-leaves"):
        found = await until(environment, INFERENCE_SERVICE, name, ready)
        assert found["status"]["url"] == f"http://{name}.default.example.com"
    graph = await until(environment, INFERENCE_GRAPH, "serverless-chain", ready)
    assert graph["status"]["url"] == "http://serverless-chain.default.example.com"


async def test_canary_goes_from_nothing_to_everything_and_back(environment: Environment) -> None:
    await environment.apply([service(1)])
    await until(environment, INFERENCE_SERVICE, "iris", serves(v1=100))

    await environment.apply([service(2, canaryTrafficPercent=15)])
    await until(environment, INFERENCE_SERVICE, "iris", serves(v1=85, v2=15))
    await environment.apply([service(2)])
    promoted = await until(environment, INFERENCE_SERVICE, "iris", serves(v2=100))
    assert promoted["status"]["components"]["predictor"]["latestRolledoutRevision"] == V2
    await until(environment, DEPLOYMENT, f"{V1}-deployment", lambda obj: not (obj.get("status") or {}).get("replicas"))

    await environment.apply([service(2, canaryTrafficPercent=0)])
    await until(environment, INFERENCE_SERVICE, "iris", serves(v1=100, v2=0))


async def test_stop_takes_everything_away_and_a_canary_after_it_gets_its_share(environment: Environment) -> None:
    await environment.apply([service(1)])
    await until(environment, INFERENCE_SERVICE, "iris", serves(v1=100))
    await until(environment, CONTROLLER_REVISION, _version(environment), bool)

    await environment.apply([service(1, {STOP: "true"})])
    for kind, name in ((KNATIVE_SERVICE, "iris-predictor"), (VIRTUAL_SERVICE, "iris"), (SERVICE, "iris")):
        await until(environment, kind, name, lambda obj: not obj)
    await until(environment, DEPLOYMENT, f"{V1}-deployment", lambda obj: not obj)

    await environment.apply([service(2, {STOP: "false"}, canaryTrafficPercent=20)])
    await until(environment, INFERENCE_SERVICE, "iris", serves(v1=80, v2=20))


async def test_service_at_rest_is_not_written(environment: Environment) -> None:
    await environment.apply([service(1)])
    await until(environment, INFERENCE_SERVICE, "iris", serves(v1=100))
    settled = await until(
        environment,
        INFERENCE_SERVICE,
        "iris",
        lambda obj: obj["status"]["modelStatus"]["transitionStatus"] == "UpToDate",
    )
    live = environment.cluster.get(KNATIVE_SERVICE, "iris-predictor", "default")
    await environment.apply([service(1, {"kservectl.dev/rollback-policy": "manual"})])
    await until(environment, INFERENCE_SERVICE, "iris", lambda obj: obj != settled)

    assert live is not None
    again = environment.cluster.get(KNATIVE_SERVICE, "iris-predictor", "default")
    assert again is not None
    assert again["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]


async def test_what_others_note_on_a_knative_service_stays_and_what_is_no_longer_asked_for_goes(
    environment: Environment,
) -> None:
    moved = {"serving.knative.dev/rollout-duration": "60s"}
    await environment.apply([service(1, moved)])
    await until(environment, INFERENCE_SERVICE, "iris", serves(v1=100))
    notes = {
        "serving.knative.dev/creator": "somebody",
        "serving.knative.dev/lastModifier": "somebody",
        "team.example.com/note": "kept",
    }
    await environment.cluster.patch(
        KNATIVE_SERVICE, "iris-predictor", "default", {"metadata": {"annotations": notes}}, manager="knative"
    )
    before = environment.cluster.get(KNATIVE_SERVICE, "iris-predictor", "default")
    assert before is not None
    assert before["metadata"]["annotations"] == {**moved, **notes}

    await environment.apply([service(2)])
    await until(environment, INFERENCE_SERVICE, "iris", serves(v2=100))
    after = environment.cluster.get(KNATIVE_SERVICE, "iris-predictor", "default")
    assert after is not None
    assert after["metadata"]["annotations"] == notes


def _version(environment: Environment) -> str:
    """The name of the only version that is kept."""
    (found,) = environment.cluster.list(CONTROLLER_REVISION, "default")
    return str(found["metadata"]["name"])
