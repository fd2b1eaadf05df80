"""Which storage container downloads, and how it is laid over the standard one."""

import pytest

from kservectl.admission.pods.injectors import inject
from kservectl.modelstorage.refusal import PodRefused
from kservectl.modelstorage.storage_container import merged
from kservectl.objects.metadata import Object
from tests.admission.pods.samples import HF, MOUNT, RESOURCES, context, downloader, pod, spec


def test_the_first_storage_container_that_covers_the_uri_is_laid_over_the_standard_one() -> None:
    other = downloader("a", prefix="s3://", image="wrong")
    disabled = downloader("b", image="wrong", disabled=True)
    job = downloader("c", image="wrong", workloadType="localModelDownloadJob")
    chosen = downloader(
        "d",
        name="renamed",
        image="mine:2",
        args=["all", "mine"],
        env=[{"name": "A", "value": "1"}],
        resources={"limits": {"memory": "9Gi"}},
        volumeMounts=[{"name": "extra", "mountPath": "/extra"}],
    )
    init = spec(pod(uri="gs://b/m"), context(other, disabled, job, chosen, downloader("e", image="late")))[
        "initContainers"
    ][0]
    assert init["name"] == "storage-initializer"
    assert init["image"] == "mine:2"
    assert init["args"] == ["all", "mine"]
    assert init["env"] == [{"name": "A", "value": "1"}, *HF]
    assert init["resources"] == {"requests": RESOURCES["requests"], "limits": {"cpu": "1", "memory": "9Gi"}}
    assert MOUNT in init["volumeMounts"] and len(init["volumeMounts"]) == 2


def test_an_environment_variable_keeps_the_kind_of_value_that_was_laid_over() -> None:
    source = {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    value = {"name": "A", "value": "1"}
    for below, above in ((value, source), (source, value)):
        assert merged({"env": [below]}, downloader(env=[above]))["env"] == [above]


def test_a_variable_of_the_hub_may_come_from_elsewhere() -> None:
    source = {"name": "HF_XET_HIGH_PERFORMANCE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    env = spec(pod(uri="gs://b/m"), context(downloader(env=[source])))["initContainers"][0]["env"]
    assert env == [source, HF[0], HF[2]]


def test_a_regex_is_searched_for() -> None:
    chosen = downloader(formats=[{"regex": r"https://(.+?)\.blob\.core\.windows\.net/(.+)"}], image="azure")
    uri = "https://account.blob.core.windows.net/container"
    assert spec(pod(uri=uri), context(chosen))["initContainers"][0]["image"] == "azure"
    assert spec(pod(uri="https://other/x"), context(chosen))["initContainers"][0]["image"] != "azure"


@pytest.mark.parametrize(
    ("candidate", "message"),
    [
        (downloader("other"), 'ClusterStorageContainer "named" not found'),
        (downloader("named", disabled=True), 'ClusterStorageContainer "named" is disabled'),
        (
            downloader("named", workloadType="localModelDownloadJob"),
            'ClusterStorageContainer "named" has workloadType "localModelDownloadJob"; explicit selection requires'
            ' "initContainer"',
        ),
        (downloader("named", prefix="s3://"), 'ClusterStorageContainer "named" does not support storageUri "gs://b/m"'),
    ],
)
def test_a_storage_container_chosen_by_name_must_be_usable(candidate: Object, message: str) -> None:
    with pytest.raises(PodRefused) as problem:
        inject(pod(uri="gs://b/m", storage_container_name="named"), context(candidate))
    assert str(problem.value) == message


def test_a_storage_container_chosen_by_name_is_used() -> None:
    where = context(downloader("a", image="first"), downloader("named", image="chosen"))
    assert spec(pod(uri="gs://b/m", storage_container_name="named"), where)["initContainers"][0]["image"] == "chosen"


def test_an_empty_name_chooses_nothing() -> None:
    assert spec(pod(uri="gs://b/m", storage_container_name=""), context(downloader(image="found")))["initContainers"][
        0
    ]["image"] == ("found")


def test_a_regex_that_does_not_compile_is_named_when_it_is_met() -> None:
    broken = downloader("broken", formats=[{"regex": "("}])
    with pytest.raises(PodRefused, match="error checking storage container broken: "):
        inject(pod(uri="gs://b/m"), context(broken, downloader("custom")))
    inject(pod(uri="gs://b/m"), context(downloader("before"), broken))


def test_what_a_storage_container_does_not_set_stays() -> None:
    (init,) = spec(pod(uri="gs://b/m"), context(downloader(command=["fetch"])))["initContainers"]
    assert init == {
        "name": "storage-initializer",
        "image": "kserve/storage-initializer:latest",
        "command": ["fetch"],
        "args": ["gs://b/m", "/mnt/models"],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": RESOURCES,
        "volumeMounts": [MOUNT],
        "env": HF,
    }


def test_lists_of_words_are_replaced_as_a_whole() -> None:
    init = {"name": "storage-initializer", "command": ["a", "b"], "args": ["uri", "path"]}
    answer = merged(init, downloader(command=["c"], args=["d"]))
    assert (answer["command"], answer["args"]) == (["c"], ["d"])


@pytest.mark.parametrize("workload", ["", None])
def test_a_storage_container_without_workload_is_for_init_containers(workload: str | None) -> None:
    chosen = downloader(image="mine", workloadType=workload)
    assert spec(pod(uri="gs://b/m"), context(chosen))["initContainers"][0]["image"] == "mine"
