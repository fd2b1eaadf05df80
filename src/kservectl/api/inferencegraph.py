"""InferenceGraph (serving.kserve.io/v1alpha1): requests on their way through several services.

The same models read what a user wrote and what the router is started with (`--graph-json`).
"""

from typing import Literal

from pydantic import ConfigDict

from kservectl.api.core import Affinity, ResourceRequirements, Tolerations
from kservectl.api.inferenceservice_status import Conditions
from kservectl.api.model import PRESERVE_UNKNOWN, ApiModel, Int32, Int64, Resource

ROOT = "root"
"""The node at which every request enters."""

PROPAGATE_HEADERS = "PROPAGATE_HEADERS"
"""The environment variable of a router that lists which headers go on to the services."""

RouterType = Literal["Sequence", "Splitter", "Ensemble", "Switch"]


class InferenceStep(ApiModel):
    """One step of a node: exactly one of `node_name`, `service_name` and `service_url` says where it leads.

    A router gets steps that name a service together with the URL that was found for it. `timeout` (seconds, also for all of a
    node's steps) and `retries` are kservectl's own.
    """

    name: str | None = None
    node_name: str | None = None
    service_name: str | None = None
    service_url: str | None = None
    data: str | None = None
    map_predictions_to_instances: bool | None = None
    weight: Int64 | None = None
    condition: str | None = None
    dependency: Literal["Soft", "Hard"] | None = None
    timeout: Int64 | None = None
    retries: Int32 | None = None

    @property
    def is_hard(self) -> bool:
        """Whether a failure of this step ends its node."""
        return self.dependency == "Hard"


class InferenceRouter(ApiModel):
    """A node: which of its steps a request takes, and in what order."""

    router_type: RouterType
    steps: list[InferenceStep] | None = None


class RouterTimeouts(ApiModel):
    """Limits of the router, all in seconds."""

    server_read: Int64 | None = None
    server_write: Int64 | None = None
    server_idle: Int64 | None = None
    service_client: Int64 | None = None


class InferenceGraphSpec(ApiModel):
    """The nodes, and how the router in front of them runs."""

    nodes: dict[str, InferenceRouter]
    resources: ResourceRequirements | None = None
    affinity: Affinity | None = None
    timeout: Int64 | None = None
    router_timeouts: RouterTimeouts | None = None
    min_replicas: Int32 | None = None
    max_replicas: Int32 | None = None
    scale_target: Int32 | None = None
    scale_metric: Literal["cpu", "memory", "concurrency", "rps"] | None = None
    tolerations: Tolerations | None = None
    node_selector: dict[str, str] | None = None
    node_name: str | None = None
    service_account_name: str | None = None

    def service_names(self) -> list[str]:
        """The InferenceServices that steps name, each once, in the order of the nodes."""
        steps = (step for node in self.nodes.values() for step in node.steps or ())
        return list(dict.fromkeys(step.service_name for step in steps if step.service_name))


class InferenceGraphStatus(ApiModel):
    """What was observed. `deployment_mode` is decided once and kept."""

    model_config = ConfigDict(json_schema_extra=PRESERVE_UNKNOWN)

    observed_generation: Int64 | None = None
    conditions: Conditions | None = None
    annotations: dict[str, str] | None = None
    url: str | None = None
    deployment_mode: str | None = None


class InferenceGraph(Resource):
    """Sends requests through several InferenceServices: one after the other, one of them, or all at once."""

    spec: InferenceGraphSpec
    status: InferenceGraphStatus | None = None
