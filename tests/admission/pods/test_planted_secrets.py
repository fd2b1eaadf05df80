"""Nothing of a Secret is ever told: not in an answer, a warning, a log, an event or a metric."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
import structlog

from kservectl.client.errors import ApiError
from kservectl.development.environment import Environment, EnvironmentOptions, running
from kservectl.objects.kind import EVENT, POD, SECRET, SERVICE_ACCOUNT
from kservectl.objects.metadata import Object
from tests.modelstorage.pods import secret

PLANTED = "pl4nted-s3cret"
INTERNAL = "internal.serving.kserve.io/"
LABEL = {"serving.kserve.io/inferenceservice": "planted"}
NAMESPACE = "default"

GOOD = {
    "s3": {
        "awsAccessKeyID": PLANTED,
        "awsSecretAccessKey": PLANTED,
        "AWS_ACCESS_KEY_ID": PLANTED,
        "AWS_SECRET_ACCESS_KEY": PLANTED,
    },
    "gcs": {"gcloud-application-credentials.json": PLANTED},
    "azure": {"AZURE_CLIENT_ID": PLANTED, "AZURE_CLIENT_SECRET": PLANTED, "AZURE_TENANT_ID": PLANTED},
    "https": {"https-host": "models.org", "headers": PLANTED},
    "hdfs": {"HDFS_NAMENODE": PLANTED, "KERBEROS_KEYTAB": PLANTED},
    "hf": {"HF_TOKEN": PLANTED, "MODELSCOPE_API_TOKEN": PLANTED},
    "other": {"password": PLANTED},
}
BAD = {
    "no-json": PLANTED,
    "no-object": f'["{PLANTED}"]',
    "no-texts": f'{{"type": "s3", "key": {{"x": "{PLANTED}"}}}}',
    "odd-type": f'{{"type": "{PLANTED}"}}',
    "no-type": f'{{"secret_access_key": "{PLANTED}"}}',
    "no-bucket": f'{{"type": "s3", "secret_access_key": "{PLANTED}"}}',
}


@pytest.fixture
async def environment() -> AsyncIterator[Environment]:
    async with running(EnvironmentOptions()) as started:
        yield started


def pod(name: str, uri: str, **notes: str) -> Object:
    annotations = {
        INTERNAL + "storage-initializer-sourceuri": uri,
        **{INTERNAL + key: value for key, value in notes.items()},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": LABEL, "annotations": annotations},
        "spec": {"containers": [{"name": "kserve-container", "image": "server"}]},
    }


async def store(environment: Environment, kind: Any, obj: Object) -> None:
    await environment.client.apply(kind, {"apiVersion": "v1", **obj})


async def told(environment: Environment, logs: Any) -> str:
    """Everything that people and dashboards get to see, as one text."""
    async with aiohttp.ClientSession() as session, session.get(environment.metrics_url) as answer:
        metrics = await answer.text()
    assert "controller_runtime_webhook_requests_total" in metrics
    events = orjson.dumps(environment.cluster.list(EVENT)).decode()
    return "\n".join((metrics, events, repr(logs)))


async def test_pods_refer_to_secrets_and_hold_nothing_of_them(environment: Environment) -> None:
    for name, data in GOOD.items():
        await store(environment, SECRET, secret(name, **data))
    account = {"kind": "ServiceAccount", "metadata": {"name": "default", "namespace": NAMESPACE}}
    await store(environment, SERVICE_ACCOUNT, account | {"secrets": [{"name": name} for name in GOOD]})
    with structlog.testing.capture_logs() as logs:
        created = await environment.client.create(POD, pod("good", "s3://b/m", batcher="true"))
        text = await told(environment, logs)
    env = {entry["name"] for entry in created["spec"]["initContainers"][0]["env"]}
    assert {"AWS_SECRET_ACCESS_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "AZURE_CLIENT_SECRET", "HF_TOKEN"} <= env
    agent = next(found for found in created["spec"]["containers"] if found["name"] == "agent")
    assert "HF_TOKEN" in {entry["name"] for entry in agent["env"]}
    assert PLANTED not in orjson.dumps(created).decode()
    assert PLANTED not in text


async def test_refusals_tell_nothing_of_secrets(environment: Environment) -> None:
    await store(environment, SECRET, secret("storage-config", **BAD))
    answers = []
    with structlog.testing.capture_logs() as logs:
        for key in BAD:
            with pytest.raises(ApiError) as refused:
                await environment.client.create(
                    POD, pod(key, "<scheme-placeholder>://x", **{"storage-spec": "true", "storage-spec-key": key})
                )
            answers.append(str(refused.value))
        text = await told(environment, logs)
    assert all("storage" in answer for answer in answers)
    assert PLANTED not in "\n".join((text, *answers))


async def test_a_missing_account_is_warned_of_and_a_missing_secret_refused(environment: Environment) -> None:
    with structlog.testing.capture_logs() as logs:
        homeless = pod("without", "s3://b/m")
        homeless["spec"]["serviceAccountName"] = "missing"
        await environment.client.create(POD, homeless)
    assert any("ServiceAccount default/missing not found" in str(entry) for entry in logs)
    account = {"kind": "ServiceAccount", "metadata": {"name": "default", "namespace": NAMESPACE}}
    await store(environment, SERVICE_ACCOUNT, account | {"secrets": [{"name": "gone"}]})
    with pytest.raises(ApiError, match="Secret gone not found"):
        await environment.client.create(POD, pod("broken", "s3://b/m"))
