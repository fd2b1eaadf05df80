"""Which InferenceServices a change of something else concerns.

Each function takes a change and the caches and names the services to decide again. Nothing is asked to be decided for a
change that cannot make a difference.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from kservectl.api.config import CONFIG_MAP_NAME, Config, ConfigError
from kservectl.api.config_keys import KNATIVE, normalise_deployment_mode
from kservectl.api.kinds import HTTP_ROUTE, INFERENCE_SERVICE
from kservectl.controllers.inferenceservice import ca_bundle, explain
from kservectl.controllers.inferenceservice.component import MAIN_CONTAINER
from kservectl.controllers.inferenceservice.component_metadata import (
    APP_LABEL,
    COMPONENT_LABEL,
    SERVICE_LABEL,
    app_label,
)
from kservectl.controllers.inferenceservice.gateway import parent_of
from kservectl.controllers.inferenceservice.knative.model_status import REVISION_LABEL
from kservectl.controllers.inferenceservice.pod_state import CRASH_LOOP, STORAGE_INITIALIZER, container, pods_of
from kservectl.controllers.inferenceservice.pod_state import is_ready as is_ready_pod
from kservectl.controllers.inferenceservice.reconcile import DISABLE_AUTO_UPDATE
from kservectl.informers import Change
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, DEPLOYMENT
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.predicates import more_than_status_changed
from kservectl.runtime.view import View

_REVISION = "deployment.kubernetes.io/revision"


def of_pod(change: Change, view: View) -> Iterable[ObjectKey]:
    """The service whose predictor the pod serves, when its model's status is another one now.

    A pod that becomes ready, or is not any more, moves the status of its Deployment too. Where that is still to come, the
    service is decided once, then.
    """
    labels = metadata.labels(change.object)
    service = labels.get(SERVICE_LABEL)
    if not service or labels.get(COMPONENT_LABEL) != "predictor" or change.initial:
        return ()
    said_so = _tells(change.old) != _tells(change.new)
    counted = _is_ready(change.old) != _is_ready(change.new) and _deployment_counted(change.object, view)
    return (ObjectKey(metadata.namespace(change.object), service),) if said_so or counted else ()


def of_runtime(change: Change, view: View) -> Iterable[ObjectKey]:
    """The namespace's services that use this ServingRuntime, or wait for one."""
    services = view.list(INFERENCE_SERVICE, metadata.namespace(change.object))
    return _of_runtime(change, "servingRuntimeName", services)


def of_cluster_runtime(change: Change, view: View) -> Iterable[ObjectKey]:
    """The services of all namespaces that use this ClusterServingRuntime, or wait for one."""
    return _of_runtime(change, "clusterServingRuntimeName", view.list(INFERENCE_SERVICE))


def of_storage_container(change: Change, view: View) -> Iterable[ObjectKey]:
    """Services that are not ready: a URI that nothing could download may have found its downloader.

    And those with several sources, whose Deployments have the downloader in them.
    """
    if change.initial or not _spec_changed(change):
        return ()
    services = view.list(INFERENCE_SERVICE)
    return [metadata.key(service) for service in services if not is_ready(service) or _has_several_sources(service)]


def of_configuration(change: Change, view: View) -> Iterable[ObjectKey]:
    """Every service, when the configuration says something else, or the certificates that it names are others."""
    if change.initial or not _data_changed(change):
        return ()
    name = metadata.name(change.object)
    if name != CONFIG_MAP_NAME and name != _bundle_beside(change.object, view):
        return ()
    return [metadata.key(service) for service in view.list(INFERENCE_SERVICE)]


def of_knative_configuration(change: Change, view: View) -> Iterable[ObjectKey]:
    """The services in Knative mode, when Knative Serving is configured otherwise."""
    if change.initial or not _data_changed(change):
        return ()
    services = view.list(INFERENCE_SERVICE)
    return [
        metadata.key(service)
        for service in services
        if normalise_deployment_mode(str((service.get("status") or {}).get("deploymentMode") or "")) in ("", KNATIVE)
    ]


def of_copied_bundle(change: Change, view: View) -> Iterable[ObjectKey]:
    """All services of a namespace, when their copy of the certificates is not as it was.

    Every service, when it is what the others are copies of: that may have the same name, and is then read from this cache.
    """
    if change.initial or not _data_changed(change):
        return ()
    original = metadata.name(change.object) == _bundle_beside(change.object, view)
    services = view.list(INFERENCE_SERVICE, None if original else metadata.namespace(change.object))
    return [metadata.key(service) for service in services]


def of_gateway(change: Change, view: View) -> Iterable[ObjectKey]:
    """The services whose routes name this Gateway and are not ready: what it says decides what they say."""
    if change.initial or all(
        (change.old or {}).get(part) == (change.new or {}).get(part) for part in ("spec", "status")
    ):
        return ()
    gateway = metadata.key(change.object)
    owners = {
        ObjectKey(metadata.namespace(route), controller["name"])
        for route in view.list(HTTP_ROUTE)
        if parent_of(route) == gateway and (controller := metadata.controller_of(route)) is not None
    }
    services = (view.get(INFERENCE_SERVICE, key.name, key.namespace) for key in sorted(owners))
    return [metadata.key(service) for service in services if service is not None and not is_ready(service)]


def of_nothing(change: Change, view: View) -> Iterable[ObjectKey]:
    """For kinds that decisions read and whose changes concern nobody."""
    return ()


