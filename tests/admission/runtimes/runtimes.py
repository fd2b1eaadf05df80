"""Serving runtimes as short as a test can say them."""

from collections.abc import Sequence
from typing import Any

from kservectl.admission.review import Verdict
from kservectl.admission.runtimes.validator import validate
from kservectl.api.kinds import SERVING_RUNTIME
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import config


def fmt(name: str = "sklearn", version: str | None = "1", priority: int | None = 1, auto: bool | None = True) -> Object:
    """A model format; None leaves a member out."""
    members = {"name": name, "version": version, "autoSelect": auto, "priority": priority}
    return {key: value for key, value in members.items() if value is not None}


def runtime(name: str = "new", *formats: Object, kind: Kind = SERVING_RUNTIME, **spec: Any) -> Object:
    meta = {"name": name} | ({"namespace": "default"} if kind.namespaced else {})
    body = {
        "supportedModelFormats": list(formats or (fmt(),)),
        "protocolVersions": ["v1", "v2"],
        "containers": [{"name": "kserve-container", "image": "server"}],
    }
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "spec": body | spec}


def worker(*, name: str = "worker-container", resources: Any = None, **more: Any) -> Object:
    """A `workerSpec` with one container."""
    container: Object = {"name": name, "image": "worker"} | ({"resources": resources} if resources else {})
    return {"containers": [container], **more}


def judge(
    new: Object, *stored: Object, old: Object | None = None, kind: Kind = SERVING_RUNTIME, **keys: Any
) -> Verdict:
    return validate(kind, new, old, stored, config(**keys))


def errors(new: Object, *stored: Object, **more: Any) -> Sequence[str]:
    """`path: message` of each error."""
    return [f"{error.field}: {error.message}" for error in judge(new, *stored, **more).errors]
