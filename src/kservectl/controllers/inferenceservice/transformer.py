"""The transformer: the user's container in front of the predictor, told where the predictor is."""

from kservectl.api.config import Config
from kservectl.controllers.inferenceservice import arguments, pod
from kservectl.controllers.inferenceservice.component import Component
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.predictor import SERVICE_NAME_ENV
from kservectl.controllers.inferenceservice.surrounding import Surrounding
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.runtime.view import View


def build(component: Component, around: Surrounding, view: View, config: Config) -> Workload:
    """What the transformer `component` is to run; raises CannotDecide, or ConfigError for a broken key."""
    if not component.containers:
        raise CannotDecide(
            "the transformer has no container",
            next_step="Set spec.transformer.containers to the container that transforms requests.",
        )
    first, *others = component.containers
    args = list(first.get("args") or ())
    workers = component.spec.container_concurrency
    args += arguments.connection(args, service=around.name, predictor_host=around.predictor_host, workers=workers)
    server = pod.set_env({**first, "args": args}, SERVICE_NAME_ENV, around.name)
    return Workload(
        component=component,
        metadata=around.metadata_of(component, view, config),
        pod={**component.pod, "containers": [server, *others]},
        service_labels=around.labels,
    )
