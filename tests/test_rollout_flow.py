"""A rollout from end to end on the development cluster: canary at 20 %, promotion, a broken version, and back by itself."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from rich.console import Console

from kservectl.api.kinds import HTTP_ROUTE, INFERENCE_SERVICE
from kservectl.cli.why import print_answer
from kservectl.clock import SystemClock
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.development.environment import Environment, EnvironmentOptions, running
from kservectl.explaining import Answer, explain
from kservectl.objects import metadata
from kservectl.objects.kind import CONTROLLER_REVISION, DEPLOYMENT, POD
from kservectl.objects.metadata import Object

PATIENCE = 30.0
GATEWAY = {"networking.kserve.io/gateway-api": "true", "networking.kserve.io/gateway": "kserve/kserve-ingress-gateway"}
AUTOMATIC = {"kservectl.dev/rollback-policy": "automatic", "kservectl.dev/progress-deadline-seconds": "2"}
CRASH = {"kservectl.dev/fault": "crash-loop"}


@pytest.fixture
async def environment() -> AsyncIterator[Environment]:
    async with running(EnvironmentOptions()) as made:
        yield made


def predictor(version: str, **more: Any) -> Object:
    return {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": f"gs://models/iris/{version}"}, **more}


def service(spec: Object, **annotations: str) -> Object:
    return {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": INFERENCE_SERVICE.kind,
        "metadata": {
            "name": "iris",
            "namespace": "default",
            "annotations": {**GATEWAY, **AUTOMATIC, **annotations},
        },
        "spec": spec,
    }


class Watcher:
    """What a user would see of the service."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._cluster = environment.cluster

    async def until(self, reached: Callable[[], bool]) -> None:
        """Return once `reached` is true; fails when it is not in time."""
        moved = asyncio.Event()

        async def notice(kind: Any) -> None:
            async for _ in self._cluster.follow(kind):
                moved.set()

        kinds = (INFERENCE_SERVICE, HTTP_ROUTE, DEPLOYMENT, CONTROLLER_REVISION, POD)
        following = [asyncio.create_task(notice(kind)) for kind in kinds]
        try:
            async with asyncio.timeout(PATIENCE):
                while not reached():
                    await moved.wait()
                    moved.clear()
        finally:
            for task in following:
                task.cancel()

    @property
    def service(self) -> Object:
        return self._cluster.get(INFERENCE_SERVICE, "iris", "default") or {}

    @property
    def status(self) -> Object:
        return self.service.get("status") or {}

    def condition(self, type_: str) -> Object:
        return next((each for each in self.status.get("conditions") or () if each["type"] == type_), {})

    def is_ready(self) -> bool:
        return self.condition("Ready").get("status") == "True" and self.status.get(
            "observedGeneration"
        ) == metadata.generation(self.service)

    def shares(self, route: str = "iris") -> list[tuple[str, int]]:
        found = self._cluster.get(HTTP_ROUTE, route, "default")
        backends = found["spec"]["rules"][-1]["backendRefs"] if found else []
        return [(backend["name"], backend.get("weight", 1)) for backend in backends]

    def versions(self) -> list[str]:
        found = sorted(self._cluster.list(CONTROLLER_REVISION, "default"), key=lambda obj: int(obj["revision"]))
        return [obj["data"]["spec"]["predictor"]["model"]["storageUri"].rpartition("/")[2] for obj in found]

    def deployments(self) -> list[str]:
        return sorted(metadata.name(obj) for obj in self._cluster.list(DEPLOYMENT, "default"))

    def template(self, name: str) -> Object:
        found: Object = (self._cluster.get(DEPLOYMENT, name, "default") or {})["spec"]["template"]
        return found

    def pods(self) -> set[str]:
        return {metadata.uid(obj) for obj in self._cluster.list(POD, "default") if not metadata.is_deleting(obj)}

    async def why(self) -> Answer:
        return await explain(
            self._environment.client,
            INFERENCE_SERVICE,
            "iris",
            "default",
            settings=Settings(),
            now=SystemClock().now(),
        )


