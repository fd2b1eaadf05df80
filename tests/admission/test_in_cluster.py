"""The webhooks where they belong: called by an API server, for objects that users and controllers write."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from kservectl.admission.rotation import SECRET_NAME
from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME, INFERENCE_SERVICE
from kservectl.client.errors import Invalid
from kservectl.development.environment import Environment, EnvironmentOptions, running
from kservectl.objects.kind import MUTATING_WEBHOOK_CONFIGURATION, POD, SECRET, SERVICE_ACCOUNT
from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import MODE, model, service
from tests.fake_clock import eventually


@pytest.fixture
async def environment() -> AsyncIterator[Environment]:
    async with running(EnvironmentOptions()) as started:
        yield started


def bundles(environment: Environment) -> set[str]:
    found = environment.cluster.list(MUTATING_WEBHOOK_CONFIGURATION)
    return {webhook["clientConfig"]["caBundle"] for obj in found for webhook in obj["webhooks"]}


async def test_a_service_is_defaulted_judged_and_its_pods_get_their_model(environment: Environment) -> None:
    created = await environment.client.create(INFERENCE_SERVICE, service({"sklearn": {"storageUri": "gs://b/m"}}))
    assert created["metadata"]["annotations"] == {MODE: "Standard", "modelFormat": "sklearn"}
    assert created["metadata"]["finalizers"] == ["inferenceservice.finalizers"]
    assert created["spec"]["predictor"]["model"]["storageUri"] == "gs://b/m"

    with pytest.raises(
        Invalid, match=r"exactly one of \[Name, SKLearn.* must be specified in PredictorSpec"
    ) as refused:
        await environment.client.create(INFERENCE_SERVICE, service({"sklearn": {}, "xgboost": {}}, name="both"))
    assert [cause["field"] for cause in refused.value.details["causes"]] == ["spec.predictor"]
    assert environment.cluster.get(INFERENCE_SERVICE, "both", "default") is None

    def pods() -> list[Object]:
        return list(environment.cluster.list(POD, "default"))

    await eventually(lambda: bool(pods()), seconds=15)
    assert pods()[0]["spec"]["initContainers"][0]["args"] == ["gs://b/m", "/mnt/models"]


async def test_a_dry_run_is_decided_and_leaves_nothing(environment: Environment) -> None:
    tried = await environment.client.create(INFERENCE_SERVICE, service(model()), dry_run=True)
    assert tried["metadata"]["finalizers"] == ["inferenceservice.finalizers"]
    with pytest.raises(Invalid):
        await environment.client.create(INFERENCE_SERVICE, service({}), dry_run=True)
    assert environment.cluster.get(INFERENCE_SERVICE, "sklearn", "default") is None


async def test_writes_go_on_while_the_certificate_is_replaced(environment: Environment) -> None:
    before, written = bundles(environment), 0
    replaced = asyncio.Event()

    async def write() -> None:
        nonlocal written
        while not replaced.is_set():
            await environment.client.create(INFERENCE_SERVICE, service(model(), name=f"s-{written}"), dry_run=True)
            written += 1

    task = asyncio.create_task(write())
    for secret in environment.cluster.list(SECRET):
        if secret["metadata"]["name"] == SECRET_NAME:
            await environment.cluster.delete(SECRET, SECRET_NAME, secret["metadata"]["namespace"])

    def serving() -> Any:
        found = [obj for obj in environment.cluster.list(SECRET) if obj["metadata"]["name"] == SECRET_NAME]
        return found and found[0]["data"].get("tls.crt")

    await eventually(lambda: bool(serving()) and bundles(environment) != before and written > 5, seconds=15)
    replaced.set()
    await task


async def test_several_models_are_downloaded_with_the_credentials_of_the_account(environment: Environment) -> None:
    meta = {"name": "hub", "namespace": "default"}
    await environment.client.apply(
        SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"HF_TOKEN": "t"}}
    )
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "default"}}
    await environment.client.apply(SERVICE_ACCOUNT, account | {"secrets": [{"name": "hub"}]})
    uris = [{"uri": f"hf://org/{name}", "mountPath": f"/mnt/models/{name}"} for name in ("one", "two")]
    predictor = {"model": {"modelFormat": {"name": "sklearn"}}, "storageUris": uris}
    await environment.client.create(INFERENCE_SERVICE, service(predictor))

    def pods() -> list[Object]:
        return list(environment.cluster.list(POD, "default"))

    await eventually(lambda: bool(pods()), seconds=15)
    (init,) = pods()[0]["spec"]["initContainers"]
    assert init["args"] == ["hf://org/one", "/mnt/models/one", "hf://org/two", "/mnt/models/two"]
    assert {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "HF_TOKEN"}}} in init["env"]


async def test_runtimes_are_judged_against_those_that_the_cluster_has(environment: Environment) -> None:
    installed = environment.cluster.list(CLUSTER_SERVING_RUNTIME)[0]
    twin = {**installed, "metadata": {"name": "twin"}}
    with pytest.raises(Invalid, match=r"same priority assigned for the model format .* in the clusterservingruntimes"):
        await environment.client.create(CLUSTER_SERVING_RUNTIME, twin)
    await environment.client.create(CLUSTER_SERVING_RUNTIME, twin | {"spec": twin["spec"] | {"disabled": True}})
    changed = installed["metadata"] | {"labels": {"changed": "yes"}}
    await environment.client.update(CLUSTER_SERVING_RUNTIME, installed | {"metadata": changed})
