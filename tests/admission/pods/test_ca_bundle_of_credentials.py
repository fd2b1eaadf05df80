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
