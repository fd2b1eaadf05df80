"""The InferenceGraph's webhook."""

from collections.abc import Sequence

from kservectl.admission.inferencegraph.validator import validate
from kservectl.admission.review import AdmissionRequest, Verdict
from kservectl.admission.server import Validating, Webhook
from kservectl.runtime.view import View

VALIDATOR_PATH = "/validate-serving-kserve-io-v1alpha1-inferencegraph"


def webhooks() -> Sequence[Webhook]:
    """The validator; it needs nothing but the graph itself."""
    return (Validating(VALIDATOR_PATH, _judge),)


def _judge(request: AdmissionRequest, view: View) -> Verdict:
    return Verdict() if request.object is None else validate(request.object, request.old_object)
