"""A model spread over several nodes: its head, its workers, and the Services by which they find each other."""

import pytest

from e2e.api import Api, condition
from e2e.services import custom, ready, volume_claim
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, SERVICE
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.usefixtures("manager")


def spread(namespace: str, **workers: object) -> Object:
    model = {"modelFormat": {"name": "huggingface"}, "storageUri": "pvc://weights/llm"}
    return custom(
        "llm",
        namespace,
        {"model": model, "workerSpec": workers},
        annotations={"serving.kserve.io/autoscalerClass": "none"},
    )


async def names(api: Api, namespace: str) -> set[str]:
    return {metadata.name(each) for each in await api.list(SERVICE, namespace)}


async def test_head_and_workers_become_ready_and_follow_their_size(api: Api, namespace: str) -> None:
    await volume_claim(api, "weights", namespace)
    await api.create(INFERENCE_SERVICE, spread(namespace, pipelineParallelSize=3))

    found = await ready(api, namespace, "llm")
    assert found["status"]["clusterServingRuntimeName"] == "kserve-huggingfaceserver-multinode"
    assert "worker-container: " in condition(found, "PredictorReady")["message"]
    workers = await api.get(DEPLOYMENT, "llm-predictor-worker", namespace)
    assert (workers["spec"]["replicas"], workers["status"]["readyReplicas"]) == (2, 2)
    assert await names(api, namespace) == {"llm-predictor", "llm-head-1", "llm-workers-1"}
    assert await api.list(HORIZONTAL_POD_AUTOSCALER, namespace) == []

    await api.merge(
        INFERENCE_SERVICE, "llm", namespace, {"spec": {"predictor": {"workerSpec": {"pipelineParallelSize": 2}}}}
    )
    await api.until_gone(SERVICE, "llm-head-1", namespace)
    await ready(api, namespace, "llm")
    assert await names(api, namespace) == {"llm-predictor", "llm-head-2", "llm-workers-2"}
    assert (await api.get(DEPLOYMENT, "llm-predictor-worker", namespace))["spec"]["replicas"] == 1


async def test_gpus_that_do_not_suffice_are_told_and_nothing_is_made(api: Api, namespace: str) -> None:
    wanted = spread(namespace, tensorParallelSize=7, containers=[{"name": "worker-container", "resources": gpus(4)}])
    wanted["spec"]["predictor"]["model"]["resources"] = gpus(2)
    await api.create(INFERENCE_SERVICE, wanted)

    refused = await api.until(
        INFERENCE_SERVICE,
        "llm",
        namespace,
        lambda each: condition(each, "PredictorReady").get("status") == "False",
        "its predictor is refused",
    )

    assert condition(refused, "PredictorReady")["reason"] == "InvalidGPUAllocation"
    assert await api.list(DEPLOYMENT, namespace) == []
    assert await names(api, namespace) == set()


def gpus(count: int) -> Object:
    return {part: {"nvidia.com/gpu": str(count)} for part in ("requests", "limits")}
