"""Which differences are on purpose, and which are not although they look alike."""

import pytest

from e2e.parity.comparison import ABSENT, Difference
from e2e.parity.reasons import reason_for

SERVICE = "InferenceService.serving.kserve.io/iris"
ROUTE = "HTTPRoute.gateway.networking.k8s.io/flow"
GRAPH = "InferenceGraph.serving.kserve.io/flow"
DEPLOYMENT = "Deployment.apps/iris-predictor"
NAME = ".spec.template.spec.containers[0].env[0].name"
CPU = ".spec.predictor.model.resources.limits.cpu"
BACKEND = ".spec.rules[1].http.paths[0].backend.service.name"
RECORD = ".spec.template.metadata.annotations.kubectl.kubernetes.io/last-applied-configuration"
MESSAGE = ".status.conditions[Ready].message"
INGRESS = "Ingress.networking.k8s.io/iris"


@pytest.mark.parametrize(
    ("difference", "objects"),
    [
        (Difference("Deployment.apps/iris-explainer", NAME, ABSENT, "INFERENCE_SERVICE_NAME"), ()),
        (Difference(ROUTE, ".spec.hostnames[0]", ABSENT, "flow.example.com"), (GRAPH,)),
        (Difference(GRAPH, ".status.deploymentMode", ABSENT, "Standard"), ()),
        (Difference(SERVICE, CPU, "1", 1), ()),
        (
            Difference(SERVICE, ".status.conditions[IngressReady].status", "Unknown", "False"),
            (SERVICE, "Service.v1/iris-predictor"),
        ),
        (Difference(SERVICE, ".status.conditions[IngressReady].reason", ABSENT, "NotSupported"), (SERVICE,)),
        (Difference(INGRESS, BACKEND, "iris-predictor", "iris-transformer"), ()),
        (Difference("Deployment.apps/flow", RECORD, "{}", ABSENT), (GRAPH,)),
        (
            Difference(
                SERVICE, MESSAGE, "fails: failed creating host name: x: too long", "failed creating host name: x"
            ),
            (SERVICE,),
        ),
    ],
)
def test_what_is_on_purpose_has_a_reason(difference: Difference, objects: tuple[str, ...]) -> None:
    assert reason_for(difference, objects)


@pytest.mark.parametrize(
    ("difference", "objects"),
    [
        (Difference(DEPLOYMENT, NAME, ABSENT, "INFERENCE_SERVICE_NAME"), ()),
        (Difference(ROUTE, ".spec.hostnames[0]", ABSENT, "flow.example.com"), (SERVICE,)),
        (Difference(ROUTE, ".spec.hostnames[0]", "a", "b"), (GRAPH,)),
        (Difference(SERVICE, CPU, "1", 2), ()),
        (Difference(SERVICE, ".status.conditions[IngressReady].status", "Unknown", "False"), (SERVICE, DEPLOYMENT)),
        (Difference(INGRESS, BACKEND, "iris-predictor", "iris-explainer"), ()),
        (Difference("Deployment.apps/flow", ".spec.template.metadata.annotations.team", "a", ABSENT), (GRAPH,)),
        (Difference(SERVICE, MESSAGE, "failed creating host name: x", ABSENT), (SERVICE, DEPLOYMENT)),
    ],
)
def test_what_only_looks_alike_has_none(difference: Difference, objects: tuple[str, ...]) -> None:
    assert reason_for(difference, objects) == ""
