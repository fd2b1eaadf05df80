"""The members of every key of KServe's ConfigMap `inferenceservice-config` but `ingress`: names, types, defaults, checks.

How members are read is told in `config_model.py`; what a *missing key* means is decided in `config.py`, not here.
"""

from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from kservectl.api.config_model import KeyModel, ResourceMembers
from kservectl.api.core import IntOrString
from kservectl.api.rollout_choices import ROLLOUT_ANNOTATIONS
from kservectl.objects import quantity

STANDARD = "Standard"
KNATIVE = "Knative"
MODEL_MESH = "ModelMesh"

_LEGACY_MODES = {"RawDeployment": STANDARD, "Serverless": KNATIVE}
_MODES = (KNATIVE, STANDARD, MODEL_MESH)

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""kubectl's record of what it applied last."""

BLOCKED_ANNOTATIONS = (
    "autoscaling.knative.dev/min-scale",
    "autoscaling.knative.dev/max-scale",
    "internal.serving.kserve.io/storage-initializer-sourceuri",
    LAST_APPLIED,
    "modelFormat",
    *ROLLOUT_ANNOTATIONS,
)
"""Annotations that are never copied to generated objects, whatever is configured."""

BLOCKED_LABELS = ("networking.knative.dev/visibility",)
"""Labels that are never copied to the revision template of a Knative Service, whatever is configured."""

GPU_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu", "intel.com/gpu", "habana.ai/gaudi")
"""The extended resources that count as GPUs without configuration."""


def normalise_deployment_mode(mode: str) -> str:
    """The current spelling of a deployment mode: `RawDeployment` is `Standard`, `Serverless` is `Knative`."""
    return _LEGACY_MODES.get(mode, mode)


class ExplainerImage(KeyModel):
    image: str = ""
    default_image_version: str = ""


class Explainers(KeyModel):
    """Key `explainers`: the image of the ART explainer when a service names none."""

    art: ExplainerImage = ExplainerImage()


class FormatResources(ResourceMembers):
    """What a model of some format gets where its service leaves it open, and the least memory that it may have."""

    memory_floor: str = ""

    @field_validator("memory_floor")
    @classmethod
    def _quantity(cls, amount: str) -> str:
        if amount:
            try:
                quantity.parse(amount)
            except quantity.InvalidQuantity as problem:
                raise ValueError(f'invalid "inferenceService" config - memoryFloor: {problem}') from problem
        return amount


class InferenceServiceDefaults(KeyModel):
    """Key `inferenceService`: default resources, and what is never copied to generated objects.

    `resource_by_model_format` is not KServe's: resources of models by the name of their format.

    `service_annotation_disallowed_list` and `service_label_disallowed_list` hold only what is configured; the whole lists,
    with the built-in entries, are `blocked_annotations` and `blocked_labels`.
    """

    resource: ResourceMembers = ResourceMembers()
    resource_by_model_format: dict[str, FormatResources] = Field(default_factory=dict)
    service_annotation_disallowed_list: list[str] = Field(default_factory=list)
    service_label_disallowed_list: list[str] = Field(default_factory=list)

    def format_resources(self, model_format: str) -> FormatResources | None:
        return self.resource_by_model_format.get(model_format)

    def memory_floor(self, model_format: str) -> str:
        """The least memory of a model of this format; empty for none."""
        found = self.format_resources(model_format)
        return found.memory_floor if found else ""

    @property
    def blocked_annotations(self) -> frozenset[str]:
        return frozenset((*BLOCKED_ANNOTATIONS, *self.service_annotation_disallowed_list))

    @property
    def blocked_labels(self) -> frozenset[str]:
        return frozenset((*BLOCKED_LABELS, *self.service_label_disallowed_list))


class DefaultRollout(KeyModel):
    """Numbers or percentages, empty when not configured; a JSON number is as good as its text."""

    max_surge: IntOrString = ""
    max_unavailable: IntOrString = ""


class RolloutStrategy(KeyModel):
    default_rollout: DefaultRollout | None = None


