"""The Job that downloads a model: the fields of KServe's (spec localmodel, section 6), credentials and storage containers."""

import base64
from typing import Any

import pytest

from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from tests.controllers.localmodelnode.worlds import (
    ERROR,
    JOBS,
    KEY,
    PENDING,
    URI,
    World,
    config_map,
    entry,
    node_models,
)


def made(world: World) -> Object:
    """The one Job that is launched."""
    (job,) = world.decide().desired
    return job


def pod(world: World) -> dict[str, Any]:
    found: dict[str, Any] = made(world)["spec"]["template"]["spec"]
    return found


def container(world: World) -> Object:
    (found,) = pod(world)["containers"]
    return dict(found)


def storage_container(
    name: str, *, workload: str = "localModelDownloadJob", prefix: str = "https://", **more: Any
) -> Object:
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ClusterStorageContainer",
        "metadata": {"name": name},
        "spec": {
            "container": {
                "name": f"{name}-container",
                "image": f"{name}:1",
                "args": ["dropped"],
                "command": ["fetch"],
                "volumeMounts": [{"name": "dropped", "mountPath": "/dropped"}],
                "resources": {"limits": {"cpu": "1"}},
            },
            "supportedUriFormats": [{"prefix": prefix}],
            **({"workloadType": workload} if workload else {}),
        },
        **more,
    }


def account(name: str = "reader", *secrets: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": JOBS},
        "secrets": [{"name": secret} for secret in secrets],
    }


def secret(name: str, **data: str) -> Object:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": JOBS}, "data": encoded}


def test_job_has_the_fields_that_kserves_has() -> None:
    job = made(World(node_models(entry())))
    assert job["metadata"]["namespace"] == JOBS
    assert metadata.labels(job) == {"model": "iris", "node": "worker-1"}
    assert job["spec"] == {
        "ttlSecondsAfterFinished": 3600,
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "nodeSelector": {"kubernetes.io/hostname": "worker-1"},
                "securityContext": {"fsGroup": 1000},
                "containers": [
                    {
                        "name": "kserve-localmodel-download",
                        "image": "kserve/storage-initializer:latest",
                        "terminationMessagePolicy": "FallbackToLogsOnError",
                        "args": [URI, "/mnt/models"],
                        "volumeMounts": [
                            {"name": "kserve-pvc-source", "mountPath": "/mnt/models", "subPath": f"models/{KEY}"}
                        ],
                    }
                ],
                "volumes": [{"name": "kserve-pvc-source", "persistentVolumeClaim": {"claimName": "iris-gpu"}}],
            }
        },
    }


def test_job_of_a_namespaced_model_has_its_namespace_as_label_and_in_its_claim() -> None:
    world = World(node_models(entry(namespace="team")))
    assert metadata.labels(made(world)) == {"model": "iris", "node": "worker-1", "modelNamespace": "team"}
    assert pod(world)["volumes"][0]["persistentVolumeClaim"] == {"claimName": "iris-gpu-team-download"}


def test_ttl_fs_group_and_image_come_from_the_configuration() -> None:
    config = config_map(fsGroup=7, jobTTLSecondsAfterFinished=5)
    config["data"]["storageInitializer"] = '{"image": "mirror/initializer:2", "memoryLimit": "1Gi"}'
    world = World(node_models(entry()), config=config)
    assert made(world)["spec"]["ttlSecondsAfterFinished"] == 5
    assert pod(world)["securityContext"] == {"fsGroup": 7}
    assert container(world)["image"] == "mirror/initializer:2"
    assert "resources" not in container(world)


def test_without_fs_group_the_pod_has_none_and_the_ttl_is_an_hour() -> None:
    config = config_map()
    config["data"]["localModel"] = f'{{"jobNamespace": "{JOBS}"}}'
    world = World(node_models(entry()), config=config)
    assert "securityContext" not in pod(world)
    assert made(world)["spec"]["ttlSecondsAfterFinished"] == 3600


def test_names_can_be_read_and_differ_by_model_node_folder_and_attempt() -> None:
    name = metadata.name(made(World(node_models(entry()))))
    assert name.startswith("iris-worker-1-")
    others = [
        World(node_models(entry(uri=f"{URI}/2"))),
        World(node_models(entry(namespace="team"))),
        World(node_models(entry(), status={"models": {"iris": {"attempts": 1}}})),
    ]
    assert len({name, *(metadata.name(made(world)) for world in others)}) == 4
    assert metadata.name(made(World(node_models(entry())))) == name


def test_name_of_a_long_model_stays_a_label() -> None:
    long = entry("a" * 63)
    assert len(metadata.name(made(World(node_models(long))))) == 63


@pytest.mark.parametrize("name", ["../../etc", "a/b", "a" * 64, "", "-a"])
def test_name_that_cannot_be_a_label_is_that_models_error(name: str) -> None:
    world = World(node_models(entry(name), entry("good", f"{URI}/2")))
    assert world.launched == ["good"]
    assert world.state(name) == ERROR


def test_storage_container_for_jobs_is_used_with_its_own_args_and_mounts_replaced() -> None:
    world = World(node_models(entry()), others=[storage_container("fast")])
    found = container(world)
    assert (found["name"], found["image"], found["command"]) == ("fast-container", "fast:1", ["fetch"])
    assert found["resources"] == {"limits": {"cpu": "1"}}
    assert found["args"] == [URI, "/mnt/models"]
    assert [mount["mountPath"] for mount in found["volumeMounts"]] == ["/mnt/models"]


