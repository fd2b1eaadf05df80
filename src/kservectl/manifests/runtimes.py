"""The ClusterServingRuntimes that come with an installation, one per model server.

Names, formats, priorities, arguments and images are KServe's. Placeholders such as `{{.Name}}` are filled in by the
controller for each InferenceService.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME
from kservectl.manifests.multinode_runtime import huggingface_multinode
from kservectl.objects.metadata import Object

_KSERVE_ARGUMENTS = ("--model_name={{.Name}}", "--model_dir=/mnt/models", "--http_port=8080")
_LMCACHE = {"name": "LMCACHE_USE_EXPERIMENTAL", "value": "True"}
_SHARED_MEMORY = "devshm"


@dataclass(frozen=True, slots=True)
class Format:
    """One supported format; None leaves the member out."""

    name: str
    version: str | None
    auto_select: bool | None = True
    priority: int | None = 1

    def as_object(self) -> Object:
        members = {
            "name": self.name,
            "version": self.version,
            "autoSelect": self.auto_select,
            "priority": self.priority,
        }
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Server:
    """What differs between the runtimes of one container."""

    name: str
    server_type: str
    image: str
    formats: Sequence[Format]
    protocols: Sequence[str] = ("v1", "v2")
    args: Sequence[str] = ()
    command: Sequence[str] = ()
    env: Sequence[Object] = ()
    metrics_port: str = "8080"
    run_as_user: int | None = None
    run_as_non_root: bool = True
    shared_memory: bool = False
    container: Mapping[str, object] = field(default_factory=dict)
    spec: Mapping[str, object] = field(default_factory=dict)


def runtimes() -> list[Object]:
    """All of them, ordered by name."""
    found = [_runtime(server) for server in (*_python_servers(), *_native_servers(), *_language_servers())]
    found.append(huggingface_multinode())
    return sorted(found, key=lambda runtime: str(runtime["metadata"]["name"]))


def _python_servers() -> list[Server]:
    """The servers of KServe's Python SDK, alike but for their formats, and MLServer."""

    def server(kind: str, *formats: Format, args: Sequence[str] = ()) -> Server:
        return Server(
            name=f"kserve-{kind}",
            server_type=kind,
            image=f"kserve/{kind}:latest",
            formats=formats,
            args=(*_KSERVE_ARGUMENTS, *args),
        )

    predictive = server(
        "predictiveserver",
        Format("sklearn", "1", auto_select=False, priority=3),
        Format("xgboost", "2", auto_select=False, priority=3),
        Format("lightgbm", "4", auto_select=False, priority=3),
        args=("--framework={{.Annotations.modelFormat}}", "--nthread=1"),
    )
    return [
        server("sklearnserver", Format("sklearn", "1")),
        server("xgbserver", Format("xgboost", "2"), args=("--nthread=1",)),
        server("lgbserver", Format("lightgbm", "4"), args=("--nthread=1",)),
        server("pmmlserver", Format("pmml", "3"), Format("pmml", "4")),
        server("paddleserver", Format("paddle", "2")),
        server("autogluonserver", Format("autogluon", "1")),
        replace(predictive, spec={"multiModel": False}),
        Server(
            name="kserve-mlserver",
            server_type="mlserver",
            image="docker.io/seldonio/mlserver:1.7.1",
            formats=[
                *(Format("sklearn", version, priority=2) for version in ("0", "1")),
                *(Format("xgboost", version, priority=2) for version in ("1", "2")),
                *(Format("lightgbm", version, priority=2) for version in ("3", "4")),
                *(Format("mlflow", version) for version in ("1", "2")),
            ],
            protocols=("v2",),
            env=(
                {"name": "MLSERVER_MODEL_IMPLEMENTATION", "value": "{{.Labels.modelClass}}"},
                {"name": "MLSERVER_HTTP_PORT", "value": "8080"},
                {"name": "MLSERVER_GRPC_PORT", "value": "9000"},
            ),
        ),
    ]


