"""InferenceServices and configurations for the tests of this folder, as short as a test can say them."""

import json
from typing import Any

from kservectl.api.config import Config
from kservectl.objects.metadata import Object

MODE = "serving.kserve.io/deploymentMode"


def config(**keys: Any) -> Config:
    """A Config whose keys (`inferenceService=…`) hold these JSON values; a text is taken as it is."""
    data = {key: value if isinstance(value, str) else json.dumps(value) for key, value in keys.items()}
    return Config({"data": data})


def service(predictor: Any = None, **more: Any) -> Object:
    """An InferenceService `default/sklearn`; `annotations`, `labels`, `name` and `status` go where they belong, the rest
    into the spec."""
    meta: Object = {"name": more.pop("name", "sklearn"), "namespace": "default"}
    for field in ("annotations", "labels", "deletionTimestamp", "finalizers"):
        if field in more:
            meta[field] = more.pop(field)
    obj: Object = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": meta}
    if "status" in more:
        obj["status"] = more.pop("status")
    spec = dict(more)
    if predictor is not None:
        spec["predictor"] = predictor
    return obj | {"spec": spec}


def model(model_format: str = "sklearn", **more: Any) -> Object:
    """A predictor with a `model` of this format."""
    return {"model": {"modelFormat": {"name": model_format}, "storageUri": "gs://bucket/model", **more}}


def cache(name: str, uri: str, groups: list[str], namespace: str = "") -> Object:
    """A LocalModelCache, or a LocalModelNamespaceCache when it has a namespace."""
    meta = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "LocalModelNamespaceCache" if namespace else "LocalModelCache",
        "metadata": meta,
        "spec": {"sourceModelUri": uri, "nodeGroups": groups, "modelSize": "1Gi"},
    }