async def test_canary_promotion_broken_version_and_automatic_rollback(environment: Environment) -> None:
    see = Watcher(environment)

    # A first version, at rest.
    await environment.apply([service({"predictor": predictor("v1")})])
    await see.until(lambda: see.is_ready() and see.versions() == ["v1"])
    assert see.shares() == [("iris-predictor", 1)]

    # A canary at 20 %, with a preview beside it.
    canary = {"predictor": {"name": "v2", **predictor("v2")}, "trafficPercent": 20}
    await environment.apply([service({"predictor": predictor("v1"), "canary": [canary]})])
    await see.until(lambda: see.shares() == [("iris-predictor", 80), ("iris-v2-predictor", 20)])
    await see.until(lambda: see.condition("CanaryPredictorReady").get("status") == "True")
    (told,) = see.status["canaryStatuses"]
    assert (told["name"], told["ready"], told["trafficPercent"]) == ("v2", True, 20)
    assert told["modelStatus"]["transitionStatus"] == "UpToDate"
    assert told["url"].endswith("://iris-v2-predictor-default.example.com")
    assert see.shares("iris-v2-predictor") == [("iris-v2-predictor", 1)]

    # Promotion: the canary's pods serve on, and the old version goes.
    template, pods = see.template("iris-v2-predictor"), see.pods()
    await environment.apply([service({"predictor": {"name": "v2", **predictor("v2")}})])
    await see.until(lambda: see.shares() == [("iris-v2-predictor", 1)] and see.deployments() == ["iris-v2-predictor"])
    await see.until(lambda: see.is_ready() and see.versions()[-1] == "v2")
    assert see.template("iris-v2-predictor") == template
    await see.until(lambda: see.pods() < pods)
    assert "canaryStatuses" not in see.status

    # A version whose server crashes: the old pods serve meanwhile, and `why` names the new one.
    broken = {"name": "v2", **predictor("v3", annotations=CRASH)}
    await environment.apply([service({"predictor": broken})])
    await see.until(lambda: see.condition("RolledBack").get("status") == "Unknown")
    assert see.condition("RolledBack")["reason"] == "RollingOut"
    assert see.condition("Ready")["status"] == "True"

    # It is not Ready in time, so the version before serves again, and the spec stays what the user wrote.
    await see.until(lambda: see.condition("RolledBack").get("status") == "True")
    await see.until(lambda: see.template("iris-v2-predictor") == template)
    said = see.condition("RolledBack")
    assert said["reason"] == "ProgressDeadlineExceeded"
    assert "Container kserve-container of pod iris-v2-predictor-" in said["message"]
    assert "exit code 1" in said["message"]
    assert see.shares() == [("iris-v2-predictor", 1)]
    assert see.service["spec"]["predictor"]["annotations"] == CRASH
    assert see.versions()[-1] == "v2"
    assert see.is_ready()

    answer = await see.why()
    printed = io.StringIO()
    print_answer(answer, Console(file=printed, soft_wrap=True))
    assert answer.explanations[0].about == "RolledBack"
    assert "of pod iris-v2-predictor-" in printed.getvalue()
    assert "Change the spec to end this" in printed.getvalue()

    # A mended spec is a new generation, and ends it.
    await environment.apply([service({"predictor": {"name": "v2", **predictor("v4")}})])
    await see.until(lambda: see.versions()[-1] == "v4" and not see.condition("RolledBack"))
    assert see.template("iris-v2-predictor") != template


async def test_a_broken_canary_takes_no_traffic_and_why_names_its_pod(environment: Environment) -> None:
    see = Watcher(environment)
    broken = {"predictor": {"name": "v2", **predictor("v2", annotations=CRASH)}, "trafficPercent": 50}
    await environment.apply([service({"predictor": predictor("v1"), "canary": [broken]})])

    await see.until(see.is_ready)
    await see.until(lambda: "exit code" in see.condition("CanaryPredictorReady").get("message", ""))

    assert see.shares() == [("iris-predictor", 100)]
    assert see.status["canaryStatuses"][0]["modelStatus"]["transitionStatus"] == "BlockedByFailedLoad"
    answer = await see.why()
    assert answer.ready
    assert any("of pod iris-v2-predictor-" in each.message for each in answer.explanations if not each.ok)


async def test_blue_green_the_preview_is_tried_first_and_then_everything_switches_at_once(
    environment: Environment,
) -> None:
    see = Watcher(environment)
    await environment.apply([service({"predictor": predictor("blue", minReplicas=2)})])
    await see.until(see.is_ready)

    green = {"predictor": {"name": "green", **predictor("green", minReplicas=2)}, "trafficPercent": 0}
    await environment.apply([service({"predictor": predictor("blue", minReplicas=2), "canary": [green]})])
    await see.until(lambda: see.shares("iris-green-predictor") == [("iris-green-predictor", 1)])
    assert see.shares() == [("iris-predictor", 100), ("iris-green-predictor", 0)]

    await environment.apply([service({"predictor": {"name": "green", **predictor("green", minReplicas=2)}})])
    await see.until(lambda: see.shares() == [("iris-green-predictor", 1)])
    await see.until(lambda: see.deployments() == ["iris-green-predictor"] and see.is_ready())


async def test_a_rollback_that_is_asked_for_needs_one_annotation(environment: Environment) -> None:
    see = Watcher(environment)
    for version in ("v1", "v2"):
        await environment.apply([service({"predictor": predictor(version)})])
        await see.until(lambda version=version: see.is_ready() and see.versions()[-1:] == [version])  # type: ignore[misc]  # bound per round
    generation = metadata.generation(see.service)

    await environment.apply([service({"predictor": predictor("v2")}, **{"kservectl.dev/rollback": "last"})])
    await see.until(lambda: see.condition("RolledBack").get("status") == "True")
    await see.until(lambda: "gs://models/iris/v1" in str(see.template("iris-predictor")["metadata"]["annotations"]))

    assert see.condition("RolledBack")["reason"] == "Requested"
    assert metadata.generation(see.service) == generation
    assert see.versions() == ["v1", "v2"]
