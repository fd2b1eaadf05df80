"""Which InferenceServices a change of something else concerns.

Each function takes a change and the caches and names the services to decide again. Nothing is asked to be decided for a
change that cannot make a difference.
"""

from collections.abc import Iterable, Iterator, Sequence

from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.controllers.inferenceservice.component_metadata import SERVICE_LABEL
from kservectl.controllers.inferenceservice.reconcile import DISABLE_AUTO_UPDATE
from kservectl.informers import Change
from kservectl.objects import metadata
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.view import View

_POD_CONDITIONS = frozenset({"Ready", "PodScheduled"})


def of_pod(change: Change, view: View) -> Iterable[ObjectKey]:
    """The service that the pod belongs to, when something changed that status or explanations tell about."""
    service = metadata.labels(change.object).get(SERVICE_LABEL)
    if not service or (change.old is not None and change.new is not None and _tells(change.old) == _tells(change.new)):
        return ()
    return (ObjectKey(metadata.namespace(change.object), service),)


def of_runtime(change: Change, view: View) -> Iterable[ObjectKey]:
    """The namespace's services that use this ServingRuntime, or wait for one."""
    services = view.list(INFERENCE_SERVICE, metadata.namespace(change.object))
    return _of_runtime(change, "servingRuntimeName", services)


def of_cluster_runtime(change: Change, view: View) -> Iterable[ObjectKey]:
    """The services of all namespaces that use this ClusterServingRuntime, or wait for one."""
    return _of_runtime(change, "clusterServingRuntimeName", view.list(INFERENCE_SERVICE))


def of_storage_container(change: Change, view: View) -> Iterable[ObjectKey]:
    """Services that are not ready: a URI that nothing could download may have found its downloader."""
    if change.initial or not _spec_changed(change):
        return ()
    return [metadata.key(service) for service in view.list(INFERENCE_SERVICE) if not is_ready(service)]


def of_configuration(change: Change, view: View) -> Iterable[ObjectKey]:
    """Every service, when the configuration says something else."""
    if change.initial or (change.old or {}).get("data") == (change.new or {}).get("data"):
        return ()
    return [metadata.key(service) for service in view.list(INFERENCE_SERVICE)]


def of_nothing(change: Change, view: View) -> Iterable[ObjectKey]:
    """For kinds that decisions read and whose changes concern nobody."""
    return ()


def is_ready(service: Object) -> bool:
    """Whether the status says Ready."""
    conditions: Sequence[Object] = (service.get("status") or {}).get("conditions") or ()
    return any(entry.get("type") == "Ready" and entry.get("status") == "True" for entry in conditions)


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


def _spec_changed(change: Change) -> bool:
    if change.old is None or change.new is None:
        return True
    return bool(
        change.old.get("spec") != change.new.get("spec") or change.old.get("disabled") != change.new.get("disabled")
    )


def _tells(pod: Object) -> Object:
    """What of a pod shows in a status or an explanation; times of probes and addresses do not."""
    status = pod.get("status") or {}
    return {
        "phase": status.get("phase"),
        "conditions": [
            (entry.get("type"), entry.get("status"), entry.get("reason"), entry.get("message"))
            for entry in status.get("conditions") or ()
            if entry.get("type") in _POD_CONDITIONS
        ],
        "containers": [
            (entry.get("name"), entry.get("state"), entry.get("lastState"))
            for field in ("initContainerStatuses", "containerStatuses")
            for entry in status.get(field) or ()
        ],
    }
