"""What pods need beside the server: lists of models, several models, and the certificates of private storages."""

import json
from collections.abc import AsyncIterator

import pytest

from e2e.api import Api
from e2e.installation import SYSTEM_NAMESPACE
from e2e.services import custom, ready, service, volume_claim
from kservectl.api.config import CONFIG_MAP_NAME
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, POD, SECRET, SERVICE_ACCOUNT
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.usefixtures("manager")

COPY = "global-ca-bundle"


@pytest.fixture
async def bundle(api: Api) -> AsyncIterator[str]:
    """The name of a bundle of certificates that the configuration names; all is as before when the test ends."""
    before = await api.get(CONFIG_MAP, CONFIG_MAP_NAME, SYSTEM_NAMESPACE)
    await api.create(CONFIG_MAP, certificates("first"))
    configured = json.loads(before["data"]["storageInitializer"]) | {"caBundleConfigMapName": "cas"}
    await api.merge(
        CONFIG_MAP, CONFIG_MAP_NAME, SYSTEM_NAMESPACE, {"data": {"storageInitializer": json.dumps(configured)}}
    )
    yield "cas"
    await api.merge(CONFIG_MAP, CONFIG_MAP_NAME, SYSTEM_NAMESPACE, {"data": before["data"]})
    await api.delete(CONFIG_MAP, "cas", SYSTEM_NAMESPACE)


def certificates(content: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "cas", "namespace": SYSTEM_NAMESPACE},
        "data": {"cabundle.crt": content},
    }


async def copied(api: Api, namespace: str, content: str) -> Object:
    return await api.until(
        CONFIG_MAP,
        COPY,
        namespace,
        lambda each: each.get("data") == {"cabundle.crt": content},
        f"the copy says {content}",
    )


async def test_certificates_are_copied_followed_and_restored(api: Api, namespace: str, bundle: str) -> None:
    for name in ("one", "two", "three"):
        await api.create(INFERENCE_SERVICE, service(name, namespace))
    copy = await copied(api, namespace, "first")
    assert "ownerReferences" not in copy["metadata"]

    await api.merge(CONFIG_MAP, bundle, SYSTEM_NAMESPACE, {"data": {"cabundle.crt": "second"}})
    await copied(api, namespace, "second")

    await api.merge(CONFIG_MAP, COPY, namespace, {"data": {"cabundle.crt": "forged"}})
    await copied(api, namespace, "second")

    await api.delete(CONFIG_MAP, COPY, namespace)
    await copied(api, namespace, "second")
    for name in ("one", "two", "three"):
        await ready(api, namespace, name)


async def test_list_of_models_keeps_what_others_enter_and_outlives_a_stop(api: Api, namespace: str) -> None:
    await api.create(INFERENCE_SERVICE, custom("many", namespace, {"model": {"modelFormat": {"name": "sklearn"}}}))
    many = await ready(api, namespace, "many")
    made = await api.get(CONFIG_MAP, "modelconfig-many-0", namespace)
    assert made["data"] == {"models.json": "[]"}
    assert metadata.is_controlled_by(made, metadata.uid(many))

    await api.merge(CONFIG_MAP, "modelconfig-many-0", namespace, {"data": {"models.json": "[1]"}})
    stop = {"metadata": {"annotations": {"serving.kserve.io/stop": "true"}, "labels": {"team": "a"}}}
    await api.merge(INFERENCE_SERVICE, "many", namespace, stop)

    labelled = await api.until(
        CONFIG_MAP,
        "modelconfig-many-0",
        namespace,
        lambda each: metadata.labels(each).get("team") == "a",
        "it has the label",
    )
    assert labelled["data"] == {"models.json": "[1]"}


async def test_several_models_are_mounted_and_downloaded_with_the_accounts_credentials(
    api: Api, namespace: str
) -> None:
    await volume_claim(api, "weights", namespace)
    await api.create(SECRET, secret(namespace))
    await api.create(SERVICE_ACCOUNT, account(namespace))
    sources = [
        {"uri": "s3://bucket/base", "mountPath": "/mnt/models/base"},
        {"uri": "pvc://weights/lora", "mountPath": "/mnt/lora"},
    ]
    predictor = {"serviceAccountName": "reader", "model": {"modelFormat": {"name": "sklearn"}}, "storageUris": sources}
    await api.create(INFERENCE_SERVICE, custom("both", namespace, predictor))
    await ready(api, namespace, "both")

    (pod,) = await api.list(POD, namespace, label_selector="app=isvc.both-predictor")

    (init,) = pod["spec"]["initContainers"]
    assert init["args"] == ["s3://bucket/base", "/mnt/models/base"]
    granted = {entry["name"]: entry.get("valueFrom") for entry in init["env"]}
    assert granted["AWS_ACCESS_KEY_ID"] == {"secretKeyRef": {"name": "keys", "key": "AWS_ACCESS_KEY_ID"}}
    mounts = {each["mountPath"]: each.get("subPath", "") for each in pod["spec"]["containers"][0]["volumeMounts"]}
    assert {"/mnt/models/base": "", "/mnt/lora": "lora"}.items() <= mounts.items()


def secret(namespace: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "keys", "namespace": namespace},
        "stringData": {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"},
    }


def account(namespace: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "reader", "namespace": namespace},
        "secrets": [{"name": "keys"}],
    }
