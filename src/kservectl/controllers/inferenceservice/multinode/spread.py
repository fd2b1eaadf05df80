"""A single-node predictor made the head of several nodes, with the workers beside it.

Head and workers are told by environment variables how many nodes and GPUs there are and how to find each other; the
start scripts of the runtime do the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kservectl.api.config import Config
from kservectl.api.inferenceservice import ModelSpec, WorkerSpec
from kservectl.controllers.inferenceservice import pod
from kservectl.controllers.inferenceservice.component import MAIN_CONTAINER, WORKER_CONTAINER, Component, component_name
from kservectl.controllers.inferenceservice.component_metadata import (
    APP_LABEL,
    COMPONENT_LABEL,
    SERVICE_LABEL,
    ComponentMetadata,
    app_label,
    component_annotations,
    webhook_annotations,
)
from kservectl.controllers.inferenceservice.failure import INVALID_SPEC, CannotDecide
from kservectl.controllers.inferenceservice.multinode import allocation, gpus, services
from kservectl.controllers.inferenceservice.multinode.allocation import Allocation
from kservectl.controllers.inferenceservice.multinode.services import GENERATION_LABEL
from kservectl.controllers.inferenceservice.runtime_defaults import MODEL_MOUNT_PATH
from kservectl.controllers.inferenceservice.runtime_selection import Runtime
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

WORKER_SPEC_MISSING = "InvalidWorkerSpecNotSet"
EXECUTOR_ANNOTATION = "multinode/executor-backend"

_MULTIPROCESSING = "mp"
_DEFAULT_SIZE = 1


@dataclass(frozen=True, slots=True)
class Sizes:
    """Over how many nodes the model's layers (`pipeline`) and over how many GPUs each layer (`tensor`) is spread."""

    pipeline: int
    tensor: int


def spread(head: Workload, service: Object, model: ModelSpec, meta: Object, config: Config) -> Workload:
    """`head`, the predictor of `service` as one node would run it, with what the nodes need and with its workers.

    `model` has its runtime's defaults, `meta` is the service's metadata as placeholders may use it. Raises CannotDecide,
    or ConfigError for a broken key.
    """
    runtime, workers = head.runtime, head.component.worker_spec
    if runtime is None or workers is None or runtime.spec.get("workerSpec") is None:
        raise not_possible()
    sizes = sizes_of(workers, runtime.spec["workerSpec"])
    generation = str(metadata.generation(service))
    found = _worker_metadata(head, service, generation, config)
    worker_pod = pod.build_worker(workers, model, runtime, meta)

    configured = config.multi_node.gpu_resources
    head_names = gpus.known_names(configured, head.metadata.annotations)
    worker_names = gpus.known_names(configured, found.annotations)
    server = _container(head.pod, MAIN_CONTAINER)
    worker = _container(worker_pod, WORKER_CONTAINER)
    allocated = _allocated(
        runtime, sizes, head=gpus.requested(server, head_names), worker=gpus.requested(worker, worker_names)
    )
    server = _with_env(
        gpus.with_gpus(server, head_names, allocated.head_gpus), _head_env(head, sizes, allocated, service)
    )
    worker = _with_env(
        gpus.with_gpus(worker, worker_names, allocated.worker_gpus),
        _worker_env(head, sizes, allocated, service, generation),
    )
    return replace(
        head,
        metadata=replace(head.metadata, labels={**head.metadata.labels, GENERATION_LABEL: generation}),
        pod=_with_container(head.pod, server),
        worker=Workload(
            component=head.component,
            metadata=found,
            pod=_with_container(worker_pod, worker),
            service_labels=head.service_labels,
            runtime=runtime,
            replicas=allocated.workers,
        ),
    )


def not_possible() -> CannotDecide:
    """There is no runtime, or none that says how to run workers."""
    return CannotDecide(
        "you cannot set WorkerSpec in the InferenceService if the ServingRuntime does not have a WorkerSpec",
        reason=WORKER_SPEC_MISSING,
        next_step="Remove spec.predictor.workerSpec, or name a runtime with a workerSpec in spec.predictor.model.runtime.",
    )


