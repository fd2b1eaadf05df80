"""The TrainedModel controller, as the runtime takes it: what it reconciles and watches."""

from collections.abc import Iterable

from kservectl.api.kinds import INFERENCE_SERVICE, TRAINED_MODEL
from kservectl.controllers.inferenceservice.component_metadata import SERVICE_LABEL
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.trainedmodel import source
from kservectl.controllers.trainedmodel.reconcile import FINALIZER, reconcile
from kservectl.controllers.trainedmodel.siblings import ALLOCATED_LABEL, models_of, parent_name
from kservectl.informers import Change
from kservectl.modelregistry.lookup import REGISTERED_MODEL
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.controller import Controller, Watched
from kservectl.runtime.lookup import LookedUp
from kservectl.runtime.predicates import not_only_status
from kservectl.runtime.view import View


def build(settings: Settings, *, workers: int = 4) -> Controller:
    """The controller."""
    return Controller(
        name="trainedmodel",
        kind=TRAINED_MODEL,
        reconcile=reconcile,
        finalizer=FINALIZER,
        watches=(
            Watched(INFERENCE_SERVICE, of_service),
            Watched(TRAINED_MODEL, of_sibling, optional=True),
            Watched(CONFIG_MAP, of_list, label_selector=SERVICE_LABEL),
        ),
        looks_up=(LookedUp(REGISTERED_MODEL, source.names),),
        predicate=not_only_status,
        workers=workers,
        optional=True,
    )


def of_service(change: Change, view: View) -> Iterable[ObjectKey]:
    """The models of a service that appears, vanishes or changes."""
    return () if change.initial else _models(metadata.name(change.object), metadata.namespace(change.object), view)


def of_sibling(change: Change, view: View) -> Iterable[ObjectKey]:
    """The other models of a service whose memory is shared in another way now."""
    if change.initial or _share(change.old) == _share(change.new):
        return ()
    named = {parent_name(model) for model in (change.old, change.new) if model is not None}
    namespace = metadata.namespace(change.object)
    others = (key for service in sorted(named) for key in _models(service, namespace, view))
    return [key for key in others if key != metadata.key(change.object)]


def of_list(change: Change, view: View) -> Iterable[ObjectKey]:
    """The models of the service whose ConfigMap this is."""
    owner = metadata.controller_of(change.object)
    if change.initial or owner is None or owner.get("kind") != INFERENCE_SERVICE.kind:
        return ()
    return _models(str(owner.get("name")), metadata.namespace(change.object), view)


def _models(service: str, namespace: str, view: View) -> list[ObjectKey]:
    return [metadata.key(model) for model in models_of(service, namespace, view)]


def _share(model: Object | None) -> object:
    if model is None:
        return None
    memory = ((model.get("spec") or {}).get("model") or {}).get("memory")
    allocated = metadata.labels(model).get(ALLOCATED_LABEL)
    return parent_name(model), memory, allocated, metadata.is_deleting(model)
