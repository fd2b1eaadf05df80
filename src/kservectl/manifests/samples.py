"""InferenceServices to try an installation with: one for each built-in runtime, and one that brings its own container.

All are raw predictors. Where several runtimes accept a format, the sample names the one it is meant for or speaks a
protocol that only that one does.
"""

from typing import Any

from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects.metadata import Object

_BUCKET = "gs://kservectl-samples"


def samples() -> list[Object]:
    """Each under a name of its own; the file that holds it is called after it."""
    return [
        _model("sklearn-iris", "sklearn", f"{_BUCKET}/sklearn/iris", version="1"),
        _model("xgboost-churn", "xgboost", f"{_BUCKET}/xgboost/churn", version="2", minReplicas=2),
        _model("lightgbm-prices", "lightgbm", "s3://kservectl-samples/lightgbm/prices", maxReplicas=3, scaleTarget=70),
        _model("pmml-credit", "pmml", f"{_BUCKET}/pmml/credit-score", version="4"),
        _model("paddle-leaves", "paddle", "https://models.example.com/paddle/leaves.tar.gz"),
        _model("autogluon-demand", "autogluon", "s3://kservectl-samples/autogluon/demand"),
        _model(
            "predictive-fraud",
            "sklearn",
            f"{_BUCKET}/sklearn/fraud",
            version="1",
            model={"runtime": "kserve-predictiveserver"},
        ),
        _model(
            "mlflow-wine",
            "mlflow",
            "s3://kservectl-samples/mlflow/wine",
            version="2",
            model={"protocolVersion": "v2"},
        ),
        _model("tensorflow-flowers", "tensorflow", f"{_BUCKET}/tensorflow/flowers", timeout=60),
        _model(
            "torchserve-digits",
            "pytorch",
            f"{_BUCKET}/torchserve/digits",
            model={"env": [{"name": "TS_NUMBER_OF_NETTY_THREADS", "value": "4"}]},
        ),
        _model(
            "triton-style",
            "onnx",
            f"{_BUCKET}/triton/style-transfer",
            version="1",
            model={"protocolVersion": "v2", "runtime": "kserve-tritonserver"},
        ),
        _model(
            "openvino-faces",
            "openvino",
            "pvc://model-store/openvino/faces",
            model={"ports": [{"containerPort": 8080, "protocol": "TCP"}]},
        ),
        _model(
            "huggingface-summaries",
            "huggingface",
            "hf://kservectl-samples/summaries-small",
            model={"args": ["--model_name=summaries"], "resources": _resources("2", "4Gi")},
        ),
        _model(
            "vllm-chat",
            "vLLM",
            "hf://kservectl-samples/chat-tiny",
            model={"args": ["--max-model-len=2048"], "resources": _resources("4", "8Gi")},
        ),
        _service(
            "custom-echo",
            {
                "containers": [
                    {
                        "name": "kserve-container",
                        "image": "ghcr.example.com/teams/echo-model:1.4",
                        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                        "env": [{"name": "GREETING", "value": "hello"}],
                        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5},
                        "resources": _resources("500m", "256Mi"),
                    }
                ]
            },
        ),
    ]


def _model(
    name: str,
    model_format: str,
    storage_uri: str,
    *,
    version: str = "",
    model: Object | None = None,
    **predictor: Any,
) -> Object:
    format_ = {"name": model_format, "version": version} if version else {"name": model_format}
    return _service(name, {**predictor, "model": {"modelFormat": format_, "storageUri": storage_uri, **(model or {})}})


def _service(name: str, predictor: Object) -> Object:
    return {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": INFERENCE_SERVICE.kind,
        "metadata": {"name": name, "annotations": {"serving.kserve.io/deploymentMode": "Standard"}},
        "spec": {"predictor": predictor},
    }


def _resources(cpu: str, memory: str) -> Object:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu, "memory": memory}}