def sizes_of(workers: WorkerSpec, recipe: Object) -> Sizes:
    """The service's sizes, else the runtime's, else 1; raises CannotDecide for less than one."""

    def size(field: str, own: int | None) -> int:
        default = recipe.get(field)
        found = own if own is not None else int(default) if default is not None else _DEFAULT_SIZE
        if found < 1:
            raise CannotDecide(
                f"WorkerSpec.{field[0].upper()}{field[1:]} cannot be less than 1({found})",
                reason=allocation.INVALID,
                next_step=f"Set spec.predictor.workerSpec.{field} to 1 or more.",
            )
        return found

    return Sizes(
        size("pipelineParallelSize", workers.pipeline_parallel_size),
        size("tensorParallelSize", workers.tensor_parallel_size),
    )


def _allocated(runtime: Runtime, sizes: Sizes, *, head: int, worker: int) -> Allocation:
    if (runtime.spec.get("annotations") or {}).get(EXECUTOR_ANNOTATION) == _MULTIPROCESSING:
        return allocation.by_stage(pipeline=sizes.pipeline, tensor=sizes.tensor)
    return allocation.by_requests(pipeline=sizes.pipeline, tensor=sizes.tensor, head=head, worker=worker)


def _head_env(head: Workload, sizes: Sizes, allocated: Allocation, service: Object) -> Mapping[str, str]:
    env = {
        "PIPELINE_PARALLEL_SIZE": str(sizes.pipeline),
        "TENSOR_PARALLEL_SIZE": str(sizes.tensor),
        "RAY_NODE_COUNT": str(allocated.nodes),
        "REQUEST_GPU_COUNT": str(allocated.head_gpus),
        "MODEL_NAME": metadata.name(service),
    }
    if (head.component.storage_uri or "").partition("://")[0] in ("pvc", "oci"):
        env["MODEL_DIR"] = MODEL_MOUNT_PATH
    return env


def _worker_env(
    head: Workload, sizes: Sizes, allocated: Allocation, service: Object, generation: str
) -> Mapping[str, str]:
    return {
        "RAY_NODE_COUNT": str(allocated.nodes),
        "REQUEST_GPU_COUNT": str(allocated.worker_gpus),
        "PIPELINE_PARALLEL_SIZE": str(sizes.pipeline),
        "TENSOR_PARALLEL_SIZE": str(sizes.tensor),
        "ISVC_NAME": metadata.name(service),
        "HEAD_SVC": services.head_name(head.metadata.name, generation),
        "WORKER_SVC": services.worker_name(head.metadata.name, generation),
    }


def _worker_metadata(head: Workload, service: Object, generation: str, config: Config) -> ComponentMetadata:
    """The runtime's own part of it is taken as it is: the lists of what is blocked concern what users write."""
    recipe: Object = (head.runtime.spec if head.runtime is not None else {}).get("workerSpec") or {}
    component = head.component
    return ComponentMetadata(
        # Without the predictor's own name, as KServe calls it; the pods' label has it.
        name=f"{component_name(metadata.name(service), 'predictor')}-worker",
        namespace=head.metadata.namespace,
        labels={
            **(recipe.get("labels") or {}),
            **head.service_labels,
            **component.labels,
            GENERATION_LABEL: generation,
            SERVICE_LABEL: metadata.name(service),
            COMPONENT_LABEL: component.role,
            APP_LABEL: app_label(f"{head.metadata.name}-worker"),
        },
        annotations={
            **(recipe.get("annotations") or {}),
            **component_annotations(
                runtime={},
                own=metadata.annotations(service),
                derived=webhook_annotations(_without_requests(component), metadata.name(service)),
                component=component,
                blocked=config.inference_service.blocked_annotations,
            ),
        },
    )


def _without_requests(component: Component) -> Component:
    """`component` less what is done to requests, of which workers see none: an agent beside them would never be ready."""
    return replace(component, spec=component.spec.model_copy(update={"logger": None, "batcher": None}))


def _container(spec: Object, name: str) -> Object:
    """The container of this name; raises CannotDecide where the service calls it otherwise."""
    for container in spec["containers"]:
        if container.get("name") == name:
            found: Object = container
            return found
    raise CannotDecide(
        f"target container({name}) does not exist",
        reason=INVALID_SPEC,
        next_step="Remove name from the model: the head's container has to be called as the runtime calls it.",
    )


def _with_container(spec: Object, changed: Object) -> Object:
    containers = [changed if found.get("name") == changed["name"] else found for found in spec["containers"]]
    return {**spec, "containers": containers}


def _with_env(container: Object, variables: Mapping[str, str]) -> Object:
    for name, value in variables.items():
        container = pod.set_env(container, name, value)
    return container
