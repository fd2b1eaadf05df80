"""The configuration is followed while the manager runs: the ConfigMap, runtimes, and what comes to be served."""

from collections.abc import Callable

import pytest

from e2e.api import Api, condition
from e2e.conftest import Configure
from e2e.installation import SYSTEM_NAMESPACE
from e2e.manager import ManagerProcess
from e2e.services import ready, service
from kservectl.api.config import CONFIG_MAP_NAME
from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME, HTTP_ROUTE, INFERENCE_SERVICE, SERVING_RUNTIME
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, DEPLOYMENT, INGRESS
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.usefixtures("manager")


def runtime(name: str, namespace: str, model_format: str, image: str) -> Object:
    return {
        "apiVersion": SERVING_RUNTIME.api_version,
        "kind": SERVING_RUNTIME.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "supportedModelFormats": [{"name": model_format, "version": "1", "autoSelect": True}],
            "containers": [{"name": "kserve-container", "image": image, "args": ["--model_name={{.Name}}"]}],
        },
    }


def image_is(image: str) -> Callable[[Object], bool]:
    return lambda deployment: deployment["spec"]["template"]["spec"]["containers"][0]["image"] == image


def said(found: Object, word: str) -> bool:
    """Whether a condition's message has the word."""
    return any(word in each.get("message", "") for each in (found.get("status") or {}).get("conditions") or ())


async def test_ingress_mode_replaces_routes_and_leaves_none(api: Api, namespace: str, configure: Configure) -> None:
    await api.create(INFERENCE_SERVICE, service("iris", namespace))
    await ready(api, namespace, "iris")

    await configure("ingress", enableGatewayApi=False, ingressClassName="nginx")

    await api.until_all(HTTP_ROUTE, namespace, lambda routes: not routes, "no HTTPRoute is left")
    ingress = await api.until(INGRESS, "iris", namespace, lambda each: True, "it is there")
    assert ingress["spec"]["ingressClassName"] == "nginx"
    hosts = [rule["host"] for rule in ingress["spec"]["rules"]]
    assert f"iris-{namespace}.example.com" in hosts
    found = await ready(api, namespace, "iris")
    assert found["status"]["url"] == f"http://iris-{namespace}.example.com"

    await configure("ingress", enableGatewayApi=True)

    await api.until_all(INGRESS, namespace, lambda each: not each, "no Ingress is left")
    await api.until_all(HTTP_ROUTE, namespace, lambda routes: len(routes) == 2, "both HTTPRoutes are back")
    await ready(api, namespace, "iris")


async def test_changed_domain_reaches_services_that_are_there(api: Api, namespace: str, configure: Configure) -> None:
    await api.create(INFERENCE_SERVICE, service("iris", namespace))
    await ready(api, namespace, "iris")

    await configure("ingress", ingressDomain="models.test")

    url = f"http://iris-{namespace}.models.test"
    await api.until(
        INFERENCE_SERVICE, "iris", namespace, lambda each: each["status"].get("url") == url, "its URL changed"
    )
    route = await api.get(HTTP_ROUTE, "iris", namespace)
    assert route["spec"]["hostnames"] == [f"iris-{namespace}.models.test"]


async def test_broken_configuration_is_told_and_serves_on(
    api: Api, namespace: str, configure: Configure, manager: ManagerProcess
) -> None:
    await api.create(INFERENCE_SERVICE, service("iris", namespace))
    before = await ready(api, namespace, "iris")

    await api.merge(CONFIG_MAP, CONFIG_MAP_NAME, SYSTEM_NAMESPACE, {"data": {"ingress": "{ not JSON"}})
    await api.create(INFERENCE_SERVICE, service("later", namespace))

    told = await api.until(
        INFERENCE_SERVICE, "later", namespace, lambda each: said(each, "ingress"), "a condition names the key"
    )
    assert condition(told, "Ready")["status"] != "True"
    assert manager.is_ready()
    served = await api.get(INFERENCE_SERVICE, "iris", namespace)
    assert served["status"]["url"] == before["status"]["url"]
    assert await api.find(HTTP_ROUTE, "iris", namespace) is not None

    await configure("ingress")

    await ready(api, namespace, "later")
    await ready(api, namespace, "iris")