def _native_servers() -> list[Server]:
    return [
        Server(
            name="kserve-tensorflow-serving",
            server_type="tensorflow-serving",
            image="tensorflow/serving:2.6.2",
            formats=[Format("tensorflow", version, priority=2) for version in ("1", "2")],
            protocols=("v1", "grpc-v1"),
            command=("/usr/bin/tensorflow_model_server",),
            args=(
                "--model_name={{.Name}}",
                "--port=9000",
                "--rest_api_port=8080",
                "--model_base_path=/mnt/models",
                "--rest_api_timeout_in_ms=60000",
            ),
            run_as_user=1000,
        ),
        Server(
            name="kserve-torchserve",
            server_type="torchserve",
            image="pytorch/torchserve-kfs:0.9.0",
            formats=[Format("pytorch", "1", priority=2)],
            protocols=("v1", "v2", "grpc-v2"),
            args=(
                "torchserve",
                "--start",
                "--model-store=/mnt/models/model-store",
                "--ts-config=/mnt/models/config/config.properties",
            ),
            env=({"name": "TS_SERVICE_ENVELOPE", "value": "{{.Labels.serviceEnvelope}}"},),
            metrics_port="8082",
            run_as_user=1000,
        ),
        Server(
            name="kserve-tritonserver",
            server_type="tritonserver",
            image="nvcr.io/nvidia/tritonserver:23.05-py3",
            formats=[
                Format("tensorrt", "8"),
                *(Format("tensorflow", version) for version in ("1", "2")),
                Format("onnx", "1"),
                Format("pytorch", "1", auto_select=None, priority=None),
                Format("triton", "2"),
            ],
            protocols=("v2", "grpc-v2"),
            args=(
                "tritonserver",
                "--model-store=/mnt/models",
                "--grpc-port=9000",
                "--http-port=8080",
                "--allow-grpc=true",
                "--allow-http=true",
            ),
            metrics_port="8002",
            run_as_user=1000,
        ),
        Server(
            name="kserve-openvino",
            server_type="ovms",
            image="openvino/model_server:latest",
            formats=[
                Format("openvino", "10"),
                Format("onnx", "1", priority=2),
                Format("tensorflow", "1", priority=3),
                Format("huggingface", None, priority=None),
            ],
            protocols=("v1", "v2", "grpc-v2"),
            args=(
                "--model_name={{.Name}}",
                "--model_path=/mnt/models",
                "--port=9000",
                "--rest_port=8080",
                "--file_system_poll_wait_seconds=0",
            ),
            run_as_user=5000,
        ),
    ]


def _language_servers() -> list[Server]:
    probe = {"httpGet": {"path": "/v1/models", "port": 8080}, "successThreshold": 1}
    return [
        Server(
            name="kserve-huggingfaceserver",
            server_type="huggingfaceserver",
            image="kserve/huggingfaceserver:latest",
            formats=[Format("huggingface", "1")],
            protocols=("v2", "v1"),
            args=("--model_name={{.Name}}",),
            env=(_LMCACHE,),
            shared_memory=True,
            spec={"hostIPC": False},
        ),
        Server(
            name="kserve-vllmserver",
            server_type="vllmserver",
            image="vllm/vllm-openai:latest",
            formats=[Format("vLLM", "1")],
            protocols=(),
            command=("python", "-m", "vllm.entrypoints.openai.api_server"),
            args=("--port=8080", "--served-model-name={{.Name}}", "--model=/mnt/models"),
            env=(
                _LMCACHE,
                {"name": "HF_HOME", "value": "/tmp"},  # noqa: S108 - a path in the container
                {"name": "VLLM_CONFIG_ROOT", "value": "/tmp"},  # noqa: S108 - as above
                {"name": "VLLM_WORKER_MULTIPROC_METHOD", "value": "spawn"},
            ),
            run_as_non_root=False,
            shared_memory=True,
            container={
                "readinessProbe": {**probe, "failureThreshold": 3, "periodSeconds": 10, "timeoutSeconds": 5},
                "startupProbe": {
                    **probe,
                    "failureThreshold": 60,
                    "initialDelaySeconds": 30,
                    "periodSeconds": 30,
                    "timeoutSeconds": 10,
                },
            },
            spec={"hostIPC": False},
        ),
    ]


def _runtime(server: Server) -> Object:
    spec: Object = {
        "annotations": {"prometheus.kserve.io/path": "/metrics", "prometheus.kserve.io/port": server.metrics_port},
        "containers": [_container(server)],
        **server.spec,
        "supportedModelFormats": [supported.as_object() for supported in server.formats],
    }
    if server.protocols:
        spec["protocolVersions"] = list(server.protocols)
    if server.shared_memory:
        spec["volumes"] = [{"name": _SHARED_MEMORY, "emptyDir": {"medium": "Memory"}}]
    return {
        "apiVersion": CLUSTER_SERVING_RUNTIME.api_version,
        "kind": CLUSTER_SERVING_RUNTIME.kind,
        "metadata": {"name": server.name, "annotations": {"serving.kserve.io/server-type": server.server_type}},
        "spec": spec,
    }


def _container(server: Server) -> Object:
    amounts = {"cpu": "1", "memory": "2Gi"}
    security: Object = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
    }
    if server.run_as_non_root:
        security["runAsNonRoot"] = True
    if server.run_as_user is not None:
        security["runAsUser"] = server.run_as_user
    container: Object = {"name": "kserve-container", "image": server.image}
    for name, values in (("command", server.command), ("args", server.args), ("env", server.env)):
        if values:
            container[name] = list(values)
    container |= {"resources": {"limits": amounts, "requests": dict(amounts)}, "securityContext": security}
    if server.shared_memory:
        container["volumeMounts"] = [{"name": _SHARED_MEMORY, "mountPath": "/dev/shm"}]  # noqa: S108 - in the container
    return container | dict(server.container)
