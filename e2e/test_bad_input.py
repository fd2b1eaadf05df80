"""Bad input is refused or told with the reason, and nothing else stops working meanwhile."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from e2e.api import Api, condition, is_ready
from e2e.installation import established
from e2e.kubectl import Kubectl
from e2e.manager import ManagerProcess
from e2e.process import kservectl
from e2e.services import custom, ready, service
from e2e.target import Target
from kservectl.api.kinds import HTTP_ROUTE, INFERENCE_SERVICE
from kservectl.client.errors import ClientError, Invalid
from kservectl.objects import metadata
from kservectl.objects.kind import CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, SERVICE
from kservectl.objects.metadata import Object

_MEBIBYTE = 1 << 20


@pytest.fixture(autouse=True)
async def others_are_served(api: Api, namespace: str, manager: ManagerProcess) -> AsyncIterator[None]:
    """After the bad input, a good service becomes Ready as ever, and the one before it still is."""
    await api.create(INFERENCE_SERVICE, service("before", namespace))
    await ready(api, namespace, "before")
    yield
    assert is_ready(await api.get(INFERENCE_SERVICE, "before", namespace))
    await api.create(INFERENCE_SERVICE, service("after", namespace))
    await ready(api, namespace, "after")
    assert manager.is_ready()
    assert manager.metric("controller_runtime_reconcile_panics_total") == 0


def test_manifest_that_is_no_yaml_is_refused_with_its_line(kubectl: Kubectl) -> None:
    refusal = kubectl("apply", "-f", "-", stdin="apiVersion: v1\nkind: [unclosed\n", fails=True)

    assert "yaml: line" in refusal


async def test_manifest_of_the_wrong_shape_is_refused_naming_the_field(api: Api, namespace: str) -> None:
    obj = custom("shapeless", namespace, {"minReplicas": "many"})

    with pytest.raises(Invalid) as refused:
        await api.create(INFERENCE_SERVICE, obj)

    assert "spec.predictor.minReplicas" in str(refused.value)
    assert await api.find(INFERENCE_SERVICE, "shapeless", namespace) is None


def test_unknown_field_is_refused_strictly_and_warned_about_otherwise(kubectl: Kubectl) -> None:
    obj = service("typo", kubectl.namespace, storageURI="gs://bucket/model")

    refusal = kubectl("apply", "--validate=strict", "-f", "-", stdin=obj, fails=True)
    assert 'unknown field "spec.predictor.model.storageURI"' in refusal

    warned = kubectl.run("apply", "--validate=warn", "-f", "-", stdin=obj)
    assert warned.returncode == 0, warned.stderr
    assert 'unknown field "spec.predictor.model.storageURI"' in warned.stderr
    assert "storageURI" not in kubectl.json("get", "isvc/typo")["spec"]["predictor"]["model"]


async def test_two_frameworks_in_one_predictor_are_refused_by_the_webhook(api: Api, namespace: str) -> None:
    obj = custom("both", namespace, {"sklearn": {"storageUri": "gs://a/b"}, "xgboost": {"storageUri": "gs://a/b"}})

    with pytest.raises(ClientError) as refused:
        await api.create(INFERENCE_SERVICE, obj)

    assert "found sklearn, xgboost" in str(refused.value)


async def test_name_that_is_no_host_name_is_refused(api: Api, namespace: str) -> None:
    with pytest.raises(ClientError) as refused:
        await api.create(INFERENCE_SERVICE, service("under.scored", namespace))

    assert "under.scored" in str(refused.value)


async def test_name_too_long_for_its_children_is_told(api: Api, namespace: str) -> None:
    name = "n" * 60
    try:
        await api.create(INFERENCE_SERVICE, service(name, namespace))
    except ClientError as refused:
        assert name in str(refused) or "63" in str(refused)
        return
    await api.until(
        INFERENCE_SERVICE,
        name,
        namespace,
        lambda each: condition(each, "Ready").get("status") == "False" and bool(messages(each)),
        "it says what is wrong",
    )


async def test_storage_of_an_unknown_scheme_is_told_or_refused(api: Api, namespace: str) -> None:
    try:
        await api.create(INFERENCE_SERVICE, service("elsewhere", namespace, storageUri="ftp://host/model"))
    except ClientError as refused:
        assert "ftp://host/model" in str(refused)
        return
    await api.until(
        INFERENCE_SERVICE,
        "elsewhere",
        namespace,
        lambda each: "ftp://host/model" in messages(each),
        "a condition names the URI",
    )


async def test_object_of_almost_a_mebibyte_is_served_like_any_other(api: Api, namespace: str) -> None:
    filler = [{"name": f"FILLER_{number}", "value": "x" * 10_000} for number in range(40)]

    await api.create(INFERENCE_SERVICE, service("large", namespace, env=filler))

    await ready(api, namespace, "large")
    deployment = await api.get(DEPLOYMENT, "large-predictor", namespace)
    assert len(deployment["spec"]["template"]["spec"]["containers"][0]["env"]) >= len(filler)


async def test_object_too_large_for_its_children_is_told(api: Api, namespace: str) -> None:
    """A Deployment holds a little more than the service it is for, and there is a limit to an object's size."""
    filler = [{"name": f"FILLER_{number}", "value": "x" * 10_000} for number in range(104)]
    try:
        await api.create(INFERENCE_SERVICE, service("huge", namespace, env=filler))
    except ClientError as refused:
        assert "large" in str(refused) or "limit" in str(refused)
        return
    found = await api.until(
        INFERENCE_SERVICE,
        "huge",
        namespace,
        lambda each: is_ready(each) or condition(each, "PredictorReady").get("reason") == "ReconcileFailed",
        "it is Ready, or says why not",
    )
    assert is_ready(found) or "large" in messages(found)


