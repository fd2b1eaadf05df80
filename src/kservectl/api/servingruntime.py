"""ServingRuntime and ClusterServingRuntime (serving.kserve.io/v1alpha1): how to run a server for some model formats."""

from typing import Annotated

from pydantic import Field

from kservectl.api.core import (
    Affinity,
    Containers,
    EnvVars,
    ImagePullSecrets,
    ResourceClaims,
    Tolerations,
    Volumes,
)
from kservectl.api.model import ApiModel, Int32, Resource
from kservectl.objects.metadata import Object


class SupportedModelFormat(ApiModel):
    """A format the runtime can load; only with `auto_select` is it found by format. The larger `priority` wins."""

    name: str
    version: str | None = None
    auto_select: bool | None = None
    priority: Annotated[Int32, Field(ge=1)] | None = None


class StorageHelper(ApiModel):
    disabled: bool | None = None


class BuiltInAdapter(ApiModel):
    """Kept for ModelMesh; not read here."""

    server_type: str | None = None
    runtime_management_port: int | None = None
    mem_buffer_bytes: int | None = None
    model_loading_timeout_millis: int | None = None
    env: EnvVars | None = None


class RuntimePodFields(ApiModel):
    """The part of a PodSpec that a runtime may bring, with labels and annotations for the pods."""

    containers: Containers
    volumes: Volumes | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    node_selector: dict[str, str] | None = None
    affinity: Affinity | None = None
    tolerations: Tolerations | None = None
    image_pull_secrets: ImagePullSecrets | None = None
    host_ipc: bool | None = Field(default=None, alias="hostIPC")
    scheduler_name: str | None = None
    resource_claims: ResourceClaims | None = None

    def pod_spec(self) -> Object:
        """The PodSpec part as given, under wire names. The values are shared with the parsed object: do not change them."""
        found: Object = {}
        for name, field in RuntimePodFields.model_fields.items():
            value = getattr(self, name)
            if name in self.model_fields_set and value is not None and name not in ("labels", "annotations"):
                found[field.alias or name] = value
        return found


class RuntimeWorkerSpec(RuntimePodFields):
    """The workers of a multi-node runtime."""

    pipeline_parallel_size: int | None = None
    tensor_parallel_size: int | None = None


class ServingRuntimeSpec(RuntimePodFields):
    """The recipe of a predictor's pod. One container is called `kserve-container`."""

    supported_model_formats: list[SupportedModelFormat] | None = None
    multi_model: bool | None = None
    disabled: bool | None = None
    protocol_versions: list[str] | None = None
    worker_spec: RuntimeWorkerSpec | None = None
    grpc_endpoint: str | None = None
    grpc_data_endpoint: str | None = None
    http_data_endpoint: str | None = None
    replicas: int | None = None
    storage_helper: StorageHelper | None = None
    built_in_adapter: BuiltInAdapter | None = None

    @property
    def is_multi_node(self) -> bool:
        return self.worker_spec is not None

    def supports_protocol(self, protocol: str) -> bool:
        """A runtime that lists no protocol accepts any."""
        return not self.protocol_versions or protocol in self.protocol_versions


class ServingRuntime(Resource):
    """A recipe for model servers in one namespace."""

    spec: ServingRuntimeSpec
    status: Object | None = None


class ClusterServingRuntime(Resource):
    """A recipe for model servers in every namespace."""

    spec: ServingRuntimeSpec
    status: Object | None = None
