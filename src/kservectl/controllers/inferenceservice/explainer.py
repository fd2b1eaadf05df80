"""The explainer: the user's own container, or the one that KServe ships, told where the predictor is."""

from kservectl.api.config import Config
from kservectl.api.config_keys import ExplainerImage
from kservectl.api.inferenceservice import ArtExplainerSpec
from kservectl.controllers.inferenceservice import arguments, pod
from kservectl.controllers.inferenceservice.component import MAIN_CONTAINER, Component
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.predictor import SERVICE_NAME_ENV
from kservectl.controllers.inferenceservice.runtime_defaults import MODEL_MOUNT_PATH
from kservectl.controllers.inferenceservice.surrounding import Surrounding
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View


def build(component: Component, around: Surrounding, view: View, config: Config) -> Workload:
    """What the explainer `component` is to run; raises CannotDecide, or ConfigError for a broken key."""
    if component.art is not None:
        server = _art(component.art, component, around, config.explainers.art)
    else:
        server = _custom(component, around)
    return Workload(
        component=component,
        metadata=around.metadata_of(component, view, config),
        pod={
            **component.pod,
            "containers": [pod.set_env(server, SERVICE_NAME_ENV, around.name), *component.containers[1:]],
        },
        service_labels=around.labels,
    )


def _custom(component: Component, around: Surrounding) -> Object:
    if not component.containers:
        raise CannotDecide(
            "the explainer has neither art nor a container",
            next_step="Set spec.explainer.art, or spec.explainer.containers to the container that explains.",
        )
    first = component.containers[0]
    args = list(first.get("args") or ())
    args += arguments.connection(
        args,
        service=around.name,
        predictor_host=around.predictor_host,
        workers=component.spec.container_concurrency,
        always_port=True,
    )
    return {**first, "args": args}


def _art(art: ArtExplainerSpec, component: Component, around: Surrounding, default: ExplainerImage) -> Object:
    own = list(art.args or ())
    args = [arguments.MODEL_NAME, around.name, arguments.HTTP_PORT, "8080"]
    if not arguments.is_given(arguments.PREDICTOR_HOST, own):
        args += [arguments.PREDICTOR_HOST, around.predictor_host]
    workers = component.spec.container_concurrency
    if workers is not None and not arguments.is_given(arguments.WORKERS, own):
        args += [arguments.WORKERS, str(workers)]
    if art.storage_uri is not None:
        args += ["--storage_uri", MODEL_MOUNT_PATH]
    args += ["--adversary_type", art.type or ""]
    for key, value in sorted((art.config or {}).items()):
        args += [f"--{key}", value]
    image = art.image or f"{default.image}:{art.runtime_version or default.default_image_version}"
    return {**art.container(), "name": MAIN_CONTAINER, "image": image, "args": [*args, *own]}
