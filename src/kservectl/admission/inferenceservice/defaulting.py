"""Fills in what an InferenceService leaves open, before it is stored.

Pure and idempotent: the same object and configuration give the same answer, and its own answer passes unchanged. It sets
only what is absent, with two exceptions that KServe has too: old spellings of the deployment mode are rewritten, and a
framework field from before `model` (`sklearn:` …) becomes a `model`. On an update it also takes the place of the `model` that
an earlier one became: that is what a client leaves that patches or applies its manifest of the old style again. What makes
no sense (two frameworks, a framework beside a model in a new object, wrong types) is left for validation to refuse.
"""

import copy
from collections.abc import Sequence
from typing import Any

from kservectl.admission.inferenceservice import local_model
from kservectl.admission.inferenceservice.implementations import (
    SERVER,
    block,
    blocks,
    frameworks,
    implementations,
    predictor_storage_uri,
    server_index,
    text,
)
from kservectl.admission.inferenceservice.local_model import LocalModelCaches
from kservectl.admission.inferenceservice.resources import default_resources
from kservectl.api.config import Config
from kservectl.api.config_keys import MODEL_MESH, STANDARD, normalise_deployment_mode
from kservectl.modelstorage.local_model import NODE_GROUP_ANNOTATION, OPT_OUT_ANNOTATION
from kservectl.objects.metadata import Object

FINALIZER = "inferenceservice.finalizers"
"""Set here on creation, so that the controller needs no write of its own for it."""

DEPLOYMENT_MODE_ANNOTATION = "serving.kserve.io/deploymentMode"
MODEL_FORMAT_ANNOTATION = "modelFormat"

_COMPONENTS = ("predictor", "transformer", "explainer")
_V2_FRAMEWORKS = frozenset({"triton", "onnx", "huggingface"})
_V2_FORMATS = frozenset({"triton", "vLLM"})


def default(obj: Object, config: Config, *, creating: bool = False, caches: LocalModelCaches | None = None) -> Object:
    """`obj` with every default filled in; `obj` itself stays as it is.

    `creating` adds the controller's finalizer; `caches` are the model caches this service may use. Raises ConfigError when
    a configuration key that is needed cannot be read.
    """
    answer = copy.deepcopy(obj)
    if not isinstance(answer.get("metadata"), dict):
        answer["metadata"] = {}
    spec = block(answer, "spec") or {}
    mode = _default_mode(answer, config)
    if creating:
        _add_finalizer(answer["metadata"])
    if mode != MODEL_MESH:
        _default_model(answer, spec, replacing=not creating)
        _default_model_resources(block(block(spec, "predictor"), "model"), config)
    _default_components(spec, config, skip_predictor=mode == MODEL_MESH)
    _default_local_model(answer, spec, config, caches or LocalModelCaches())
    _default_token(spec, config)
    return answer


def _default_mode(obj: Object, config: Config) -> str:
    """Write the deployment mode where the object or the configuration asks for one; answer the mode in force, or ""."""
    annotations = block(obj["metadata"], "annotations") or {}
    if DEPLOYMENT_MODE_ANNOTATION in annotations:
        mode = normalise_deployment_mode(text(annotations, DEPLOYMENT_MODE_ANNOTATION))
    else:
        # A service keeps the mode in which it runs: writing another one here would have its next update refused.
        running = normalise_deployment_mode(text(block(obj, "status"), "deploymentMode"))
        mode = running or config.deploy.default_deployment_mode
        if mode not in {STANDARD, MODEL_MESH}:
            return mode
    if mode != annotations.get(DEPLOYMENT_MODE_ANNOTATION):
        obj["metadata"]["annotations"] = annotations | {DEPLOYMENT_MODE_ANNOTATION: mode}
    return mode


def _add_finalizer(meta: Object) -> None:
    finalizers = meta.get("finalizers") or []
    if isinstance(finalizers, list) and FINALIZER not in finalizers:
        meta["finalizers"] = [*finalizers, FINALIZER]


