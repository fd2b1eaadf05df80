"""The ConfigMap that tells the agent beside a multi-model server which models to pull.

It is made empty. What stands in it afterwards is the business of TrainedModels: it is kept as it is found.
"""

from kservectl.controllers.inferenceservice.component import Component
from kservectl.controllers.inferenceservice.component_metadata import SERVICE_LABEL, multi_model_config
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

_NO_MODELS = {"models.json": "[]"}


def wanted(service: Object, component: Component, view: View) -> list[Object]:
    """The ConfigMap that `component` needs, if any."""
    return [_config_map(service, _found(service, view))] if component.is_multi_model else []


def kept(service: Object, view: View) -> list[Object]:
    """The ConfigMap as it is, where there is one: a service that is stopped goes on with the same models."""
    found = _found(service, view)
    return [] if found is None else [_config_map(service, found)]


def _found(service: Object, view: View) -> Object | None:
    """The service's own ConfigMap; what somebody else has under that name says nothing."""
    live = view.get(CONFIG_MAP, multi_model_config(metadata.name(service)), metadata.namespace(service))
    return live if live is not None and metadata.is_controlled_by(live, metadata.uid(service)) else None


def _config_map(service: Object, found: Object | None) -> Object:
    return {
        "apiVersion": CONFIG_MAP.api_version,
        "kind": CONFIG_MAP.kind,
        "metadata": {
            "name": multi_model_config(metadata.name(service)),
            "namespace": metadata.namespace(service),
            "labels": {**metadata.labels(service), SERVICE_LABEL: metadata.name(service)},
        },
        "data": dict(_NO_MODELS if found is None else found.get("data") or {}),
    }
