"""The end of an InferenceService: its TrainedModels go with it; what it owns is collected by the API server."""

from kservectl.api.kinds import TRAINED_MODEL
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome, Reference
from kservectl.runtime.view import View

FINALIZER = "inferenceservice.finalizers"

_PARENT_LABEL = "inferenceservice"


def outcome_of(service: Object, view: View) -> Outcome:
    """Delete the service's TrainedModels, then let the service go. Its children are left to their ownerReference."""
    models = view.list(TRAINED_MODEL, metadata.namespace(service), {_PARENT_LABEL: metadata.name(service)})
    return Outcome(
        complete=False,
        finalizers=(),
        delete=tuple(
            Reference(TRAINED_MODEL, metadata.namespace(model), metadata.name(model))
            for model in models
            if not metadata.is_deleting(model)
        ),
    )