def is_ready(service: Object) -> bool:
    """Whether the status says Ready."""
    conditions: Sequence[Object] = (service.get("status") or {}).get("conditions") or ()
    return any(entry.get("type") == "Ready" and entry.get("status") == "True" for entry in conditions)


def deployment_tells(change: Change) -> bool:
    """Whether a Deployment has moved in what a service's status is made of; its other counters move several times more."""
    if change.old is None or change.new is None:
        return True
    if _readiness(change.old) != _readiness(change.new):
        return True
    return more_than_status_changed(replace(change, old=_unnumbered(change.old), new=_unnumbered(change.new)))


def essence_of_pod(pod: Object) -> Object:
    """A pod cut down to what decisions read, so that thousands of them fit into the cache."""
    meta = metadata.metadata(pod)
    status = pod.get("status") or {}
    kept = ("name", "namespace", "uid", "resourceVersion", "labels", "ownerReferences")
    times = ("creationTimestamp", "deletionTimestamp")
    containers = (pod.get("spec") or {}).get("containers") or ()
    slim: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {name: meta[name] for name in (*kept, *times) if name in meta},
        "spec": {"containers": [{"name": container.get("name")} for container in containers]},
    }
    told = ("phase", "conditions", "initContainerStatuses", "containerStatuses")
    slim["status"] = {name: status[name] for name in told if name in status}
    return slim


def _of_runtime(change: Change, field: str, services: Iterable[Object]) -> Iterator[ObjectKey]:
    """A deleted runtime concerns nobody: what runs goes on, and a replacement may be on its way."""
    if change.initial or change.new is None or not _spec_changed(change):
        return
    name = metadata.name(change.object)
    for service in services:
        status = service.get("status") or {}
        uses = status.get(field) == name
        waits = not any(status.get(known) for known in ("servingRuntimeName", "clusterServingRuntimeName"))
        invalid = (status.get("modelStatus") or {}).get("transitionStatus") == "InvalidSpec"
        held = metadata.annotations(service).get(DISABLE_AUTO_UPDATE) == "true" and is_ready(service)
        if (uses or waits or invalid) and not held:
            yield metadata.key(service)


def _has_several_sources(service: Object) -> bool:
    spec = service.get("spec") or {}
    return any((spec.get(role) or {}).get("storageUris") for role in ("predictor", "transformer", "explainer"))


def _data_changed(change: Change) -> bool:
    return (change.old or {}).get("data") != (change.new or {}).get("data")


def _bundle_beside(config_map: Object, view: View) -> str:
    """The ConfigMap that the configuration in the same namespace names; empty when it names none, or cannot be read."""
    try:
        return ca_bundle.source_of(Config.of(view.get(CONFIG_MAP, CONFIG_MAP_NAME, metadata.namespace(config_map))))
    except ConfigError:
        return ""


def _spec_changed(change: Change) -> bool:
    if change.old is None or change.new is None:
        return True
    return bool(
        change.old.get("spec") != change.new.get("spec") or change.old.get("disabled") != change.new.get("disabled")
    )


def _tells(pod: Object | None) -> Object:
    """What of a pod a status tells about: the download, how the server ended, and what keeps either from starting."""
    if pod is None:
        return {}
    download = container(pod, STORAGE_INITIALIZER, init=True)
    server = container(pod, MAIN_CONTAINER, init=False)
    stuck = explain.stuck(pod)
    found: Object = {"stuck": stuck} if stuck else {}
    if download is not None:
        found["download"] = download
    if server is not None and (server.ended is not None or server.waiting == CRASH_LOOP):
        found["server"] = (server.ended, server.waiting, server.previous)
    return found


def _unnumbered(deployment: Object) -> Object:
    """The Deployment without the number that its controller gives each of its templates."""
    meta = metadata.metadata(deployment)
    if _REVISION not in (meta.get("annotations") or {}):
        return deployment
    annotations = {key: value for key, value in meta["annotations"].items() if key != _REVISION}
    bare = {key: value for key, value in meta.items() if key != "annotations"}
    return {**deployment, "metadata": {**bare, "annotations": annotations} if annotations else bare}


def _readiness(deployment: Object) -> tuple[object, ...]:
    """What the Deployment says of itself; nothing before its first condition."""
    status = deployment.get("status") or {}
    if not status.get("conditions"):
        return ()
    conditions = [
        (entry.get("type"), entry.get("status"), entry.get("reason"), entry.get("message"))
        for entry in status.get("conditions") or ()
    ]
    observed = (status.get("observedGeneration") or 0) >= metadata.generation(deployment)
    return (
        observed,
        status.get("readyReplicas") or 0,
        status.get("availableReplicas") or 0,
        sorted(map(str, conditions)),
    )


def _is_ready(pod: Object | None) -> bool:
    return pod is not None and is_ready_pod(pod)


def _deployment_counted(pod: Object, view: View) -> bool:
    """Whether the pod's Deployment says as many ready replicas as there are ready pods.

    Knative does not say how many there are: each pod of it counts.
    """
    if REVISION_LABEL in metadata.labels(pod):
        return True
    namespace = metadata.namespace(pod)
    name = metadata.labels(pod).get(APP_LABEL, "").removeprefix(app_label(""))
    deployment = view.get(DEPLOYMENT, name, namespace) or {}
    counted = (deployment.get("status") or {}).get("readyReplicas") or 0
    return bool(counted == sum(map(is_ready_pod, pods_of(name, namespace, view))))
