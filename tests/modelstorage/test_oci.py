"""Models that are container images."""

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kservectl.modelstorage.context import StorageContext
from kservectl.modelstorage.oci.injection import with_images
from kservectl.modelstorage.oci.reference import OciSource, is_oci, oci_source
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects.metadata import Object
from tests.modelstorage.pods import RESOURCES, container, context, env_of, named, pod, twice

IMAGE = "registry.org/model:v1"
SMALL = {"requests": {"cpu": "10m", "memory": "15Mi"}, "limits": {"cpu": "10m", "memory": "15Mi"}}


def car(path: str = "/mnt/models", image: str = IMAGE) -> OciSource:
    return OciSource(image, path, "modelcar")


def volume(path: str = "/mnt/models", image: str = IMAGE) -> OciSource:
    return OciSource(image, path, "native")


def fetched(path: str = "/mnt/models", image: str = IMAGE) -> OciSource:
    return OciSource(image, path, "fetch")


def done(original: Object, *sources: OciSource, where: StorageContext | None = None) -> Object:
    answer: Object = twice(original, lambda found: with_images(found, sources, where or context()))["spec"]
    return answer


def refusal(*sources: OciSource, original: Object | None = None) -> str:
    with pytest.raises(PodRefused) as refused:
        with_images(original or pod(), sources, context())
    return str(refused.value)


@pytest.mark.parametrize(("uri", "expected"), [("oci://x", True), ("oci+fetch://x", True), ("s3://oci", False)])
def test_which_uris_are_images(uri: str, expected: bool) -> None:
    assert is_oci(uri) is expected


def test_the_mode_of_the_uri_goes_before_the_configured_one() -> None:
    assert oci_source("oci://i", "/p", "native") == OciSource("i", "/p", "native")
    assert oci_source("oci+fetch://i", "/p", "native") == OciSource("i", "/p", "fetch")
    assert oci_source("oci+modelcar://i", "/p", "") == OciSource("i", "/p", "modelcar")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("oci://i", "images are not enabled"),
        ("oci+odd://i", "must be one of modelcar, native, fetch"),
        ("oci+native://", "names no image"),
    ],
)
def test_a_uri_that_cannot_be_used_is_refused(uri: str, message: str) -> None:
    with pytest.raises(PodRefused, match=message):
        oci_source(uri, "/mnt/models", "")


def test_a_pod_without_serving_container_is_refused() -> None:
    for source in (car(), volume(), fetched()):
        assert "Invalid configuration: cannot find container: kserve-container" in refusal(
            source, original=pod(container("mine"))
        )


# Modelcar


def test_a_modelcar_links_its_files_to_where_the_server_looks() -> None:
    answer = done(pod(container(env=[{"name": "MODEL_INIT_MODE", "value": "sync"}])), car())
    mount = {"name": "kserve-provision-location", "mountPath": "/mnt"}
    server, sidecar = answer["containers"]
    assert server == container(env=[{"name": "MODEL_INIT_MODE", "value": "async"}], volumeMounts=[mount])
    assert sidecar == {
        "name": "modelcar",
        "image": IMAGE,
        "args": ["sh", "-c", "ln -sf /proc/$$$$/root/models /mnt/models && sleep infinity"],
        "resources": SMALL,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [mount],
    }
    assert answer["volumes"] == [{"name": "kserve-provision-location", "emptyDir": {}}]
    assert answer["shareProcessNamespace"] is True