@pytest.mark.parametrize(
    "unused",
    [
        storage_container("unused", disabled=True),
        storage_container("unused", workload="initContainer"),
        storage_container("unused", workload=""),
        storage_container("unused", prefix="s3://"),
    ],
    ids=["disabled", "other type", "no type", "other prefix"],
)
def test_storage_container_that_is_disabled_or_for_something_else_is_not_used(unused: Object) -> None:
    assert container(World(node_models(entry()), others=[unused]))["image"] == "kserve/storage-initializer:latest"


def test_first_enabled_storage_container_in_name_order_is_used() -> None:
    others = [storage_container("b"), storage_container("a", disabled=True), storage_container("c")]
    assert container(World(node_models(entry()), others=others))["image"] == "b:1"


def test_broken_expression_of_a_storage_container_is_an_error_that_names_it() -> None:
    broken = storage_container("broken")
    broken["spec"]["supportedUriFormats"] = [{"regex": "("}]
    world = World(node_models(entry()), others=[broken])
    assert world.state() == ERROR
    assert world.launched == []
    assert "error checking storage container broken" in world.told()["message"]


def test_account_gives_the_credentials_of_its_secrets_in_the_job_namespace() -> None:
    others = [account("reader", "hf"), secret("hf", HF_TOKEN="t")]
    world = World(node_models(entry(serviceAccountName="reader")), others=others)
    assert container(world)["env"] == [
        {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf", "key": "HF_TOKEN"}}}
    ]
    assert pod(world)["serviceAccountName"] == "reader"  # for workload identity, which KServe's Jobs never have


def test_account_whose_credentials_are_files_adds_a_volume() -> None:
    others = [account("reader", "gcs"), secret("gcs", **{"gcloud-application-credentials.json": "{}"})]
    world = World(node_models(entry(serviceAccountName="reader")), others=others)
    assert [volume["name"] for volume in pod(world)["volumes"]] == ["kserve-pvc-source", "user-gcp-sa"]
    assert len(container(world)["volumeMounts"]) == 2


def test_storage_key_gives_the_credentials_of_the_storage_secret() -> None:
    entries = '{"type": "s3", "bucket": "models", "access_key_id": "id"}'
    model = entry(storage={"key": "minio", "parameters": {"region": "eu"}})
    world = World(node_models(model), others=[secret("storage-config", minio=entries)])
    names = [each["name"] for each in container(world)["env"]]
    assert "STORAGE_CONFIG" in names
    assert container(world)["args"][0] == URI


def test_storage_parameters_alone_use_the_default_account() -> None:
    others = [account("default", "hf"), secret("hf", HF_TOKEN="t")]
    world = World(node_models(entry(storage={"parameters": {"region": "eu"}})), others=others)
    assert [each["name"] for each in container(world)["env"]] == ["HF_TOKEN"]
    assert "serviceAccountName" not in pod(world)


def test_without_account_and_storage_nothing_is_read_or_given() -> None:
    others = [account("default", "hf"), secret("hf", HF_TOKEN="t")]
    assert "env" not in container(World(node_models(entry()), others=others))


@pytest.mark.parametrize(
    ("model", "others", "missing"),
    [
        (entry(serviceAccountName="reader"), [], "ServiceAccount kserve-localmodel-jobs/reader does not exist"),
        (entry(serviceAccountName="reader"), [account("reader", "hf")], "Secret hf not found"),
        (entry(storage={"key": "minio"}), [], "storage-config"),
    ],
    ids=["account", "secret", "key"],
)
def test_missing_credentials_are_told_and_the_job_is_made_all_the_same(
    model: Object, others: list[Object], missing: str
) -> None:
    world = World(node_models(model), others=others)
    assert world.launched == ["iris"]
    assert world.state() == PENDING
    assert missing in world.told()["message"]


def test_no_value_of_a_secret_is_in_the_job() -> None:
    others = [account("reader", "hf"), secret("hf", HF_TOKEN="s3cr3t")]
    world = World(node_models(entry(serviceAccountName="reader")), others=others)
    assert "s3cr3t" not in str(world.decide())


def node(**labels: str) -> Object:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker-1", "labels": labels}}


def group(name: str, **labels: str) -> Object:
    terms = [{"matchExpressions": [{"key": key, "operator": "In", "values": [value]} for key, value in labels.items()]}]
    affinity = {"required": {"nodeSelectorTerms": terms}}
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "LocalModelNodeGroup",
        "metadata": {"name": name},
        "spec": {"persistentVolumeSpec": {"nodeAffinity": affinity}},
    }


def test_model_without_a_group_uses_the_first_that_the_node_belongs_to() -> None:
    world = World(
        node_models(entry(nodeGroup="")), others=[node(disk="fast"), group("b", disk="fast"), group("a", disk="slow")]
    )
    assert pod(world)["volumes"][0]["persistentVolumeClaim"] == {"claimName": "iris-b"}


def test_model_without_a_group_on_a_node_without_one_is_an_error() -> None:
    world = World(node_models(entry(nodeGroup="")), others=[node(), group("a", disk="slow")])
    assert (world.launched, world.state()) == ([], ERROR)
    assert world.told()["message"] == "did not find matching nodegroup for node: worker-1"


def test_group_that_an_entry_names_is_not_checked() -> None:
    assert World(node_models(entry(nodeGroup="unknown")), others=[node()]).launched == ["iris"]
