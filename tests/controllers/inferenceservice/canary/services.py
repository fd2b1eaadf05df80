"""Services with canaries, and what a test asks of their worlds."""

from typing import Any

from kservectl.api.kinds import HTTP_ROUTE
from kservectl.objects.kind import DEPLOYMENT
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.world import World, model, pod, says, service

TRANSFORMER = {"containers": [{"name": "kserve-container", "image": "example/transformer"}], "minReplicas": 2}
EXPLAINER = {"containers": [{"name": "kserve-container", "image": "example/explainer"}]}


def canary(name: str = "v2", percent: int = 25, **predictor: Any) -> Object:
    own = predictor or {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": f"gs://bucket/{name}"}}
    return {"predictor": {"name": name, **own}, "trafficPercent": percent}


def canaried(*canaries: Object, annotations: Object | None = None, minimum: int | None = 4, **parts: Any) -> Object:
    predictor = {**model(), **({} if minimum is None else {"minReplicas": minimum})}
    built = service(predictor, annotations={"serving.kserve.io/autoscalerClass": "none", **(annotations or {})})
    return {**built, "spec": {**built["spec"], **parts, **({"canary": list(canaries)} if canaries else {})}}


def respec(world: World, **parts: Any) -> None:
    """A new generation with these parts of the spec; None takes a part away."""
    spec = {**world.service["spec"], **parts}
    meta = {**world.service["metadata"], "generation": world.service["metadata"]["generation"] + 1}
    world.service = {**world.service, "metadata": meta, "spec": {k: v for k, v in spec.items() if v is not None}}


def replicas(world: World) -> dict[str, int]:
    return {name: world.child(DEPLOYMENT, name)["spec"].get("replicas") for name in world.names(DEPLOYMENT)}


def shares(world: World, route: str = "iris") -> list[tuple[str, int | None]]:
    rule = world.child(HTTP_ROUTE, route)["spec"]["rules"][-1]
    return [(backend["name"], backend.get("weight")) for backend in rule["backendRefs"]]


def fail(world: World, deployment: str, **found: Any) -> None:
    world.deployment_says(says("Available", "False", "MinimumReplicasUnavailable"), name=deployment)
    world.pods = [each for each in world.pods if each["metadata"]["labels"]["app"] != f"isvc.{deployment}"]
    world.pods.append(pod(f"{deployment}-1", component=deployment, **found))


def ready(*canaries: Object, **more: Any) -> World:
    return World(canaried(*canaries, **more)).become_ready()
