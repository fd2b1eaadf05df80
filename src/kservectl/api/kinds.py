"""The kinds that kservectl serves or writes, beyond Kubernetes' own (those are in `objects.kind`)."""

from kservectl.objects.kind import Kind

GROUP = "serving.kserve.io"

INFERENCE_SERVICE = Kind(GROUP, "v1beta1", "InferenceService", "inferenceservices")
SERVING_RUNTIME = Kind(GROUP, "v1alpha1", "ServingRuntime", "servingruntimes")
CLUSTER_SERVING_RUNTIME = Kind(GROUP, "v1alpha1", "ClusterServingRuntime", "clusterservingruntimes", namespaced=False)
CLUSTER_STORAGE_CONTAINER = Kind(
    GROUP, "v1alpha1", "ClusterStorageContainer", "clusterstoragecontainers", namespaced=False
)
TRAINED_MODEL = Kind(GROUP, "v1alpha1", "TrainedModel", "trainedmodels")
INFERENCE_GRAPH = Kind(GROUP, "v1alpha1", "InferenceGraph", "inferencegraphs")
LOCAL_MODEL_CACHE = Kind(GROUP, "v1alpha1", "LocalModelCache", "localmodelcaches", namespaced=False)
LOCAL_MODEL_NAMESPACE_CACHE = Kind(GROUP, "v1alpha1", "LocalModelNamespaceCache", "localmodelnamespacecaches")
LOCAL_MODEL_NODE_GROUP = Kind(GROUP, "v1alpha1", "LocalModelNodeGroup", "localmodelnodegroups", namespaced=False)
LOCAL_MODEL_NODE = Kind(GROUP, "v1alpha1", "LocalModelNode", "localmodelnodes", namespaced=False)
LLM_INFERENCE_SERVICE = Kind(GROUP, "v1alpha2", "LLMInferenceService", "llminferenceservices")

HTTP_ROUTE = Kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")
GATEWAY = Kind("gateway.networking.k8s.io", "v1", "Gateway", "gateways")
SCALED_OBJECT = Kind("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects")
OPEN_TELEMETRY_COLLECTOR = Kind("opentelemetry.io", "v1beta1", "OpenTelemetryCollector", "opentelemetrycollectors")
KNATIVE_SERVICE = Kind("serving.knative.dev", "v1", "Service", "services")
VIRTUAL_SERVICE = Kind("networking.istio.io", "v1beta1", "VirtualService", "virtualservices")
