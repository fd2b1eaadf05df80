"""A node that somebody runs a real agent for is not simulated."""

from datetime import UTC, datetime

from kservectl.devcluster.workloads.node_agent import OWN_AGENT_ANNOTATION, reconciler
from kservectl.objects.kind import NODE
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import StaticView


def decided(**annotations: str) -> Outcome:
    node: Object = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "annotations": annotations}}
    order: Object = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "LocalModelNode",
        "metadata": {"name": "n"},
        "spec": {"localModels": [{"modelName": "iris", "sourceModelUri": "s3://models/iris", "modelSize": "1Gi"}]},
    }
    return reconciler(1.0)(order, StaticView([node], kinds=(NODE,), now=datetime(2026, 1, 1, tzinfo=UTC)))


def test_the_status_is_the_real_agents() -> None:
    assert decided().status is not None
    assert decided(**{OWN_AGENT_ANNOTATION: ""}).status is None