async def test_missing_configuration_is_told_and_its_return_noticed(
    api: Api, namespace: str, configure: Configure
) -> None:
    await api.create(INFERENCE_SERVICE, service("iris", namespace))
    await ready(api, namespace, "iris")
    configuration = await api.get(CONFIG_MAP, CONFIG_MAP_NAME, SYSTEM_NAMESPACE)

    await api.delete(CONFIG_MAP, CONFIG_MAP_NAME, SYSTEM_NAMESPACE)
    try:
        assert await api.find(HTTP_ROUTE, "iris", namespace) is not None
        await api.create(INFERENCE_SERVICE, service("later", namespace))
        later = await api.until(
            INFERENCE_SERVICE,
            "later",
            namespace,
            lambda each: said(each, CONFIG_MAP_NAME),
            "a condition names the ConfigMap",
        )
        assert condition(later, "Ready")["status"] != "True"
        assert await api.find(DEPLOYMENT, "iris-predictor", namespace) is not None
    finally:
        wanted = {
            "name": CONFIG_MAP_NAME,
            "namespace": SYSTEM_NAMESPACE,
            "labels": dict(metadata.labels(configuration)),
        }
        await api.create(CONFIG_MAP, {**configuration, "metadata": wanted})

    await ready(api, namespace, "later")
    await ready(api, namespace, "iris")


async def test_changed_runtime_reaches_the_services_that_use_it(api: Api, namespace: str) -> None:
    await api.create(SERVING_RUNTIME, runtime("toy", namespace, "toy", "toy:1"))
    await api.create(INFERENCE_SERVICE, service("iris", namespace, modelFormat={"name": "toy"}, runtime="toy"))
    await ready(api, namespace, "iris")
    assert image_is("toy:1")(await api.get(DEPLOYMENT, "iris-predictor", namespace))

    changed = runtime("toy", namespace, "toy", "toy:2")["spec"]
    await api.merge(SERVING_RUNTIME, "toy", namespace, {"spec": changed})

    await api.until(DEPLOYMENT, "iris-predictor", namespace, image_is("toy:2"), "it has the new image")
    await ready(api, namespace, "iris")


async def test_runtime_created_later_is_found(api: Api, namespace: str) -> None:
    await api.create(INFERENCE_SERVICE, service("early", namespace, modelFormat={"name": "novel"}))
    await api.until(
        INFERENCE_SERVICE,
        "early",
        namespace,
        lambda each: condition(each, "PredictorReady").get("status") == "False",
        "it says that no runtime serves it",
    )

    await api.create(SERVING_RUNTIME, runtime("novelty", namespace, "novel", "novel:1"))

    found = await ready(api, namespace, "early")
    assert found["status"]["servingRuntimeName"] == "novelty"


async def test_cluster_runtime_created_later_is_found(api: Api, namespace: str) -> None:
    name = f"named-{namespace}"
    await api.create(INFERENCE_SERVICE, service("early", namespace, modelFormat={"name": "rare"}, runtime=name))
    await api.until(
        INFERENCE_SERVICE,
        "early",
        namespace,
        lambda each: condition(each, "PredictorReady").get("status") == "False",
        "it says that the runtime is unknown",
    )

    late = runtime(name, "", "rare", "rare:1") | {"kind": CLUSTER_SERVING_RUNTIME.kind, "metadata": {"name": name}}
    await api.create(CLUSTER_SERVING_RUNTIME, late)
    try:
        found = await ready(api, namespace, "early")
        assert found["status"]["clusterServingRuntimeName"] == name
    finally:
        await api.delete(CLUSTER_SERVING_RUNTIME, name)
