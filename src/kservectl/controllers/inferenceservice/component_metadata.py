"""Name, labels and annotations that all objects of a component share.

What the service and its parts carry is copied, later sources over earlier ones, less the annotations that are blocked; what
the pod webhook needs to know about storage, logging and batching is added as annotations.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from kservectl.api import networking_choices
from kservectl.controllers.inferenceservice.component import Component, Role
from kservectl.controllers.inferenceservice.failure import INVALID_SPEC, CannotDecide
from kservectl.objects.metadata import Object

INTERNAL = "internal.serving.kserve.io/"
SERVICE_LABEL = "serving.kserve.io/inferenceservice"
COMPONENT_LABEL = "component"
APP_LABEL = "app"
SOURCE_URI_ANNOTATION = INTERNAL + "storage-initializer-sourceuri"


@dataclass(frozen=True, slots=True)
class ComponentMetadata:
    """Metadata of every object of one component; `labels` include the one that its selector asks for."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def selector(self) -> dict[str, str]:
        return {APP_LABEL: self.labels[APP_LABEL]}

    def to_wire(self) -> Object:
        """A `metadata` map of its own, empty maps left out."""
        wire: Object = {"name": self.name, "namespace": self.namespace, "labels": dict(self.labels)}
        if self.annotations:
            wire["annotations"] = dict(self.annotations)
        return wire


def app_label(component_name: str) -> str:
    """The value of the `app` label that pods of a component carry."""
    return f"isvc.{component_name}"


def component_labels(
    name: str, service: str, role: Role, *, runtime: Mapping[str, str], own: Mapping[str, str], component: Component
) -> dict[str, str]:
    """Labels of a component's objects: runtime's, then the service's (`own`), then the component's, then KServe's."""
    return {
        **runtime,
        **own,
        **component.labels,
        SERVICE_LABEL: service,
        COMPONENT_LABEL: role,
        APP_LABEL: app_label(name),
    }


def component_annotations(
    *,
    runtime: Mapping[str, str],
    own: Mapping[str, str],
    derived: Mapping[str, str],
    component: Component,
    blocked: Collection[str],
) -> dict[str, str]:
    """Annotations of a component's objects, in the order of precedence of `component_labels`.

    `derived` are those of `storage_annotations` and its like, which the block list does not concern.
    """
    return {
        **unblocked(runtime, blocked),
        **unblocked(own, {*blocked, *networking_choices.ALL}),  # about routes: a change must not restart pods
        **derived,
        **unblocked(component.annotations, blocked),
    }


def unblocked(found: Mapping[str, str], blocked: Collection[str]) -> dict[str, str]:
    """Labels or annotations less the blocked ones."""
    return {key: value for key, value in found.items() if key not in blocked}


def webhook_annotations(component: Component, service: str) -> dict[str, str]:
    """What the pod webhook is told about a component of `service`; raises CannotDecide."""
    return {
        **_logger(component),
        **_batcher(component),
        **_storage(component, service),
        **_confidential(component),
    }


def multi_model_config(service: str) -> str:
    """The ConfigMap that lists the models of a multi-model server."""
    return f"modelconfig-{service}-0"


def _logger(component: Component) -> dict[str, str]:
    logger = component.logger
    if logger is None:
        return {}
    found = {INTERNAL + "logger": "true", INTERNAL + "logger-mode": logger.mode or ""}
    if logger.url is not None:
        found[INTERNAL + "logger-sink-url"] = logger.url
    if logger.metadata_headers:
        found[INTERNAL + "logger-metadata-headers"] = ",".join(logger.metadata_headers)
    if logger.metadata_annotations:
        found[INTERNAL + "logger-metadata-annotations"] = ",".join(logger.metadata_annotations)
    return found


def _batcher(component: Component) -> dict[str, str]:
    batcher = component.batcher
    if batcher is None or component.role == "explainer":
        return {}
    found = {INTERNAL + "batcher": "true"}
    if batcher.max_batch_size is not None:
        found[INTERNAL + "batcher-max-batchsize"] = str(batcher.max_batch_size)
    if batcher.max_latency is not None:
        found[INTERNAL + "batcher-max-latency"] = str(batcher.max_latency)
    return found


def _storage(component: Component, service: str) -> dict[str, str]:
    found: dict[str, str] = {}
    storage = component.storage
    if storage is not None:
        found[INTERNAL + "storage-spec"] = "true"
        if storage.parameters:
            found[INTERNAL + "storage-spec-param"] = _go_json(storage.parameters)
        if storage.key:
            found[INTERNAL + "storage-spec-key"] = storage.key
        if storage.path:
            found[SOURCE_URI_ANNOTATION] = f"<scheme-placeholder>://{storage.path.removeprefix('/')}"
    if component.is_multi_model:
        found[INTERNAL + "agent"] = "true"
        found[INTERNAL + "configVolumeName"] = multi_model_config(service)
        found[INTERNAL + "configMountPath"] = "/mnt/configs"
        found[INTERNAL + "modelDir"] = "/mnt/models"
    source = component.storage_uri
    if source is not None:
        if SOURCE_URI_ANNOTATION in found:
            raise CannotDecide(
                "must provide only one of storageUri and storage.path",
                reason=INVALID_SPEC,
                next_step="Remove storageUri or storage.path from the model.",
            )
        found[SOURCE_URI_ANNOTATION] = source
        if component.storage_container:
            found[INTERNAL + "storage-container-name"] = component.storage_container
    return found


def _confidential(component: Component) -> dict[str, str]:
    confidential = component.model.confidential if component.model is not None else None
    if confidential is None or not confidential.enabled:
        return {}
    found = {INTERNAL + "confidential-enabled": "true"}
    if confidential.resource_id:
        found[INTERNAL + "confidential-resource-id"] = confidential.resource_id
    return found


def _go_json(value: Mapping[str, str]) -> str:
    """JSON as Go spells it: compact, keys sorted, `<`, `>` and `&` escaped, so that both sides agree on the annotation."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
