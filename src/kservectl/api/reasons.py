"""Every reason of a condition or an event with what it means, and what to do about it.

`kservectl why` says these words where the decision itself names no step that fits the object better, and the documentation
is made from them. A reason means the same wherever it occurs; `source` tells whose word it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Source = Literal["kservectl", "Kubernetes", "Gateway API", "Knative"]

_BY_ITSELF = "It goes on by itself."


@dataclass(frozen=True, slots=True)
class Reason:
    """`meaning` and `next_step` are sentences; the latter is empty where nothing is wrong."""

    meaning: str
    next_step: str = ""
    source: Source = "kservectl"


def next_step(reason: str) -> str:
    """What a person can do about a condition with this reason; empty where it is not known or nothing is wrong."""
    found = REASONS.get(reason)
    return found.next_step if found is not None else ""


_CONFIGURATION: Mapping[str, Reason] = {
    "ConfigurationMissing": Reason(
        "The ConfigMap `inferenceservice-config` does not exist.",
        f"Install it (kubectl apply --server-side -k manifests). {_BY_ITSELF}",
    ),
    "ConfigurationInvalid": Reason(
        "A key of the ConfigMap `inferenceservice-config` that is needed here cannot be read.",
        f"Correct the key that the message names. {_BY_ITSELF}",
    ),
    "InvalidSpec": Reason(
        "The spec cannot be read, or asks for what does not go together.", "Correct the field that the message names."
    ),
    "ReconcileFailed": Reason(
        "The API server refused an object that is made for this one.",
        "Correct what the message names; the write is tried again when something changes.",
    ),
    "InternalError": Reason(
        "Something failed that should not; the manager's log has more.", "Look at the manager's log, and report it."
    ),
    "CABundleMissing": Reason(
        "The ConfigMap with the certificates for downloads is missing, or has no certificates.",
        "Create it beside the manager with the key cabundle.crt, or empty caBundleConfigMapName in the key "
        "storageInitializer.",
    ),
    "KnativeConfigurationMissing": Reason(
        "Knative's ConfigMap `config-autoscaler` does not exist.",
        "Install Knative Serving, or name its namespace in KNATIVE_CONFIG_AUTOSCALER_NAMESPACE of the manager.",
    ),
    "KnativeConfigurationInvalid": Reason(
        "Knative's ConfigMap `config-autoscaler` has a value that cannot be read.",
        "Correct the value that the message names.",
    ),
}

_SERVING: Mapping[str, Reason] = {
    "RuntimeNotRecognized": Reason(
        "There is no runtime of the name that is asked for.",
        "Create the runtime, or name another one (kubectl get servingruntimes,clusterservingruntimes).",
    ),
    "RuntimeDisabled": Reason(
        "The runtime that is asked for is disabled.",
        "Set spec.disabled of the runtime to false, or choose another one.",
    ),
    "NoSupportingRuntime": Reason(
        "No runtime supports the model's format and protocol.",
        "Create a runtime that lists the format with autoSelect and speaks the protocol, or name a runtime in "
        "spec.predictor.model.runtime.",
    ),
    "InvalidPredictorSpec": Reason(
        "The pod that runtime and service together ask for cannot be built.", "Correct the containers of the runtime."
    ),
    "ModelLoadFailed": Reason(
        "A container of the model failed; in `modelStatus.lastFailureInfo`.",
        "Read the message, and the container's log.",
    ),
    "RuntimeUnhealthy": Reason(
        "The model server is not healthy; in `modelStatus.lastFailureInfo`.", "Read the container's log."
    ),
    "NotSupported": Reason(
        "The deployment mode does not support what is asked for.", "Serve the model in Standard or Knative mode."
    ),
    "InvalidWorkerSpecNotSet": Reason(
        "The predictor is spread over nodes, and its runtime has no workerSpec.",
        "Choose a runtime with a workerSpec, or give it one.",
    ),
    "InvalidGPUAllocation": Reason(
        "The GPUs of head and workers do not go with the parallel sizes.",
        "Correct the GPUs or the sizes that the message names.",
    ),
    "Stopped": Reason(
        "It is stopped by annotation.", "Remove the annotation serving.kserve.io/stop to start it again."
    ),
    "ServerlessModeRejected": Reason(
        "Knative mode is asked for, and there is no Knative Serving.",
        f"Install Knative Serving, or set the annotation serving.kserve.io/deploymentMode: Standard. {_BY_ITSELF}",
    ),
    "VirtualServiceCRDNotFound": Reason(
        "Knative serves it, but Istio's VirtualService is not installed.",
        "Install Istio, or set disableIstioVirtualHost to true in the key ingress.",
    ),
    "OutOfDate": Reason(
        "Knative has yet to look at what was changed.", "Wait; if it stays so, check that Knative's controller runs."
    ),
}

_ROUTES: Mapping[str, Reason] = {
    **{
        f"{part} {said}": Reason("The route waits for what it leads to.", "Look at the conditions of the components.")
        for part in ("InferenceService", "Predictor", "Transformer", "Explainer", "InferenceGraph")
        for said in ("Deployment NotReady", "ingress not created")
    },
    "HTTPRouteNotServed": Reason(
        "The API server does not serve HTTPRoutes, which enableGatewayApi needs.",
        "Install the CRDs of the Gateway API, or set enableGatewayApi to false in the key ingress of the ConfigMap "
        "inferenceservice-config.",
    ),
    "ParentStatusNotAvailable": Reason(
        "No gateway has said anything about the route yet.",
        "Read the message; if it stays so, check that the Gateway exists and that its controller runs.",
    ),
    "RouteNotAccepted": Reason(
        "A gateway refuses the route without a reason.", "Look at the route (kubectl describe httproute)."
    ),
    "InvalidNetworkingAnnotation": Reason(
        "An annotation about routes has a value that cannot be read.", "Correct or remove the annotation."
    ),
    "NoMatchingParent": Reason(
        "The Gateway has no listener that the route names.",
        "Compare the route's parentRefs with the Gateway's listeners.",
        "Gateway API",
    ),
    "NotAllowedByListeners": Reason(
        "The Gateway's listeners take no routes of this namespace or kind.",
        "Let allowedRoutes of a listener take the service's namespace and HTTPRoutes.",
        "Gateway API",
    ),
    "NoMatchingListenerHostname": Reason(
        "No listener serves the route's host.",
        "Widen a listener's hostname, or change ingressDomain or domainTemplate in the key ingress.",
        "Gateway API",
    ),
    "UnsupportedValue": Reason(
        "The gateway cannot do what the route asks for.", "Read the message, or use another gateway.", "Gateway API"
    ),
    "BackendNotFound": Reason(
        "A Service that the route leads to does not exist.",
        "Look at the Services of the service (kservectl tree).",
        "Gateway API",
    ),
    "InvalidKind": Reason(
        "The gateway cannot send requests to what the route leads to.", "Read the message.", "Gateway API"
    ),
    "RefNotPermitted": Reason(
        "The route leads to another namespace, which does not permit it.",
        "Create a ReferenceGrant there.",
        "Gateway API",
    ),
}

_VERSIONS: Mapping[str, Reason] = {
    "AllCanariesReady": Reason("All canaries are ready."),
    "CanariesNotReady": Reason(
        "A canary is not ready, and takes no traffic.", "Read the message; kservectl why has a line for each canary."
    ),
    "RollingOut": Reason(
        "A new version has time until its deadline.", "Wait; it is rolled back by itself if it does not become Ready."
    ),
    "Requested": Reason(
        "An earlier version is served, as an annotation asks.",
        "Correct the spec, or remove the annotation kservectl.dev/rollback.",
    ),
    "ProgressDeadlineExceeded": Reason(
        "A new version was not Ready in time. As the reason of RolledBack: an earlier one is served instead.",
        "Correct the spec; the message says what kept it from being Ready.",
    ),
    "RevisionNotFound": Reason(
        "The version that the annotation asks for does not exist.",
        "Name another one (kubectl get controllerrevisions), or remove the annotation kservectl.dev/rollback.",
    ),
    "ImageVolumeUnsupported": Reason(
        "The cluster is too old for image volumes.",
        "Upgrade to Kubernetes 1.33 or later, or set ociModelMode to modelcar.",
    ),
    "ImageVolumeSubPathUnsupported": Reason(
        "The cluster's image volumes cannot mount a folder of the image.",
        "Upgrade to Kubernetes 1.33 or later, or set ociModelMode to modelcar.",
    ),
    "ImageVolumeAlpha": Reason(
        "The cluster has image volumes behind a feature gate.",
        "Turn on the feature gate ImageVolume of API server and kubelets.",
    ),
}

_DEPLOYMENTS: Mapping[str, Reason] = {
    "MinimumReplicasAvailable": Reason("Enough pods are ready.", source="Kubernetes"),
    "NewReplicaSetAvailable": Reason("The new version is rolled out.", source="Kubernetes"),
    "MinimumReplicasUnavailable": Reason(
        "Too few pods are ready.",
        "Look at what is said about its pods (kservectl why, kubectl describe pod).",
        "Kubernetes",
    ),
    "NewReplicaSetCreated": Reason("The new version is being rolled out.", "Wait.", "Kubernetes"),
    "FoundNewReplicaSet": Reason("The new version is being rolled out.", "Wait.", "Kubernetes"),
    "ReplicaSetUpdated": Reason("The new version is being rolled out.", "Wait.", "Kubernetes"),
    "FailedCreate": Reason(
        "Pods are refused: a quota, a policy, or a missing service account.",
        "Do what the message asks for.",
        "Kubernetes",
    ),
    "RevisionMissing": Reason(
        "Knative has no revision that could serve.", "Look at the revisions (kubectl get revisions).", "Knative"
    ),
    "RevisionFailed": Reason(
        "The newest revision does not become ready.", "Look at the revisions (kubectl describe revision).", "Knative"
    ),
}

_PODS: Mapping[str, Reason] = {
    "Unschedulable": Reason(
        "No node takes the pod.",
        "Add or free nodes that fit, or lower resources, node selector or affinity.",
        "Kubernetes",
    ),
    **dict.fromkeys(
        (
            "ErrImagePull",
            "ImagePullBackOff",
            "InvalidImageName",
            "ErrImageNeverPull",
            "RegistryUnavailable",
            "ImageInspectError",
        ),
        Reason(
            "A container cannot get its image.",
            "Check the image's name and tag, and that imagePullSecrets allow to pull it.",
            "Kubernetes",
        ),
    ),
    **dict.fromkeys(
        ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"),
        Reason(
            "A container cannot be started, most often because a Secret or ConfigMap is missing.",
            "Create the Secret, ConfigMap or volume that the message names, or correct the component.",
            "Kubernetes",
        ),
    ),
    "CrashLoopBackOff": Reason(
        "A container keeps failing.", "Read its last words (kubectl logs --previous).", "Kubernetes"
    ),
    "OOMKilled": Reason("A container used more memory than its limit.", "Raise the memory limit.", "Kubernetes"),
}

_GRAPHS: Mapping[str, Reason] = {
    "RouterNotReady": Reason("The router's Deployment is not available yet.", "Look at its pods (kservectl tree)."),
    "ServiceNotFound": Reason(
        "A service that the graph names does not exist.",
        "Create the InferenceService, or correct the step that names it.",
    ),
    "ServiceNotReady": Reason(
        "A service that the graph names is not Ready.", f"Ask why: kservectl why inferenceservice/NAME. {_BY_ITSELF}"
    ),
    "ProtocolNotSupported": Reason(
        "The runtime of a service speaks no protocol that a graph can use.", "Choose a runtime that speaks v1 or v2."
    ),
}

_CONFIGURE_REGISTRY = "Look at the key registry of ConfigMap inferenceservice-config, and at the Secret that it names."

_MODELS: Mapping[str, Reason] = {
    "InferenceServiceNotReady": Reason(
        "The service that is to serve the model is not Ready.",
        f"Ask why: kservectl why inferenceservice/NAME. {_BY_ITSELF}",
    ),
    "IsNotMMSPredictor": Reason(
        "The predictor of the service has a model of its own.",
        "Name an InferenceService whose predictor has no storageUri of its own, or remove it.",
    ),
    "MemoryResourceNotAvailable": Reason(
        "The model does not fit beside the others.",
        "Raise the memory limit of the predictor, or delete models that it serves.",
    ),
    "ModelConfigMissing": Reason(
        "The ConfigMap with the list of models, which the InferenceService makes, does not exist.",
        "Ask why the InferenceService has not made it: kubectl describe it, or `kservectl why`.",
    ),
    "ModelConfigUnreadable": Reason(
        "The ConfigMap with the list of models cannot be read.",
        "Correct models.json in the ConfigMap, or delete the ConfigMap.",
    ),
    "ModelConfigFull": Reason(
        "The list of models has no room for another.",
        "Delete models, or serve some of them by another InferenceService.",
    ),
    "Resolving": Reason("The registry is being asked.", "Wait."),
    "InvalidReference": Reason("The reference cannot be read.", "Write models:/NAME/VERSION or models:/NAME@ALIAS."),
    "RegistryNotConfigured": Reason(
        "No model registry is configured, or its Secret cannot be used.", _CONFIGURE_REGISTRY
    ),
    "RegistryRefused": Reason("The registry refuses the credentials.", _CONFIGURE_REGISTRY),
    "RegistryUnreachable": Reason(
        "The registry cannot be asked.",
        "Check that the registry runs and can be reached from the manager; the model goes on by itself.",
    ),
    "RegistryAnswerUnreadable": Reason("The registry's answer is no answer of a registry.", _CONFIGURE_REGISTRY),
    "RegistryFailed": Reason("The registry answered with an error.", f"Look at the registry's log. {_BY_ITSELF}"),
    "ModelVersionNotFound": Reason(
        "The registry has no such version.",
        "Register the model version, or correct the reference; the model goes on by itself.",
    ),
    "ModelVersionNotReady": Reason(
        "The version is not ready in the registry.", f"Wait for its registration to end. {_BY_ITSELF}"
    ),
    "UnsupportedLocation": Reason(
        "The files lie where they cannot be downloaded from.",
        "Keep the model's files where they can be downloaded from: s3://, gs://, https://, http://.",
    ),
}

_CACHES: Mapping[str, Reason] = {
    "NodeGroupNotFound": Reason(
        "A node group that the cache names does not exist.",
        f"Create it, or name one of: kubectl get localmodelnodegroups. {_BY_ITSELF}",
    ),
    "NoNodes": Reason(
        "No node belongs to the node groups.",
        "Compare the nodeAffinity of the groups' persistentVolumeSpec with the labels of the nodes.",
    ),
    "NodesNotReady": Reason("None of the nodes is ready.", f"Look at the nodes (kubectl get nodes). {_BY_ITSELF}"),
    "InsufficientStorage": Reason(
        "A node has no room for the model.",
        "Raise storageLimit of the node group, delete caches, or set evictionPolicy: LeastRecentlyUsed on the group.",
    ),
    "Evicted": Reason(
        "The model made room for others that were used more recently.",
        "Raise storageLimit of the node group; a service that uses the model brings it back.",
    ),
    "Queued": Reason(
        "As many nodes download the model as may at once.",
        f"Raise maxParallelDownloads of the cache, or wait. {_BY_ITSELF}",
    ),
    "NameTaken": Reason("A volume or claim of this name belongs to another cache.", "Rename one of the caches."),
    "VolumeRefused": Reason(
        "The API server refused a volume or a claim.",
        "If the volume specs of the node group changed, delete the object once no pod uses it; it is made anew. "
        "Otherwise correct "
        "what the message names.",
    ),
    "Downloading": Reason("Nodes are still downloading.", "Wait; kubectl get shows how far it is."),
    "DownloadFailed": Reason(
        "A download failed.", "Read the message; it is tried again by itself, at longer and longer intervals."
    ),
    "DownloadRefused": Reason(
        "A download failed in a way that trying again does not mend.",
        "Correct the URI, its credentials or its checksums, as the message says.",
    ),
    "DownloadStarting": Reason("The download is about to start.", "Wait."),
    "DownloadNotConfigured": Reason(
        "No way to download from this URI is configured.",
        "Install a ClusterStorageContainer of workloadType localModelDownloadJob for it.",
    ),
    "WaitsForTurn": Reason(
        "Other downloads of the node come first.", "Wait, or raise maxParallelDownloads of the node group."
    ),
    "Verifying": Reason("Checksums are being worked out.", "Wait."),
    "ChecksumMismatch": Reason(
        "A file is not the one that the cache asks for; the copy was removed, and is downloaded again.",
        "Compare checksums of the cache with the files at the source.",
    ),
    "FilesMissing": Reason(
        "The download succeeded, but the model is not whole.",
        "Look at the download's pod; it is tried again by itself.",
    ),
    "PathMismatch": Reason(
        "The download arrived on no disk that the node agent sees.",
        "Make the path of the group's PersistentVolume and the hostPath of the agent's DaemonSet the same folder.",
    ),
    "FolderUnusable": Reason(
        "The model's folder on the node is not what it should be.",
        "Look at the folder that the message names, on the node.",
    ),
    "InvalidModel": Reason(
        "The entry of the LocalModelNode cannot be used.", "Correct the cache, as the message says."
    ),
    "NoNodeGroup": Reason(
        "The node group of the entry does not exist.", f"Create the node group, or correct the cache. {_BY_ITSELF}"
    ),
    "JobRefused": Reason(
        "The API server refused the download's Job.",
        "Correct what the message names: a quota or a policy of the namespace of downloads.",
    ),
    "DiskReady": Reason("The node agent works."),
    "DiskFull": Reason(
        "Models have no room on the node's disk.", "Make room by deleting caches, or give the node a larger disk."
    ),
    "DiskUnusable": Reason(
        "The node agent cannot read or write its folder.",
        "Look at the disk of the node, and at the hostPath of the agent's DaemonSet.",
    ),
}

GROUPS: Mapping[str, Mapping[str, Reason]] = {
    "Configuration and objects": _CONFIGURATION,
    "Serving": _SERVING,
    "Routes": _ROUTES,
    "Versions": _VERSIONS,
    "Deployments and revisions": _DEPLOYMENTS,
    "Pods": _PODS,
    "Graphs": _GRAPHS,
    "TrainedModels": _MODELS,
    "Model caches": _CACHES,
}
"""All reasons, by what they are about. Those of pods are in `modelStatus` and in the words of `why`, not in "
"conditions."""

REASONS: Mapping[str, Reason] = {name: reason for group in GROUPS.values() for name, reason in group.items()}

EVENTS: Mapping[str, str] = {
    "InferenceServiceReady": "A service became Ready.",
    "InferenceServiceNotReady": "A service is no longer Ready; the message names the conditions.",
    "InferenceGraphReady": "A graph became Ready.",
    "InferenceGraphNotReady": "A graph is no longer Ready.",
    "InternalError": "Something that is asked for cannot be made; the message is that of the condition.",
    "ServerlessModeRejected": "Knative mode is asked for, and there is no Knative Serving.",
    "VirtualServiceCRDNotFound": "Knative serves it, but Istio's VirtualService is not installed.",
    "RolledBack": "An earlier version is served instead of a new one.",
    "ModelCached": "All nodes of a cache have its model.",
    "ModelDownloaded": "A node has a model.",
}
"""Reasons of events. A cache's Warnings have the reasons of its conditions, a node's those of its downloads."""
