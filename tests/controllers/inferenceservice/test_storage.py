"""Components with several models (`storageUris`)."""

import json
from typing import Any

import pytest

from kservectl.objects.kind import DEPLOYMENT, SERVICE
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.world import World, configuration, runtime, service

QUANTITIES = {"cpuRequest": "100m", "cpuLimit": "1", "memoryRequest": "100Mi", "memoryLimit": "1Gi"}
BOTH = [
    {"uri": "s3://bucket/base", "mountPath": "/mnt/models/base"},
    {"uri": "hf://org/lora", "mountPath": "/mnt/models/lora"},
]


def predictor(*uris: Object, **fields: Any) -> Object:
    return {"model": {"modelFormat": {"name": "sklearn"}}, "storageUris": list(uris), **fields}


def config(**members: Any) -> Object:
    return configuration(storageInitializer={"image": "example/storage-initializer:v1", **QUANTITIES, **members})


def storage_container(name: str, *, several: bool | None = None, **fields: Any) -> Object:
    spec: Object = {
        "container": {"name": "storage-initializer", "image": f"example/{name}:v1"},
        "supportedUriFormats": [{"prefix": "s3://"}],
    }
    if several is not None:
        spec["supportsMultiModelDownload"] = several
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ClusterStorageContainer",
        "metadata": {"name": name},
        "spec": spec,
        **fields,
    }


def stepped(service_: Object, *others: Object, **members: Any) -> World:
    world = World(service_, runtime(), *others, config=config(**members))
    world.step()
    return world


def template(world: World, name: str = "iris-predictor") -> Object:
    found: Object = world.child(DEPLOYMENT, name)["spec"]["template"]
    return found


def main(world: World, name: str = "iris-predictor") -> Object:
    found: Object = template(world, name)["spec"]["containers"][0]
    return found


