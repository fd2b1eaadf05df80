"""Predictors on several nodes, decided as a whole."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, SERVICE
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.world import World, configuration, pod, runtime, says, service

AVAILABLE = says("Available", "True", "MinimumReplicasAvailable", "enough")
ROLLED_OUT = says("Progressing", "True", "NewReplicaSetAvailable", "done")
FORMATS = ({"name": "huggingface", "autoSelect": True, "priority": 1},)


def ray_runtime(*, worker: Object | None = None, workers: Object | None = None, **spec: Any) -> Object:
    container = {
        "name": "worker-container",
        "image": "example/huggingfaceserver:v1-gpu",
        "args": ["--of={{.Name}}"],
        **(worker or {}),
    }
    return runtime(
        "ray",
        formats=FORMATS,
        container={"image": "example/huggingfaceserver:v1-gpu", "args": ["--model_name={{.Name}}"]},
        meta={"annotations": {"serving.kserve.io/server-type": "huggingfaceserver"}},
        workerSpec={"containers": [container], **(workers or {})},
        **spec,
    )


def llm(
    workers: Object | None = None, *, gpus: Object | None = None, uri: str = "pvc://claim/llm", **fields: Any
) -> Object:
    """An InferenceService over several nodes; `gpus` are the requests and limits of the head."""
    model: Object = {"modelFormat": {"name": "huggingface"}, "storageUri": uri, **fields.pop("model", {})}
    if gpus is not None:
        model["resources"] = {"requests": gpus, "limits": gpus}
    annotations = {"serving.kserve.io/autoscalerClass": "none", **fields.pop("annotations", {})}
    meta = {"annotations": annotations, **fields.pop("meta", {})}
    return service({"model": model, "workerSpec": workers or {}, **fields}, **meta)


def requesting(gpus: Object) -> Object:
    return {"containers": [{"name": "worker-container", "resources": {"requests": gpus, "limits": gpus}}]}


def spread(service_: Object, runtime_: Object | None = None, **options: Any) -> World:
    world = World(service_, runtime_ or ray_runtime(), **options)
    world.step()
    return world


def container(world: World, name: str = "iris-predictor") -> Object:
    found: Object = world.child(DEPLOYMENT, name)["spec"]["template"]["spec"]["containers"][0]
    return found


def env(world: World, name: str = "iris-predictor") -> dict[str, str]:
    return {entry["name"]: entry.get("value") for entry in container(world, name)["env"]}


def gpus_of(world: World, name: str = "iris-predictor") -> Object:
    resources = container(world, name)["resources"]
    counted = {key: value for key, value in resources["limits"].items() if "/" in key}
    assert {key: resources["requests"][key] for key in counted} == counted
    return counted


# --- objects ---


def test_head_and_worker_deployments_default_and_headless_services_and_no_autoscaler() -> None:
    world = spread(llm())

    assert world.names(DEPLOYMENT) == ["iris-predictor", "iris-predictor-worker"]
    assert world.names(SERVICE) == ["iris-head-1", "iris-predictor", "iris-workers-1"]
    assert world.names(HORIZONTAL_POD_AUTOSCALER) == []


def test_nothing_scales_workers_even_without_the_class_none() -> None:
    unconverted = llm()
    del unconverted["metadata"]["annotations"]

    assert spread(unconverted).names(HORIZONTAL_POD_AUTOSCALER) == []


@pytest.mark.parametrize(
    ("name", "role", "app"),
    [("iris-head-1", "head", "isvc.iris-predictor"), ("iris-workers-1", "worker", "isvc.iris-predictor-worker")],
)
def test_headless_services_find_nodes_of_their_generation_that_are_not_ready(name: str, role: str, app: str) -> None:
    world = spread(llm())
    found = world.child(SERVICE, name)

    assert found["spec"] == {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": {"app": app, "isvc.generation": "1"},
    }
    main = world.child(SERVICE, "iris-predictor")["metadata"]
    assert found["metadata"]["labels"] == {**main["labels"], "multinode/role": role}
    assert found["metadata"]["annotations"] == main["annotations"]


def test_pods_carry_what_the_services_select() -> None:
    world = spread(llm())

    for deployment, headless in (("iris-predictor", "iris-head-1"), ("iris-predictor-worker", "iris-workers-1")):
        labels = world.child(DEPLOYMENT, deployment)["spec"]["template"]["metadata"]["labels"]
        assert world.child(SERVICE, headless)["spec"]["selector"].items() <= labels.items()
        selector = world.child(DEPLOYMENT, deployment)["spec"]["selector"]["matchLabels"]
        assert selector.items() <= labels.items()
        assert "isvc.generation" not in selector


def test_workers_are_replaced_by_a_whole_new_set() -> None:
    world = spread(llm(deploymentStrategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}))

    assert world.child(DEPLOYMENT, "iris-predictor-worker")["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": "0%", "maxSurge": "100%"},
    }
    assert world.child(DEPLOYMENT, "iris-predictor")["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1}


def test_workers_are_recreated_where_the_user_says_so() -> None:
    world = spread(llm(deploymentStrategy={"type": "Recreate"}))

    assert world.child(DEPLOYMENT, "iris-predictor-worker")["spec"]["strategy"] == {"type": "Recreate"}


def test_service_at_rest_keeps_worker_deployment_and_headless_services() -> None:
    world = spread(llm())
    before = dict(world.children)

    for _ in range(3):
        world.step()

    assert world.children.keys() >= before.keys()
    assert all(world.children[key]["spec"] == before[key]["spec"] for key in before)


def test_headless_services_of_an_older_generation_go() -> None:
    world = spread(llm())

    world.edit(llm({"pipelineParallelSize": 3})["spec"]["predictor"])
    world.step()

    assert world.names(SERVICE) == ["iris-head-2", "iris-predictor", "iris-workers-2"]
    assert env(world, "iris-predictor-worker")["HEAD_SVC"] == "iris-head-2"


def test_stop_takes_workers_away_too() -> None:
    world = spread(llm())

    world.annotate(stop="true")
    world.step()

    assert world.children == {}
    assert world.status["clusterServingRuntimeName"] == "ray"


# --- sizes ---


@pytest.mark.parametrize(
    ("own", "recipe", "pipeline", "tensor", "workers"),
    [
        ({}, {}, "1", "1", 0),
        ({}, {"pipelineParallelSize": 2, "tensorParallelSize": 1}, "2", "1", 1),
        ({"pipelineParallelSize": 3}, {"pipelineParallelSize": 2}, "3", "1", 2),
        ({"tensorParallelSize": 4}, {"pipelineParallelSize": 2, "tensorParallelSize": 1}, "2", "4", 7),
    ],
    ids=["neither", "runtime", "pipeline of the service", "tensor of the service"],
)
def test_service_size_overrides_the_runtime(
    own: Object, recipe: Object, pipeline: str, tensor: str, workers: int
) -> None:
    world = spread(llm(own), ray_runtime(workers=recipe))

    for name in ("iris-predictor", "iris-predictor-worker"):
        assert env(world, name)["PIPELINE_PARALLEL_SIZE"] == pipeline
        assert env(world, name)["TENSOR_PARALLEL_SIZE"] == tensor
        assert env(world, name)["RAY_NODE_COUNT"] == str(workers + 1)
    assert world.child(DEPLOYMENT, "iris-predictor-worker")["spec"]["replicas"] == workers


@pytest.mark.parametrize(
    ("pipeline", "tensor", "head", "worker", "head_gpus", "worker_gpus", "workers"),
    [
        (2, 1, None, None, {"nvidia.com/gpu": "1"}, {"nvidia.com/gpu": "1"}, 1),
        (5, 1, None, None, {"nvidia.com/gpu": "1"}, {"nvidia.com/gpu": "1"}, 4),
        (2, 16, None, None, {"nvidia.com/gpu": "1"}, {"nvidia.com/gpu": "1"}, 31),
        (2, 4, {"intel.com/gpu": "2"}, None, {"intel.com/gpu": "2"}, {"nvidia.com/gpu": "1"}, 6),
        (2, 4, None, {"intel.com/gpu": "2"}, {"nvidia.com/gpu": "2"}, {"intel.com/gpu": "2"}, 3),
        (2, 4, {"nvidia.com/gpu": "8"}, {"nvidia.com/gpu": "2"}, {"nvidia.com/gpu": "8"}, {"nvidia.com/gpu": "0"}, 0),
        (2, 4, {"nvidia.com/gpu": "2"}, {"nvidia.com/gpu": "8"}, {"nvidia.com/gpu": "8"}, {"nvidia.com/gpu": "0"}, 0),
        (2, 16, {"nvidia.com/gpu": "4"}, {"nvidia.com/gpu": "3"}, {"nvidia.com/gpu": "4"}, {"nvidia.com/gpu": "3"}, 10),
    ],
)
def test_gpus_of_head_and_workers_follow_their_requests(
    pipeline: int,
    tensor: int,
    head: Object | None,
    worker: Object | None,
    head_gpus: Object,
    worker_gpus: Object,
    workers: int,
) -> None:
    own = {"pipelineParallelSize": pipeline, "tensorParallelSize": tensor, **(requesting(worker) if worker else {})}

    world = spread(llm(own, gpus=head))

    assert gpus_of(world) == head_gpus
    assert gpus_of(world, "iris-predictor-worker") == worker_gpus
    assert world.child(DEPLOYMENT, "iris-predictor-worker")["spec"]["replicas"] == workers
    assert env(world)["REQUEST_GPU_COUNT"] == next(iter(head_gpus.values()))
    assert env(world, "iris-predictor-worker")["REQUEST_GPU_COUNT"] == next(iter(worker_gpus.values()))


@pytest.mark.parametrize(("pipeline", "tensor"), [(2, 2), (4, 8), (1, 4), (2, 1)])
def test_multiprocessing_backend_gives_every_node_the_tensor_size(pipeline: int, tensor: int) -> None:
    mp = ray_runtime(annotations={"multinode/executor-backend": "mp"})

    world = spread(llm({"pipelineParallelSize": pipeline, "tensorParallelSize": tensor}), mp)

    assert gpus_of(world) == gpus_of(world, "iris-predictor-worker") == {"nvidia.com/gpu": str(tensor)}
    assert world.child(DEPLOYMENT, "iris-predictor-worker")["spec"]["replicas"] == pipeline - 1


def test_gpus_named_by_annotation_or_configuration_count() -> None:
    own = {"pipelineParallelSize": 2, "tensorParallelSize": 4, **requesting({"configured.com/gpu": "4"})}
    annotated = {"serving.kserve.io/gpu-resource-types": '["annotated.com/gpu"]'}
    config = configuration(multiNode={"customGPUResourceTypeList": ["configured.com/gpu"]})

    world = spread(llm(own, gpus={"annotated.com/gpu": "4"}, annotations=annotated), config=config)

    assert gpus_of(world) == {"annotated.com/gpu": "4"}
    assert gpus_of(world, "iris-predictor-worker") == {"configured.com/gpu": "4"}
    assert world.child(DEPLOYMENT, "iris-predictor-worker")["spec"]["replicas"] == 1


def test_update_of_something_else_keeps_the_number_of_nodes() -> None:
    world = spread(llm({"pipelineParallelSize": 3}, minReplicas=1))

    world.edit(llm({"pipelineParallelSize": 3}, minReplicas=1, timeout=60)["spec"]["predictor"])
    world.step()

    assert world.child(DEPLOYMENT, "iris-predictor")["spec"]["replicas"] == 1
    assert world.child(DEPLOYMENT, "iris-predictor-worker")["spec"]["replicas"] == 2


# --- contracts with the containers ---


def test_head_is_told_its_model_and_its_nodes() -> None:
    world = spread(llm({"pipelineParallelSize": 2}))

    assert env(world) == {
        "INFERENCE_SERVICE_NAME": "iris",
        "PIPELINE_PARALLEL_SIZE": "2",
        "TENSOR_PARALLEL_SIZE": "1",
        "RAY_NODE_COUNT": "2",
        "REQUEST_GPU_COUNT": "1",
        "MODEL_NAME": "iris",
        "MODEL_DIR": "/mnt/models",
    }


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("pvc://claim/llm", True),
        ("oci://registry/llm", True),
        ("oci+native://registry/llm", False),
        ("hf://llm", False),
    ],
)
def test_head_reads_its_model_from_the_folder_of_claims_and_images(uri: str, told: bool) -> None:
    assert ("MODEL_DIR" in env(spread(llm(uri=uri)))) is told


def test_workers_are_told_how_to_find_the_head() -> None:
    world = spread(llm({"pipelineParallelSize": 2}))

    assert env(world, "iris-predictor-worker") == {
        "RAY_NODE_COUNT": "2",
        "REQUEST_GPU_COUNT": "1",
        "PIPELINE_PARALLEL_SIZE": "2",
        "TENSOR_PARALLEL_SIZE": "1",
        "ISVC_NAME": "iris",
        "HEAD_SVC": "iris-head-1",
        "WORKER_SVC": "iris-workers-1",
    }


def test_workers_of_a_named_predictor_are_told_the_name_that_its_head_has() -> None:
    world = spread(llm(name="blue"))

    assert world.names(SERVICE) == ["iris-blue-head-1", "iris-blue-predictor", "iris-blue-workers-1"]
    assert world.names(DEPLOYMENT) == ["iris-blue-predictor", "iris-predictor-worker"]
    assert env(world, "iris-predictor-worker")["HEAD_SVC"] == "iris-blue-head-1"
    assert env(world, "iris-predictor-worker")["WORKER_SVC"] == "iris-blue-workers-1"
    workers = world.child(DEPLOYMENT, "iris-predictor-worker")["spec"]
    assert workers["selector"]["matchLabels"] == {"app": "isvc.iris-blue-predictor-worker"}
    selector = world.child(SERVICE, "iris-blue-workers-1")["spec"]["selector"]
    assert selector.items() <= workers["template"]["metadata"]["labels"].items()


def test_worker_container_is_the_runtimes_with_the_services_own_words_over_it() -> None:
    own = {
        "containers": [{"image": "example/own:v2", "args": ["--more"], "env": [{"name": "A", "value": "1"}]}],
        "nodeSelector": {"pool": "gpu"},
        "tolerations": [{"operator": "Exists"}],
    }
    recipe = {"nodeSelector": {"zone": "a"}, "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}]}

    world = spread(llm(own), ray_runtime(workers=recipe))

    found = container(world, "iris-predictor-worker")
    assert (found["name"], found["image"]) == ("worker-container", "example/own:v2")
    assert found["args"] == ["--of=iris", "--more"]
    assert env(world, "iris-predictor-worker")["A"] == "1"
    pod_spec = world.child(DEPLOYMENT, "iris-predictor-worker")["spec"]["template"]["spec"]
    assert pod_spec["nodeSelector"] == {"zone": "a", "pool": "gpu"}
    assert pod_spec["tolerations"] == [{"operator": "Exists"}]
    assert pod_spec["volumes"] == recipe["volumes"]
    assert len(pod_spec["containers"]) == 1


def test_workers_get_placeholders_and_the_version_that_the_head_gets() -> None:
    world = spread(llm(model={"runtimeVersion": "v9"}))

    assert (
        container(world)["image"]
        == container(world, "iris-predictor-worker")["image"]
        == "example/huggingfaceserver:v9"
    )
    assert container(world, "iris-predictor-worker")["args"] == ["--of=iris"]


def test_worker_container_gets_no_probe_of_its_own() -> None:
    world = spread(llm())

    assert "readinessProbe" not in container(world, "iris-predictor-worker")
    assert "readinessProbe" in container(world)


def test_workers_carry_their_runtimes_labels_and_the_services_annotations() -> None:
    recipe = {
        "labels": {"team": "runtime", "kind": "worker"},
        "annotations": {"note": "runtime", "modelFormat": "kept"},
    }
    own = llm(meta={"labels": {"team": "service"}}, labels={"stage": "test"}, annotations={"tier": "{}"})
    own["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = "{}"

    meta = spread(own, ray_runtime(workers=recipe)).child(DEPLOYMENT, "iris-predictor-worker")["metadata"]

    assert meta["labels"] == {
        "team": "service",
        "kind": "worker",
        "stage": "test",
        "isvc.generation": "1",
        "serving.kserve.io/inferenceservice": "iris",
        "component": "predictor",
        "app": "isvc.iris-predictor-worker",
    }
    assert meta["annotations"]["note"] == "runtime"
    assert meta["annotations"]["modelFormat"] == "kept"
    assert meta["annotations"]["internal.serving.kserve.io/storage-initializer-sourceuri"] == "pvc://claim/llm"
    assert "kubectl.kubernetes.io/last-applied-configuration" not in meta["annotations"]


def test_requests_are_logged_and_batched_at_the_head_alone() -> None:
    world = spread(llm(logger={"mode": "all"}, batcher={"maxBatchSize": 8}))

    def told(name: str) -> set[str]:
        annotations = world.child(DEPLOYMENT, name)["spec"]["template"]["metadata"]["annotations"]
        return {key.partition("/")[2] for key in annotations if key.startswith("internal.serving.kserve.io/")}

    assert {"logger", "logger-mode", "batcher", "batcher-max-batchsize"} <= told("iris-predictor")
    assert told("iris-predictor-worker") == {"storage-initializer-sourceuri"}


# --- refusals ---


def test_too_few_gpus_are_told_and_nothing_is_created() -> None:
    own = {"pipelineParallelSize": 1, "tensorParallelSize": 7, **requesting({"nvidia.com/gpu": "4"})}

    world = spread(llm(own, gpus={"nvidia.com/gpu": "2"}))

    assert world.children == {}
    assert world.said("PredictorReady") == (
        "False",
        "InvalidGPUAllocation",
        "the total required number of GPUs(7) is less than the number of GPUs assigned to the head node(2) + worker node(4)",
    )


def test_more_gpus_than_needed_run() -> None:
    own = {"pipelineParallelSize": 2, "tensorParallelSize": 2, **requesting({"nvidia.com/gpu": "3"})}

    world = spread(llm(own, gpus={"nvidia.com/gpu": "3"}))

    assert world.child(DEPLOYMENT, "iris-predictor-worker")["spec"]["replicas"] == 1


@pytest.mark.parametrize("field", ["pipelineParallelSize", "tensorParallelSize"])
def test_size_below_one_is_refused(field: str) -> None:
    world = spread(llm({field: 0}))

    assert world.children == {}
    assert world.said("PredictorReady")[1] == "InvalidGPUAllocation"
    assert f"{field[1:]} cannot be less than 1(0)" in world.said("PredictorReady")[2]


def test_broken_annotation_of_gpu_names_is_told() -> None:
    world = spread(llm(annotations={"serving.kserve.io/gpu-resource-types": "amd"}))

    assert world.said("PredictorReady")[1] == "InvalidGPUAllocation"


def test_head_under_another_name_is_refused() -> None:
    world = spread(llm(model={"name": "own"}))

    assert world.said("PredictorReady") == (
        "False",
        "InvalidSpec",
        "target container(kserve-container) does not exist",
    )


MISSING = "you cannot set WorkerSpec in the InferenceService if the ServingRuntime does not have a WorkerSpec"


def test_named_runtime_without_worker_spec_is_refused() -> None:
    world = spread(llm(model={"runtime": "single"}), runtime("single", formats=FORMATS))

    assert world.children == {}
    assert world.said("PredictorReady") == ("False", "InvalidWorkerSpecNotSet", MISSING)


def test_workers_of_a_predictor_without_model_are_refused() -> None:
    world = spread(service({"containers": [{"name": "kserve-container", "image": "own:v1"}], "workerSpec": {}}))

    assert world.said("PredictorReady") == ("False", "InvalidWorkerSpecNotSet", MISSING)


@pytest.mark.parametrize(
    ("containers", "message"),
    [
        ([], "No workerSpec container configuration found in selected serving runtime"),
        ([{"name": "other"}], "failed to find worker-container in ServingRuntime containers"),
    ],
)
def test_runtime_whose_workers_have_no_container_is_refused(containers: list[Object], message: str) -> None:
    world = spread(llm(), ray_runtime(workers={"containers": containers}))

    assert world.children == {}
    assert world.said("PredictorReady") == ("False", "InvalidPredictorSpec", message)
    assert world.status["modelStatus"]["transitionStatus"] == "InvalidSpec"


def test_only_runtimes_with_workers_are_selected_for_workers_and_only_others_without() -> None:
    single = runtime("single", formats=FORMATS, protocols=("v1",))
    world = World(llm(), ray_runtime(), single)
    world.step()
    assert world.status["clusterServingRuntimeName"] == "ray"

    plain = World(
        service({"model": {"modelFormat": {"name": "huggingface"}, "storageUri": "hf://m"}}), ray_runtime(), single
    )
    plain.step()
    assert plain.status["clusterServingRuntimeName"] == "single"


# --- readiness ---


def test_predictor_is_ready_once_head_and_workers_are() -> None:
    world = spread(llm({"pipelineParallelSize": 2}))
    world.deployment_says(AVAILABLE, ROLLED_OUT)
    world.step()
    assert world.said("PredictorReady")[0] == "False"

    world.deployment_says(AVAILABLE, ROLLED_OUT, name="iris-predictor-worker")
    world.step()

    assert world.said("PredictorReady") == (
        "True",
        "NewReplicaSetAvailable",
        "predictor-container: done, worker-container: done",
    )


def test_workers_that_cannot_be_made_are_named_by_part() -> None:
    world = spread(llm({"pipelineParallelSize": 2}))
    refused = says("ReplicaFailure", "True", "FailedCreate", "quota")
    world.deployment_says(AVAILABLE, ROLLED_OUT, says("ReplicaFailure", "True", "FailedCreate", "none"))
    world.deployment_says(says("Available", "False", "Min", "few"), refused, name="iris-predictor-worker")
    world.step()

    assert world.said("PredictorReady") == (
        "False",
        "FailedCreate",
        "predictor-container: none, worker-container: quota",
    )


def test_service_called_worker_tells_head_and_workers_apart() -> None:
    named = llm(meta={"name": "worker"})
    world = spread(named)
    world.deployment_says(says("Available", "True", "A", "head"), name="worker-predictor")
    world.deployment_says(says("Available", "True", "B", "node"), name="worker-predictor-worker")
    world.step()

    assert world.said("PredictorReady") == (
        "True",
        "predictor-container: A, worker-container: B",
        "predictor-container: head, worker-container: node",
    )


def test_model_status_is_that_of_the_head() -> None:
    world = spread(llm({"pipelineParallelSize": 2}))
    failed = {"state": {"terminated": {"reason": "Error", "exitCode": 1, "message": "no GPU"}}}
    world.pods.append(pod("iris-predictor-worker-1", component="iris-predictor-worker", server=failed))
    world.step()

    assert world.status["modelStatus"]["transitionStatus"] == "InProgress"
    assert "copies" in world.status["modelStatus"]
    assert world.status["modelStatus"]["copies"]["failedCopies"] == 0


def test_failing_worker_pods_are_explained() -> None:
    world = spread(llm({"pipelineParallelSize": 2}))
    killed = {"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}
    world.pods.append(pod("iris-predictor-worker-1", component="iris-predictor-worker", server=killed))

    told = {each.about: each.message for each in world.decide().explanations}

    assert "was killed because it used more memory than its limit" in told["Pod/iris-predictor-worker-1"]


# --- whatever a person writes ---

NAMES = [
    "containers",
    "resources",
    "requests",
    "limits",
    "env",
    "value",
    "valueFrom",
    "nvidia.com/gpu",
    "volumes",
    "name",
    "image",
    "args",
    "initContainers",
    "pipelineParallelSize",
    "tensorParallelSize",
    "nodeSelector",
    "tolerations",
    "$patch",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.sampled_from(["", "1", "two", "{{.Name}}", "delete"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=10,
)


@given(JSON | st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4), JSON)
def test_no_worker_spec_makes_a_reconcile_raise(workers: Any, resources: Any) -> None:
    world = World(llm(model={"resources": resources}), ray_runtime())
    world.service["spec"]["predictor"]["workerSpec"] = workers

    outcome = world.step()

    assert outcome.status is not None
    assert outcome.complete == (outcome.terminal_error is None)
