"""Canary, promotion, a broken version and the way back, with routes and status at each step."""

import pytest

from e2e.api import Api, condition, is_ready
from e2e.services import FAULT, ready, service
from e2e.target import Target
from e2e.test_failures import problems, why
from kservectl.api.kinds import HTTP_ROUTE, INFERENCE_SERVICE
from kservectl.objects import metadata
from kservectl.objects.kind import CONTROLLER_REVISION, DEPLOYMENT, POD
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.usefixtures("manager")

OLD, NEW = "iris-predictor", "iris-v2-predictor"
DEADLINE = "kservectl.dev/progress-deadline-seconds"
AUTOMATIC = {"kservectl.dev/rollback-policy": "automatic", DEADLINE: "600"}


def version(number: int, **more: object) -> Object:
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": f"gs://kservectl-samples/sklearn/iris/{number}"}
    return {"model": model, **more}


def shares(route: Object) -> list[tuple[str, int]]:
    """Who answers, by the last rule of a route: the names of the Services and their weights."""
    return [(backend["name"], backend.get("weight", 1)) for backend in route["spec"]["rules"][-1]["backendRefs"]]


async def routed(api: Api, namespace: str, *expected: tuple[str, int], route: str = "iris") -> None:
    await api.until(HTTP_ROUTE, route, namespace, lambda each: shares(each) == list(expected), f"it is {expected}")


async def respec(api: Api, namespace: str, predictor: Object, canary: list[Object] | None = None) -> None:
    """A new version of the spec; what the predictor does not say any more is taken away."""
    gone = {"name": None, "annotations": None}
    await api.merge(
        INFERENCE_SERVICE, "iris", namespace, {"spec": {"predictor": {**gone, **predictor}, "canary": canary}}
    )


async def recorded(api: Api, namespace: str, number: int) -> None:
    """Return once this version is the newest that was Ready."""

    def newest(found: Object) -> bool:
        return str(found["data"]["spec"]["predictor"]["model"]["storageUri"]).endswith(f"/{number}")

    def is_recorded(found: list[Object]) -> bool:
        ordered = sorted(found, key=lambda each: int(each["revision"]))
        return bool(ordered) and newest(ordered[-1])

    await api.until_all(
        CONTROLLER_REVISION, namespace, lambda found: is_recorded(list(found)), f"version {number} is the newest"
    )


async def failing_pod(api: Api, namespace: str) -> str:
    """The name of the new version's pod once its server has ended badly."""

    def ended(pod: Object) -> bool:
        statuses = (pod.get("status") or {}).get("containerStatuses") or ()
        return any("terminated" in {**(each.get("lastState") or {}), **(each.get("state") or {})} for each in statuses)

    found = await api.until_all(
        POD,
        namespace,
        lambda pods: any(map(ended, pods)),
        "a pod of the broken version has ended",
        label_selector=f"app=isvc.{NEW}",
    )
    return next(metadata.name(pod) for pod in found if ended(pod))


