"""The webhook configurations, under KServe's names and paths.

They come without a caBundle: the manager makes its certificate and writes the bundle when it starts. Until then the API
server refuses what the rules match, as `failurePolicy: Fail` demands.
"""

from kservectl.admission.inferenceservice.handler import DEFAULTER_PATH, VALIDATOR_PATH
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.manifests.names import NAMESPACE, PART_OF, WEBHOOK_CONFIGURATION, WEBHOOK_SERVICE
from kservectl.objects.kind import POD, Kind
from kservectl.objects.metadata import Object

POD_MUTATOR_PATH = "/mutate-pods"

_GROUP = "admissionregistration.k8s.io/v1"
_SERVER = "inferenceservice.kserve-webhook-server"


def mutating() -> Object:
    """The defaulter of InferenceServices and the mutator of their pods."""
    pods = _webhook("pod-mutator", POD_MUTATOR_PATH, POD, "CREATE") | {
        "reinvocationPolicy": "IfNeeded",
        "namespaceSelector": {"matchExpressions": [{"key": "control-plane", "operator": "DoesNotExist"}]},
        "objectSelector": {"matchExpressions": [{"key": "serving.kserve.io/inferenceservice", "operator": "Exists"}]},
    }
    defaulter = _webhook("defaulter", DEFAULTER_PATH, INFERENCE_SERVICE, "CREATE", "UPDATE")
    return _configuration("MutatingWebhookConfiguration") | {"webhooks": [defaulter, pods]}


def validating() -> Object:
    """The validator of InferenceServices."""
    validator = _webhook("validator", VALIDATOR_PATH, INFERENCE_SERVICE, "CREATE", "UPDATE")
    return _configuration("ValidatingWebhookConfiguration") | {"webhooks": [validator]}


def _configuration(kind: str) -> Object:
    return {
        "apiVersion": _GROUP,
        "kind": kind,
        "metadata": {"name": WEBHOOK_CONFIGURATION, "labels": dict(PART_OF)},
    }


def _webhook(name: str, path: str, kind: Kind, *operations: str) -> Object:
    return {
        "name": f"{_SERVER}.{name}",
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
