"""InferenceService (serving.kserve.io/v1beta1): a model behind a URL."""

from typing import Annotated

from pydantic import Field

from kservectl.api.component import ComponentFields, ModelStorageSpec, StorageUris
from kservectl.api.inferenceservice_status import InferenceServiceStatus
from kservectl.api.model import ATOMIC, ApiModel, Int32, Resource
from kservectl.api.pod import ContainerFields, PodFields

PREDICTOR_NAME_PATTERN = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"

FRAMEWORKS = (
    "xgboost",
    "pytorch",
    "triton",
    "sklearn",
    "tensorflow",
    "onnx",
    "pmml",
    "lightgbm",
    "paddle",
    "huggingface",
)
"""The legacy fields of a predictor, each named after a model format, in the order in which the first one set wins."""

_V2_FRAMEWORKS = ("triton", "huggingface")


class Confidential(ApiModel):
    """Running the model in a confidential environment; `resource_id` names the key (`kbs:///repo/type/tag`)."""

    enabled: bool
    resource_id: str | None = None


class ModelFormat(ApiModel):
    """The format a model was saved in, optionally with its version."""

    name: str
    version: str | None = None


class PredictorExtensionSpec(ContainerFields):
    """A model for a model server, with overrides for the server's container inline."""

    storage_uri: str | None = None
    runtime_version: str | None = None
    protocol_version: str | None = None
    storage: ModelStorageSpec | None = None
    confidential: Confidential | None = None


class ModelSpec(PredictorExtensionSpec):
    """A model of any format; the runtime is found by the format unless it is named."""

    model_format: ModelFormat
    runtime: str | None = None

    @property
    def effective_protocol(self) -> str:
        return self.protocol_version or "v1"


class WorkerSpec(PodFields):
    """The workers of a multi-node predictor."""

    pipeline_parallel_size: int | None = None
    tensor_parallel_size: int | None = None


class PredictorSpec(PodFields, ComponentFields):
    """The component that serves the model: a `model`, a legacy framework field, or containers of one's own."""

    name: Annotated[str, Field(pattern=PREDICTOR_NAME_PATTERN)] | None = None
    sklearn: PredictorExtensionSpec | None = None
    xgboost: PredictorExtensionSpec | None = None
    tensorflow: PredictorExtensionSpec | None = None
    pytorch: PredictorExtensionSpec | None = None
    triton: PredictorExtensionSpec | None = None
    onnx: PredictorExtensionSpec | None = None
    huggingface: PredictorExtensionSpec | None = None
    pmml: PredictorExtensionSpec | None = None
    lightgbm: PredictorExtensionSpec | None = None
    paddle: PredictorExtensionSpec | None = None
    model: ModelSpec | None = None
    storage_uris: StorageUris | None = None
    storage_container_name: str | None = None
    worker_spec: WorkerSpec | None = None

    def frameworks(self) -> dict[str, PredictorExtensionSpec]:
        """The legacy framework fields that are set, in the order of `FRAMEWORKS`."""
        found: dict[str, PredictorExtensionSpec] = {}
        for name in FRAMEWORKS:
            spec = getattr(self, name)
            if spec is not None:
                found[name] = spec
        return found

    def implementation(self) -> PredictorExtensionSpec | None:
        """The first framework field that is set, else `model`, else None (a predictor of containers)."""
        return next(iter(self.frameworks().values()), self.model)


def framework_protocol(framework: str, spec: PredictorExtensionSpec) -> str:
    """The protocol that a legacy framework field speaks: what it says, else the framework's default."""
    return spec.protocol_version or ("v2" if framework in _V2_FRAMEWORKS else "v1")


class TransformerSpec(PodFields, ComponentFields):
    """The component in front of the predictor: containers that prepare requests and finish answers."""

    storage_uris: StorageUris | None = None


class ArtExplainerSpec(ContainerFields):
    """The explainer that KServe ships, made with the Adversarial Robustness Toolbox."""

    type: str | None = None
    storage_uri: str | None = None
    runtime_version: str | None = None
    config: dict[str, str] | None = None
    storage: ModelStorageSpec | None = None


class ExplainerSpec(PodFields, ComponentFields):
    """The component that explains predictions; it calls the predictor."""

    art: ArtExplainerSpec | None = None
    storage_uris: StorageUris | None = None


class CanarySpec(ApiModel):
    """A second version of the predictor that takes a share of the traffic; 0 deploys it without any."""

    predictor: PredictorSpec
    traffic_percent: Annotated[Int32, Field(ge=0, le=100)]


class InferenceServiceSpec(ApiModel):
    """What to serve."""

    predictor: PredictorSpec
    transformer: TransformerSpec | None = None
    explainer: ExplainerSpec | None = None
    canary: Annotated[list[CanarySpec], Field(json_schema_extra=ATOMIC)] | None = None


class InferenceService(Resource):
    """Serves a model over HTTP or gRPC, with optional transformation and explanation."""

    spec: InferenceServiceSpec
    status: InferenceServiceStatus | None = None
