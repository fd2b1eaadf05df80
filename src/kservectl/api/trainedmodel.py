"""TrainedModel (serving.kserve.io/v1alpha1): one of the models of an InferenceService that serves several."""

from pydantic import ConfigDict

from kservectl.api.core import Quantity
from kservectl.api.inferenceservice_status import Addressable, Conditions
from kservectl.api.model import PRESERVE_UNKNOWN, ApiModel, Int64, Resource

DOWNLOADABLE = ("s3://", "gs://", "https://", "http://")
"""What the agent beside a multi-model server can download from."""


class TrainedModelModelSpec(ApiModel):
    """Where the model is, what it was made with, and how much memory it takes."""

    storage_uri: str
    framework: str
    memory: Quantity


class TrainedModelSpec(ApiModel):
    """The model, and the InferenceService of the same namespace that is to serve it."""

    inference_service: str
    model: TrainedModelModelSpec


class TrainedModelLineage(ApiModel):
    """What serves the model: the ConfigMap with its entry, the runtime, and the state of the service it was handed to."""

    config_map: str | None = None
    serving_runtime_name: str | None = None
    cluster_serving_runtime_name: str | None = None
    inference_service_generation: Int64 | None = None
    revision: str | None = None


class RegisteredModel(ApiModel):
    """What a model registry said about `reference`, the model's storageUri."""

    reference: str
    name: str
    version: str
    storage_uri: str
    run_id: str | None = None


class TrainedModelStatus(ApiModel):
    """What was observed."""

    model_config = ConfigDict(json_schema_extra=PRESERVE_UNKNOWN)

    observed_generation: Int64 | None = None
    conditions: Conditions | None = None
    annotations: dict[str, str] | None = None
    url: str | None = None
    address: Addressable | None = None
    lineage: TrainedModelLineage | None = None
    registered_model: RegisteredModel | None = None


class TrainedModel(Resource):
    """A model that is loaded into a running InferenceService, beside others."""

    spec: TrainedModelSpec
    status: TrainedModelStatus | None = None
