"""Every condition of KServe's kinds with what it means when it is True. The documentation is made from these words."""

from collections.abc import Mapping

_COMPONENT = "{} is served: its Deployment is available and rolled out, or its Knative Service is ready."
_ROUTE = "Knative's route leads to the {}."
_REVISION = "The newest revision of the {} is ready."

CONDITIONS: Mapping[str, Mapping[str, str]] = {
    "InferenceService": {
        "Ready": "`PredictorReady` and `IngressReady` are True.",
        "PredictorReady": _COMPONENT.format("The predictor"),
        "TransformerReady": _COMPONENT.format("The transformer"),
        "ExplainerReady": _COMPONENT.format("The explainer"),
        "IngressReady": "The service can be reached: its routes exist, and gateways have accepted them.",
        "CanaryPredictorReady": "All canaries are ready. Has no say in `Ready`. Absent without canaries.",
        "RolledBack": "An earlier version is served instead of the spec. Absent while the spec is served.",
        "Stopped": "The service is stopped by the annotation `serving.kserve.io/stop`. Healthy while False.",
        "OciImageVolumeCompatible": "Only ever False: the cluster may be too old for `ociModelMode: native`.",
        "RoutesReady": "The routes of all components are ready (Knative mode).",
        "LatestDeploymentReady": "The newest revisions of all components are ready (Knative mode).",
        "PredictorRouteReady": _ROUTE.format("predictor"),
        "TransformerRouteReady": _ROUTE.format("transformer"),
        "ExplainerRoutesReady": _ROUTE.format("explainer"),
        "PredictorConfigurationReady": _REVISION.format("predictor"),
        "TransformerConfigurationReady": _REVISION.format("transformer"),
        "ExplainerConfigurationReady": _REVISION.format("explainer"),
    },
    "InferenceGraph": {
        "Ready": "The router runs and can be reached, and all services that the graph names are Ready.",
        "Stopped": "The graph is stopped by the annotation `serving.kserve.io/stop`. Healthy while False.",
    },
    "TrainedModel": {
        "Ready": "All of the conditions below are True; the agent is told to load the model.",
        "InferenceServiceReady": "The InferenceService that is to serve the model is Ready.",
        "IsMMSPredictor": "Its predictor serves several models.",
        "MemoryResourceAvailable": "The model fits into the memory limit of the model server, beside the others.",
        "ModelResolved": "It is known where the files are. Only for `models:/…`.",
        "ModelListReadable": "Only ever False: the list of models cannot take this one.",
    },
    "LocalModelCache": {
        "Ready": "All of the conditions below are True.",
        "NodeGroupsFound": "The node groups that the cache names exist.",
        "StorageAvailable": "Every node has room for the model.",
        "VolumesReady": "The volumes and claims through which pods read the model exist.",
        "CopiesAvailable": "Every ready node has the whole model.",
    },
    "LocalModelNode": {"Ready": "The node's agent keeps its disk as it is told to."},
}
"""By kind (a LocalModelNamespaceCache is like a LocalModelCache): condition → when it is True."""