class Deploy(KeyModel):
    """Key `deploy`: the deployment mode of services that do not name one, and the default rollout of Deployments.

    `default_deployment_mode` is mandatory and one of `Standard`, `Knative`, `ModelMesh`; legacy spellings are normalised.
    """

    default_deployment_mode: str = Field(default="", validate_default=True)
    deployment_rollout_strategy: RolloutStrategy | None = None

    @field_validator("default_deployment_mode")
    @classmethod
    def _known_mode(cls, mode: str) -> str:
        if not mode:
            raise ValueError("invalid deploy config, defaultDeploymentMode is required")
        known = normalise_deployment_mode(mode)
        if known not in _MODES:
            raise ValueError("invalid deployment mode. Supported modes are Knative, Standard and ModelMesh")
        return known

    @property
    def default_rollout(self) -> DefaultRollout | None:
        strategy = self.deployment_rollout_strategy
        return strategy.default_rollout if strategy else None


OciMode = Literal["", "modelcar", "native", "fetch"]


class StorageInitializer(ResourceMembers):
    """Key `storageInitializer`: the init container that downloads models, its CA bundle, and how OCI sources are used."""

    image: str = ""
    cpu_modelcar: str = ""
    memory_modelcar: str = ""
    uid_modelcar: int | None = None
    ca_bundle_config_map_name: str = ""
    ca_bundle_volume_mount_path: str = ""
    enable_modelcar: bool = False
    enable_oci_model_support: bool = False
    oci_model_mode: str = ""
    oci_insecure_registry: bool = False

    DEFAULT_IMAGE: ClassVar[str] = "kserve/storage-initializer:latest"

    @property
    def effective_image(self) -> str:
        return self.image or self.DEFAULT_IMAGE

    @property
    def modelcar_cpu(self) -> str:
        return self.cpu_modelcar or "10m"

    @property
    def modelcar_memory(self) -> str:
        return self.memory_modelcar or "15Mi"

    @property
    def oci_mode(self) -> OciMode:
        """How `oci://` sources reach the model server; empty when they are not enabled."""
        match self.oci_model_mode:
            case "modelcar" | "native" | "fetch" as mode:
                return mode
        return "modelcar" if self.enable_modelcar or self.enable_oci_model_support else ""

    @model_validator(mode="after")
    def _usable(self) -> "StorageInitializer":
        if self.oci_model_mode not in ("", "modelcar", "native", "fetch"):
            raise ValueError(
                f'invalid "storageInitializer".ociModelMode "{self.oci_model_mode}": '
                'must be one of "modelcar", "native", "fetch"'
            )
        for member, amount in (("cpuModelcar", self.cpu_modelcar), ("memoryModelcar", self.memory_modelcar)):
            if amount:
                try:
                    quantity.parse(amount)
                except quantity.InvalidQuantity as problem:
                    raise ValueError(
                        f'failed to parse resource configuration for "storageInitializer"."{member}": {problem}'
                    ) from problem
        return self


class Service(KeyModel):
    """Key `service`: whether the main Service of a raw component is headless."""

    service_cluster_ip_none: bool = Field(default=False, alias="serviceClusterIPNone")


class MultiNode(KeyModel):
    """Key `multiNode`: resource names that count as GPUs besides the well-known ones."""

    custom_gpu_resource_type_list: list[str] = Field(default=[], alias="customGPUResourceTypeList")

    @property
    def gpu_resources(self) -> tuple[str, ...]:
        return (*GPU_RESOURCES, *(name for name in self.custom_gpu_resource_type_list if name not in GPU_RESOURCES))


class OpenTelemetryCollector(KeyModel):
    """Key `opentelemetryCollector`: the collector beside a service that scales on its own metrics."""

    scrape_interval: str = ""
    metric_receiver_endpoint: str = ""
    metric_scaler_endpoint: str = ""
    resource: ResourceMembers = ResourceMembers()


class Autoscaler(KeyModel):
    """Key `autoscaler`: stabilisation windows in seconds, as texts; empty means not configured."""

    scale_up_stabilization_window_seconds: str = ""
    scale_down_stabilization_window_seconds: str = ""


class Security(KeyModel):
    """Key `security`: whether pods get a service account token when the service does not say."""

    auto_mount_service_account_token: bool = False


