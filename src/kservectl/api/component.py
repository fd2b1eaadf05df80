"""What predictor, transformer and explainer have in common: scaling, logging, batching, rollout, metadata."""

from typing import Annotated, Literal

from pydantic import Field

from kservectl.api.core import Core, IntOrString, Quantity
from kservectl.api.model import ATOMIC, ApiModel, Int32, Int64
from kservectl.objects.metadata import Object

DEFAULT_MARSHALLER_URL = "http://localhost:9083/marshal"
DEFAULT_MOUNT_PATH = "/mnt/models"

MetricTargetType = Literal["Utilization", "Value", "AverageValue"]


class StorageUri(ApiModel):
    """One of several sources to download."""

    uri: Annotated[str, Field(min_length=1)]
    mount_path: (
        Annotated[str, Field(max_length=255, pattern=r"^/.*", json_schema_extra={"default": DEFAULT_MOUNT_PATH})] | None
    ) = None

    @property
    def effective_mount_path(self) -> str:
        return self.mount_path or DEFAULT_MOUNT_PATH


StorageUris = Annotated[list[StorageUri], Field(min_length=1, json_schema_extra=ATOMIC)]


class ModelStorageSpec(ApiModel):
    """A model in a storage whose connection is described by a Secret."""

    path: str | None = None
    parameters: dict[str, str] | None = None
    key: str | None = None
    schema_path: str | None = None


class LoggerStorageSpec(ApiModel):
    """Where payload logs are stored."""

    path: str | None = None
    parameters: dict[str, str] | None = None
    key: str | None = None
    service_account_name: str | None = None


class LoggerSpec(ApiModel):
    """Payload logging by a side container."""

    url: str | None = None
    mode: Literal["all", "request", "response"] | None = None
    metadata_headers: list[str] | None = None
    metadata_annotations: list[str] | None = None
    storage: LoggerStorageSpec | None = None
    marshaller_url: str | None = None
    batch_size: int | None = None
    batch_interval: str | None = None

    @property
    def effective_marshaller_url(self) -> str:
        return self.marshaller_url or DEFAULT_MARSHALLER_URL

    @property
    def effective_batch_size(self) -> int:
        return 1 if self.batch_size is None else self.batch_size

    @property
    def effective_batch_interval(self) -> str:
        return self.batch_interval or "0"


class Batcher(ApiModel):
    """Collecting requests before they reach the model server. Times are in milliseconds."""

    max_batch_size: int | None = None
    max_latency: int | None = None
    timeout: int | None = None


class MetricTarget(ApiModel):
    """The value to hold. Quantities keep the spelling they were written in."""

    type: MetricTargetType | None = None
    value: Quantity | None = None
    average_value: Quantity | None = None
    average_utilization: Int32 | None = None


class ResourceMetricSource(ApiModel):
    """Use of CPU or memory by the pods."""

    name: Literal["cpu", "memory"]
    target: MetricTarget


class ExternalMetric(ApiModel):
    """A query to a metrics server outside of the service."""

    backend: Literal["prometheus", "graphite"] | None = None
    server_address: str | None = None
    query: str | None = None
    namespace: str | None = None


class AuthenticationReference(ApiModel):
    """The name of a KEDA TriggerAuthentication."""

    name: str


class ScalerAuthentication(ApiModel):
    """How the scaler signs in to the metrics server."""

    authentication_ref: AuthenticationReference
    auth_modes: str | None = None


class ExternalMetricSource(ApiModel):
    metric: ExternalMetric
    authentication_ref: ScalerAuthentication | None = None
    target: MetricTarget


class PodMetric(ApiModel):
    """Metrics that the pods themselves expose, collected by OpenTelemetry."""

    backend: Literal["opentelemetry"] | None = None
    server_address: str | None = None
    metric_names: list[str] | None = None
    query: str | None = None
    operation_over_time: str | None = None


class PodMetricSource(ApiModel):
    metric: PodMetric
    target: MetricTarget


class MetricsSpec(ApiModel):
    """One metric to scale on; the body is under the key that belongs to `type`."""

    type: Literal["Resource", "External", "PodMetric"]
    resource: ResourceMetricSource | None = None
    external: ExternalMetricSource | None = None
    podmetric: PodMetricSource | None = None


class AutoScalingSpec(ApiModel):
    """Scaling on any number of metrics, instead of `scaleMetric` and `scaleTarget`."""

    metrics: list[MetricsSpec] | None = None
    behavior: Annotated[Object, Core("V2HorizontalPodAutoscalerBehavior")] | None = None


class RollingUpdate(ApiModel):
    max_surge: IntOrString | None = None
    max_unavailable: IntOrString | None = None


class DeploymentStrategy(ApiModel):
    """The strategy of the Deployment, as in apps/v1."""

    type: str | None = None
    rolling_update: RollingUpdate | None = None


class ComponentFields(ApiModel):
    """The fields that every component has beside its pod."""

    min_replicas: Int32 | None = None
    max_replicas: Int32 | None = None
    scale_target: Int32 | None = None
    scale_metric: Literal["cpu", "memory", "concurrency", "rps"] | None = None
    scale_metric_type: MetricTargetType | None = None
    auto_scaling: AutoScalingSpec | None = None
    container_concurrency: Int64 | None = None
    timeout: Int64 | None = None
    canary_traffic_percent: Int64 | None = None
    logger: LoggerSpec | None = None
    batcher: Batcher | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    deployment_strategy: DeploymentStrategy | None = None
