"""Models that are images, by what is written on the pod. (How each mode works: tests/modelstorage/test_oci.py.)"""

from typing import Any

import pytest

from kservectl.admission.pods.injectors import inject
from kservectl.modelstorage.refusal import PodRefused
from tests.admission.pods.samples import INTERNAL, RESOURCES, container, context, downloader, pod, spec
from tests.modelstorage.pods import account, cluster, secret

ENABLED = {"enableModelcar": True, "uidModelcar": 1010}
STATUS = {
    "sidecar.istio.io/interceptionMode": "REDIRECT",
    "sidecar.istio.io/status": '{"containers": ["istio-proxy"]}',
}


def names(answer: Any, field: str) -> list[str]:
    return [found["name"] for found in answer.get(field, [])]


@pytest.mark.parametrize(
    ("uri", "storage", "expected"),
    [
        ("oci://image", {"ociModelMode": "modelcar"}, (["kserve-container", "modelcar"], ["modelcar-init"])),
        ("oci://image", {"enableOciModelSupport": True}, (["kserve-container", "modelcar"], ["modelcar-init"])),
        ("oci://image", {"ociModelMode": "native"}, (["kserve-container"], [])),
        ("oci://image", {"ociModelMode": "fetch"}, (["kserve-container"], ["storage-initializer"])),
        ("oci+native://image", ENABLED, (["kserve-container"], [])),
        ("oci+fetch://image", ENABLED, (["kserve-container"], ["storage-initializer"])),
        ("oci+modelcar://image", {"ociModelMode": "native"}, (["kserve-container", "modelcar"], ["modelcar-init"])),
        ("oci://image", {"enableModelcar": True}, (["kserve-container", "modelcar"], ["modelcar-init"])),
        ("oci://image", {}, (["kserve-container"], ["storage-initializer"])),
    ],
)
def test_the_mode_is_the_uris_or_the_configured_one(uri: str, storage: Any, expected: Any) -> None:
    answer = spec(pod(uri=uri), context(storage=storage))
    assert (names(answer, "containers"), names(answer, "initContainers")) == expected


def test_a_mode_in_the_uri_is_refused_while_images_are_not_enabled() -> None:
    with pytest.raises(PodRefused, match="images are not enabled; set enableModelcar"):
        inject(pod(uri="oci+native://image"), context())


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(PodRefused, match="must be one of modelcar, native, fetch"):
        inject(pod(uri="oci+odd://image"), context(storage=ENABLED))


def test_a_pod_without_serving_container_is_refused() -> None:
    with pytest.raises(PodRefused, match="Invalid configuration: cannot find container: kserve-container"):
        inject(pod(container("mine"), uri="oci://image"), context(storage=ENABLED))


def test_the_server_keeps_its_storage_uri() -> None:
    env = [{"name": "STORAGE_URI", "value": "oci://image"}]
    server = spec(pod(container(env=env), uri="oci://image"), context(storage=ENABLED))["containers"][0]
    assert server["env"][0] == env[0]
    assert server["securityContext"] == {"runAsUser": 1010}


def test_an_image_is_fetched_by_the_plain_init_container_alone() -> None:
    held = cluster(account("hf"), secret("hf", HF_TOKEN="t"))
    notes = {"confidential_enabled": "true", "confidential_resource_id": "kbs:///a"}
    chosen = downloader(prefix="oci", image="mine:1", env=[{"name": "A", "value": "1"}])
    (init,) = spec(pod(uri="oci+fetch://image", **notes), context(chosen, storage=ENABLED, find=held))["initContainers"]
    assert init == {
        "name": "storage-initializer",
        "image": "kserve/storage-initializer:latest",
        "args": ["oci://image", "/mnt/models"],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": RESOURCES,
        "volumeMounts": [{"name": "mnt-models", "mountPath": "/mnt/models"}],
    }


def test_side_cars_come_after_the_agent() -> None:
    answer = spec(pod(uri="oci://image", batcher="true"), context(storage=ENABLED))
    assert names(answer, "containers") == ["kserve-container", "agent", "modelcar"]


def test_an_image_is_fetched_as_the_user_of_istios_proxy() -> None:
    original = pod(container(), container("istio-proxy"), uri="oci+fetch://image")
    original["metadata"]["annotations"] |= STATUS
    (init,) = spec(original, context(storage=ENABLED))["initContainers"]
    assert init["securityContext"] == {"runAsUser": 1337}


def test_a_model_that_is_cached_on_the_node_is_not_taken_from_its_image() -> None:
    notes = {"localmodel_pvc_name": "model-gpu", "localmodel_sourceuri": "oci://image"}
    answer = spec(pod(uri="oci://image", labels={INTERNAL + "localmodel": "m"}, **notes), context(storage=ENABLED))
    assert names(answer, "containers") == ["kserve-container"]
    assert answer["volumes"][0]["persistentVolumeClaim"] == {"claimName": "model-gpu"}
