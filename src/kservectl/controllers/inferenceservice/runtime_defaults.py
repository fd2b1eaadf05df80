"""What a chosen runtime's model server adds to the model: a protocol, environment variables, an argument, a label.

The result lives in memory for the one decision; it is never written back to the InferenceService.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kservectl.api.inferenceservice import ModelSpec
from kservectl.controllers.inferenceservice.runtime_selection import Runtime
from kservectl.controllers.inferenceservice.server_type import server_type_of

MODEL_MOUNT_PATH = "/mnt/models"

_MODEL_CLASSES = {
    "xgboost": "mlserver_xgboost.XGBoostModel",
    "lightgbm": "mlserver_lightgbm.LightGBMModel",
    "mlflow": "mlserver_mlflow.MLflowRuntime",
}
_DEFAULT_MODEL_CLASS = "mlserver_sklearn.SKLearnModel"


@dataclass(frozen=True, slots=True)
class Defaulted:
    """A model with its runtime's defaults, and the labels that the service has for placeholders and children."""

    model: ModelSpec
    labels: Mapping[str, str]


def apply_defaults(model: ModelSpec, labels: Mapping[str, str], runtime: Runtime, service_name: str) -> Defaulted:
    """`model` and `labels` (the service's) as the decision sees them from now on."""
    match server_type_of(runtime.object):
        case "mlserver":
            model = _with_protocol(_mlserver(model, service_name), "v2")
            labels = {**labels, "modelClass": _MODEL_CLASSES.get(model.model_format.name, _DEFAULT_MODEL_CLASS)}
        case "torchserve":
            model = _with_protocol(model, "v1")
            protocol = model.protocol_version or ""
            model = _with_env(model, "PROTOCOL_VERSION", protocol, keep=False)
            labels = {**labels, "serviceEnvelope": "kservev2" if protocol in ("v2", "grpc-v2") else "kserve"}
        case "tritonserver":
            model = _with_protocol(model, "v2")
            if not _has_source(model):
                model = model.model_copy(update={"args": [*(model.args or ()), "--model-control-mode=explicit"]})
    return Defaulted(_with_protocol(model, runtime.best_protocol), labels)


def _mlserver(model: ModelSpec, service_name: str) -> ModelSpec:
    if not _has_source(model):
        return _with_env(model, "MLSERVER_LOAD_MODELS_AT_STARTUP", "false", keep=True)
    model = _with_env(model, "MLSERVER_MODEL_NAME", service_name, keep=True)
    return _with_env(model, "MLSERVER_MODEL_URI", MODEL_MOUNT_PATH, keep=True)


def _has_source(model: ModelSpec) -> bool:
    return model.storage_uri is not None or model.storage is not None


def _with_protocol(model: ModelSpec, protocol: str) -> ModelSpec:
    return model.model_copy(update={"protocol_version": protocol}) if model.protocol_version is None else model


def _with_env(model: ModelSpec, name: str, value: str, *, keep: bool) -> ModelSpec:
    """`model` with the variable appended; with `keep` an entry of that name stays the only one."""
    entries = list(model.env or ())
    if keep and any(entry.get("name") == name for entry in entries):
        return model
    return model.model_copy(update={"env": [*entries, {"name": name, "value": value}]})
