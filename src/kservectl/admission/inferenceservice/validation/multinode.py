"""A predictor on several nodes (`workerSpec`): what the head and worker pods can be made of."""

from collections.abc import Iterator

from kservectl.admission.gpu import GPU_TYPES_ANNOTATION, annotated_types, malformed, unknown_resources
from kservectl.admission.inferenceservice.implementations import block, blocks, environment, number
from kservectl.admission.inferenceservice.validation.subject import AUTOSCALER_CLASS, Subject, at
from kservectl.admission.review import FieldError
from kservectl.api.config import Config
from kservectl.objects.metadata import Object

_PARALLEL_SIZES = ("PIPELINE_PARALLEL_SIZE", "TENSOR_PARALLEL_SIZE")
_SCHEMES = ("pvc", "oci", "oci+modelcar", "oci+native", "oci+fetch")


def multinode_errors(subject: Subject, config: Config) -> Iterator[FieldError]:
    """All rules of a multi-node predictor; none without `workerSpec`. Raises ConfigError when the GPU types are broken."""
    worker = block(subject.predictor.spec, "workerSpec")
    if worker is None:
        return
    containers = blocks(worker, "containers")
    if len(containers) > 1:
        yield _error(
            subject, "workerSpec.containers", "setting multiple containers in workerSpec is not allowed; keep one"
        )
    notes = subject.annotations.get(GPU_TYPES_ANNOTATION, "")
    custom = annotated_types(notes) if notes else ()
    if custom is None:
        yield FieldError(at("metadata.annotations", GPU_TYPES_ANNOTATION), malformed(notes))
    known = frozenset((*config.multi_node.gpu_resources, *(custom or ())))
    model = block(subject.predictor.spec, "model")
    if model is not None:
        yield from _model_errors(subject, model, known, check_types=custom is not None)
    for field, label in (
        ("pipelineParallelSize", "WorkerSpec.PipelineParallelSize"),
        ("tensorParallelSize", "WorkerSpec.TensorParallelSize"),
    ):
        size = number(worker, field)
        if size is not None and size < 1:
            yield _error(subject, f"workerSpec.{field}", f"{label} cannot be less than 1({size})")
    for index, container in enumerate(containers if custom is not None else ()):
        yield from _gpu_errors(subject, f"workerSpec.containers[{index}]", container, known)


def _model_errors(subject: Subject, model: Object, known: frozenset[str], *, check_types: bool) -> Iterator[FieldError]:
    for name in _PARALLEL_SIZES:
        if environment(model, name) is not None:
            field = "pipelineParallelSize" if name == _PARALLEL_SIZES[0] else "tensorParallelSize"
            message = f"setting {name} in environment variables is not allowed; use workerSpec.{field}"
            yield _error(subject, "model.env", message)
    if check_types:
        yield from _gpu_errors(subject, "model", model, known)
    uri = model.get("storageUri")
    if not isinstance(uri, str):
        yield _error(subject, "model.storageUri", "StorageURI must be set for multinode enabled")
    elif (scheme := uri.partition("://")[0]) not in _SCHEMES:
        message = f"Multinode only supports 'pvc' and 'oci' Storage Protocol({scheme})"
        yield _error(subject, "model.storageUri", message)
    autoscaler = subject.annotations.get(AUTOSCALER_CLASS, "")
    if autoscaler != "none":
        yield FieldError(
            at("metadata.annotations", AUTOSCALER_CLASS),
            f"{subject.invalid}Multinode only supports 'none' autoscaler({autoscaler})",
        )


def _gpu_errors(subject: Subject, path: str, container: Object, known: frozenset[str]) -> Iterator[FieldError]:
    unknown = unknown_resources(container, known)
    if unknown:
        yield _error(
            subject,
            f"{path}.resources",
            f"Unknown GPU resource type. Set '{GPU_TYPES_ANNOTATION}' annotation to use custom gpu resource type"
            f" ({', '.join(unknown)})",
        )


def _error(subject: Subject, path: str, message: str) -> FieldError:
    return FieldError(f"spec.predictor.{path}" if path else "spec.predictor", subject.invalid + message)
