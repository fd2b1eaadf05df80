"""How a model comes into a pod."""

import pytest

from kservectl.admission.pods.context import PodContext
from kservectl.admission.pods.injectors import inject
from kservectl.api.config import ConfigError
from kservectl.modelstorage.local_model import storage_key
from kservectl.modelstorage.refusal import PodRefused
from tests.admission.inferenceservice.services import config
from tests.admission.pods.samples import (
    HF,
    INTERNAL,
    MOUNT,
    RESOURCES,
    SIZES,
    annotated,
    container,
    context,
    downloader,
    pod,
    spec,
)


def test_a_pod_without_source_keeps_its_spec() -> None:
    original = pod(storage_container_name="missing")
    assert spec(original) == original["spec"]


def test_a_source_is_downloaded_by_an_init_container_into_a_shared_volume() -> None:
    answer = spec(pod(uri="gs://bucket/model"))
    assert answer["initContainers"] == [
        {
            "name": "storage-initializer",
            "image": "kserve/storage-initializer:latest",
            "args": ["gs://bucket/model", "/mnt/models"],
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": RESOURCES,
            "volumeMounts": [MOUNT],
            "env": HF,
        }
    ]
    assert answer["containers"] == [container(volumeMounts=[MOUNT | {"readOnly": True}])]
    assert answer["volumes"] == [{"name": "kserve-provision-location", "emptyDir": {}}]


@pytest.mark.parametrize(
    "uri", ["s3://b/m", "hf://org/model", "https://host/model.tar", "gs://b/m", "file:///m", "odd"]
)
def test_every_kind_of_uri_is_handed_to_the_init_container_as_it_is(uri: str) -> None:
    assert spec(pod(uri=uri))["initContainers"][0]["args"] == [uri, "/mnt/models"]


def test_the_configured_image_downloads() -> None:
    assert spec(pod(uri="gs://b/m"), context(storage={"image": "mine:1"}))["initContainers"][0]["image"] == "mine:1"


def test_the_model_is_writable_only_when_the_pod_says_so() -> None:
    original = annotated(pod(uri="gs://b/m"), **{"storage.kserve.io/readonly": "false"})
    assert spec(original)["containers"][0]["volumeMounts"] == [MOUNT]
    odd = annotated(pod(uri="gs://b/m"), **{"storage.kserve.io/readonly": "no"})
    assert spec(odd)["containers"][0]["volumeMounts"] == [MOUNT | {"readOnly": True}]


def test_the_transformer_beside_the_server_sees_the_model_too() -> None:
    answer = spec(pod(container(), container("transformer-container"), container("proxy"), uri="gs://b/m"))
    assert ["volumeMounts" in found for found in answer["containers"]] == [True, True, False]


def test_a_worker_gets_the_model_only_in_a_pod_of_its_own() -> None:
    alone = spec(pod(container("worker-container"), uri="gs://b/m"))
    assert "volumeMounts" in alone["containers"][0]
    beside = spec(pod(container(), container("worker-container"), uri="gs://b/m"))
    assert "volumeMounts" not in beside["containers"][1]


def test_a_pod_without_serving_container_is_refused() -> None:
    with pytest.raises(PodRefused, match="Invalid configuration: cannot find container"):
        inject(pod(container("mine"), uri="gs://b/m"), context())


def test_what_is_there_under_our_names_stays() -> None:
    volume = {"name": "kserve-provision-location", "hostPath": {"path": "/models"}}
    mount = {"name": "kserve-provision-location", "mountPath": "/elsewhere"}
    original = pod(container(volumeMounts=[mount]), uri="gs://b/m")
    original["spec"]["volumes"] = [volume]
    answer = spec(original)
    assert answer["volumes"] == [volume]
    assert answer["containers"][0]["volumeMounts"] == [mount]


def test_a_pod_that_has_the_init_container_keeps_its_spec() -> None:
    original = pod(uri="gs://b/m", init=[container("storage-initializer")])
    assert spec(original) == original["spec"]


@pytest.mark.parametrize(("value", "told"), [("gs://b/m", "/mnt/models"), ("", ""), (None, None)])
def test_a_server_that_was_told_the_uri_is_told_the_folder(value: str | None, told: str | None) -> None:
    env = [] if value is None else [{"name": "A", "value": "1"}, {"name": "STORAGE_URI", "value": value}]
    answer = spec(pod(container(env=env), container("transformer-container", env=env), uri="gs://b/m"))
    first, second = answer["containers"]
    assert [entry["value"] for entry in first["env"] if entry["name"] == "STORAGE_URI"] == (
        [] if told is None else [told]
    )
    assert second["env"] == env


