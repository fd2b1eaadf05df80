"""The router of a graph as a workload: one container that is given the graph, behind one Service."""

from kservectl.api.config import Config
from kservectl.api.config_keys import LAST_APPLIED
from kservectl.api.inferencegraph import PROPAGATE_HEADERS, InferenceGraphSpec
from kservectl.api.inferenceservice import PredictorSpec
from kservectl.controllers.inferencegraph.graph_json import graph_json
from kservectl.controllers.inferenceservice.component import Component
from kservectl.controllers.inferenceservice.component_metadata import (
    APP_LABEL,
    ComponentMetadata,
    app_label,
    unblocked,
)
from kservectl.controllers.inferenceservice.failure import INVALID_SPEC, CannotDecide
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.objects.quantity import InvalidQuantity

GRAPH_LABEL = "serving.kserve.io/inferencegraph"

_PLACEMENT = ("affinity", "tolerations", "nodeSelector", "nodeName", "serviceAccountName")
_SCALING = ("minReplicas", "maxReplicas", "scaleTarget", "scaleMetric", "timeout")


def build(graph: Object, spec: InferenceGraphSpec, resolved: Object, config: Config) -> Workload:
    """What `graph` runs; `resolved` is its spec with a URL for each step. Raises CannotDecide or ConfigError.

    All annotations go to the pods, but for kubectl's record of the graph: it changes with every `kubectl apply`, and pods would
    be replaced for a label.
    """
    name = metadata.name(graph)
    labels = {**metadata.labels(graph), GRAPH_LABEL: name, APP_LABEL: app_label(name)}
    annotations = unblocked(metadata.annotations(graph), (LAST_APPLIED,))
    # The builders of Deployment, Service and autoscaler read how a component scales; a router scales like a predictor.
    scaling = {field: resolved[field] for field in _SCALING if resolved.get(field) is not None}
    try:
        container = _container(name, spec, resolved, config)
    except InvalidQuantity as error:
        raise CannotDecide(
            f"spec.resources: {error}", reason=INVALID_SPEC, next_step="Correct the amounts in spec.resources."
        ) from error
    return Workload(
        component=Component("predictor", PredictorSpec.parse(scaling)),
        metadata=ComponentMetadata(name, metadata.namespace(graph), labels, annotations),
        pod=_pod(container, resolved, config),
        service_labels=metadata.labels(graph),
    )


def _pod(container: Object, spec: Object, config: Config) -> Object:
    pod: Object = {"containers": [container], "automountServiceAccountToken": False}
    pod |= {field: spec[field] for field in _PLACEMENT if spec.get(field)}
    if config.router.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in config.router.image_pull_secrets]
    return pod


def _container(name: str, spec: InferenceGraphSpec, resolved: Object, config: Config) -> Object:
    router = config.router
    defaults = config.router_resources()
    container: Object = {
        "name": name,
        "image": router.image,
        "args": ["--graph-json", graph_json(resolved)],
        "resources": _resources(spec) or defaults,
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": 8080, "scheme": "HTTP"},
            "initialDelaySeconds": 5,
            "timeoutSeconds": 2,
            "periodSeconds": 5,
            "successThreshold": 1,
            "failureThreshold": 3,
        },
        "securityContext": {
            "privileged": False,
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if router.image_pull_policy:
        container["imagePullPolicy"] = router.image_pull_policy
    if "propagate" in router.headers:
        container["env"] = [{"name": PROPAGATE_HEADERS, "value": ",".join(router.propagated_headers)}]
    return container


def _resources(spec: InferenceGraphSpec) -> Object:
    """Limits and requests of the graph's own; claims need a pod that makes them, which a router's is not."""
    own = spec.resources or {}
    return {part: own[part] for part in ("limits", "requests") if own.get(part)}
