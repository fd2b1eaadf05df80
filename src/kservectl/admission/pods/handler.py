"""The pod webhook: gives the pods of InferenceServices what they need at run time.

A pod without the InferenceService label passes untouched, with no look at the configuration.
"""

from collections.abc import Sequence

from kservectl.admission.inferenceservice.handler import configuration, misconfigured
from kservectl.admission.pods.context import InjectionRefused, PodContext
from kservectl.admission.pods.injectors import inject
from kservectl.admission.review import AdmissionRequest, Denied
from kservectl.admission.server import Mutating, Webhook
from kservectl.api.config import ConfigError
from kservectl.api.kinds import CLUSTER_STORAGE_CONTAINER
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

MUTATOR_PATH = "/mutate-pods"
SERVICE_LABEL = "serving.kserve.io/inferenceservice"


def webhooks(system_namespace: str) -> Sequence[Webhook]:
    """The pod webhook; the configuration is that of `system_namespace`."""

    def mutate(request: AdmissionRequest, view: View) -> Object | Denied:
        pod = request.object or {}
        if SERVICE_LABEL not in metadata.labels(pod):
            return pod
        namespace = request.namespace or metadata.namespace(pod)
        context = PodContext(
            namespace=namespace,
            system_namespace=system_namespace,
            config=configuration(view, system_namespace),
            storage_containers=view.list(CLUSTER_STORAGE_CONTAINER) if view.served(CLUSTER_STORAGE_CONTAINER) else (),
        )
        try:
            # Pods made from templates do not say their namespace yet.
            return inject(pod | {"metadata": {**metadata.metadata(pod), "namespace": namespace}}, context)
        except InjectionRefused as refused:
            return Denied(str(refused))
        except ConfigError as problem:
            return misconfigured(context.config, problem, system_namespace)

    return (Mutating(MUTATOR_PATH, mutate),)
