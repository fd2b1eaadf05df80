"""The webhook configurations, under KServe's names and paths.

They come without a caBundle: the manager makes its certificate and writes the bundle when it starts. Until then the API
server refuses what the rules match, as `failurePolicy: Fail` demands.
"""

from kservectl.admission.inferencegraph import handler as inferencegraph
from kservectl.admission.inferenceservice.handler import DEFAULTER_PATH, VALIDATOR_PATH
from kservectl.admission.localmodel import handler as localmodel
from kservectl.admission.runtimes import handler as runtimes
from kservectl.admission.trainedmodel import handler as trainedmodel
from kservectl.api.kinds import (
    CLUSTER_SERVING_RUNTIME,
    INFERENCE_GRAPH,
    INFERENCE_SERVICE,
    LOCAL_MODEL_CACHE,
    LOCAL_MODEL_NAMESPACE_CACHE,
    SERVING_RUNTIME,
    TRAINED_MODEL,
)
from kservectl.manifests.names import (
    CACHE_CONFIGURATION,
    CLUSTER_RUNTIME_CONFIGURATION,
    GRAPH_CONFIGURATION,
    MODEL_CONFIGURATION,
    NAMESPACE,
    NAMESPACE_CACHE_CONFIGURATION,
    PART_OF,
    RUNTIME_CONFIGURATION,
    WEBHOOK_CONFIGURATION,
    WEBHOOK_SERVICE,
)
from kservectl.objects.kind import POD, Kind
from kservectl.objects.metadata import Object

POD_MUTATOR_PATH = "/mutate-pods"

_GROUP = "admissionregistration.k8s.io/v1"


def configurations() -> list[Object]:
    """All of them."""
    return [mutating(), *validating()]


def mutating() -> Object:
    """The defaulter of InferenceServices and the mutator of their pods."""
    pods = _webhook("inferenceservice", "pod-mutator", POD_MUTATOR_PATH, POD, "CREATE") | {
        "reinvocationPolicy": "IfNeeded",
        "namespaceSelector": {"matchExpressions": [{"key": "control-plane", "operator": "DoesNotExist"}]},
        "objectSelector": {"matchExpressions": [{"key": "serving.kserve.io/inferenceservice", "operator": "Exists"}]},
    }
    defaulter = _webhook("inferenceservice", "defaulter", DEFAULTER_PATH, INFERENCE_SERVICE, "CREATE", "UPDATE")
    return _configuration("MutatingWebhookConfiguration", WEBHOOK_CONFIGURATION, defaulter, pods)


def validating() -> list[Object]:
    """The validators, each with a configuration of its own."""
    return [
        _validating(WEBHOOK_CONFIGURATION, VALIDATOR_PATH, INFERENCE_SERVICE),
        _validating(RUNTIME_CONFIGURATION, runtimes.VALIDATOR_PATH, SERVING_RUNTIME),
        _validating(CLUSTER_RUNTIME_CONFIGURATION, runtimes.CLUSTER_VALIDATOR_PATH, CLUSTER_SERVING_RUNTIME),
        _validating(GRAPH_CONFIGURATION, inferencegraph.VALIDATOR_PATH, INFERENCE_GRAPH),
        _validating(MODEL_CONFIGURATION, trainedmodel.VALIDATOR_PATH, TRAINED_MODEL),
        _validating(CACHE_CONFIGURATION, localmodel.VALIDATOR_PATH, LOCAL_MODEL_CACHE, "DELETE"),
        _validating(
            NAMESPACE_CACHE_CONFIGURATION, localmodel.NAMESPACE_VALIDATOR_PATH, LOCAL_MODEL_NAMESPACE_CACHE, "DELETE"
        ),
    ]


def _validating(name: str, path: str, kind: Kind, *further: str) -> Object:
    webhook = _webhook(kind.kind.lower(), "validator", path, kind, "CREATE", "UPDATE", *further)
    return _configuration("ValidatingWebhookConfiguration", name, webhook)


def _configuration(kind: str, name: str, *webhooks: Object) -> Object:
    return {
        "apiVersion": _GROUP,
        "kind": kind,
        "metadata": {"name": name, "labels": dict(PART_OF)},
        "webhooks": list(webhooks),
    }


def _webhook(subject: str, job: str, path: str, kind: Kind, *operations: str) -> Object:
    return {
        "name": f"{subject}.kserve-webhook-server.{job}",
        "admissionReviewVersions": ["v1", "v1beta1"],
        "clientConfig": {
            "service": {"name": WEBHOOK_SERVICE, "namespace": NAMESPACE, "path": path, "port": 443},
        },
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "rules": [
            {
                "apiGroups": [kind.group],
                "apiVersions": [kind.version],
                "operations": list(operations),
                "resources": [kind.plural],
            }
        ],
    }
