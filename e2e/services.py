"""The InferenceServices that the tests create."""

from typing import Any

from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects.metadata import Object

FAULT = "kservectl.dev/fault"
STORAGE = "gs://kservectl-samples/sklearn/iris"


def service(
    name: str, namespace: str, *, fault: str = "", annotations: dict[str, str] | None = None, **model: Any
) -> Object:
    """A scikit-learn predictor; `model` overrides fields of `spec.predictor.model`."""
    return custom(
        name,
        namespace,
        {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": STORAGE, **model}},
        annotations={**({FAULT: fault} if fault else {}), **(annotations or {})},
    )


def custom(name: str, namespace: str, predictor: Object, *, annotations: dict[str, str] | None = None) -> Object:
    """A service with this predictor."""
    return {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": INFERENCE_SERVICE.kind,
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations or {}},
        "spec": {"predictor": predictor},
    }
