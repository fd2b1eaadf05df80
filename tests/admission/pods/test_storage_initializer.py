"""How a model comes into a pod."""

import pytest

from kservectl.admission.pods.context import PodContext
from kservectl.admission.pods.injectors import inject
from kservectl.api.config import ConfigError
from kservectl.modelstorage.local_model import storage_key
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects.metadata import Object
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
from tests.modelstorage.pods import account, cluster, env_of, secret


def test_a_pod_without_source_keeps_its_spec() -> None:
    notes = {"storage_container_name": "missing", "storage_spec": "true", "confidential_enabled": "true"}
    original = pod(labels={INTERNAL + "localmodel": "m"}, **notes)
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
    claimed = spec(annotated(pod(uri="pvc://claim"), **{"storage.kserve.io/readonly": "false"}))
    assert claimed["containers"][0]["volumeMounts"] == [{"name": "kserve-pvc-source", "mountPath": "/mnt/models"}]
    for word in ("no", "False", "", "true"):
        odd = annotated(pod(uri="gs://b/m"), **{"storage.kserve.io/readonly": word})
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


def test_what_is_added_comes_last() -> None:
    volume, mount = {"name": "own", "emptyDir": {}}, {"name": "own", "mountPath": "/own"}
    original = pod(container(volumeMounts=[mount]), uri="gs://b/m", init=[container("first")])
    original["spec"]["volumes"] = [volume]
    answer = spec(original)
    assert answer["volumes"] == [volume, {"name": "kserve-provision-location", "emptyDir": {}}]
    assert answer["containers"][0]["volumeMounts"] == [mount, MOUNT | {"readOnly": True}]
    assert [found["name"] for found in answer["initContainers"]] == ["first", "storage-initializer"]


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
    held = cluster(account("hf"), secret("hf", HF_TOKEN="t"))
    answer = spec(pod(container(env=[{"name": "STORAGE_URI", "value": uri}]), uri=uri), context(find=held))
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


def test_the_folder_of_a_cached_model_has_the_name_that_kserves_node_agents_give_it() -> None:
    # The first 16 digits of `printf gs://b/model | sha256sum`.
    assert storage_key("gs://b/model") == "573baf6a57eea7f5"


def test_the_storage_container_of_a_cached_model_is_asked_about_its_claim() -> None:
    notes = {"localmodel_pvc_name": "model-gpu", "localmodel_sourceuri": "gs://b/m", "storage_container_name": "custom"}
    original = pod(uri="gs://b/m", labels={INTERNAL + "localmodel": "model"}, **notes)
    claim = f"pvc://model-gpu/models/{storage_key('gs://b/m')}/"
    with pytest.raises(PodRefused) as refused:
        inject(original, context(downloader()))
    assert str(refused.value) == f'ClusterStorageContainer "custom" does not support storageUri "{claim}"'
    assert spec(original, context(downloader(prefix="pvc://")))["volumes"][0]["name"] == "kserve-pvc-source"


@pytest.mark.parametrize(
    "original",
    [
        pod(uri="gs://b/m", storage_container_name="missing", agent="true"),
        pod(uri="gs://b/m", storage_container_name="missing", init=[container("storage-initializer")]),
        pod(uri="oci://image", storage_container_name="missing"),
        pod(uri="pvc://claim", storage_container_name="missing"),
    ],
)
def test_a_wrong_storage_container_is_told_even_where_nothing_is_downloaded(original: Object) -> None:
    with pytest.raises(PodRefused, match='ClusterStorageContainer "missing" not found'):
        inject(original, context(storage={"enableModelcar": True}))


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


@pytest.mark.parametrize("notes", [{}, {"confidential_resource_id": ""}])
def test_a_confidential_model_without_a_key_resource_has_no_variable_for_it(notes: dict[str, str]) -> None:
    env = spec(pod(uri="gs://b/m", confidential_enabled="true", **notes))["initContainers"][0]["env"]
    assert env == [*HF, {"name": "CONFIDENTIAL_ENABLED", "value": "true"}]


def test_what_a_storage_container_says_of_confidential_models_is_written_over() -> None:
    env = [{"name": "CONFIDENTIAL_RESOURCE_ID", "value": "old"}, {"name": "CONFIDENTIAL_ENABLED", "value": "false"}]
    notes = {"confidential_enabled": "true", "confidential_resource_id": "new"}
    (init,) = spec(pod(uri="gs://b/m", **notes), context(downloader(env=env, image="mine:1")))["initContainers"]
    assert init["env"][:2] == [
        {"name": "CONFIDENTIAL_RESOURCE_ID", "value": "new"},
        {"name": "CONFIDENTIAL_ENABLED", "value": "true"},
    ]
    assert init["image"] == "mine:1"


def test_a_storage_spec_is_resolved_for_the_download() -> None:
    held = cluster(
        account("hf"), secret("hf", HF_TOKEN="t"), secret("storage-config", mine='{"type": "s3", "bucket": "b"}')
    )
    notes = {"storage_spec": "true", "storage_spec_key": "mine", "storage_spec_param": '{"a": "1"}'}
    (init,) = spec(pod(uri="<scheme-placeholder>://x/y", **notes), context(find=held))["initContainers"]
    assert init["args"] == ["s3://b/x/y", "/mnt/models"]
    assert list(env_of(init)) == ["STORAGE_CONFIG", "STORAGE_OVERRIDE_CONFIG", *(entry["name"] for entry in HF)]
    with pytest.raises(PodRefused, match="storage-spec-param is not JSON"):
        inject(pod(uri="s3://b/m", storage_spec="true", storage_spec_param="{"), context(find=held))