class LocalModel(KeyModel):
    """Key `localModel`: caching models on nodes. Times are in seconds."""

    enabled: bool = False
    job_namespace: str = ""
    default_job_image: str = ""
    fs_group: int | None = None
    job_ttl_seconds_after_finished: int = Field(default=3600, alias="jobTTLSecondsAfterFinished")
    reconcilation_frequency_in_secs: int = 60
    disable_volume_management: bool = False


class GcsCredentials(KeyModel):
    gcs_credential_file_name: str = ""

    @property
    def file_name(self) -> str:
        return self.gcs_credential_file_name or "gcloud-application-credentials.json"


class S3Credentials(KeyModel):
    """Settings of S3; an empty one sets nothing. The two key names are those of the members of a Secret."""

    s3_access_key_id_name: str = Field(default="", alias="s3AccessKeyIDName")
    s3_secret_access_key_name: str = Field(default="", alias="s3SecretAccessKeyName")
    s3_endpoint: str = Field(default="", alias="s3Endpoint")
    s3_use_https: str = Field(default="", alias="s3UseHttps")
    s3_region: str = Field(default="", alias="s3Region")
    s3_verify_ssl: str = Field(default="", alias="s3VerifySSL")
    s3_use_virtual_bucket: str = Field(default="", alias="s3UseVirtualBucket")
    s3_use_accelerate: str = Field(default="", alias="s3UseAccelerate")
    s3_use_anonymous_credential: str = Field(default="", alias="s3UseAnonymousCredential")
    s3_ca_bundle_config_map: str = Field(default="", alias="s3CABundleConfigMap")
    s3_ca_bundle: str = Field(default="", alias="s3CABundle")

    @property
    def access_key_id_name(self) -> str:
        return self.s3_access_key_id_name or "awsAccessKeyID"

    @property
    def secret_access_key_name(self) -> str:
        return self.s3_secret_access_key_name or "awsSecretAccessKey"


class Credentials(KeyModel):
    """Key `credentials`: where download credentials are found. An empty annotation name turns the annotation off."""

    storage_spec_secret_name: str = ""
    storage_secret_name_annotation: str = ""
    gcs: GcsCredentials = GcsCredentials()
    s3: S3Credentials = S3Credentials()

    @property
    def secret_name(self) -> str:
        return self.storage_spec_secret_name or "storage-config"


class Agent(ResourceMembers):
    """Key `agent`: the side container that logs, batches and pulls models."""

    image: str = ""


class LoggerStorage(KeyModel):
    """Where payload logs are stored, unless the service says otherwise."""

    path: str = ""
    parameters: dict[str, str] = Field(default_factory=dict)
    key: str = ""
    service_account_name: str = ""


class Logger(ResourceMembers):
    """Key `logger`: payload logging."""

    image: str = ""
    default_url: str = ""
    ca_bundle: str = ""
    ca_cert_file: str = ""
    tls_skip_verify: bool = False
    marshaller_url: str = ""
    batch_size: int | None = None
    batch_interval: str = ""
    storage: LoggerStorage | None = None


class Batcher(ResourceMembers):
    """Key `batcher`: defaults of request batching, as texts."""

    image: str = ""
    max_batch_size: str = ""
    max_latency: str = ""


class Router(ResourceMembers):
    """Key `router`: the data plane of an InferenceGraph."""

    image: str = ""
    headers: dict[str, list[str]] = Field(default_factory=dict)
    image_pull_policy: str = ""
    image_pull_secrets: list[str] = Field(default_factory=list)

    @property
    def propagated_headers(self) -> list[str]:
        return self.headers.get("propagate", [])


class MetricsAggregator(KeyModel):
    """Key `metricsAggregator`: texts, of which only `true` means yes."""

    enable_metric_aggregation: str = ""
    enable_prometheus_scraping: str = ""


class Registry(KeyModel):
    """Key `registry`: the MLflow model registry that `models:/…` refers to; no `url`, no registry.

    `secret_name` is that of a Secret in the manager's namespace, with `MLFLOW_TRACKING_TOKEN`, or
    `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`, and perhaps `ca.crt`.
    """

    url: str = ""
    secret_name: str = ""

    @field_validator("url")
    @classmethod
    def _callable(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError(f"registry url must be an http or https URL, not {url.rpartition('@')[2]!r}")
        if parts.username is not None:
            raise ValueError("registry url must not hold credentials: put them into the Secret that secretName names")
        return url
