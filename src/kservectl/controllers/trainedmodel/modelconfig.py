"""The controller that keeps the list of models of each multi-model InferenceService.

It decides for the InferenceService, because a ConfigMap has one writer and outlives each of its models. The ConfigMap itself
is made by the InferenceService's controller; here its content is. Entries that belong to no TrainedModel are left alone.
"""

from collections.abc import Iterable

from kservectl.api.kinds import INFERENCE_SERVICE, TRAINED_MODEL
from kservectl.controllers.inferenceservice import model_config
from kservectl.controllers.inferenceservice.component_metadata import SERVICE_LABEL
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.trainedmodel import model_list
from kservectl.controllers.trainedmodel.judgement import judge
from kservectl.controllers.trainedmodel.siblings import parent_name
from kservectl.controllers.trainedmodel.source import known_uri
from kservectl.informers import Change
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.controller import Controller, Owned, Watched
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import View


def reconcile(service: Object, view: View) -> Outcome:
    """The ConfigMap with the models that `service` is to load, where it has one. Deletes nothing."""
    live = model_config.found(service, view)
    if live is None or metadata.is_deleting(service):
        return Outcome(complete=False)
    data = live.get("data") or {}
    try:
        entries = model_list.read(data)
    except model_list.UnreadableList as error:
        return Outcome(complete=False, terminal_error=f"ConfigMap {metadata.key(live)}: {error}")
    wanted = model_list.write(_models(entries, service, view))
    return Outcome(desired=(model_config.config_map(service, {**data, model_list.KEY: wanted}),), complete=False)


def _models(entries: Iterable[Object], service: Object, view: View) -> list[Object]:
    found = {model_list.name_of(entry): entry for entry in entries}
    taken = sum(map(model_list.size, found.values()))
    for model in view.list(TRAINED_MODEL, metadata.namespace(service)):
        name = metadata.name(model)
        if metadata.is_deleting(model) or parent_name(model) != metadata.name(service):
            left = found.pop(name, None)
            taken -= 0 if left is None else model_list.size(left)
            continue
        judgement, storage_uri = judge(model, view), known_uri(model)
        # A model that is served goes on being served while its service is not ready for a moment.
        if judgement is not None and judgement.may_be_served and storage_uri:
            entry = model_list.entry_of(model, storage_uri)
            grown = taken + model_list.size(entry) - (model_list.size(found[name]) if name in found else 0)
            if grown <= model_list.LIMIT:
                found[name], taken = entry, grown
    return list(found.values())


def build(settings: Settings, *, workers: int = 2) -> Controller:
    """The controller. It looks at services that may serve several models, and at no others."""
    return Controller(
        name="modelconfig",
        kind=INFERENCE_SERVICE,
        reconcile=reconcile,
        owns=(Owned(CONFIG_MAP, label_selector=SERVICE_LABEL),),
        watches=(Watched(TRAINED_MODEL, of_model, optional=True),),
        predicate=may_serve_models,
        workers=workers,
    )


def of_model(change: Change, view: View) -> Iterable[ObjectKey]:
    """The services that a model names, or named."""
    named = {(metadata.namespace(model), parent_name(model)) for model in (change.old, change.new) if model is not None}
    return [ObjectKey(*key) for key in sorted(named)]


def may_serve_models(change: Change) -> bool:
    """Whether the predictor looks like one without a model of its own; says yes rather too often than too seldom."""
    return any(_may_serve_models(service) for service in (change.old, change.new) if service is not None)


def _may_serve_models(service: Object) -> bool:
    predictor = (service.get("spec") or {}).get("predictor") or {}
    if predictor.get("containers"):
        return any(entry.get("name") == "MULTI_MODEL_SERVER" for entry in predictor["containers"][0].get("env") or ())
    parts = (part for part in predictor.values() if isinstance(part, dict))
    return not predictor.get("storageUris") and not any(part.get("storageUri") or part.get("storage") for part in parts)