def test_several_downloads_share_one_init_container_and_one_volume() -> None:
    spec = template(stepped(service(predictor(*BOTH))))["spec"]

    (init,) = spec["initContainers"]
    assert init["name"] == "storage-initializer"
    assert init["image"] == "example/storage-initializer:v1"
    assert init["args"] == ["s3://bucket/base", "/mnt/models/base", "hf://org/lora", "/mnt/models/lora"]
    assert init["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert init["resources"]["limits"] == {"cpu": "1", "memory": "1Gi"}
    assert init["volumeMounts"] == [{"name": "mnt-models", "mountPath": "/mnt/models"}]
    assert spec["volumes"] == [{"name": "mnt-models", "emptyDir": {}}]
    assert spec["containers"][0]["volumeMounts"] == [
        {"name": "mnt-models", "mountPath": "/mnt/models", "readOnly": True}
    ]


def test_claims_are_mounted_where_they_are_wanted_and_not_downloaded() -> None:
    world = stepped(service(predictor({"uri": "pvc://claim/llm", "mountPath": "/mnt/llm"})))

    spec = template(world)["spec"]
    assert spec["volumes"] == [{"name": "mnt-llm", "persistentVolumeClaim": {"claimName": "claim"}}]
    assert main(world)["volumeMounts"] == [
        {"name": "mnt-llm", "mountPath": "/mnt/llm", "subPath": "llm", "readOnly": True}
    ]
    assert "initContainers" not in spec


def test_source_without_mount_path_is_where_a_single_model_is() -> None:
    world = stepped(service(predictor({"uri": "gs://bucket/model"})))

    (init,) = template(world)["spec"]["initContainers"]
    assert init["args"] == ["gs://bucket/model", "/mnt/models"]


def test_models_are_writable_where_the_annotation_says_so() -> None:
    writable = service(predictor(*BOTH), annotations={"storage.kserve.io/readonly": "false"})

    (mount,) = main(stepped(writable))["volumeMounts"]

    assert "readOnly" not in mount


def test_images_among_the_sources_are_mounted_in_the_configured_way() -> None:
    image = {"uri": "oci://registry/model:v1", "mountPath": "/mnt/image"}

    spec = template(stepped(service(predictor(image)), ociModelMode="native"))["spec"]

    assert spec["volumes"][0]["image"] == {"reference": "registry/model:v1", "pullPolicy": "IfNotPresent"}


def test_several_sources_are_in_the_template_and_in_no_annotation() -> None:
    world = stepped(service(predictor(*BOTH)))

    told = template(world)["metadata"].get("annotations") or {}

    assert [key for key in told if key.startswith("internal.serving.kserve.io/")] == []


def test_service_in_front_is_the_one_without_models() -> None:
    world = stepped(service(predictor({"uri": "oci://registry/model:v1"})), enableModelcar=True)

    assert len(template(world)["spec"]["containers"]) == 2
    (port,) = world.child(SERVICE, "iris-predictor")["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (80, 8080)


def test_named_storage_container_downloads_if_it_can_download_several() -> None:
    spec = predictor(*BOTH, storageContainerName="mine")

    world = stepped(service(spec), storage_container("mine", several=True), storage_container("any", several=True))

    (init,) = template(world)["spec"]["initContainers"]
    assert (init["name"], init["image"]) == ("storage-initializer", "example/mine:v1")


def test_storage_container_is_found_by_the_first_source() -> None:
    world = stepped(service(predictor(*BOTH)), storage_container("any", several=True))

    (init,) = template(world)["spec"]["initContainers"]
    assert init["image"] == "example/any:v1"


@pytest.mark.parametrize("several", [False, None])
def test_storage_container_that_downloads_one_model_only_is_refused(several: bool | None) -> None:
    world = stepped(service(predictor(*BOTH)), storage_container("single", several=several))

    assert world.children == {}
    assert world.said("PredictorReady") == (
        "False",
        "InvalidSpec",
        'storage container "single" does not support multi-model download;'
        " use the default kserve storage initializer or a compatible storage container",
    )


@pytest.mark.parametrize(
    ("container", "message"),
    [
        (storage_container("other"), 'ClusterStorageContainer "mine" not found'),
        (storage_container("mine", disabled=True), 'ClusterStorageContainer "mine" is disabled'),
    ],
)
def test_named_storage_container_that_cannot_be_used_is_told(container: Object, message: str) -> None:
    world = stepped(service(predictor({"uri": "s3://b/m"}, storageContainerName="mine")), container)

    assert world.said("PredictorReady") == ("False", "InvalidSpec", message)


def test_source_that_nothing_can_download_is_refused() -> None:
    world = stepped(service(predictor(*BOTH, {"uri": "ftp://user:secret@host/model"})))

    status, reason, message = world.said("PredictorReady")
    assert (status, reason) == ("False", "InvalidSpec")
    assert "StorageUri [ftp://***@host/model] is not supported" in message
    assert "secret" not in message


def test_reference_to_a_registry_is_refused_with_what_to_write() -> None:
    world = World(service(predictor({"uri": "models:/roses/3"})))
    (told,) = [each for each in world.step().explanations if not each.ok]

    status, reason, message = world.said("PredictorReady")
    assert (status, reason) == ("False", "InvalidSpec")
    assert "models:/roses/3 names a model in a registry" in message
    assert "Write the location that the registry shows" in told.next_step


def test_refusal_of_a_source_holds_no_password() -> None:
    world = stepped(service(predictor({"uri": "pvc://", "mountPath": "/mnt/a"}, {"uri": "https://user:secret@host/m"})))

    assert world.said("PredictorReady")[1] == "InvalidSpec"
    assert "secret" not in json.dumps(world.status)


def test_too_many_images_are_refused() -> None:
    images = [{"uri": f"oci+native://registry/m{n}", "mountPath": f"/mnt/m{n}"} for n in range(11)]

    world = stepped(service(predictor(*images)))

    assert world.said("PredictorReady")[2] == "too many OCI sources (11); maximum is 10 per pod"


@pytest.mark.parametrize("role", ["transformer", "explainer"])
def test_components_around_the_predictor_have_models_of_their_own(role: str) -> None:
    whole = service()
    server = {"name": "kserve-container", "image": "own:v1"}
    whole["spec"][role] = {
        "containers": [server],
        "storageUris": [{"uri": "gs://bucket/tokens", "mountPath": "/mnt/tokens"}],
    }

    world = stepped(whole)

    (init,) = template(world, f"iris-{role}")["spec"]["initContainers"]
    assert init["args"] == ["gs://bucket/tokens", "/mnt/tokens"]
    assert "initContainers" not in template(world)["spec"]


def test_component_without_a_serving_container_is_refused() -> None:
    whole = service()
    whole["spec"]["transformer"] = {"containers": [{"name": "own", "image": "own:v1"}], "storageUris": [BOTH[0]]}

    world = stepped(whole)

    assert world.said("TransformerReady")[0] == "False"
    assert world.said("TransformerReady")[2].startswith("Invalid configuration: cannot find container")


def test_collocated_transformer_sees_the_models_too() -> None:
    collocated = [{"name": "transformer-container", "image": "own:v1"}]

    spec = template(stepped(service(predictor(*BOTH, containers=collocated))))["spec"]

    assert {found["name"]: len(found["volumeMounts"]) for found in spec["containers"]} == {
        "kserve-container": 1,
        "transformer-container": 1,
    }


def test_workers_get_the_models_too() -> None:
    worker = {"name": "worker-container", "image": "example/worker:v1"}
    nodes = runtime("ray", workerSpec={"containers": [worker]})
    world = World(service(predictor(*BOTH, workerSpec={})), nodes, config=config())
    world.step()

    for name in ("iris-predictor", "iris-predictor-worker"):
        (init,) = template(world, name)["spec"]["initContainers"]
        assert init["args"] == ["s3://bucket/base", "/mnt/models/base", "hf://org/lora", "/mnt/models/lora"]
        assert main(world, name)["volumeMounts"][0]["mountPath"] == "/mnt/models"


def test_storage_spec_is_told_to_the_pod_webhook() -> None:
    storage = {"path": "/models/iris", "key": "minio", "parameters": {"type": "s3", "bucket": "b&c"}}

    told = template(stepped(service({"model": {"modelFormat": {"name": "sklearn"}, "storage": storage}})))
    annotations = told["metadata"]["annotations"]

    assert annotations["internal.serving.kserve.io/storage-spec"] == "true"
    assert annotations["internal.serving.kserve.io/storage-spec-key"] == "minio"
    assert annotations["internal.serving.kserve.io/storage-spec-param"] == '{"bucket":"b\\u0026c","type":"s3"}'
    source = annotations["internal.serving.kserve.io/storage-initializer-sourceuri"]
    assert source == "<scheme-placeholder>://models/iris"
    assert "initContainers" not in told["spec"]
