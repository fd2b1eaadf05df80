"""Knative Services and their Revisions, as the controllers of Knative Serving would keep them.

A Service has a Revision for each template that it ever had; a Revision runs a Deployment. No load is simulated: a Revision
without traffic has no pods, one that may scale to zero has none a minute after it became ready, and every other keeps its
least number. Configurations and Routes are left out: a Service tells of both.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kservectl.clock import parse_time
from kservectl.devcluster.workloads.conditions import condition, status_of
from kservectl.devcluster.workloads.deployment import template_hash
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import View

GROUP = "serving.knative.dev"
SERVICE = Kind(GROUP, "v1", "Service", "services")
REVISION = Kind(GROUP, "v1", "Revision", "revisions")
NAMESPACE = "knative-serving"
DOMAIN = "example.com"

_HASH = f"{GROUP}/template-hash"
ROUTING = f"{GROUP}/routingState"
"""The label of a Revision that says whether requests reach it: `active`, or `reserve`."""
_MIN_SCALE = "autoscaling.knative.dev/min-scale"
_CONTAINER = "user-container"
_QUEUE_PROXY: Object = {"name": "queue-proxy", "image": "gcr.example.com/knative/queue:v1"}
_IDLE_SECONDS = 60.0
_OF_REVISIONS_ONLY = ("timeoutSeconds", "responseStartTimeoutSeconds", "idleTimeoutSeconds", "containerConcurrency")


def installation() -> Sequence[Object]:
    """What an installation of Knative Serving has that others read."""
    data = {"config-autoscaler": {"allow-zero-initial-scale": "false"}, "config-domain": {DOMAIN: ""}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        *(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}, "data": told}
            for name, told in data.items()
        ),
    ]


def reconcile_service(service: Object, view: View) -> Outcome:
    """The Revisions of a Service, and what it tells of them."""
    if metadata.is_deleting(service):
        return Outcome(complete=False)
    template = service["spec"]["template"]
    present = sorted(view.owned(REVISION, metadata.uid(service)), key=_number)
    digest = template_hash(template)
    if not present or metadata.annotations(present[-1]).get(_HASH) != digest:
        number = _number(present[-1]) + 1 if present else 1
        present.append(_new_revision(service, template, f"{metadata.name(service)}-{number:05d}", digest))
    newest = metadata.name(present[-1])
    ready = [metadata.name(revision) for revision in present if status_of(revision, "Ready") == "True"]
    routes = _routes(service, ready)
    routed = {entry.get("revisionName") for entry in routes if entry.get("percent")} | {newest}
    return Outcome(
        desired=tuple(_revision(revision, metadata.name(revision) in routed) for revision in present),
        complete=False,
        status=_status(service, present, ready, routes, view.now),
    )


def reconcile_revision(revision: Object, view: View) -> Outcome:
    """The Deployment of a Revision, as large as it has to be without any load."""
    if metadata.is_deleting(revision):
        return Outcome(complete=False)
    name = f"{metadata.name(revision)}-deployment"
    deployment = view.get(DEPLOYMENT, name, metadata.namespace(revision)) or {}
    available = status_of(deployment, "Available") == "True" and bool(_count(deployment, "availableReplicas"))
    was_ready = status_of(revision, "Ready") == "True"
    if available or was_ready:
        ready = condition(revision, "Ready", True, view.now)
    elif status_of(deployment, "Progressing") == "False":
        message = "Initial scale was never achieved"
        ready = condition(revision, "Ready", False, view.now, reason="ProgressDeadlineExceeded", message=message)
    else:
        ready = condition(revision, "Ready", "Unknown", view.now, reason="Deploying")
    idle = _idle_for(ready, view.now)
    wanted = _size(revision, idle)
    active = condition(revision, "Active", wanted > 0, view.now, reason="" if wanted else "NoTraffic")
    waits = idle is not None and wanted > 0 and _least(revision) == 0
    return Outcome(
        desired=(_deployment(revision, name, wanted),),
        status={
            "observedGeneration": metadata.generation(revision),
            "conditions": [active, ready],
            "desiredReplicas": wanted,
            "actualReplicas": _count(deployment, "availableReplicas"),
        },
        requeue_after=max(_IDLE_SECONDS - (idle or 0.0), 0.1) if waits else None,
    )


def _number(revision: Object) -> int:
    return int(metadata.name(revision).rpartition("-")[2])


def _new_revision(service: Object, template: Object, name: str, digest: str) -> Object:
    inner = template.get("metadata") or {}
    owner = metadata.name(service)
    labels = {**(inner.get("labels") or {}), f"{GROUP}/service": owner, f"{GROUP}/configuration": owner}
    return {
        "apiVersion": REVISION.api_version,
        "kind": REVISION.kind,
        "metadata": {
            "name": name,
            "namespace": metadata.namespace(service),
            "labels": labels,
            "annotations": {**(inner.get("annotations") or {}), _HASH: digest},
        },
        "spec": template["spec"],
    }


def _revision(known: Object, routed: bool) -> Object:
    """A Revision as it was made, marked by whether requests reach it."""
    labels = {**metadata.labels(known), ROUTING: "active" if routed else "reserve"}
    head = {
        "name": metadata.name(known),
        "namespace": metadata.namespace(known),
        "labels": labels,
        "annotations": dict(metadata.annotations(known)),
    }
    return {"apiVersion": REVISION.api_version, "kind": REVISION.kind, "metadata": head, "spec": known["spec"]}


def _routes(service: Object, ready: Sequence[str]) -> list[Object]:
    """Who gets which share now: what is meant for the newest revision goes to the newest that is ready."""
    wanted = service["spec"].get("traffic") or [{"latestRevision": True, "percent": 100}]
    found = []
    for entry in wanted:
        if entry.get("latestRevision"):
            found += [{**entry, "revisionName": ready[-1]}] if ready else []
        else:
            found.append(dict(entry))
    return [{**entry, **_tag_url(service, entry)} for entry in found]


def _tag_url(service: Object, entry: Mapping[str, Any]) -> Object:
    return {"url": _url(f"{entry['tag']}-{metadata.name(service)}", service)} if entry.get("tag") else {}


def _url(name: str, service: Object) -> str:
    return f"http://{name}.{metadata.namespace(service)}.{DOMAIN}"


def _status(
    service: Object, revisions: Sequence[Object], ready: Sequence[str], routes: Sequence[Object], now: datetime
) -> Object:
    newest = revisions[-1]
    name = metadata.name(service)
    revision_ready = status_of(newest, "Ready") or "Unknown"
    message = (
        f'Revision "{metadata.name(newest)}" failed with message: Initial scale was never achieved.'
        if revision_ready == "False"
        else ""
    )
    reason = "RevisionFailed" if revision_ready == "False" else ""
    configurations = condition(service, "ConfigurationsReady", revision_ready, now, reason=reason, message=message)
    routed, why = _routed(routes, [metadata.name(revision) for revision in revisions], ready)
    if revision_ready == "False" and not ready:
        routed, why = "False", message
    route = condition(
        service, "RoutesReady", routed, now, reason="RevisionMissing" if routed == "False" else "", message=why
    )
    both = (revision_ready, routed)
    whole = "False" if "False" in both else "Unknown" if "Unknown" in both else "True"
    told = configurations if revision_ready == whole else route
    overall = condition(
        service, "Ready", whole, now, reason=str(told.get("reason") or ""), message=str(told.get("message") or "")
    )
    status: Object = {
        "observedGeneration": metadata.generation(service),
        "conditions": [configurations, overall, route],
        "latestCreatedRevisionName": metadata.name(newest),
        "url": _url(name, service),
        "address": {"url": f"http://{name}.{metadata.namespace(service)}.svc.cluster.local"},
    }
    if ready:
        status |= {"latestReadyRevisionName": ready[-1], "traffic": list(routes)}
    return status


def _routed(routes: Sequence[Object], known: Sequence[str], ready: Sequence[str]) -> tuple[str, str]:
    """Whether every share has a revision that takes it, and which one is missing."""
    for entry in routes:
        target = entry.get("revisionName")
        if target not in known:
            return "False", f'Revision "{target}" referenced in traffic not found.'
        if target not in ready:
            return "Unknown", ""
    return ("True", "") if routes else ("Unknown", "")


def _least(revision: Object) -> int:
    return int(metadata.annotations(revision).get(_MIN_SCALE, "0"))


def _idle_for(ready: Object, now: datetime) -> float | None:
    """Seconds since the Revision became ready; None before."""
    if ready["status"] != "True":
        return None
    return (now - parse_time(ready["lastTransitionTime"])).total_seconds()


def _size(revision: Object, idle: float | None) -> int:
    if idle is None:
        return max(_least(revision), 1)
    if metadata.labels(revision).get(ROUTING) == "reserve":
        return 0
    return _least(revision) if idle >= _IDLE_SECONDS else max(_least(revision), 1)


def _count(obj: Mapping[str, Any], name: str) -> int:
    return int((obj.get("status") or {}).get(name) or 0)


def _deployment(revision: Object, name: str, replicas: int) -> Object:
    identity = {f"{GROUP}/revision": metadata.name(revision)}
    inherited = {key: value for key, value in metadata.labels(revision).items() if key != ROUTING}
    labels = {"app": metadata.name(revision), **inherited, **identity}
    pod = {field: value for field, value in revision["spec"].items() if field not in _OF_REVISIONS_ONLY}
    pod["containers"] = [*map(_container, pod["containers"]), _QUEUE_PROXY]
    annotations = {key: value for key, value in metadata.annotations(revision).items() if key != _HASH}
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": {"name": name, "namespace": metadata.namespace(revision), "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": identity},
            "template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": pod},
        },
    }


def _container(container: Object) -> Object:
    """A container of a Revision's pod. A probe of no certain port (0) is the queue proxy's to make."""
    probe: Object = container.get("readinessProbe") or {}
    unprobed = (probe.get("tcpSocket") or {}).get("port") == 0
    kept = {field: value for field, value in container.items() if not (unprobed and field == "readinessProbe")}
    return {"name": _CONTAINER, **kept}
