"""Several models of one component."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.api.config import ConfigError
from kservectl.modelstorage.context import StorageContext
from kservectl.modelstorage.download import Source
from kservectl.modelstorage.refusal import PodRefused
from kservectl.modelstorage.storage_uris import with_storage_uris
from kservectl.objects.metadata import Object
from tests.modelstorage.pods import INTERNAL, account, cluster, container, context, env_of, named, pod, secret, twice

HF = {"HF_HUB_ENABLE_HF_TRANSFER": "1", "HF_XET_HIGH_PERFORMANCE": "1", "HF_XET_NUM_CONCURRENT_RANGE_GETS": "8"}


def done(original: Object, *sources: tuple[str, str], where: StorageContext | None = None, **more: str) -> Object:
    pairs = [Source(uri, path) for uri, path in sources]
    answer: Object = twice(original, lambda found: with_storage_uris(found, pairs, where or context(), **more))["spec"]
    return answer


def refusal(*sources: tuple[str, str], where: StorageContext | None = None, **more: str) -> str:
    with pytest.raises(PodRefused) as refused:
        with_storage_uris(pod(), [Source(uri, path) for uri, path in sources], where or context(), **more)
    return str(refused.value)


def downloader(name: str = "hub", *, several: bool | None = True, prefix: str = "gs://", **fields: Any) -> Object:
    spec: Object = {"container": fields, "supportedUriFormats": [{"prefix": prefix}]}
    if several is not None:
        spec["supportsMultiModelDownload"] = several
    return {"metadata": {"name": name}, "spec": spec}


def test_no_sources_change_nothing() -> None:
    original = pod()
    assert with_storage_uris(original, [], context()) is original


def test_downloads_share_one_init_container_and_a_volume_at_their_common_folder() -> None:
    answer = done(pod(), ("gs://b/one", "/mnt/models/one"), ("hf://two", "/mnt/models/two/deep"))
    (init,) = answer["initContainers"]
    mount = {"name": "mnt-models", "mountPath": "/mnt/models"}
    assert init["args"] == ["gs://b/one", "/mnt/models/one", "hf://two", "/mnt/models/two/deep"]
    assert init["volumeMounts"] == [mount]
    assert env_of(init) == HF
    assert answer["containers"][0]["volumeMounts"] == [mount | {"readOnly": True}]
    assert answer["volumes"] == [{"name": "mnt-models", "emptyDir": {}}]


def test_a_single_download_is_mounted_at_its_own_path() -> None:
    answer = done(pod(), ("gs://b/one", "/data/one"))
    assert answer["volumes"] == [{"name": "data-one", "emptyDir": {}}]
    assert answer["initContainers"][0]["args"] == ["gs://b/one", "/data/one"]


def test_downloads_without_a_common_folder_are_refused() -> None:
    assert refusal(("gs://b/one", "/mnt/one"), ("gs://b/two", "/opt/two")) == (
        "storageUris: the mount paths /mnt/one, /opt/two have no common folder but /; put them into one"
    )


def test_a_single_download_may_be_at_the_root() -> None:
    assert done(pod(), ("gs://b/one", "/"))["volumes"] == [{"name": "model", "emptyDir": {}}]


def test_claims_are_mounted_each_at_its_path_with_its_folder() -> None:
    answer = done(pod(), ("pvc://one/sub/x", "/mnt/one"), ("pvc://two", "/mnt/two"))
    assert answer["containers"][0]["volumeMounts"] == [
        {"name": "mnt-one", "mountPath": "/mnt/one", "subPath": "sub/x", "readOnly": True},
        {"name": "mnt-two", "mountPath": "/mnt/two", "readOnly": True},
    ]
    assert answer["volumes"][0] == {"name": "mnt-one", "persistentVolumeClaim": {"claimName": "one"}}
    assert "initContainers" not in answer


def test_paths_whose_volumes_would_have_one_name_are_refused() -> None:
    assert refusal(("pvc://one", "/mnt/a-b/c"), ("oci+native://two", "/mnt/a/b-c")) == (
        "storageUris: the mount paths /mnt/a/b-c and /mnt/a-b/c would share a volume; rename one of them"
    )


def test_claims_come_before_downloads() -> None:
    answer = done(pod(), ("gs://b/one", "/mnt/one"), ("pvc://two", "/mnt/two"))
    assert [found["name"] for found in answer["volumes"]] == ["mnt-two", "mnt-one"]


def test_worker_and_transformer_get_the_models_too() -> None:
    source = ("gs://b/one", "/mnt/one")
    assert "volumeMounts" in done(pod(container("worker-container")), source)["containers"][0]
    beside = done(pod(container(), container("transformer-container"), container("x")), source)
    assert ["volumeMounts" in found for found in beside["containers"]] == [True, True, False]


def test_the_models_are_writable_when_the_pod_says_so() -> None:
    answer = done(pod(notes={"storage.kserve.io/readonly": "false"}), ("gs://b/one", "/mnt/one"))
    assert "readOnly" not in answer["containers"][0]["volumeMounts"][0]


def test_the_server_keeps_its_storage_uri() -> None:
    env = [{"name": "STORAGE_URI", "value": "gs://b/one"}]
    assert done(pod(container(env=env)), ("gs://b/one", "/mnt/one"))["containers"][0]["env"] == env


def test_a_storage_container_that_downloads_several_is_laid_over() -> None:
    answer = done(pod(), ("gs://b/one", "/mnt/one"), where=context(downloader(image="mine")))
    assert answer["initContainers"][0]["image"] == "mine"


@pytest.mark.parametrize("several", [False, None])
@pytest.mark.parametrize("uri", ["gs://b/one", "pvc://claim"])
def test_a_storage_container_that_downloads_one_is_refused(several: bool | None, uri: str) -> None:
    where = context(downloader("hub", several=several), downloader("volumes", several=several, prefix="pvc://"))
    called = "hub" if uri.startswith("gs") else "volumes"
    assert refusal((uri, "/mnt/one"), where=where) == (
        f'storage container "{called}" does not support multi-model download;'
        " use the default kserve storage initializer or a compatible storage container"
    )


def test_confidential_models_and_private_storages_are_told_to_the_download() -> None:
    notes = {INTERNAL + "confidential-enabled": "true", INTERNAL + "confidential-resource-id": "kbs:///a"}
    answer = done(pod(notes=notes), ("gs://b/one", "/mnt/one"), where=context(storage={"caBundleConfigMapName": "cas"}))
    bundle = {"CA_BUNDLE_CONFIGMAP_NAME": "global-ca-bundle", "CA_BUNDLE_VOLUME_MOUNT_POINT": "/etc/ssl/custom-certs"}
    confidential = {"CONFIDENTIAL_ENABLED": "true", "CONFIDENTIAL_RESOURCE_ID": "kbs:///a"}
    (init,) = answer["initContainers"]
    assert list(env_of(init).items()) == [*bundle.items(), *HF.items(), *confidential.items()]
    assert answer["volumes"][-1] == {"name": "cabundle-cert", "configMap": {"name": "global-ca-bundle"}}


def test_the_server_of_a_pod_is_needed() -> None:
    for source in (("gs://b/one", "/mnt/one"), ("pvc://one", "/mnt/one"), ("oci+native://one", "/mnt/one")):
        with pytest.raises(PodRefused, match="Invalid configuration: cannot find container"):
            with_storage_uris(pod(container("mine")), [Source(*source)], context())


def test_the_storage_container_may_be_named() -> None:
    where = context(downloader("first", image="first"), downloader("named", image="named"))
    answer = done(pod(), ("gs://b/one", "/mnt/one"), where=where, container_name="named")
    assert answer["initContainers"][0]["image"] == "named"
    assert "not found" in refusal(("gs://b/one", "/mnt/one"), container_name="missing")


def test_a_pod_whose_agent_pulls_models_or_that_has_the_init_container_is_left_alone() -> None:
    for original in (pod(notes={INTERNAL + "agent": "true"}), pod(init=[container("storage-initializer")])):
        assert done(original, ("gs://b/one", "/mnt/one"), ("pvc://two", "/mnt/two")) == original["spec"]


def test_images_stand_beside_claims_and_downloads() -> None:
    answer = done(pod(), ("oci+native://image", "/mnt/image"), ("gs://b/one", "/data/one"), ("pvc://two", "/mnt/two"))
    assert {found["name"] for found in answer["volumes"]} == {"mnt-image", "data-one", "mnt-two"}


def test_images_have_the_configured_mode_and_need_one() -> None:
    answer = done(pod(), ("oci://image", "/mnt/image"), where=context(storage={"ociModelMode": "native"}))
    assert named(answer["volumes"], "mnt-image")["image"]["reference"] == "image"
    assert "images are not enabled" in refusal(("oci://image", "/mnt/image"))


def test_fetched_images_stand_beside_claims_but_not_beside_downloads() -> None:
    answer = done(pod(), ("oci+fetch://image", "/mnt/image"), ("pvc://two", "/mnt/two"))
    assert {found["name"] for found in answer["volumes"]} == {"mnt-image", "mnt-two"}
    assert "cannot be downloaded beside images that are fetched" in refusal(
        ("oci+fetch://image", "/mnt/image"), ("gs://b/one", "/data/one")
    )


def test_a_missing_amount_refuses_downloads_and_names_itself() -> None:
    with pytest.raises(ConfigError, match="cpuLimit"):
        with_storage_uris(pod(), [Source("gs://b/one", "/mnt/one")], context(storage={"cpuLimit": ""}))


# Credentials


HELD = cluster(account("hf"), secret("hf", HF_TOKEN="t"), secret("storage-config", mine='{"type": "s3"}'))


def test_the_service_account_gives_credentials() -> None:
    (init,) = done(pod(), ("gs://b/one", "/mnt/one"), where=context(find=HELD))["initContainers"]
    assert env_of(init) == {"HF_TOKEN": "hf/HF_TOKEN", **HF}


def test_without_a_lookup_the_credentials_are_left_to_the_webhook() -> None:
    (init,) = done(pod(), ("gs://b/one", "/mnt/one"))["initContainers"]
    assert env_of(init) == HF


@pytest.mark.parametrize(
    ("key", "parameters", "expected"),
    [
        ("mine", '{"bucket": "b"}', "STORAGE_CONFIG"),
        ("mine", "", "HF_TOKEN"),
        ("mine", "{}", "HF_TOKEN"),
        ("", '{"type": "s3", "bucket": "b"}', "HF_TOKEN"),
    ],
)
def test_a_storage_spec_counts_with_key_and_parameters(key: str, parameters: str, expected: str) -> None:
    notes = {INTERNAL + "storage-spec": "true", INTERNAL + "storage-spec-key": key}
    notes |= {INTERNAL + "storage-spec-param": parameters} if parameters else {}
    source = ("<scheme-placeholder>://x", "/mnt/one")
    (init,) = done(pod(notes=notes), source, where=context(find=HELD))["initContainers"]
    assert expected in env_of(init)
    assert init["args"][0] == ("s3://b/x" if expected == "STORAGE_CONFIG" else source[0])


paths = st.sampled_from(["/mnt/a/x", "/mnt/b/x", "/mnt/c", "/data/d/x", "/mnt/e/y/z"])
uris = st.sampled_from(
    ["gs://b/m", "hf://m", "pvc://c/x", "oci://i", "oci+native://i", "oci+fetch://i", "oci+modelcar://i", "oci+x://"]
)


@given(
    sources=st.lists(st.tuples(uris, paths), max_size=4),
    mode=st.sampled_from(["", "modelcar", "native", "fetch"]),
    names=st.lists(
        st.sampled_from(["kserve-container", "worker-container", "transformer-container", "x"]), unique=True, min_size=1
    ),
    ca=st.booleans(),
)
def test_storage_given_twice_is_storage_given_once(
    sources: list[tuple[str, str]], mode: str, names: list[str], ca: bool
) -> None:
    where = context(storage={"ociModelMode": mode, "caBundleConfigMapName": "cas" if ca else ""}, find=HELD)
    original = pod(*(container(name) for name in names), imagePullSecrets=[{"name": "pull"}])
    pairs = [Source(uri, path) for uri, path in sources]
    try:
        with_storage_uris(original, pairs, where)
    except PodRefused as refused:
        assert str(refused)
        return
    twice(original, lambda found: with_storage_uris(found, pairs, where))
