"""InferenceGraphs to try an installation with, one of each kind of node, over services of `samples`; and a server of
several models with two TrainedModels."""

from typing import Any

from kservectl.api.kinds import INFERENCE_GRAPH, INFERENCE_SERVICE, TRAINED_MODEL
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

_STANDARD = {"serving.kserve.io/deploymentMode": "Standard"}


def graphs() -> list[Object]:
    """Each waits for the services that it names."""
    return [
        _graph(
            "iris-then-churn",
            root=_node(
                "Sequence",
                {"name": "first", "serviceName": "sklearn-iris", "dependency": "Hard"},
                {
                    "name": "second",
                    "serviceName": "xgboost-churn",
                    "data": "$response",
                    "mapPredictionsToInstances": True,
                },
            ),
        ),
        _graph(
            "churn-trial",
            root=_node(
                "Splitter",
                {"serviceName": "xgboost-churn", "weight": 90},
                {"serviceName": "lightgbm-prices", "weight": 10},
            ),
        ),
        _graph(
            "second-opinion",
            root=_node(
                "Ensemble",
                {"name": "forest", "serviceName": "sklearn-iris"},
                {"name": "boosting", "serviceName": "xgboost-churn", "dependency": "Soft"},
            ),
            minReplicas=2,
            maxReplicas=4,
        ),
        _graph(
            "by-customer",
            root=_node(
                "Switch",
                {"nodeName": "careful", "condition": '[@this].#(tier=="gold")'},
                {"serviceName": "xgboost-churn", "condition": "instances.#(age>=65)"},
                {"serviceName": "lightgbm-prices", "condition": "@this"},
            ),
            careful=_node(
                "Ensemble",
                {"name": "forest", "serviceName": "sklearn-iris"},
                {"name": "boosting", "serviceName": "xgboost-churn"},
            ),
            routerTimeouts={"serviceClient": 10},
        ),
    ]


def models() -> list[Object]:
    """An InferenceService without a model of its own, and two models for it."""
    resources = {"cpu": "1", "memory": "2Gi"}
    server = {"modelFormat": {"name": "sklearn"}, "resources": {"requests": resources, "limits": resources}}
    return [
        _object(INFERENCE_SERVICE, "sklearn-garden", {"predictor": {"minReplicas": 1, "model": server}}, _STANDARD),
        _model("garden-roses", "512Mi"),
        _model("garden-tulips", "256Mi"),
    ]


def _graph(name: str, root: Object, careful: Object | None = None, **spec: Any) -> Object:
    nodes = {"root": root} | ({"careful": careful} if careful is not None else {})
    return _object(INFERENCE_GRAPH, name, {"nodes": nodes, **spec}, _STANDARD)


def _node(router_type: str, *steps: Object) -> Object:
    return {"routerType": router_type, "steps": list(steps)}


def _model(name: str, memory: str) -> Object:
    source = {"storageUri": f"gs://kservectl-samples/sklearn/{name}", "framework": "sklearn", "memory": memory}
    return _object(TRAINED_MODEL, name, {"inferenceService": "sklearn-garden", "model": source})


def _object(kind: Kind, name: str, spec: Object, annotations: Object | None = None) -> Object:
    meta: Object = {"name": name} | ({"annotations": dict(annotations)} if annotations else {})
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "spec": spec}
