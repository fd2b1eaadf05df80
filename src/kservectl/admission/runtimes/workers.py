"""A runtime for several nodes: what its head and worker containers can be."""

from collections.abc import Iterator, Sequence

from kservectl.admission.gpu import GPU_TYPES_ANNOTATION, annotated_types, malformed, unknown_resources
from kservectl.admission.inferenceservice.implementations import SERVER, block, blocks, environment, number, text
from kservectl.admission.review import FieldError
from kservectl.api.config import Config
from kservectl.objects.metadata import Object

_WORKER = "worker-container"
_SIZES = (
    ("PIPELINE_PARALLEL_SIZE", "pipelineParallelSize", "PipelineParallelSize"),
    ("TENSOR_PARALLEL_SIZE", "tensorParallelSize", "TensorParallelSize"),
)


def removal_errors(spec: Object, before: Object, invalid: str) -> Iterator[FieldError]:
    """Services that run on several nodes cannot do without the workers. `invalid` opens every message."""
    if block(before, "workerSpec") is not None and block(spec, "workerSpec") is None:
        message = "removing workerSpec where it already exists is not allowed; make another runtime for single nodes"
        yield FieldError("spec.workerSpec", invalid + message, "FieldValueForbidden")


def worker_errors(spec: Object, config: Config, invalid: str) -> Iterator[FieldError]:
    """All rules of a multi-node runtime; none without `workerSpec`. Raises ConfigError when the GPU types are broken."""
    worker = block(spec, "workerSpec")
    if worker is None:
        return
    containers = blocks(worker, "containers")
    if len(containers) > 1:
        message = "setting multiple containers in workerSpec is not allowed; keep one"
        yield FieldError("spec.workerSpec.containers", invalid + message)
    yield from _environment_errors(spec, invalid)
    yield from _gpu_errors(spec, containers, config, invalid)
    for _, field, label in _SIZES:
        size = number(worker, field)
        if size is not None and size < 1:
            message = f"the WorkerSpec.{label} cannot be less than 1({size})"
            yield FieldError(f"spec.workerSpec.{field}", invalid + message)


def empty_worker_errors(spec: Object) -> Iterator[FieldError]:
    """A worker needs a container."""
    worker = block(spec, "workerSpec")
    if worker is not None and not blocks(worker, "containers"):
        yield FieldError(
            "spec.workerSpec.containers", f"Required value: add a container {_WORKER}", "FieldValueRequired"
        )


def _environment_errors(spec: Object, invalid: str) -> Iterator[FieldError]:
    for index, container in enumerate(blocks(spec, "containers")):
        for name, field, _ in _SIZES if container.get("name") == SERVER else ():
            if environment(container, name) is not None:
                message = f"setting {name} in environment variables is not allowed; use workerSpec.{field}"
                yield FieldError(f"spec.containers[{index}].env", invalid + message, "FieldValueForbidden")


def _gpu_errors(spec: Object, workers: Sequence[Object], config: Config, invalid: str) -> Iterator[FieldError]:
    annotation = text(block(spec, "annotations"), GPU_TYPES_ANNOTATION)
    custom = annotated_types(annotation) if annotation else ()
    if custom is None:
        yield FieldError(f"spec.annotations[{GPU_TYPES_ANNOTATION}]", invalid + malformed(annotation))
        return
    known = frozenset((*config.multi_node.gpu_resources, *custom))
    found = [
        (f"spec.containers[{index}]", container)
        for index, container in enumerate(blocks(spec, "containers"))
        if container.get("name") == SERVER
    ]
    found += [("spec.workerSpec.containers[0]", first) for first in workers[:1] if first.get("name") == _WORKER]
    for path, container in found:
        unknown = unknown_resources(container, known)
        if unknown:
            yield FieldError(
                f"{path}.resources",
                f"{invalid}unknown GPU resource type in a container({container['name']}): {', '.join(unknown)};"
                f" name it in spec.annotations {GPU_TYPES_ANNOTATION}",
            )