async def test_canary_promotion_broken_version_and_automatic_rollback(
    api: Api, namespace: str, cluster: Target
) -> None:
    created = service("iris", namespace, annotations=AUTOMATIC)
    await api.create(INFERENCE_SERVICE, {**created, "spec": {"predictor": version(1)}})
    await ready(api, namespace, "iris")
    await recorded(api, namespace, 1)
    await routed(api, namespace, (OLD, 1))

    await respec(api, namespace, version(1), [{"predictor": version(2, name="v2"), "trafficPercent": 20}])
    await routed(api, namespace, (OLD, 80), (NEW, 20))
    await routed(api, namespace, (NEW, 1), route=NEW)
    canaried = await api.until(
        INFERENCE_SERVICE,
        "iris",
        namespace,
        lambda each: condition(each, "CanaryPredictorReady").get("status") == "True",
        "its canary is ready",
    )
    (told,) = canaried["status"]["canaryStatuses"]
    assert (told["name"], told["ready"], told["trafficPercent"]) == ("v2", True, 20)
    assert "iris-v2-predictor" in told["url"]

    pods = {metadata.uid(pod) for pod in await api.list(POD, namespace, label_selector=f"app=isvc.{NEW}")}
    await respec(api, namespace, version(2, name="v2"))
    await routed(api, namespace, (NEW, 1))
    await api.until_gone(DEPLOYMENT, OLD, namespace)
    await recorded(api, namespace, 2)
    kept = {metadata.uid(pod) for pod in await api.list(POD, namespace, label_selector=f"app=isvc.{NEW}")}
    assert kept == pods
    template = (await api.get(DEPLOYMENT, NEW, namespace))["spec"]["template"]

    promoted = await ready(api, namespace, "iris")
    assert "canaryStatuses" not in promoted["status"]
    assert condition(promoted, "CanaryPredictorReady") == {}

    await respec(api, namespace, version(3, name="v2", annotations={FAULT: "crash-loop"}))
    failing = await failing_pod(api, namespace)
    broken = await api.get(INFERENCE_SERVICE, "iris", namespace)
    assert condition(broken, "RolledBack")["status"] == "Unknown"
    assert condition(broken, "RolledBack")["reason"] == "RollingOut"
    assert is_ready(broken), "the pods of version 2 serve on"
    await routed(api, namespace, (NEW, 1))
    _, answer = await why(cluster, namespace, "iris")
    assert f"Pod/{failing} Container kserve-container of pod {failing} ended with exit code 1" in problems(answer)

    note = {"metadata": {"annotations": {DEADLINE: "1"}}}
    await api.merge(INFERENCE_SERVICE, "iris", namespace, note)
    back = await api.until(
        INFERENCE_SERVICE,
        "iris",
        namespace,
        lambda each: condition(each, "RolledBack").get("status") == "True",
        "the version before serves again",
    )
    assert condition(back, "RolledBack")["reason"] == "ProgressDeadlineExceeded"
    assert f"of pod {failing} ended with exit code 1" in condition(back, "RolledBack")["message"]
    assert back["spec"]["predictor"]["model"]["storageUri"].endswith("/3")
    await api.until(
        DEPLOYMENT, NEW, namespace, lambda each: each["spec"]["template"] == template, "it runs version 2 again"
    )
    await api.until_gone(POD, failing, namespace)
    await ready(api, namespace, "iris")
    await routed(api, namespace, (NEW, 1))

    code, answer = await why(cluster, namespace, "iris")
    assert code == 0
    assert f"of pod {failing} ended with exit code 1" in problems(answer)
    assert "Change the spec to end this" in problems(answer)


async def test_rollback_on_request_and_its_end(api: Api, namespace: str) -> None:
    created = service("iris", namespace)
    await api.create(INFERENCE_SERVICE, {**created, "spec": {"predictor": version(1)}})
    await ready(api, namespace, "iris")
    await recorded(api, namespace, 1)
    await respec(api, namespace, version(2))
    await recorded(api, namespace, 2)

    def source(deployment: Object) -> str:
        return str(deployment["spec"]["template"]["metadata"]["annotations"])

    note = {"metadata": {"annotations": {"kservectl.dev/rollback": "last"}}}
    await api.merge(INFERENCE_SERVICE, "iris", namespace, note)
    await api.until(DEPLOYMENT, OLD, namespace, lambda each: "/iris/1'" in source(each), "it runs version 1")
    await api.until(
        INFERENCE_SERVICE,
        "iris",
        namespace,
        lambda each: condition(each, "RolledBack").get("reason") == "Requested",
        "it says so",
    )

    await respec(api, namespace, version(3))
    await api.until(DEPLOYMENT, OLD, namespace, lambda each: "/iris/3'" in source(each), "it runs version 3")
    await recorded(api, namespace, 3)
    ended = await api.until(
        INFERENCE_SERVICE, "iris", namespace, lambda each: not condition(each, "RolledBack"), "the rollback is over"
    )
    assert "annotations" not in ended["status"] or "kservectl.dev/served-revision" not in ended["status"]["annotations"]