def test_a_modelcar_is_checked_before_the_server_starts() -> None:
    (init,) = done(pod(), car())["initContainers"]
    script = init.pop("args")[2]
    assert init == {
        "name": "modelcar-init",
        "image": IMAGE,
        "resources": SMALL,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    assert f"Pre-fetching modelcar {IMAGE}: " in script
    assert "OK ... Prefetched and valid (/models exists)" in script
    assert "NOK ... Prefetched but modelcar is invalid (/models does not exist or is empty)" in script
    assert script.endswith("exit 1; fi")


@pytest.mark.parametrize(
    ("files", "said", "code"),
    [
        (["model.bin"], "OK ... Prefetched and valid (/models exists)", 0),
        ([".hidden"], "OK ... Prefetched and valid (/models exists)", 0),
        ([], "NOK ... Prefetched but modelcar is invalid (/models does not exist or is empty)", 1),
        (None, "NOK ... Prefetched but modelcar is invalid (/models does not exist or is empty)", 1),
    ],
)
def test_the_check_of_a_modelcar_fails_without_models(
    tmp_path: Path, files: list[str] | None, said: str, code: int
) -> None:
    image = "registry.org/it's $HOME"
    script = done(pod(), car(image=image))["initContainers"][0]["args"][2]
    if files is not None:
        (tmp_path / "models").mkdir()
    for name in files or ():
        (tmp_path / "models" / name).touch()
    here = script.replace("[ -d /models ]", f"[ -d {tmp_path}/models ]").replace(" /models)", f" {tmp_path}/models)")
    ran = subprocess.run(["sh", "-c", here], capture_output=True, text=True)
    assert ran.stdout.splitlines() == [f"Pre-fetching modelcar {image}: ", said]
    assert ran.returncode == code


def test_the_link_of_a_modelcar_is_made_by_a_real_shell(tmp_path: Path) -> None:
    path = f"{tmp_path}/it's deep/my model"
    script = done(pod(), car(path))["containers"][1]["args"][2].removesuffix(" && sleep infinity")
    ran = subprocess.run(["sh", "-c", f"{script.replace('$$$$', '$$')} && echo $$"], capture_output=True, text=True)
    assert Path(path).readlink() == Path(f"/proc/{ran.stdout.strip()}/root/models")


def test_the_transformer_sees_a_modelcar_too_and_side_cars_do_not() -> None:
    answer = done(pod(container(), container("transformer-container"), container("proxy")), car())
    assert ["volumeMounts" in found for found in answer["containers"]] == [True, True, False, True]
    assert ["env" in found for found in answer["containers"]] == [True, True, False, False]
    worker = done(pod(container("worker-container"), container("proxy")), car())["containers"]
    assert ["volumeMounts" in found for found in worker] == [True, False, True]


def test_the_configured_user_and_amounts_of_modelcars() -> None:
    where = context(storage={"uidModelcar": 1010, "cpuModelcar": "20m", "memoryModelcar": "30Mi"})
    own = {"runAsNonRoot": True, "runAsUser": 5}
    server, transformer = container(securityContext=own), container("transformer-container")
    answer = done(pod(server, transformer), car(), where=where)
    server, transformer, sidecar = answer["containers"]
    assert transformer["securityContext"] == {"runAsUser": 1010}
    assert server["securityContext"] == {"runAsNonRoot": True, "runAsUser": 1010}
    assert sidecar["securityContext"] == {"runAsUser": 1010}
    assert "securityContext" not in answer["initContainers"][0]
    amounts = {"cpu": "20m", "memory": "30Mi"}
    for found in (sidecar, answer["initContainers"][0]):
        assert found["resources"] == {"requests": amounts, "limits": amounts}


def test_the_user_of_modelcars_may_be_root() -> None:
    assert done(pod(), car(), where=context(storage={"uidModelcar": 0}))["containers"][0]["securityContext"] == {
        "runAsUser": 0
    }


def test_two_modelcars_are_numbered() -> None:
    answer = done(pod(), car("/mnt/a/x"), car("/mnt/b/x", "other"))
    assert [found["name"] for found in answer["containers"]] == ["kserve-container", "modelcar", "modelcar-1"]
    assert [found["name"] for found in answer["initContainers"]] == ["modelcar-init", "modelcar-init-1"]
    assert [found["name"] for found in answer["volumes"]] == [
        "kserve-provision-location",
        "kserve-provision-location-1",
    ]
    server, first, second = answer["containers"]
    mounts = [
        {"name": "kserve-provision-location", "mountPath": "/mnt/a"},
        {"name": "kserve-provision-location-1", "mountPath": "/mnt/b"},
    ]
    assert server["volumeMounts"] == mounts
    assert [first["volumeMounts"], second["volumeMounts"]] == [mounts[:1], mounts[1:]]
    script = named(answer["containers"], "modelcar-1")["args"][2]
    assert script == "mkdir -p /mnt/b && ln -sf /proc/$$$$/root/models /mnt/b/x && sleep infinity"


def test_the_number_counts_images_of_every_mode() -> None:
    answer = done(pod(), volume("/data/a"), car("/mnt/b/x"))
    assert [found["name"] for found in answer["containers"]] == ["kserve-container", "modelcar-1"]
    assert [found["name"] for found in answer["initContainers"]] == ["modelcar-init-1"]
    assert [found["name"] for found in answer["volumes"]] == ["data-a", "kserve-provision-location-1"]


@pytest.mark.parametrize("other", [car, fetched])
def test_each_image_is_checked_by_its_own_mode(other: Any) -> None:
    assert "share parent directory" in refusal(car("/mnt/a"), other("/mnt/b"))
    assert "share parent directory" in refusal(other("/mnt/a/"), car("/mnt/a"))
    assert "is specified more than once" in refusal(volume("/mnt/a"), other("/mnt/a"))
    assert "is specified more than once" in refusal(other("/mnt/a"), volume("/mnt/a"))
    assert len(done(pod(), volume("/mnt/a"), other("/mnt/b"))["volumes"]) == 2
    assert len(done(pod(), other("/mnt/a"), volume("/mnt/b"))["volumes"]) == 2


def test_modelcars_below_one_folder_are_refused() -> None:
    assert refusal(car("/mnt/a"), car("/mnt/b")) == (
        'OCI mount paths "/mnt/a" and "/mnt/b" share parent directory "/mnt", which would cause volume mount shadowing;'
        " use mount paths with distinct parent directories"
    )


def test_a_modelcar_at_a_top_level_path_is_mounted_at_the_root() -> None:
    assert done(pod(), car("/models"))["containers"][0]["volumeMounts"][0]["mountPath"] == "/"


@pytest.mark.parametrize("path", ["/mnt/my model", "/mnt/it's", "/mnt/a;rm -rf x", "/mnt/$HOME/x", "/mnt/größe"])
def test_paths_that_a_shell_would_read_otherwise_are_quoted(path: str) -> None:
    script = done(pod(), car(path))["containers"][1]["args"][2]
    words = shlex.split(script)
    assert words[words.index("-sf") + 2] == path


# Image volumes


def test_an_image_volume_needs_neither_side_car_nor_download() -> None:
    answer = done(pod(container(), container("transformer-container")), volume())
    mount = {"name": "mnt-models", "mountPath": "/mnt/models", "subPath": "models", "readOnly": True}
    assert answer == {
        "containers": [container(volumeMounts=[mount]), container("transformer-container", volumeMounts=[mount])],
        "volumes": [{"name": "mnt-models", "image": {"reference": IMAGE, "pullPolicy": "IfNotPresent"}}],
    }


def test_two_image_volumes_may_be_neighbours() -> None:
    answer = done(pod(), volume("/mnt/a"), volume("/mnt/b", "other"))
    assert [found["image"]["reference"] for found in answer["volumes"]] == [IMAGE, "other"]


def test_two_image_volumes_at_one_path_are_refused() -> None:
    assert refusal(volume("/mnt/a"), volume("/mnt/a/", "other")) == (
        'OCI mount path "/mnt/a" is specified more than once; each native ImageVolume must have a unique mount path'
    )


def test_an_image_volume_where_another_volume_is_mounted_is_refused() -> None:
    for path in ("/mnt/models", "/mnt/models/"):
        taken = pod(container(volumeMounts=[{"name": "mine", "mountPath": path}]))
        assert refusal(volume(), original=taken) == 'mountPath "/mnt/models" already used by volume "mine"'


def test_an_image_volume_at_the_root_has_a_name() -> None:
    assert done(pod(), volume("/"))["volumes"][0]["name"] == "oci-model"


def test_paths_that_differ_only_in_what_names_cannot_hold_are_two_volumes() -> None:
    names = [found["name"] for found in done(pod(), volume("/mnt/a_b"), volume("/mnt/a-b"))["volumes"]]
    assert len(set(names)) == 2
    assert names[1] == "mnt-a-b" and names[0].startswith("mnt-a-b-")
    (long,) = done(pod(), volume("/" + "x" * 200))["volumes"]
    assert len(long["name"]) <= 63


# Fetch


def test_an_image_is_fetched_by_the_init_container() -> None:
    answer = done(pod(container(), container("transformer-container")), fetched())
    mount = {"name": "mnt-models", "mountPath": "/mnt/models"}
    assert answer == {
        "containers": [container(volumeMounts=[mount]), container("transformer-container", volumeMounts=[mount])],
        "initContainers": [
            {
                "name": "storage-initializer",
                "image": "kserve/storage-initializer:latest",
                "args": [f"oci://{IMAGE}", "/mnt/models"],
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "resources": RESOURCES,
                "volumeMounts": [mount],
            }
        ],
        "volumes": [{"name": "mnt-models", "emptyDir": {}}],
    }


def test_two_images_are_fetched_by_one_init_container() -> None:
    answer = done(pod(), fetched("/mnt/a/x"), fetched("/mnt/b/x", "other"))
    (init,) = answer["initContainers"]
    assert init["args"] == [f"oci://{IMAGE}", "/mnt/a/x", "oci://other", "/mnt/b/x"]
    assert [found["name"] for found in init["volumeMounts"]] == ["mnt-a-x", "mnt-b-x"]


@pytest.mark.parametrize("secrets", [["pull"], ["pull", "second"]])
def test_the_first_pull_secret_signs_in_at_the_registry(secrets: list[str]) -> None:
    answer = done(pod(imagePullSecrets=[{"name": name} for name in secrets]), fetched())
    (init,) = answer["initContainers"]
    assert env_of(init) == {"KSERVE_OCI_DOCKER_CONFIG": "/mnt/oci-fetch-auth/config.json"}
    mount = {"name": "kserve-oci-fetch-docker-config", "mountPath": "/mnt/oci-fetch-auth", "readOnly": True}
    assert init["volumeMounts"][0] == mount
    assert named(answer["volumes"], "kserve-oci-fetch-docker-config")["secret"] == {
        "secretName": "pull",
        "items": [{"key": ".dockerconfigjson", "path": "config.json"}],
        "defaultMode": 256,
    }


@pytest.mark.parametrize(("namespace", "name"), [("default", "global-ca-bundle"), ("kserve", "cas")])
def test_the_configured_ca_bundle_is_used_to_fetch(namespace: str, name: str) -> None:
    where = context(namespace=namespace, storage={"caBundleConfigMapName": "cas"})
    answer = done(pod(), fetched(), where=where)
    assert named(answer["volumes"], "cabundle-cert")["configMap"] == {"name": name}
    assert env_of(answer["initContainers"][0]) == {
        "CA_BUNDLE_CONFIGMAP_NAME": name,
        "CA_BUNDLE_VOLUME_MOUNT_POINT": "/etc/ssl/custom-certs",
    }


def test_an_insecure_registry_is_told_to_the_download() -> None:
    (init,) = done(pod(), fetched(), where=context(storage={"ociInsecureRegistry": True}))["initContainers"]
    assert env_of(init) == {"KSERVE_OCI_INSECURE_REGISTRY": "true"}


def test_what_fetching_needs_comes_in_order() -> None:
    where = context(storage={"caBundleConfigMapName": "cas", "ociInsecureRegistry": True})
    answer = done(pod(imagePullSecrets=[{"name": "pull"}]), fetched(), where=where)
    (init,) = answer["initContainers"]
    assert list(env_of(init)) == [
        "KSERVE_OCI_DOCKER_CONFIG",
        "CA_BUNDLE_CONFIGMAP_NAME",
        "CA_BUNDLE_VOLUME_MOUNT_POINT",
        "KSERVE_OCI_INSECURE_REGISTRY",
    ]
    order = ["kserve-oci-fetch-docker-config", "cabundle-cert", "mnt-models"]
    assert [found["name"] for found in init["volumeMounts"]] == order
    assert [found["name"] for found in answer["volumes"]] == order


def test_one_image_in_two_folders_is_fetched_twice() -> None:
    (init,) = done(pod(), fetched("/mnt/a/x"), fetched("/mnt/b/x"))["initContainers"]
    assert init["args"] == [f"oci://{IMAGE}", "/mnt/a/x", f"oci://{IMAGE}", "/mnt/b/x"]


def test_an_image_fetched_to_the_root_has_a_volume_with_a_name() -> None:
    assert done(pod(), fetched("/"))["volumes"][0]["name"] == "oci-fetch-model"


# All


def test_ten_images_are_allowed_and_eleven_are_not() -> None:
    sources: list[Any] = [volume(f"/mnt/{number}") for number in range(11)]
    assert len(done(pod(), *sources[:10])["volumes"]) == 10
    assert refusal(*sources) == "too many OCI sources (11); maximum is 10 per pod"
