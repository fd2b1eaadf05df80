"""What the pod webhook makes of pods is what an API server takes, under no more rights than the manifests give."""

import json
from typing import Any

import pytest

from e2e.api import Api
from e2e.manager import ManagerProcess
from e2e.services import custom, ready, service, volume_claim
from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME, INFERENCE_SERVICE, SERVING_RUNTIME
from kservectl.client.errors import Invalid
from kservectl.objects.kind import POD, SECRET, SERVICE_ACCOUNT
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.usefixtures("manager")

_PLANTED = "pl4nted"


async def _pod(api: Api, namespace: str, name: str) -> Object:
    await ready(api, namespace, name)
    (pod,) = await api.list(POD, namespace, label_selector=f"serving.kserve.io/inferenceservice={name}")
    return pod


async def _secret(api: Api, namespace: str, name: str, **data: str) -> None:
    meta = {"name": name, "namespace": namespace}
    await api.create(SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data})


async def _account(api: Api, namespace: str, *secrets: str) -> None:
    meta = {"name": "models", "namespace": namespace}
    listed = [{"name": name} for name in secrets]
    await api.create(
        SERVICE_ACCOUNT, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta, "secrets": listed}
    )


def _named(items: Any, name: str) -> Object:
    found: Object = next(item for item in items if item["name"] == name)
    return found


def _variables(container: Object) -> set[str]:
    return {entry["name"] for entry in container.get("env", [])}


async def test_downloads_and_agents_have_the_credentials_of_their_account(api: Api, namespace: str) -> None:
    await _secret(
        api, namespace, "s3", AWS_ACCESS_KEY_ID=_PLANTED, AWS_SECRET_ACCESS_KEY=_PLANTED, S3_ENDPOINT="minio:9000"
    )
    await _secret(api, namespace, "gcs", **{"gcloud-application-credentials.json": _PLANTED})
    await _secret(api, namespace, "hub", HF_TOKEN=_PLANTED, HDFS_NAMENODE=_PLANTED, AZURE_CLIENT_ID=_PLANTED)
    await _account(api, namespace, "s3", "gcs", "hub")
    wanted = service("iris", namespace, storageUri="s3://bucket/model")
    wanted["spec"]["predictor"] |= {
        "serviceAccountName": "models",
        "logger": {"mode": "all"},
        "batcher": {"maxBatchSize": 8},
    }
    await api.create(INFERENCE_SERVICE, wanted)

    pod = await _pod(api, namespace, "iris")

    agent = _named(pod["spec"]["containers"], "agent")
    for container in (_named(pod["spec"]["initContainers"], "storage-initializer"), agent):
        assert {
            "AWS_SECRET_ACCESS_KEY",
            "S3_ENDPOINT",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "HF_TOKEN",
            "AZURE_TENANT_ID",
        } <= _variables(container)
        assert {"user-gcp-sa", "hdfs-secrets"} <= {mount["name"] for mount in container["volumeMounts"]}
    assert {"--enable-batcher", "--log-url"} <= set(agent["args"])
    assert _PLANTED not in json.dumps(pod)


async def test_a_storage_spec_takes_its_bucket_from_its_secret(api: Api, namespace: str) -> None:
    entry = json.dumps({"type": "s3", "bucket": "models", "secret_access_key": _PLANTED})
    await _secret(api, namespace, "storage-config", minio=entry)
    predictor = {"model": {"modelFormat": {"name": "sklearn"}, "storage": {"key": "minio", "path": "iris/v1"}}}
    await api.create(INFERENCE_SERVICE, custom("spec", namespace, predictor))

    pod = await _pod(api, namespace, "spec")

    init = _named(pod["spec"]["initContainers"], "storage-initializer")
    assert init["args"] == ["s3://models/iris/v1", "/mnt/models"]
    assert "STORAGE_CONFIG" in _variables(init)


@pytest.mark.parametrize(
    ("scheme", "containers", "init"),
    [
        ("oci", ["kserve-container", "modelcar"], ["modelcar-init"]),
        ("oci+fetch", ["kserve-container"], ["storage-initializer"]),
    ],
)
async def test_models_that_are_images(
    api: Api, namespace: str, scheme: str, containers: list[str], init: list[str]
) -> None:
    await api.create(INFERENCE_SERVICE, service("image", namespace, storageUri=f"{scheme}://registry.org/model:v1"))

    pod = await _pod(api, namespace, "image")

    assert [each["name"] for each in pod["spec"]["containers"]] == containers
    assert [each["name"] for each in pod["spec"]["initContainers"]] == init


async def test_several_models_come_with_the_credentials_of_the_account(api: Api, namespace: str) -> None:
    await volume_claim(api, "claim", namespace)
    await _secret(api, namespace, "hub", HF_TOKEN=_PLANTED)
    await _account(api, namespace, "hub")
    uris = ["hf://org/one", "hf://org/two", "pvc://claim/sub"]
    predictor = {
        "model": {"modelFormat": {"name": "sklearn"}},
        "serviceAccountName": "models",
        "storageUris": [
            {"uri": uri, "mountPath": f"/mnt/{'models' if uri.startswith('hf') else 'claims'}/{position}"}
            for position, uri in enumerate(uris)
        ],
    }
    await api.create(INFERENCE_SERVICE, custom("several", namespace, predictor))

    pod = await _pod(api, namespace, "several")

    init = _named(pod["spec"]["initContainers"], "storage-initializer")
    assert init["args"] == ["hf://org/one", "/mnt/models/0", "hf://org/two", "/mnt/models/1"]
    assert "HF_TOKEN" in _variables(init)
    mounts = {mount["mountPath"]: mount for mount in pod["spec"]["containers"][0]["volumeMounts"]}
    assert mounts["/mnt/claims/2"]["subPath"] == "sub"


async def test_runtimes_with_equal_chances_are_refused(api: Api, namespace: str) -> None:
    installed = await api.get(CLUSTER_SERVING_RUNTIME, "kserve-sklearnserver")
    with pytest.raises(
        Invalid, match="same priority assigned for the model format sklearn in the clusterservingruntimes"
    ):
        await api.create(CLUSTER_SERVING_RUNTIME, installed | {"metadata": {"name": f"twin-{namespace}"}})

    own = {**installed, "kind": "ServingRuntime", "metadata": {"name": "first", "namespace": namespace}}
    await api.create(SERVING_RUNTIME, own)
    await api.until(SERVING_RUNTIME, "first", namespace, lambda found: True, "it is there")
    with pytest.raises(Invalid, match=f"in the servingruntimes first and second in namespace {namespace}"):
        for _ in range(50):  # until the webhook's cache has the first one
            second = await api.client.create(
                SERVING_RUNTIME, own | {"metadata": {"name": "second", "namespace": namespace}}, dry_run=True
            )
            assert second["metadata"]["name"] == "second"


async def test_a_pod_is_asked_about_once(api: Api, namespace: str, manager: ManagerProcess) -> None:
    def reviews() -> float:
        return manager.metric("kservectl_webhook_reviews_total", webhook="/mutate-pods")

    before = reviews()
    await api.create(INFERENCE_SERVICE, service("iris", namespace))

    pod = await _pod(api, namespace, "iris")

    download = _named(pod["spec"]["initContainers"], "storage-initializer")
    server = _named(pod["spec"]["containers"], "kserve-container")
    paths = [{mount["mountPath"] for mount in each["volumeMounts"]} for each in (download, server)]
    assert paths[0] == paths[1]  # the token's among them, where the cluster has one
    assert reviews() - before == 1
