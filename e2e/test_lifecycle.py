"""What happens to a service's objects over its life: taken away, put back, stopped, started, deleted."""

from collections.abc import Sequence

import pytest

from e2e.api import Api, condition
from e2e.services import ready, service
from kservectl.api.kinds import HTTP_ROUTE, INFERENCE_SERVICE
from kservectl.objects import metadata
from kservectl.objects.kind import (
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    NAMESPACE,
    POD,
    REPLICA_SET,
    SERVICE,
    Kind,
)
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.usefixtures("manager")

_STOP = "serving.kserve.io/stop"
_CHILDREN: Sequence[tuple[Kind, str]] = (
    (DEPLOYMENT, "iris-predictor"),
    (SERVICE, "iris-predictor"),
    (HORIZONTAL_POD_AUTOSCALER, "iris-predictor"),
    (HTTP_ROUTE, "iris"),
    (HTTP_ROUTE, "iris-predictor"),
)


@pytest.fixture
async def iris(api: Api, namespace: str) -> Object:
    """A Ready service."""
    await api.create(INFERENCE_SERVICE, service("iris", namespace))
    return await ready(api, namespace, "iris")


async def test_stop_takes_everything_away_and_start_brings_it_back(api: Api, namespace: str, iris: Object) -> None:
    await api.merge(INFERENCE_SERVICE, "iris", namespace, {"metadata": {"annotations": {_STOP: "true"}}})

    for kind, name in _CHILDREN:
        await api.until_gone(kind, name, namespace)
    stopped = await api.until(
        INFERENCE_SERVICE,
        "iris",
        namespace,
        lambda each: condition(each, "Stopped").get("status") == "True",
        "it is Stopped",
    )
    assert condition(stopped, "Ready")["status"] == "False"
    assert "url" not in stopped["status"]

    await api.merge(INFERENCE_SERVICE, "iris", namespace, {"metadata": {"annotations": {_STOP: None}}})
    started = await ready(api, namespace, "iris")
    assert condition(started, "Stopped")["status"] == "False"
    assert started["status"]["url"] == iris["status"]["url"]
    for kind, name in _CHILDREN:
        assert await api.find(kind, name, namespace) is not None, (kind, name)


@pytest.mark.parametrize(
    ("kind", "name"), _CHILDREN, ids=lambda value: value.kind if isinstance(value, Kind) else value
)
async def test_deleted_child_comes_back(api: Api, namespace: str, iris: Object, kind: Kind, name: str) -> None:
    before = await api.get(kind, name, namespace)

    await api.delete(kind, name, namespace)

    after = await api.until(
        kind, name, namespace, lambda each: metadata.uid(each) != metadata.uid(before), "there is a new one"
    )
    assert metadata.is_controlled_by(after, metadata.uid(iris))
    await ready(api, namespace, "iris")


async def test_child_changed_by_hand_is_set_right(api: Api, namespace: str, iris: Object) -> None:
    image = (await api.get(DEPLOYMENT, "iris-predictor", namespace))["spec"]["template"]["spec"]["containers"][0][
        "image"
    ]
    patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "stranger:1"}]
    await api.client.patch(DEPLOYMENT, "iris-predictor", namespace, patch, content_type="application/json-patch+json")

    await api.until(
        DEPLOYMENT,
        "iris-predictor",
        namespace,
        lambda each: each["spec"]["template"]["spec"]["containers"][0]["image"] == image,
        "it has its image again",
    )


async def test_what_others_add_to_a_child_is_left_alone(api: Api, namespace: str, iris: Object) -> None:
    await api.merge(SERVICE, "iris-predictor", namespace, {"metadata": {"labels": {"team": "fraud"}}})
    deployment = await api.get(DEPLOYMENT, "iris-predictor", namespace)
    # Makes the service be decided again, and something of it be written.
    patch = {"spec": {"predictor": {"model": {"env": [{"name": "A", "value": "1"}]}}}}
    await api.merge(INFERENCE_SERVICE, "iris", namespace, patch)
    await api.until(
        DEPLOYMENT,
        "iris-predictor",
        namespace,
        lambda each: metadata.generation(each) > metadata.generation(deployment),
        "it was written again",
    )

    assert metadata.labels(await api.get(SERVICE, "iris-predictor", namespace))["team"] == "fraud"


@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
async def test_deletion_leaves_nothing(api: Api, namespace: str, iris: Object, propagation: str) -> None:
    await api.delete(INFERENCE_SERVICE, "iris", namespace, propagation=propagation)

    await api.until_gone(INFERENCE_SERVICE, "iris", namespace)
    for kind in (DEPLOYMENT, SERVICE, HORIZONTAL_POD_AUTOSCALER, HTTP_ROUTE, REPLICA_SET, POD):
        await api.until_all(kind, namespace, lambda objects: not objects, f"no {kind.kind} is left")


async def test_service_that_never_was_ready_is_deleted_as_well(api: Api, namespace: str) -> None:
    await api.create(INFERENCE_SERVICE, service("lost", namespace, runtime="no-such-runtime"))
    await api.until(INFERENCE_SERVICE, "lost", namespace, lambda each: bool(each.get("status")), "it was looked at")

    await api.delete(INFERENCE_SERVICE, "lost", namespace)

    await api.until_gone(INFERENCE_SERVICE, "lost", namespace)


async def test_namespace_is_deleted_with_its_services(api: Api, namespace: str, iris: Object) -> None:
    await api.delete(NAMESPACE, namespace)

    await api.until_gone(NAMESPACE, namespace)


async def strangers_service(api: Api, namespace: str) -> Object:
    """A Service of somebody else under the name that a predictor's would have, and a service that wants it."""
    theirs = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "iris-predictor", "namespace": namespace, "labels": {"owner": "somebody-else"}},
        "spec": {"selector": {"app": "theirs"}, "ports": [{"port": 8080, "protocol": "TCP"}]},
    }
    created = await api.create(SERVICE, theirs)
    await api.create(INFERENCE_SERVICE, service("iris", namespace))
    found = await api.until(
        INFERENCE_SERVICE,
        "iris",
        namespace,
        lambda each: "iris-predictor" in condition(each, "PredictorReady").get("message", ""),
        "its condition names the Service",
    )
    assert condition(found, "Ready")["status"] == "False"
    return created


async def test_strangers_service_is_left_untouched_and_named(api: Api, namespace: str) -> None:
    created = await strangers_service(api, namespace)

    after = await api.get(SERVICE, "iris-predictor", namespace)

    assert (after["spec"], metadata.metadata(after)) == (created["spec"], metadata.metadata(created))


async def test_name_that_a_stranger_gives_up_is_taken(api: Api, namespace: str) -> None:
    await strangers_service(api, namespace)

    await api.delete(SERVICE, "iris-predictor", namespace)

    await ready(api, namespace, "iris", seconds=30)
