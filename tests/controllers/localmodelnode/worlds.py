"""A node, its LocalModelNode, Jobs and folders, as plain values; and the decision on them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from kservectl.api.kinds import CLUSTER_STORAGE_CONTAINER, LOCAL_MODEL_NODE, LOCAL_MODEL_NODE_GROUP
from kservectl.clock import rfc3339
from kservectl.controllers.localmodelnode.disk_state import Content, DiskState, Folder
from kservectl.controllers.localmodelnode.node_view import NodeView
from kservectl.controllers.localmodelnode.reconcile import reconcile
from kservectl.controllers.localmodelnode.settings import NodeSettings
from kservectl.modelfolder.marker import Marker
from kservectl.modelstorage.local_model import storage_key
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, JOB, NODE, SECRET, SERVICE_ACCOUNT
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import StaticView

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
JOBS = "kserve-localmodel-jobs"
SETTINGS = NodeSettings(node="worker-1", job_namespace=JOBS)
URI = "https://models.example.com/iris"
KEY = storage_key(URI)
GIB = 1 << 30

PENDING, DOWNLOADING = "ModelDownloadPending", "ModelDownloading"
DOWNLOADED, ERROR = "ModelDownloaded", "ModelDownloadError"


def entry(name: str = "iris", uri: str = URI, **more: Any) -> Object:
    """One of `spec.localModels`."""
    return {"modelName": name, "sourceModelUri": uri, "nodeGroup": "gpu", **more}


def node_models(*entries: Object, status: Object | None = None, name: str = "worker-1", **spec: Any) -> Object:
    """The LocalModelNode."""
    return {
        "apiVersion": LOCAL_MODEL_NODE.api_version,
        "kind": "LocalModelNode",
        "metadata": {"name": name, "uid": "uid-node", "generation": 3, "resourceVersion": "1"},
        "spec": {"localModels": list(entries), **spec},
        **({"status": status} if status is not None else {}),
    }


def known(state: str, name: str = "iris", **more: Any) -> Object:
    """A status that knows one model."""
    return {"modelStatus": {name: state}, "models": {name: more}}


def job(
    name: str = "first",
    *,
    model: str | None = "iris",
    namespace: str = "",
    status: Object | None = None,
    age: int = 60,
    node: str = "worker-1",
    attempt: str = "",
    folder: str = "",
) -> Object:
    """A Job in the job namespace, `age` seconds old."""
    annotations = {"attempt": attempt, "storage-key": folder}
    labels = {"node": node} | ({"model": model} if model else {}) | ({"modelNamespace": namespace} if namespace else {})
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": JOBS,
            "uid": f"uid-{name}",
            "labels": labels,
            "annotations": {f"localmodel.kserve.io/{key}": value for key, value in annotations.items() if value},
            "creationTimestamp": ago(age),
        },
        "spec": {},
        "status": status or {},
    }


def ago(seconds: float) -> str:
    return rfc3339(NOW - timedelta(seconds=seconds))


RUNNING: Object = {"active": 1, "ready": 1, "startTime": ago(50)}
QUEUED: Object = {"active": 1}
SUCCEEDED: Object = {"succeeded": 1, "startTime": ago(50), "completionTime": ago(10)}


def gave_up(seconds: float = 10) -> Object:
    """The status of a Job that was given up that long ago."""
    message = "Job has reached the specified backoff limit"
    condition = {"type": "Failed", "status": "True", "message": message, "lastTransitionTime": ago(seconds)}
    return {"failed": 7, "startTime": ago(50), "conditions": [condition]}


def whole(size: int = 1000, *, by: str = "download", completed: str = "", **digests: str) -> Folder:
    marker = Marker(
        by, completed or ago(20), {"model.bin": size}, {path.replace("_", "."): d for path, d in digests.items()}
    )
    return Folder(Content.WHOLE, size, marker)


def unmarked(size: int = 1000) -> Folder:
    return Folder(Content.UNMARKED, size)


def disk(folders: Mapping[str, Folder] | None = None, *, available: int = 100 * GIB, **more: Any) -> DiskState:
    return DiskState(folders=folders or {}, capacity=200 * GIB, available=available, **more)


def config_map(**local_model: Any) -> Object:
    settings = {"jobNamespace": JOBS, "fsGroup": 1000, "jobTTLSecondsAfterFinished": 3600} | local_model
    data = {"localModel": orjson.dumps(settings).decode()}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "inferenceservice-config", "namespace": "kserve"},
        "data": data,
    }


_KINDS = (CONFIG_MAP, JOB, NODE, SECRET, SERVICE_ACCOUNT, CLUSTER_STORAGE_CONTAINER, LOCAL_MODEL_NODE_GROUP)


@dataclass
class World:
    """Everything that a decision sees."""

    node: Object
    jobs: Iterable[Object] = ()
    disk: DiskState = field(default_factory=disk)
    others: Iterable[Object] = ()
    config: Object = field(default_factory=config_map)
    now: datetime = NOW

    def decide(self) -> Outcome:
        below = StaticView([self.config, *self.others], kinds=_KINDS, now=self.now)
        return reconcile(self.node, NodeView(below, list(self.jobs), self.disk), SETTINGS)

    def state(self, key: str = "iris") -> str:
        status = self.decide().status
        assert status is not None
        found: str = status["modelStatus"][key]
        return found

    def told(self, key: str = "iris") -> dict[str, Any]:
        """What `status.models` says of a model."""
        status = self.decide().status
        assert status is not None
        found: dict[str, Any] = status["models"][key]
        return found

    @property
    def launched(self) -> list[str]:
        """The models that a Job is made for."""
        return [metadata.labels(made)["model"] for made in self.decide().desired]