@pytest.mark.parametrize("path", ["", "folder", "folder/sub/"])
def test_a_claim_is_mounted_and_nothing_is_downloaded(path: str) -> None:
    uri = f"pvc://claim/{path}" if path else "pvc://claim"
    answer = spec(pod(container(env=[{"name": "STORAGE_URI", "value": uri}]), uri=uri))
    mount = {"name": "kserve-pvc-source", "mountPath": "/mnt/models", "readOnly": True} | (
        {"subPath": path} if path else {}
    )
    assert "initContainers" not in answer
    assert answer["volumes"] == [{"name": "kserve-pvc-source", "persistentVolumeClaim": {"claimName": "claim"}}]
    assert answer["containers"][0]["volumeMounts"] == [mount]
    assert answer["containers"][0]["env"] == [{"name": "STORAGE_URI", "value": "/mnt/models"}]


def test_a_claim_is_mounted_in_the_transformer_beside_the_server_too() -> None:
    answer = spec(pod(container(), container("transformer-container"), uri="pvc://claim/x"))
    assert [found["volumeMounts"][0]["subPath"] for found in answer["containers"]] == ["x", "x"]


def test_a_claim_needs_no_configuration_of_the_download() -> None:
    broken = PodContext("default", "kserve", config(storageInitializer="nonsense"))
    assert spec(pod(uri="pvc://claim"), broken)["volumes"]
    with pytest.raises(PodRefused, match="names no claim"):
        inject(pod(uri="pvc:///folder"), context())


@pytest.mark.parametrize(
    ("uri", "cached", "rest"),
    [
        ("gs://b/model", "gs://b/model", ""),
        ("gs://b/model/sub/x", "gs://b/model", "sub/x"),
        ("gs://b/model/sub", "gs://b/model/", "sub"),
    ],
)
def test_a_model_cached_on_the_node_is_mounted_from_there(uri: str, cached: str, rest: str) -> None:
    notes = {"localmodel_pvc_name": "model-gpu", "localmodel_sourceuri": cached}
    answer = spec(pod(uri=uri, labels={INTERNAL + "localmodel": "model"}, **notes))
    assert answer["volumes"][0]["persistentVolumeClaim"] == {"claimName": "model-gpu"}
    assert answer["containers"][0]["volumeMounts"][0]["subPath"] == f"models/{storage_key(cached)}/{rest}"
    assert len(storage_key(cached)) == 16


def test_a_cached_model_without_its_claim_is_refused() -> None:
    with pytest.raises(PodRefused, match=r"Annotation internal\.serving\.kserve\.io/localmodel-pvc-name not found"):
        inject(pod(uri="gs://b/m", labels={INTERNAL + "localmodel": "model"}), context())


def test_models_that_an_agent_pulls_are_not_downloaded() -> None:
    answer = spec(pod(uri="gs://b/m", agent="true", modelDir="/mnt/models", configVolumeName="models"))
    assert "initContainers" not in answer


def test_models_that_are_images_are_not_downloaded() -> None:
    answer = spec(pod(uri="oci://image"), context(storage={"enableModelcar": True}))
    assert [found["name"] for found in answer["initContainers"]] == ["modelcar-init"]


def test_an_image_is_downloaded_when_images_are_not_enabled() -> None:
    assert spec(pod(uri="oci://image"))["initContainers"][0]["args"] == ["oci://image", "/mnt/models"]


@pytest.mark.parametrize("member", SIZES)
def test_a_missing_amount_refuses_downloads_and_names_itself(member: str) -> None:
    broken = PodContext("default", "kserve", config(storageInitializer=SIZES | {member: ""}))
    with pytest.raises(ConfigError, match=member):
        inject(pod(uri="gs://b/m"), broken)


def test_the_environment_of_the_hub_keeps_what_the_user_set() -> None:
    env = [{"name": "HF_XET_HIGH_PERFORMANCE", "value": "0"}]
    answer = spec(pod(uri="gs://b/m"), context(downloader(env=env)))
    assert answer["initContainers"][0]["env"] == [*env, HF[0], HF[2]]


def test_a_confidential_model_is_told_to_the_download_last() -> None:
    notes = {"confidential_enabled": "true", "confidential_resource_id": "kbs:///a/b/c"}
    env = spec(pod(uri="gs://b/m", **notes))["initContainers"][0]["env"]
    assert env[3:] == [
        {"name": "CONFIDENTIAL_ENABLED", "value": "true"},
        {"name": "CONFIDENTIAL_RESOURCE_ID", "value": "kbs:///a/b/c"},
    ]
    assert spec(pod(uri="gs://b/m", confidential_enabled="false"))["initContainers"][0]["env"] == HF
