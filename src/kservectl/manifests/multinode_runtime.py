"""The runtime that spreads one Hugging Face model over several nodes with Ray: a head that serves and workers that join."""

from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME
from kservectl.objects.metadata import Object

_IMAGE = "kserve/huggingfaceserver:latest-gpu"
_HEALTH = "python ./huggingfaceserver/health_check.py"
_HEAD = "${HEAD_SVC}.${POD_NAMESPACE}.svc.cluster.local"
_SERVER = "http://localhost:8080"

_START_HEAD = """\
export MODEL_DIR_ARG=""
if [[ ! -z ${MODEL_ID} ]]
then
  export MODEL_DIR_ARG="--model_dir=${MODEL_ID}"
fi

if [[ ! -z ${MODEL_DIR} ]]
then
  export MODEL_DIR_ARG="--model_dir=${MODEL_DIR}"
fi

export RAY_ADDRESS=${POD_IP}:${RAY_PORT}
ray start --head --disable-usage-stats --include-dashboard false
python ./huggingfaceserver/health_check.py registered_nodes --retries 200  --probe_name runtime_start

python -m huggingfaceserver ${MODEL_DIR_ARG} --tensor-parallel-size=${TENSOR_PARALLEL_SIZE} \
--pipeline-parallel-size=${PIPELINE_PARALLEL_SIZE} $0 $@
"""

_JOIN_HEAD = """\
export RAY_HEAD_ADDRESS=${HEAD_SVC}.${POD_NAMESPACE}.svc.cluster.local:6379
SECONDS=0

while true; do
  if (( SECONDS <= 240 )); then
    if ray health-check --address "${RAY_HEAD_ADDRESS}" > /dev/null 2>&1; then
      echo "Ray Global Control Service(GCS) is ready."
      break
    fi
    echo "$SECONDS seconds elapsed: Waiting for Ray Global Control Service(GCS) to be ready."
  else
    if ray health-check --address "${RAY_HEAD_ADDRESS}"; then
      echo "Ray Global Control Service(GCS) is ready. Any error messages above can be safely ignored."
      break
    fi
    echo "$SECONDS seconds elapsed: Still waiting for Ray Global Control Service(GCS) to be ready."
  fi

  sleep 5
done

echo "Attempting to connect to Ray cluster at $RAY_HEAD_ADDRESS ..."
ray start --address="${RAY_HEAD_ADDRESS}" --block
"""


def huggingface_multinode() -> Object:
    """The ClusterServingRuntime `kserve-huggingfaceserver-multinode`."""
    return {
        "apiVersion": CLUSTER_SERVING_RUNTIME.api_version,
        "kind": CLUSTER_SERVING_RUNTIME.kind,
        "metadata": {
            "name": "kserve-huggingfaceserver-multinode",
            "annotations": {"serving.kserve.io/server-type": "huggingfaceserver"},
        },
        "spec": {
            "annotations": {"prometheus.kserve.io/path": "/metrics", "prometheus.kserve.io/port": "8080"},
            "containers": [_head()],
            "protocolVersions": ["v2", "v1"],
            "supportedModelFormats": [{"name": "huggingface", "version": "1", "autoSelect": True, "priority": 2}],
            "volumes": [_shared_memory()],
            "workerSpec": {
                "pipelineParallelSize": 1,
                "tensorParallelSize": 1,
                "containers": [_worker()],
                "volumes": [_shared_memory()],
            },
        },
    }


def _head() -> Object:
    alive = f"{_HEALTH} registered_node_and_runtime_health --health_check_url {_SERVER} --probe_name"
    return {
        "name": "kserve-container",
        "image": _IMAGE,
        "command": ["bash", "-c", _START_HEAD],
        "args": ["--model_name={{.Name}}"],
        "env": [
            {"name": "RAY_PORT", "value": "6379"},
            _from_pod("POD_NAMESPACE", "metadata.namespace"),
            _from_pod("POD_IP", "status.podIP"),
            {"name": "VLLM_CONFIG_ROOT", "value": "/tmp"},  # noqa: S108 - a path in the container
            {"name": "HF_HUB_CACHE", "value": "/tmp"},  # noqa: S108 - as above
        ],
        "livenessProbe": _probe(f"{alive} head_liveness\n"),
        "readinessProbe": _probe(
            f"{_HEALTH} runtime_health --health_check_url {_SERVER} --probe_name head_readiness\n"
        ),
        "startupProbe": _startup_probe(f"{alive} head_startup\n"),
        "resources": _resources(),
        "volumeMounts": [_shared_memory_mount()],
    }


def _worker() -> Object:
    return {
        "name": "worker-container",
        "image": _IMAGE,
        "command": ["bash", "-c", _JOIN_HEAD],
        "env": [_from_pod("POD_NAME", "metadata.name"), _from_pod("POD_NAMESPACE", "metadata.namespace")],
        "livenessProbe": _probe(
            f"export RAY_ADDRESS={_HEAD}:6379\n{_HEALTH} registered_nodes --probe_name worker_liveness\n"
        ),
        "startupProbe": _startup_probe(
            f"export RAY_HEAD_NODE={_HEAD}\n"
            "export RAY_ADDRESS=${RAY_HEAD_NODE}:6379\n"
            f"{_HEALTH} registered_node_and_runtime_models --runtime_url http://${{RAY_HEAD_NODE}}:8080/v1/models"
            " --probe_name worker_startup\n"
        ),
        "resources": _resources(),
        "volumeMounts": [_shared_memory_mount()],
    }


def _probe(script: str) -> Object:
    return {
        "exec": {"command": ["bash", "-c", script]},
        "failureThreshold": 2,
        "periodSeconds": 5,
        "successThreshold": 1,
        "timeoutSeconds": 15,
    }


def _startup_probe(script: str) -> Object:
    patience = {"failureThreshold": 40, "initialDelaySeconds": 60, "periodSeconds": 30, "timeoutSeconds": 30}
    return _probe(script) | patience


def _resources() -> Object:
    return {"limits": {"cpu": "4", "memory": "12Gi"}, "requests": {"cpu": "2", "memory": "6Gi"}}


def _shared_memory() -> Object:
    return {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "3Gi"}}


def _shared_memory_mount() -> Object:
    return {"name": "shm", "mountPath": "/dev/shm"}  # noqa: S108 - a path in the container


def _from_pod(name: str, field_path: str) -> Object:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": field_path}}}
