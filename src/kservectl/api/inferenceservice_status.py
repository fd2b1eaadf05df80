"""The status of an InferenceService: conditions, addresses, components, and how far the model has come."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from kservectl.api.model import ATOMIC, PRESERVE_UNKNOWN, ApiModel, Int32, Int64, Timestamp, list_map

TransitionStatus = Literal["", "UpToDate", "InProgress", "BlockedByFailedLoad", "InvalidSpec"]
ModelState = Literal["", "Pending", "Standby", "Loading", "Loaded", "FailedToLoad"]
FailureReason = Literal[
    "ModelLoadFailed",
    "RuntimeUnhealthy",
    "RuntimeDisabled",
    "NoSupportingRuntime",
    "RuntimeNotRecognized",
    "InvalidPredictorSpec",
]


class Condition(ApiModel):
    """One aspect of readiness, in the form that Knative gave it; `severity` is empty for an error."""

    type: str
    status: str
    severity: str | None = None
    reason: str | None = None
    message: str | None = None
    last_transition_time: str | None = None


Conditions = Annotated[list[Condition], Field(json_schema_extra=list_map("type"))]


class Addressable(ApiModel):
    """Where something can be called."""

    name: str | None = None
    url: str | None = None
    ca_certs: str | None = Field(default=None, alias="CACerts")
    audience: str | None = None


class TrafficTarget(ApiModel):
    """The share of a Knative revision."""

    configuration_name: str | None = None
    revision_name: str | None = None
    latest_revision: bool | None = None
    percent: Int64 | None = None
    tag: str | None = None
    url: str | None = None


class ComponentStatus(ApiModel):
    """Revisions and addresses of one component."""

    latest_ready_revision: str | None = None
    latest_created_revision: str | None = None
    previous_rolledout_revision: str | None = None
    latest_rolledout_revision: str | None = None
    traffic: list[TrafficTarget] | None = None
    url: str | None = None
    rest_url: str | None = None
    grpc_url: str | None = None
    address: Addressable | None = None


class ModelStates(ApiModel):
    """What is being served and what is wanted."""

    active_model_state: Annotated[ModelState, Field(json_schema_extra={"default": "Pending"})]
    target_model_state: Annotated[ModelState, Field(json_schema_extra={"default": ""})] | None = None


class ModelCopies(ApiModel):
    """How many copies of the model there are."""

    failed_copies: Annotated[int, Field(json_schema_extra={"default": 0})]
    total_copies: int | None = None


class FailureInfo(ApiModel):
    """The last failure: where (the pod), when, why."""

    location: str | None = None
    reason: FailureReason | None = None
    message: str | None = None
    model_revision_name: str | None = None
    time: Timestamp | None = None
    exit_code: Int32 | None = None


class ModelStatus(ApiModel):
    """How far the predictor's model has come."""

    transition_status: Annotated[TransitionStatus, Field(json_schema_extra={"default": "UpToDate"})]
    states: ModelStates | None = None
    copies: ModelCopies | None = None
    last_failure_info: FailureInfo | None = None


class CanaryStatus(ApiModel):
    """One canary: whether it is ready, what share it gets, and where it can be tried without that."""

    name: str
    ready: bool
    traffic_percent: Int32
    model_status: ModelStatus | None = None
    url: str | None = None


class InferenceServiceStatus(ApiModel):
    """What was observed. `deployment_mode` is decided once and kept."""

    model_config = ConfigDict(json_schema_extra=PRESERVE_UNKNOWN)

    observed_generation: Int64 | None = None
    conditions: Conditions | None = None
    annotations: dict[str, str] | None = None
    address: Addressable | None = None
    url: str | None = None
    components: dict[str, ComponentStatus] | None = None
    model_status: ModelStatus | None = None
    canary_statuses: Annotated[list[CanaryStatus], Field(json_schema_extra=ATOMIC)] | None = None
    deployment_mode: str | None = None
    serving_runtime_name: str | None = None
    cluster_serving_runtime_name: str | None = None

    def condition(self, type_: str) -> Condition | None:
        return next((condition for condition in self.conditions or () if condition.type == type_), None)
