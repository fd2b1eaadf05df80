"""CA bundles that credentials bring, beside those that are configured."""

from typing import Any

import pytest

from kservectl.objects.metadata import Object
from tests.admission.pods.samples import context, downloader, pod, spec
from tests.modelstorage.pods import account, cluster, env_of, named, secret

PREFIX = "serving.kserve.io/"


def s3(**settings: str) -> Any:
    notes = {PREFIX + name.replace("_", "-"): value for name, value in settings.items()}
    return cluster(account("creds"), secret(annotations=notes, awsSecretAccessKey="s"))


@pytest.mark.parametrize("configured", [{}, {"caBundleConfigMapName": "cas"}])
@pytest.mark.parametrize(("file", "folder"), [("", "/etc/ssl/custom-certs"), ("/own/ca.pem", "/own")])
def test_the_bundle_of_the_credentials_goes_before_the_configured_one(
    configured: Object, file: str, folder: str
) -> None:
    held = s3(s3_cabundle_configmap="mine", s3_cabundle=file)
    answer = spec(pod(uri="s3://b/m"), context(storage=configured, find=held))
    (init,) = answer["initContainers"]
    assert named(answer["volumes"], "cabundle-cert")["configMap"] == {"name": "mine"}
    assert named(init["volumeMounts"], "cabundle-cert")["mountPath"] == folder
    assert env_of(init)["CA_BUNDLE_CONFIGMAP_NAME"] == "mine"
    assert env_of(init)["CA_BUNDLE_VOLUME_MOUNT_POINT"] == folder


@pytest.mark.parametrize("namespace", ["default", "kserve"])
def test_the_bundle_of_the_credentials_is_the_same_in_every_namespace(namespace: str) -> None:
    where = context(
        namespace=namespace, storage={"caBundleConfigMapName": "cas"}, find=s3(s3_cabundle_configmap="mine")
    )
    assert named(spec(pod(uri="s3://b/m"), where)["volumes"], "cabundle-cert")["configMap"] == {"name": "mine"}


def test_the_configured_bundle_is_mounted_where_the_credentials_expect_a_file() -> None:
    settings = {"caBundleConfigMapName": "cas", "caBundleVolumeMountPath": "/configured"}
    answer = spec(pod(uri="s3://b/m"), context(storage=settings, find=s3(s3_cabundle="/own/deep/ca.pem")))
    (init,) = answer["initContainers"]
    assert named(answer["volumes"], "cabundle-cert")["configMap"] == {"name": "global-ca-bundle"}
    assert named(init["volumeMounts"], "cabundle-cert")["mountPath"] == "/own/deep"


def test_the_bundle_of_a_storage_spec_is_mounted() -> None:
    entry = '{"type": "s3", "bucket": "b", "cabundle_configmap": "mine"}'
    original = pod(uri="<scheme-placeholder>://x", storage_spec="true")
    answer = spec(original, context(find=cluster(secret("storage-config", default=entry))))
    assert named(answer["volumes"], "cabundle-cert")["configMap"] == {"name": "mine"}
    assert env_of(answer["initContainers"][0])["CA_BUNDLE_CONFIGMAP_NAME"] == "mine"


def test_a_bundle_file_alone_mounts_nothing() -> None:
    answer = spec(pod(uri="s3://b/m"), context(find=s3(s3_cabundle="/own/ca.pem")))
    assert [found["name"] for found in answer["volumes"]] == ["kserve-provision-location"]
    assert env_of(answer["initContainers"][0])["AWS_CA_BUNDLE"] == "/own/ca.pem"


def test_a_storage_container_s_own_variables_are_kept_and_change_no_mount() -> None:
    env = [
        {"name": "CA_BUNDLE_CONFIGMAP_NAME", "value": "its-own"},
        {"name": "AWS_CA_BUNDLE_CONFIGMAP", "value": "other"},
    ]
    where = context(downloader(prefix="s3://", env=env), find=s3(s3_cabundle_configmap="mine"))
    answer = spec(pod(uri="s3://b/m"), where)
    found = env_of(answer["initContainers"][0])
    assert (found["CA_BUNDLE_CONFIGMAP_NAME"], found["CA_BUNDLE_VOLUME_MOUNT_POINT"]) == (
        "its-own",
        "/etc/ssl/custom-certs",
    )
    assert named(answer["volumes"], "cabundle-cert")["configMap"] == {"name": "mine"}


def test_variables_that_only_the_storage_container_has_come_before_the_credentials() -> None:
    where = context(downloader(prefix="s3://", env=[{"name": "A", "value": "1"}]), find=s3())
    assert list(env_of(spec(pod(uri="s3://b/m"), where)["initContainers"][0]))[:3] == [
        "A",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    ]
