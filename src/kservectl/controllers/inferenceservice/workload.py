"""What a component is to run, before it becomes objects: the meeting point of the components and the object builders."""

from collections.abc import Mapping
from dataclasses import dataclass

from kservectl.controllers.inferenceservice.component import TRANSFORMER_CONTAINER, Component, Role
from kservectl.controllers.inferenceservice.component_metadata import ComponentMetadata
from kservectl.controllers.inferenceservice.component_status import Readiness
from kservectl.controllers.inferenceservice.runtime_selection import Runtime
from kservectl.objects.metadata import Object


@dataclass(frozen=True, slots=True)
class Workload:
    """One component's objects in the making.

    `pod` is the PodSpec without Kubernetes' defaults, `service_labels` are the InferenceService's labels with those that
    the runtime added, `runtime` is None for a component without one. `worker` are the workers of a predictor on several
    nodes, in a Deployment of their own; `replicas` is a size that nobody else decides about.
    """

    component: Component
    metadata: ComponentMetadata
    pod: Object
    service_labels: Mapping[str, str]
    runtime: Runtime | None = None
    worker: "Workload | None" = None
    replicas: int | None = None

    @property
    def nodes(self) -> "tuple[Workload, ...]":
        """Itself, the head of several nodes, and its workers: each in a Deployment of its own."""
        return (self,) if self.worker is None else (self, self.worker)

    @property
    def port_container(self) -> Object | None:
        """The container that receives requests: a transformer beside the server, else the first one."""
        containers: list[Object] = self.pod.get("containers") or []
        transformer = next((c for c in containers if c.get("name") == TRANSFORMER_CONTAINER), None)
        return transformer if transformer is not None else containers[0] if containers else None


@dataclass(frozen=True, slots=True)
class Deployed:
    """A component with the Service in front of it, and how ready the cluster says it is."""

    workload: Workload
    service: Object
    readiness: Readiness

    @property
    def role(self) -> Role:
        return self.workload.component.role

    @property
    def title(self) -> str:
        """The component's name in messages."""
        return self.role.capitalize()
