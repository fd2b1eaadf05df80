"""The pod webhook: gives the pods of InferenceServices what they need at run time.

A pod without the InferenceService label passes untouched, with no look at the configuration.
"""

from collections.abc import Sequence

from kservectl.admission.inferenceservice.handler import configuration, misconfigured
from kservectl.admission.pods import needs
from kservectl.admission.pods.context import PodContext
from kservectl.admission.pods.injectors import inject
from kservectl.admission.pods.shape import malformed_field
from kservectl.admission.policies import enforcement
from kservectl.admission.review import AdmissionRequest, Denied
from kservectl.admission.server import Mutated, Mutating, Webhook
from kservectl.api.config import ConfigError
from kservectl.api.kinds import CLUSTER_STORAGE_CONTAINER, INFERENCE_SERVICE
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.reading import Reference
from kservectl.runtime.view import View

MUTATOR_PATH = "/mutate-pods"
SERVICE_LABEL = "serving.kserve.io/inferenceservice"


def webhooks(system_namespace: str) -> Sequence[Webhook]:
    """The pod webhook; the configuration is that of `system_namespace`."""

    def look(request: AdmissionRequest, view: View) -> Sequence[Reference]:
        pod = request.object or {}
        if malformed_field(pod) or SERVICE_LABEL not in metadata.labels(pod):
            return ()
        context = _context(request, view, system_namespace)
        service = Reference(INFERENCE_SERVICE, metadata.labels(pod)[SERVICE_LABEL], context.namespace)
        # The pod of a new service may come before the service has reached this replica's cache.
        unseen = (service,) if context.service is None else ()
        try:
            return (*unseen, *needs.references(pod, context))
        except (PodRefused, ConfigError):
            return unseen  # `mutate` meets the same and says it

    def mutate(request: AdmissionRequest, view: View) -> Object | Mutated | Denied:
        pod = request.object or {}
        if field := malformed_field(pod):
            return Denied(f"{field} of the pod has not the type that it must have", code=400, reason="BadRequest")
        if SERVICE_LABEL not in metadata.labels(pod):
            return pod
        context = _context(request, view, system_namespace)
        # Pods made from templates do not say their namespace yet.
        named = pod | {"metadata": {**metadata.metadata(pod), "namespace": context.namespace}}
        try:
            made = inject(named, context)
            verdict = enforcement.judge("pods", request, made, context.config)
            warnings = (*needs.warnings(pod, context), *verdict.warnings)
        except PodRefused as refused:
            return Denied(str(refused))
        except ConfigError as problem:
            return misconfigured(context.config, problem, system_namespace)
        if verdict.errors:
            return Denied("; ".join(map(str, verdict.errors)), warnings=warnings)
        return Mutated(made, warnings)

    return (Mutating(MUTATOR_PATH, mutate, look),)


def _context(request: AdmissionRequest, view: View, system_namespace: str) -> PodContext:
    pod = request.object or {}
    namespace = request.namespace or metadata.namespace(pod)
    return PodContext(
        namespace=namespace,
        system_namespace=system_namespace,
        config=configuration(view, system_namespace),
        storage_containers=view.list(CLUSTER_STORAGE_CONTAINER) if view.served(CLUSTER_STORAGE_CONTAINER) else (),
        credentials=lambda kind, name: view.get(kind, name, namespace),
        service=view.get(INFERENCE_SERVICE, metadata.labels(pod)[SERVICE_LABEL], namespace),
    )
