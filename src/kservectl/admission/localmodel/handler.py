"""The webhooks of model caches: the same for both kinds, each within its scope."""

from collections.abc import Callable, Sequence

from kservectl.admission.localmodel.validator import validate, validate_deletion
from kservectl.admission.review import AdmissionRequest, Verdict
from kservectl.admission.server import Validating, Webhook
from kservectl.objects import metadata
from kservectl.runtime.view import View

VALIDATOR_PATH = "/validate-serving-kserve-io-v1alpha1-localmodelcache"
NAMESPACE_VALIDATOR_PATH = "/validate-serving-kserve-io-v1alpha1-localmodelnamespacecache"


def webhooks() -> Sequence[Webhook]:
    """The validators, which answer for deletions too."""
    return (
        Validating(VALIDATOR_PATH, _judge(namespaced=False)),
        Validating(NAMESPACE_VALIDATOR_PATH, _judge(namespaced=True)),
    )


def _judge(*, namespaced: bool) -> Callable[[AdmissionRequest, View], Verdict]:
    def judge(request: AdmissionRequest, view: View) -> Verdict:
        subject = request.object or request.old_object or {}
        namespace = (request.namespace or metadata.namespace(subject)) if namespaced else ""
        if request.object is not None:
            return validate(request.object, request.old_object, view, namespace=namespace)
        return validate_deletion(subject, view, namespace=namespace)

    return judge
