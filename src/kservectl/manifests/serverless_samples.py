"""Samples in Knative mode, for clusters with Knative Serving and Istio: a service that scales to zero, one with a transformer
in front, and a graph over the first."""

from kservectl.api.kinds import INFERENCE_GRAPH, INFERENCE_SERVICE
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object


def serverless() -> list[Object]:
    """Each under a name of its own; the graph waits for the service that it names."""
    transformer = {
        "name": "kserve-container",
        "image": "ghcr.example.com/teams/leaf-features:1.2",
        "args": ["--model_name=serverless-leaves"],
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
    }
    return [
        _object(
            INFERENCE_SERVICE,
            "serverless-iris",
            {
                "predictor": {
                    "minReplicas": 0,
                    "maxReplicas": 3,
                    "scaleMetric": "concurrency",
                    "scaleTarget": 10,
                    "model": _model("sklearn", "sklearn/iris"),
                }
            },
        ),
        _object(
            INFERENCE_SERVICE,
            "serverless-leaves",
            {
                "predictor": {"model": _model("xgboost", "xgboost/leaves")},
                "transformer": {"containers": [transformer], "containerConcurrency": 20},
            },
        ),
        _object(
            INFERENCE_GRAPH,
            "serverless-chain",
            {"nodes": {"root": {"routerType": "Sequence", "steps": [{"serviceName": "serverless-iris"}]}}},
        ),
    ]


def _model(format_: str, path: str) -> Object:
    return {"modelFormat": {"name": format_}, "storageUri": f"gs://kservectl-samples/{path}"}


def _object(kind: Kind, name: str, spec: Object) -> Object:
    meta = {"name": name, "annotations": {"serving.kserve.io/deploymentMode": "Knative"}}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "spec": spec}
