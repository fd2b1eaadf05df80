"""The workload of one component, in whichever mode it is to run."""

from kservectl.api.config import Config
from kservectl.controllers.inferenceservice import explainer, predictor, transformer
from kservectl.controllers.inferenceservice.component import Component
from kservectl.controllers.inferenceservice.surrounding import Surrounding
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View


def build(service: Object, component: Component, first: Workload | None, view: View, config: Config) -> Workload:
    """What `component` of `service` runs; `first` is the predictor's, for the components around it.

    Raises CannotDecide or ConfigError.
    """
    if first is None:
        return predictor.build(service, component, view, config)
    around = Surrounding(service, first.service_labels, first.metadata.name)
    build_around = transformer.build if component.role == "transformer" else explainer.build
    return build_around(component, around, view, config)
