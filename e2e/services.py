"""The InferenceServices that the tests create, and what they need to be there."""

from typing import Any

from e2e.api import PATIENCE, Api, is_ready
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects.kind import PERSISTENT_VOLUME_CLAIM, Kind
from kservectl.objects.metadata import Object

_VOLUME = Kind("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False)

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


async def ready(api: Api, namespace: str, name: str, *, seconds: float = PATIENCE) -> Object:
    """The service once it is Ready as it is specified now."""
    return await api.until(INFERENCE_SERVICE, name, namespace, is_ready, "it is Ready", seconds=seconds)


async def volume_claim(api: Api, name: str, namespace: str) -> None:
    """A claim of this name, bound to a volume of its own, so that pods that mount it are scheduled."""
    size = {"storage": "1Gi"}
    volume = f"{namespace}-{name}"
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    await api.create(
        _VOLUME,
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume},
            "spec": {**spec, "capacity": size, "hostPath": {"path": "/models"}},
        },
    )
    await api.create(
        PERSISTENT_VOLUME_CLAIM,
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {**spec, "volumeName": volume, "resources": {"requests": size}},
        },
    )
