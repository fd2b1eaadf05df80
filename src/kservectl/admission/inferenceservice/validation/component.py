"""What one component must be: exactly one implementation, with settings that make sense."""

from collections.abc import Iterator

from kservectl.admission.inferenceservice.implementations import (
    Implementation,
    block,
    environment,
    number,
    storage_uri,
    text,
)
from kservectl.admission.inferenceservice.validation.storage import storage_spec_errors
from kservectl.admission.inferenceservice.validation.subject import Component
from kservectl.admission.review import FieldError
from kservectl.objects.metadata import Object

_CHOICES = {
    "predictor": (
        "Name, SKLearn, XGBoost, Tensorflow, PyTorch, Triton, ONNX, HuggingFace, PMML, LightGBM, Paddle, Model, StorageUris,"
        " StorageContainerName, WorkerSpec, PodSpec",
        "PredictorSpec",
    ),
    "transformer": ("PodSpec, ComponentExtensionSpec", "TransformerSpec"),
    "explainer": ("ART, PodSpec, ComponentExtensionSpec", "ExplainerSpec"),
}
_WITH_STORAGE_SPEC = frozenset({"tensorflow", "pytorch", "onnx", "huggingface", "pmml", "art"})
_PROTOCOLS = ("v1", "v2", "grpc-v1", "grpc-v2")
_LOGGER_MODES = ("all", "request", "response")
_LOGGER_STORAGE = ("path", "parameters", "key")
_GPU_MESSAGES = {
    "tensorflow": ("Tensorflow RuntimeVersion", ""),
    "pytorch": ("PyTorch RuntimeVersion", ". "),
}


def component_errors(component: Component) -> Iterator[FieldError]:
    """Everything about one component but its scaling."""
    implementation = component.implementation
    if implementation is None:
        yield _not_one(component)
    else:
        yield from implementation_errors(component, implementation)
    yield from extension_errors(component)


def implementation_errors(component: Component, found: Implementation) -> Iterator[FieldError]:
    """The rules of one kind of implementation. A `model` has none: its runtime is chosen later, and may be any image."""
    path = f"{component.path}.{found.path}"
    if found.custom and component.kind == "predictor":
        yield from _protocol_errors(path, found)
    if found.field in _GPU_MESSAGES:
        yield from _gpu_version_errors(path, found)
    if found.field == "onnx":
        yield from _onnx_errors(path, found)
    if found.field in _WITH_STORAGE_SPEC:
        yield from storage_spec_errors(path, found)


def extension_errors(component: Component) -> Iterator[FieldError]:
    """Replicas, concurrency and logging."""
    spec, path = component.spec, component.path
    concurrency = number(spec, "containerConcurrency") or 0
    if concurrency < 0:
        message = f"parallelism cannot be less than 0, and {concurrency} is; use 0 for no limit"
        yield FieldError(f"{path}.containerConcurrency", message)
    yield from _replica_errors(component)
    logger = block(spec, "logger")
    if logger is not None:
        yield from _logger_errors(f"{path}.logger", logger)


def traffic_errors(component: Component) -> Iterator[FieldError]:
    """The share of the newest revision, in Knative mode."""
    percent = number(component.spec, "canaryTrafficPercent")
    if percent is not None and not 0 <= percent <= 100:
        message = f"canaryTrafficPercent must be between 0 and 100, got {percent}"
        yield FieldError(f"{component.path}.canaryTrafficPercent", message)


def _not_one(component: Component) -> FieldError:
    fields, struct = _CHOICES[component.kind]
    found = ", ".join(item.path for item in component.implementations) or "none"
    message = f"exactly one of [{fields}] must be specified in {struct}; found {found}"
    return FieldError(component.path, message, "FieldValueRequired" if found == "none" else "FieldValueInvalid")


def _replica_errors(component: Component) -> Iterator[FieldError]:
    minimum, maximum = number(component.spec, "minReplicas"), number(component.spec, "maxReplicas") or 0
    least = 1 if minimum is None else minimum
    if least < 0:
        yield FieldError(f"{component.path}.minReplicas", f"'MinReplicas' cannot be less than 0, and {least} is")
    if maximum < 0:
        yield FieldError(f"{component.path}.maxReplicas", f"'MaxReplicas' cannot be less than 0, and {maximum} is")
    elif maximum and least > maximum:
        shown = f"{least}" if minimum is not None else f"the default {least}"
        message = f"'MinReplicas' cannot be greater than MaxReplicas, and {shown} is greater than {maximum}"
        yield FieldError(f"{component.path}.minReplicas", message)


def _logger_errors(path: str, logger: Object) -> Iterator[FieldError]:
    mode = logger.get("mode")
    if mode not in _LOGGER_MODES:
        shown = f"[{mode}]" if isinstance(mode, str) else "it is missing"
        message = f"invalid logger type: {shown}; use one of {', '.join(_LOGGER_MODES)}"
        yield FieldError(f"{path}.mode", message, "FieldValueNotSupported")
    storage = block(logger, "storage")
    if storage is not None:
        missing = [name for name in _LOGGER_STORAGE if storage.get(name) is None]
        if missing:
            message = f"invalid logger storage configuration; set {', '.join(missing)} too"
            yield FieldError(f"{path}.storage", message, "FieldValueRequired")


def _protocol_errors(path: str, found: Implementation) -> Iterator[FieldError]:
    protocol = environment(found.block, "PROTOCOL")
    if protocol is not None and protocol not in _PROTOCOLS:
        yield FieldError(
            f"{path}.env",
            f"invalid protocol {protocol}. Must be one of [{', '.join(_PROTOCOLS)}]",
            "FieldValueNotSupported",
        )


def _gpu_version_errors(path: str, found: Implementation) -> Iterator[FieldError]:
    """An image version and the requested resources must agree about GPUs."""
    version = text(found.block, "runtimeVersion")
    if not version:
        return
    limits = block(block(found.block, "resources"), "limits") or {}
    wanted = any(name == "nvidia.com/gpu" or name.startswith("nvidia.com/mig") for name in limits)
    subject, end = _GPU_MESSAGES[found.field]
    if wanted and "-gpu" not in version:
        yield FieldError(f"{path}.runtimeVersion", f"{subject} is not GPU enabled but GPU resources are requested{end}")
    if not wanted and "-gpu" in version:
        yield FieldError(f"{path}.runtimeVersion", f"{subject} is GPU enabled but GPU resources are not requested{end}")


def _onnx_errors(path: str, found: Implementation) -> Iterator[FieldError]:
    _, dot, extension = (storage_uri(found) or "").rpartition("/")[2].rpartition(".")
    if dot and f".{extension}" != ".onnx":
        message = f"expected storageUri file extension: '.onnx' but got '.{extension}'"
        yield FieldError(f"{path}.storageUri", message)
