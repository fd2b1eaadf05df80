"""The TrainedModel's webhook."""

from collections.abc import Sequence

from kservectl.admission.review import AdmissionRequest, Verdict
from kservectl.admission.server import Validating, Webhook
from kservectl.admission.trainedmodel.validator import validate
from kservectl.runtime.view import View

VALIDATOR_PATH = "/validate-serving-kserve-io-v1alpha1-trainedmodel"


def webhooks() -> Sequence[Webhook]:
    """The validator; whether the InferenceService fits is the controller's to say, since it may change."""
    return (Validating(VALIDATOR_PATH, _judge),)


def _judge(request: AdmissionRequest, view: View) -> Verdict:
    return Verdict() if request.object is None else validate(request.object, request.old_object)