def _default_model(obj: Object, spec: Object, *, replacing: bool) -> None:
    predictor = block(spec, "predictor")
    if predictor is not None:
        _default_predictor_model(predictor, replacing=replacing)
        model_format = text(block(block(predictor, "model"), "modelFormat"), "name")
        annotations = block(obj["metadata"], "annotations") or {}
        if model_format and MODEL_FORMAT_ANNOTATION not in annotations:
            obj["metadata"]["annotations"] = annotations | {MODEL_FORMAT_ANNOTATION: model_format}
    for canary in _canaries(spec):
        _default_predictor_model(canary, replacing=replacing)


def _default_predictor_model(predictor: Object, *, replacing: bool) -> None:
    """Turn the one framework field into a `model`, and give a `model` the protocol that its format is known for."""
    found = frameworks(predictor)
    if replacing and len(found) > 1:
        found = [each for each in found if each.field != "model"]
    if len(found) == 1 and found[0].field != "model":
        framework = found[0].field
        model = {"modelFormat": {"name": framework}} | predictor.pop(framework)
        if framework in _V2_FRAMEWORKS:
            _set_if_absent(model, "protocolVersion", "v2")
        predictor["model"] = model
    model_block = block(predictor, "model")
    if model_block is not None and text(block(model_block, "modelFormat"), "name") in _V2_FORMATS:
        _set_if_absent(model_block, "protocolVersion", "v2")


def _default_model_resources(model: Object | None, config: Config) -> None:
    """What is configured for the model's format. (A canary has what the stable predictor has.)"""
    found = config.inference_service.format_resources(text(block(model, "modelFormat"), "name")) if model else None
    if model is not None and found is not None:
        default_resources(model, found)


def _default_components(spec: Object, config: Config, *, skip_predictor: bool) -> None:
    for component in _COMPONENTS:
        body = block(spec, component)
        if body is None:
            continue
        _default_logger(body)
        if not (component == "predictor" and skip_predictor):
            _default_implementation(component, body, config)
    for canary in _canaries(spec):
        _default_logger(canary)
        if not skip_predictor:
            _default_implementation("predictor", canary, config)


def _default_implementation(component: str, body: Object, config: Config) -> None:
    found = implementations(component, body)
    if len(found) != 1 or found[0].field == "model":
        return
    if found[0].custom:
        container = _name_server(component, blocks(body, "containers"))
    else:
        container = found[0].block
        container["name"] = SERVER
        if component == "explainer" and container.get("runtimeVersion") is None:
            container["runtimeVersion"] = config.explainers.art.default_image_version
    default_resources(container, config.inference_service.resource)


def _name_server(component: str, containers: Sequence[Object]) -> Object:
    """Give the serving container its name where KServe does: a lone one, an unnamed one, and any but a predictor's."""
    server = containers[server_index(containers)]
    if component != "predictor" or len(containers) == 1 or not server.get("name"):
        server["name"] = SERVER
    return server


def _default_logger(body: Object) -> None:
    logger = block(body, "logger")
    if logger is not None:
        _set_if_absent(logger, "mode", "all")


def _default_local_model(obj: Object, spec: Object, config: Config, caches: LocalModelCaches) -> None:
    annotations = block(obj["metadata"], "annotations") or {}
    found = None
    if OPT_OUT_ANNOTATION not in annotations and config.local_model.enabled:
        uri = predictor_storage_uri(block(spec, "predictor"))
        found = local_model.cached_model(uri, text(annotations, NODE_GROUP_ANNOTATION), caches)
    local_model.mark(obj["metadata"], found)


def _default_token(spec: Object, config: Config) -> None:
    # Canaries inherit it from the stable predictor.
    if config.security.auto_mount_service_account_token:
        return
    for component in _COMPONENTS:
        body = block(spec, component)
        if body is not None:
            _set_if_absent(body, "automountServiceAccountToken", False)


def _canaries(spec: Object) -> list[Object]:
    return [body for canary in blocks(spec, "canary") if (body := block(canary, "predictor")) is not None]


def _set_if_absent(body: Object, field: str, value: Any) -> None:
    if body.get(field) is None:
        body[field] = value
