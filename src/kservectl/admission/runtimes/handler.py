"""The webhooks of ServingRuntimes and ClusterServingRuntimes: where requests and caches meet the pure validator."""

from collections.abc import Sequence

from kservectl.admission.inferenceservice.handler import configuration, misconfigured
from kservectl.admission.review import AdmissionRequest, Denied, Verdict
from kservectl.admission.runtimes.validator import validate
from kservectl.admission.server import Validate, Validating, Webhook
from kservectl.api.config import ConfigError
from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME, SERVING_RUNTIME
from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.runtime.view import View

VALIDATOR_PATH = "/validate-serving-kserve-io-v1alpha1-servingruntime"
CLUSTER_VALIDATOR_PATH = "/validate-serving-kserve-io-v1alpha1-clusterservingruntime"


def webhooks(system_namespace: str) -> Sequence[Webhook]:
    """The validators of both kinds; the configuration is that of `system_namespace`."""
    return (
        Validating(VALIDATOR_PATH, _judge(SERVING_RUNTIME, system_namespace)),
        Validating(CLUSTER_VALIDATOR_PATH, _judge(CLUSTER_SERVING_RUNTIME, system_namespace)),
    )


def _judge(kind: Kind, system_namespace: str) -> Validate:
    def judge(request: AdmissionRequest, view: View) -> Verdict | Denied:
        if request.object is None:
            return Verdict()  # a deletion
        runtime = request.object
        if kind.namespaced:
            # The object may not say its namespace yet; the request does.
            namespace = request.namespace or metadata.namespace(runtime)
            runtime = runtime | {"metadata": {**metadata.metadata(runtime), "namespace": namespace}}
        stored = view.list(kind, metadata.namespace(runtime) if kind.namespaced else None) if view.served(kind) else ()
        config = configuration(view, system_namespace)
        try:
            return validate(kind, runtime, request.old_object, stored, config)
        except ConfigError as problem:
            return misconfigured(config, problem, system_namespace)

    return judge
