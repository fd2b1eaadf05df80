"""Nothing of a Secret is ever told: not in an answer, a warning, a log, an event or a metric."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
import orjson
import pytest
import structlog

from kservectl.api import kinds
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.client.errors import ApiError
from kservectl.devcluster.types.catalogue import builtin_kinds
from kservectl.development.environment import Environment, EnvironmentOptions, running
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, EVENT, POD, SECRET, SERVICE_ACCOUNT, Kind
from kservectl.objects.metadata import Object
from tests.modelstorage.pods import secret

PLANTED = "pl4nted-s3cret"
INTERNAL = "internal.serving.kserve.io/"
LABEL = {"serving.kserve.io/inferenceservice": "planted"}
NAMESPACE = "default"

ENCODED = base64.b64encode(PLANTED.encode()).decode().rstrip("=")

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


def tells(text: str) -> bool:
    """Whether the secret is in `text`, plainly or as a Secret holds it."""
    return PLANTED in text or ENCODED in text


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
    assert not tells(orjson.dumps(created).decode())
    assert not tells(text)


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
    assert not tells("\n".join((text, *answers)))


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


SERVICES: dict[str, Object] = {
    "from-account": {
        "model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://b/m"},
        "logger": {"mode": "all"},
    },
    "several": {"model": {"modelFormat": {"name": "sklearn"}}, "storageUris": [{"uri": "s3://b/m"}]},
    **{
        f"stored-{key}": {"model": {"modelFormat": {"name": "sklearn"}, "storage": {"key": key, "path": "m"}}}
        for key in BAD
    },
}
REGISTRY = {"auths": {"registry.example": {"auth": PLANTED}}}


def inference_service(name: str, predictor: Object) -> Object:
    return {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": INFERENCE_SERVICE.kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"predictor": predictor},
    }


def everything_but_secrets(environment: Environment) -> str:
    """Every object of the cluster as JSON: specs and statuses, events, pods, what the manager wrote down."""
    named = [kind for kind in vars(kinds).values() if isinstance(kind, Kind)]
    served = [kind for kind in (*builtin_kinds(), *named) if kind != SECRET]
    found = [obj for kind in served for obj in _listed(environment, kind)]
    assert {"Pod", "InferenceService", "Event", "Deployment", "ConfigMap"} <= {obj["kind"] for obj in found}
    return orjson.dumps(found).decode()


def _listed(environment: Environment, kind: Kind) -> Sequence[Object]:
    try:
        return environment.cluster.list(kind)
    except LookupError:  # not served here
        return ()


async def test_nothing_that_the_manager_makes_of_services_tells_of_secrets(environment: Environment) -> None:
    for name, data in {
        **GOOD,
        "storage-config": BAD,
        "pull": {".dockerconfigjson": orjson.dumps(REGISTRY).decode()},
    }.items():
        await store(environment, SECRET, secret(name, **data))
    account = {"kind": "ServiceAccount", "metadata": {"name": "default", "namespace": NAMESPACE}}
    await store(environment, SERVICE_ACCOUNT, account | {"secrets": [{"name": name} for name in GOOD]})
    with structlog.testing.capture_logs() as logs:
        for name, predictor in SERVICES.items():
            await environment.client.create(INFERENCE_SERVICE, inference_service(name, predictor))
        async with asyncio.timeout(40):
            while not _settled(environment):  # noqa: ASYNC110 - several objects, and no event of ours among them
                await asyncio.sleep(0.1)
        text = await told(environment, logs)
    assert not tells(everything_but_secrets(environment))
    assert not tells(text)


def _settled(environment: Environment) -> bool:
    """Every service has a pod, or tells why its pods are refused."""
    label = "serving.kserve.io/inferenceservice"
    found = {metadata.labels(each).get(label) for each in environment.cluster.list(POD)}
    for deployment in environment.cluster.list(DEPLOYMENT):
        conditions = {each["type"] for each in (deployment.get("status") or {}).get("conditions") or ()}
        if "ReplicaFailure" in conditions:
            found.add(metadata.labels(deployment).get(label))
    return found >= SERVICES.keys()
