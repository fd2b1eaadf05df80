"""The ConfigMap that tells the agent beside a multi-model server which models to pull.

It is made empty. What stands in it afterwards is the business of TrainedModels: it is kept as it is found.
"""

from collections.abc import Mapping

from kservectl.controllers.inferenceservice.component import Component
from kservectl.controllers.inferenceservice.component_metadata import SERVICE_LABEL, multi_model_config
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

_NO_MODELS = {"models.json": "[]"}


def wanted(service: Object, component: Component, view: View) -> list[Object]:
    """The ConfigMap that `component` needs, if any."""
    if not component.is_multi_model:
        return []
    live = found(service, view)
    return [config_map(service, _NO_MODELS if live is None else live.get("data") or {})]


def kept(service: Object, view: View) -> list[Object]:
    """The ConfigMap as it is, where there is one: a service that is stopped goes on with the same models."""
    live = found(service, view)
    return [] if live is None else [config_map(service, live.get("data") or {})]


def found(service: Object, view: View) -> Object | None:
    """The service's own ConfigMap; what somebody else has under that name says nothing."""
    live = view.get(CONFIG_MAP, multi_model_config(metadata.name(service)), metadata.namespace(service))
    return live if live is not None and metadata.is_controlled_by(live, metadata.uid(service)) else None


def config_map(service: Object, data: Mapping[str, str]) -> Object:
    """The ConfigMap of `service` with this data."""
    return {
        "apiVersion": CONFIG_MAP.api_version,
        "kind": CONFIG_MAP.kind,
        "metadata": {
            "name": multi_model_config(metadata.name(service)),
            "namespace": metadata.namespace(service),
            "labels": {**metadata.labels(service), SERVICE_LABEL: metadata.name(service)},
        },
        "data": dict(data),
    }
