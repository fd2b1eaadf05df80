"""What of the InferenceService API this controller refuses to run, because running a part of it would be wrong.

A source left out would be a model that is not there: better to say no.
"""

from kservectl.api.inferenceservice import InferenceServiceSpec
from kservectl.controllers.inferenceservice.failure import CannotDecide

_REASON = "NotSupported"


def check(spec: InferenceServiceSpec) -> None:
    """Raise CannotDecide for a spec with parts that are not run in Standard mode."""
    parts = (
        ("spec.predictor.storageUris", spec.predictor.storage_uris),
        ("spec.transformer.storageUris", spec.transformer.storage_uris if spec.transformer else None),
        ("spec.explainer.storageUris", spec.explainer.storage_uris if spec.explainer else None),
    )
    for field, value in parts:
        if value:
            raise CannotDecide(
                f"{field} is not supported by this version of kservectl",
                reason=_REASON,
                next_step=f"Remove {field}, or run this service with KServe's own controller.",
            )
