"""What the components around a predictor know of it and of their service."""

from collections.abc import Mapping
from dataclasses import dataclass

from kservectl.api.config import Config
from kservectl.controllers.inferenceservice import storage_uri
from kservectl.controllers.inferenceservice.component import Component, component_name
from kservectl.controllers.inferenceservice.component_metadata import (
    ComponentMetadata,
    component_annotations,
    component_labels,
    webhook_annotations,
)
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View


@dataclass(frozen=True, slots=True)
class Surrounding:
    """The InferenceService, its labels as the predictor's runtime left them, and the predictor's Service by name.

    `canary` names the canary whose predictor it is; empty for the stable one.
    """

    service: Object
    labels: Mapping[str, str]
    predictor: str
    canary: str = ""

    @property
    def name(self) -> str:
        return metadata.name(self.service)

    @property
    def predictor_host(self) -> str:
        """Where the predictor is called: its Service, named together with its namespace."""
        return f"{self.predictor}.{metadata.namespace(self.service)}"

    def metadata_of(self, component: Component, view: View, config: Config) -> ComponentMetadata:
        """Metadata of a transformer's or explainer's objects; raises CannotDecide for a source it cannot have."""
        if component.storage_uri is not None:
            storage_uri.check(component.storage_uri, view)
        name = component_name(self.name, component.role, self.canary)
        return ComponentMetadata(
            name=name,
            namespace=metadata.namespace(self.service),
            labels=component_labels(name, self.name, component.role, runtime={}, own=self.labels, component=component),
            annotations=component_annotations(
                runtime={},
                own=metadata.annotations(self.service),
                derived=webhook_annotations(component, self.name),
                component=component,
                blocked=config.inference_service.blocked_annotations,
            ),
        )
