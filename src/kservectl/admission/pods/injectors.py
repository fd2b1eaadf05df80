"""All that is injected into pods, in order. A new injector is a function and a line here."""

from kservectl.admission.pods.accelerator import inject_accelerator
from kservectl.admission.pods.account_token import with_account_token
from kservectl.admission.pods.agent import inject_agent
from kservectl.admission.pods.context import Injector, PodContext
from kservectl.admission.pods.image import inject_image
from kservectl.admission.pods.istio import inject_istio_uid
from kservectl.admission.pods.metrics import inject_metrics
from kservectl.admission.pods.security_context import inject_security_context
from kservectl.admission.pods.several_sources import inject_credentials_of_several
from kservectl.admission.pods.storage_initializer import inject_storage_initializer
from kservectl.objects.metadata import Object

INJECTORS: tuple[Injector, ...] = (
    inject_accelerator,
    inject_storage_initializer,
    inject_credentials_of_several,
    inject_agent,
    inject_metrics,
    inject_image,
    inject_istio_uid,  # after whatever adds the init container
    inject_security_context,  # after whatever adds a container
)


def inject(pod: Object, context: PodContext) -> Object:
    """`pod` after every injector; the first that refuses ends it."""
    made = pod
    for injector in INJECTORS:
        made = injector(made, context)
    return with_account_token(made, pod)