async def test_object_larger_than_the_server_takes_is_refused(api: Api, namespace: str) -> None:
    with pytest.raises(ClientError) as refused:
        await api.create(
            INFERENCE_SERVICE, service("vast", namespace, env=[{"name": "A", "value": "x" * 4 * _MEBIBYTE}])
        )

    assert "large" in str(refused.value)


def messages(found: Object) -> str:
    """All that its conditions say."""
    return " ".join(each.get("message", "") for each in (found.get("status") or {}).get("conditions") or ())


def test_why_of_something_that_is_not_there_says_so(kubectl: Kubectl) -> None:
    done = kservectl("why", "isvc/nobody", f"--kubeconfig={kubectl.kubeconfig}", "-n", kubectl.namespace)

    assert done.returncode == 1
    assert "nobody" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.timeout(150)
async def test_missing_kind_of_a_third_party_is_told_and_its_return_noticed(
    api: Api, namespace: str, cluster: Target
) -> None:
    name = f"{HTTP_ROUTE.plural}.{HTTP_ROUTE.group}"
    definition = await api.get(CUSTOM_RESOURCE_DEFINITION, name)
    await api.delete(CUSTOM_RESOURCE_DEFINITION, name)
    await api.until_gone(CUSTOM_RESOURCE_DEFINITION, name)
    try:
        await api.create(INFERENCE_SERVICE, service("routeless", namespace))
        found = await api.until(
            INFERENCE_SERVICE,
            "routeless",
            namespace,
            lambda each: (
                condition(each, "PredictorReady").get("status") == "True"
                and condition(each, "IngressReady").get("status") in ("False", "Unknown")
                and "HTTPRoute" in condition(each, "IngressReady").get("message", "")
            ),
            "it says that there are no HTTPRoutes",
        )
        assert condition(found, "Ready")["status"] != "True"
        assert await api.find(SERVICE, "routeless-predictor", namespace) is not None
    finally:
        restored = {**definition, "metadata": {"name": name, **_copied(definition)}}
        del restored["status"]
        await api.create(CUSTOM_RESOURCE_DEFINITION, restored)
        await established(api, name)
        if cluster.running is not None:
            # KWOK, which plays the gateway there, looks up only when it starts what it has to answer.
            await asyncio.to_thread(cluster.running.component("kwok").restart)

    await ready(api, namespace, "routeless", seconds=60)
    await ready(api, namespace, "before", seconds=60)


def _copied(definition: Object) -> Object:
    return {
        key: value
        for key, value in (("labels", metadata.labels(definition)), ("annotations", metadata.annotations(definition)))
        if value
    }


async def test_manifests_that_cannot_be_rendered_end_in_a_sentence(
    namespace: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("bad") / "bad.yaml"
    file.write_text("apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: x}\nspec: 7\n")

    done = await asyncio.to_thread(kservectl, "render", f"--filename={file}")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("Error:")
