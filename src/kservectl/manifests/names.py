"""Names that the parts of an installation share. They are KServe's, so that either can take over from the other."""

NAMESPACE = "kserve"
MANAGER = "kserve-controller-manager"
MANAGER_LABELS = {"control-plane": MANAGER}
IMAGE = "kservectl:latest"

WEBHOOK_SERVICE = "kserve-webhook-server-service"
WEBHOOK_PORT_NAME = "webhook-server"
WEBHOOK_PORT = 9443
METRICS_SERVICE = "kserve-controller-manager-metrics"
METRICS_PORT_NAME = "metrics"
METRICS_PORT = 8080
HEALTH_PORT_NAME = "health"
HEALTH_PORT = 8081

WEBHOOK_CONFIGURATION = "inferenceservice.serving.kserve.io"
"""The name of the mutating configuration, and of the validating one of InferenceServices."""

RUNTIME_CONFIGURATION = "servingruntime.serving.kserve.io"
CLUSTER_RUNTIME_CONFIGURATION = "clusterservingruntime.serving.kserve.io"

GRAPH_CONFIGURATION = "inferencegraph.serving.kserve.io"
MODEL_CONFIGURATION = "trainedmodel.serving.kserve.io"
CACHE_CONFIGURATION = "localmodelcache.serving.kserve.io"
NAMESPACE_CACHE_CONFIGURATION = "localmodelnamespacecache.serving.kserve.io"

WEBHOOK_CONFIGURATIONS = (
    WEBHOOK_CONFIGURATION,
    RUNTIME_CONFIGURATION,
    CLUSTER_RUNTIME_CONFIGURATION,
    GRAPH_CONFIGURATION,
    MODEL_CONFIGURATION,
    CACHE_CONFIGURATION,
    NAMESPACE_CACHE_CONFIGURATION,
)
"""The names of all mutating and validating configurations."""

GATEWAY = "kserve-ingress-gateway"
STORAGE_INITIALIZER_IMAGE = "kserve/storage-initializer:latest"

PART_OF = {"app.kubernetes.io/name": "kservectl", "app.kubernetes.io/part-of": "kserve"}
"""Labels on everything that is installed."""
