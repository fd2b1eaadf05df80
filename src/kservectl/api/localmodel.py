"""Model caches (serving.kserve.io/v1alpha1): which models nodes keep on their disks, and what each node holds.

LocalModelCache and LocalModelNamespaceCache are what people write: a model, and the groups of nodes that keep a copy.
LocalModelNodeGroup says which nodes and how much of their disks. LocalModelNode is the order for one node, and its answer.
Fields that KServe does not have are marked so in `docs/localmodel.md`; each of them may be absent.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from kservectl.api.core import Core, Quantity
from kservectl.api.inferenceservice_status import Conditions
from kservectl.api.model import ApiModel, Int32, Int64, Resource, Timestamp

NodeState = Literal["", "NodeNotReady", "NodeDownloadPending", "NodeDownloading", "NodeDownloaded", "NodeDownloadError"]
ModelState = Literal["", "ModelDownloadPending", "ModelDownloading", "ModelDownloaded", "ModelDownloadError"]
EvictionPolicy = Literal["Never", "LeastRecentlyUsed"]

_IMMUTABLE: dict[str, Any] = {
    "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "StorageUri is immutable"}]
}

Checksum = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]
"""A SHA-256 in hexadecimal digits."""

Checksums = dict[str, Checksum]
"""By the path of a file within the model, with `/` between folders."""


class LocalModelStorage(ApiModel):
    """The connection to the storage, by an entry of the storage Secret of the job namespace."""

    key: str | None = None
    parameters: dict[str, str] | None = None


class LocalModelCacheSpec(ApiModel):
    """The model, how much room it takes, and who keeps it."""

    source_model_uri: Annotated[str, Field(json_schema_extra=_IMMUTABLE)]
    model_size: Quantity
    node_groups: Annotated[list[str], Field(min_length=1)]
    service_account_name: str | None = None
    storage: LocalModelStorage | None = None
    checksums: Checksums | None = None
    max_parallel_downloads: Annotated[Int32, Field(ge=1)] | None = None


class ModelCopies(ApiModel):
    """How many nodes keep the model, or should; numbers that are 0 are left out."""

    total: int | None = None
    available: int | None = None
    failed: int | None = None


class NamespacedName(ApiModel):
    """An object in a namespace."""

    namespace: str | None = None
    name: str | None = None


class CacheProgress(ApiModel):
    """How far the copies of all nodes together have come, in bytes."""

    bytes: Int64 | None = None
    total: Int64 | None = None
    percent: Int32 | None = None
    estimated_completion_time: Timestamp | None = None
    last_update_time: Timestamp | None = None


class LocalModelCacheStatus(ApiModel):
    """What was observed."""

    copies: ModelCopies | None = None
    node_status: dict[str, NodeState] | None = None
    inference_services: list[NamespacedName] | None = None
    llm_inference_services: list[NamespacedName] | None = Field(default=None, alias="llmInferenceServices")
    observed_generation: Int64 | None = None
    conditions: Conditions | None = None
    progress: CacheProgress | None = None
    node_messages: dict[str, str] | None = None
    last_used_time: Timestamp | None = None


class LocalModelCache(Resource):
    """A model that nodes keep on their disks, for the services of every namespace."""

    spec: LocalModelCacheSpec
    status: LocalModelCacheStatus | None = None


class LocalModelNamespaceCache(Resource):
    """A model that nodes keep on their disks, for the services of one namespace."""

    spec: LocalModelCacheSpec
    status: LocalModelCacheStatus | None = None


class LocalModelNodeGroupSpec(ApiModel):
    """Which nodes (the node affinity of the volume), where on them, and how much."""

    storage_limit: Quantity
    persistent_volume_spec: Annotated[dict[str, Any], Core("V1PersistentVolumeSpec")]
    persistent_volume_claim_spec: Annotated[dict[str, Any], Core("V1PersistentVolumeClaimSpec")]
    eviction_policy: EvictionPolicy | None = None
    max_parallel_downloads: Annotated[Int32, Field(ge=1)] | None = None


class LocalModelNodeGroupStatus(ApiModel):
    """What the caches take of the group's nodes."""

    used: Quantity | None = None
    available: Quantity | None = None
    capacity: Quantity | None = None
    nodes: Int32 | None = None
    available_per_node: Quantity | None = None
    observed_generation: Int64 | None = None


class LocalModelNodeGroup(Resource):
    """Nodes that keep models, with the volume through which pods read them."""

    spec: LocalModelNodeGroupSpec
    status: LocalModelNodeGroupStatus | None = None


class LocalModelInfo(ApiModel):
    """One model that the node is to keep."""

    model_name: str
    source_model_uri: str
    namespace: str | None = None
    node_group: str | None = None
    service_account_name: str | None = None
    storage: LocalModelStorage | None = None
    model_size: Quantity | None = None
    checksums: Checksums | None = None

    @property
    def status_key(self) -> str:
        """What the model is called in the status of its node."""
        return f"{self.namespace}/{self.model_name}" if self.namespace else self.model_name


class WaitingModel(ApiModel):
    """One model that belongs on the node and has no room there, or not its turn; the node does nothing about it."""

    model_name: str
    namespace: str | None = None
    node_group: str | None = None
    reason: Literal["InsufficientStorage", "Evicted", "Queued"] | None = None
    message: str | None = None


class LocalModelNodeSpec(ApiModel):
    """The order for a node, written by the controller of nodes alone."""

    local_models: list[LocalModelInfo]
    waiting_models: list[WaitingModel] | None = None
    max_parallel_downloads: Annotated[Int32, Field(ge=1)] | None = None


class ModelCopy(ApiModel):
    """What is known of the copy of one model on one node."""

    downloaded_bytes: Int64 | None = None
    total_bytes: Int64 | None = None
    percent: Int32 | None = None
    estimated_completion_time: Timestamp | None = None
    start_time: Timestamp | None = None
    completion_time: Timestamp | None = None
    attempts: Int32 | None = None
    next_attempt_time: Timestamp | None = None
    reason: str | None = None
    message: str | None = None


class NodeStorage(ApiModel):
    """The file system on which a node keeps models; `used_bytes` is what they take of it."""

    capacity_bytes: Int64 | None = None
    available_bytes: Int64 | None = None
    used_bytes: Int64 | None = None


class LocalModelNodeStatus(ApiModel):
    """The answer of a node, written by its agent alone."""

    model_status: dict[str, ModelState] | None = None
    models: dict[str, ModelCopy] | None = None
    storage: NodeStorage | None = None
    conditions: Conditions | None = None
    observed_generation: Int64 | None = None


class LocalModelNode(Resource):
    """What one node is to keep, and what it holds. It has the name of the node."""

    spec: LocalModelNodeSpec
    status: LocalModelNodeStatus | None = None
