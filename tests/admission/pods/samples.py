"""Pods and configurations for the tests of this folder, as short as a test can say them."""

import copy
from typing import Any

from kservectl.admission.pods.context import PodContext
from kservectl.admission.pods.injectors import inject
from kservectl.modelstorage.context import FindObject
from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import config

INTERNAL = "internal.serving.kserve.io/"
SOURCE = INTERNAL + "storage-initializer-sourceuri"
SIZES = {"cpuRequest": "100m", "cpuLimit": "1", "memoryRequest": "100Mi", "memoryLimit": "1Gi"}
RESOURCES = {"requests": {"cpu": "100m", "memory": "100Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
HF = [
    {"name": "HF_HUB_ENABLE_HF_TRANSFER", "value": "1"},
    {"name": "HF_XET_HIGH_PERFORMANCE", "value": "1"},
    {"name": "HF_XET_NUM_CONCURRENT_RANGE_GETS", "value": "8"},
]
MOUNT = {"name": "kserve-provision-location", "mountPath": "/mnt/models"}


def container(name: str = "kserve-container", **more: Any) -> Object:
    return {"name": name, "image": "server", **more}


def context(
    *storage_containers: Object,
    namespace: str = "default",
    storage: Any = None,
    find: FindObject | None = None,
    service: Object | None = None,
    **keys: Any,
) -> PodContext:
    """What injectors know: `storage` are members of `storageInitializer`, other keys are the configuration's."""
    keys = {"agent": SIZES | {"image": "agent:1"}, **keys}
    settings = config(storageInitializer=SIZES | (storage or {}), **keys)
    return PodContext(namespace, "kserve", settings, storage_containers, find, service)


def done(original: Object, where: PodContext | None = None) -> Object:
    """`original` after injection, which must not touch it and must be the same when done twice."""
    before = copy.deepcopy(original)
    where = where or context()
    once = inject(original, where)
    assert original == before
    assert inject(once, where) == once
    return once


def spec(original: Object, where: PodContext | None = None) -> Object:
    answer: Object = done(original, where)["spec"]
    return answer


def pod(
    *containers: Object, uri: str | None = None, labels: Any = None, init: Any = None, **annotations: str
) -> Object:
    """A pod; `uri` is its source, other keyword arguments are annotations in KServe's internal domain."""
    notes = {INTERNAL + key.replace("_", "-"): value for key, value in annotations.items()}
    notes |= {} if uri is None else {SOURCE: uri}
    spec: Object = {"containers": list(containers or (container(),))}
    if init:
        spec["initContainers"] = init
    return {"metadata": {"name": "p", "annotations": notes, "labels": labels or {}}, "spec": spec}


def annotated(original: Object, **more: str) -> Object:
    return original | {"metadata": original["metadata"] | {"annotations": original["metadata"]["annotations"] | more}}


def downloader(called: str = "custom", *, prefix: str = "gs://", **fields: Any) -> Object:
    workload = fields.pop("workloadType", "initContainer")
    disabled = fields.pop("disabled", False)
    formats = fields.pop("formats", [{"prefix": prefix}])
    return {
        "metadata": {"name": called},
        "disabled": disabled,
        "spec": {"container": fields, "supportedUriFormats": formats, "workloadType": workload},
    }
