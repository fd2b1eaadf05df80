"""Certificates of private storages."""

import pytest

from kservectl.objects.metadata import Object
from tests.admission.pods.samples import HF, context, downloader, pod, spec


@pytest.mark.parametrize(
    ("namespace", "storage", "name", "path"),
    [
        ("kserve", {"caBundleConfigMapName": "cas"}, "cas", "/etc/ssl/custom-certs"),
        ("default", {"caBundleConfigMapName": "cas"}, "global-ca-bundle", "/etc/ssl/custom-certs"),
        (
            "default",
            {"caBundleConfigMapName": "cas", "caBundleVolumeMountPath": "/certs"},
            "global-ca-bundle",
            "/certs",
        ),
    ],
)
def test_a_configured_ca_bundle_is_mounted_in_the_download(
    namespace: str, storage: Object, name: str, path: str
) -> None:
    answer = spec(pod(uri="s3://b/m"), context(namespace=namespace, storage=storage))
    init = answer["initContainers"][0]
    assert init["env"][:2] == [
        {"name": "CA_BUNDLE_CONFIGMAP_NAME", "value": name},
        {"name": "CA_BUNDLE_VOLUME_MOUNT_POINT", "value": path},
    ]
    assert init["volumeMounts"][1] == {"name": "cabundle-cert", "mountPath": path, "readOnly": True}
    assert {"name": "cabundle-cert", "configMap": {"name": name}} in answer["volumes"]
    assert len(answer["containers"][0]["volumeMounts"]) == 1


def test_a_claim_needs_no_ca_bundle() -> None:
    answer = spec(pod(uri="pvc://claim"), context(storage={"caBundleConfigMapName": "cas"}))
    assert len(answer["volumes"]) == 1


@pytest.mark.parametrize("namespace", ["default", "kserve"])
def test_a_variable_of_the_bundle_that_comes_from_elsewhere_is_kept(namespace: str) -> None:
    source = {"configMapKeyRef": {"name": "own", "key": "bundle"}}
    own = [{"name": name, "valueFrom": source} for name in ("CA_BUNDLE_VOLUME_MOUNT_POINT", "CA_BUNDLE_CONFIGMAP_NAME")]
    where = context(downloader(env=own), namespace=namespace, storage={"caBundleConfigMapName": "cas"})
    answer = spec(pod(uri="gs://b/m"), where)
    assert answer["initContainers"][0]["env"] == [*own, *HF]
    name = "cas" if namespace == "kserve" else "global-ca-bundle"
    assert answer["volumes"][-1] == {"name": "cabundle-cert", "configMap": {"name": name}}


def test_no_bundle_is_mounted_unless_one_is_configured() -> None:
    answer = spec(pod(uri="s3://b/m"), context(storage={"caBundleVolumeMountPath": "/certs"}))
    assert answer == spec(pod(uri="s3://b/m"))
    assert [found["name"] for found in answer["volumes"]] == ["kserve-provision-location"]
