"""The Knative Service of a component (serverless.md, 2). Its pod is passed on as it is: Knative fills in what is missing."""

from collections.abc import Collection, Mapping, Sequence

from kservectl.api.kinds import KNATIVE_SERVICE
from kservectl.controllers.inferenceservice.component_metadata import (
    APP_LABEL,
    COMPONENT_LABEL,
    SERVICE_LABEL,
    unblocked,
)
from kservectl.controllers.inferenceservice.deployment import last_of_each
from kservectl.controllers.inferenceservice.knative import scaling
from kservectl.controllers.inferenceservice.knative.platform import Platform
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

PASSTHROUGH = "serving.knative.openshift.io/enablePassthrough"
MANAGED = ("serving.knative.dev/rollout-duration", PASSTHROUGH)
"""Annotations that only the Service itself may carry; they are moved there from the template."""


def build(
    workload: Workload, traffic: Sequence[Object], platform: Platform, blocked_labels: Collection[str] = ()
) -> Object:
    """The Knative Service of one component. `blocked_labels` do not go to its revisions."""
    labels = _labels(workload)
    spec = workload.component.spec
    pod: Object = {
        **workload.pod,
        "timeoutSeconds": spec.timeout,
        "responseStartTimeoutSeconds": spec.timeout,
        "containerConcurrency": spec.container_concurrency,
    }
    annotations = scaling.annotated(workload.metadata.annotations, spec, platform)
    template = {"labels": unblocked(labels, blocked_labels), "annotations": unblocked(annotations, MANAGED)}
    return knative_service(
        name=workload.metadata.name,
        namespace=workload.metadata.namespace,
        labels=labels,
        annotations={key: annotations[key] for key in MANAGED if key in annotations},
        spec={"template": {"metadata": template, "spec": _pod(pod)}, "traffic": list(traffic)},
    )


def knative_service(
    *, name: str, namespace: str, labels: Mapping[str, str], annotations: Mapping[str, str], spec: Object
) -> Object:
    """A Knative Service; an empty map of labels or annotations is left out."""
    meta: Object = {"name": name, "namespace": namespace}
    meta |= {"labels": dict(labels)} if labels else {}
    meta |= {"annotations": dict(annotations)} if annotations else {}
    return {"apiVersion": KNATIVE_SERVICE.api_version, "kind": KNATIVE_SERVICE.kind, "metadata": meta, "spec": spec}


def live_service(owner: Object, name: str, view: View) -> Object | None:
    """The Knative Service of that name in the owner's namespace, unless it is going or another controller owns it."""
    live = view.get(KNATIVE_SERVICE, name, metadata.namespace(owner))
    if live is None or metadata.is_deleting(live):
        return None
    foreign = metadata.controller_of(live) is not None and not metadata.is_controlled_by(live, metadata.uid(owner))
    return None if foreign else live


def _labels(workload: Workload) -> dict[str, str]:
    """The labels of the component without the selector of raw mode; a label `app` of the user's own is his again."""
    component = workload.component
    runtime = (workload.runtime.spec.get("labels") or {}) if workload.runtime is not None else {}
    own = {**runtime, **workload.service_labels, **component.labels}
    merged = workload.metadata.labels
    fixed = {key: merged[key] for key in (SERVICE_LABEL, COMPONENT_LABEL)}
    rest = {key: value for key, value in merged.items() if key != APP_LABEL}
    return {**rest, **({APP_LABEL: own[APP_LABEL]} if APP_LABEL in own else {}), **fixed}


def _pod(pod: Object) -> Object:
    filled = {name: value for name, value in pod.items() if value is not None}
    account = filled.pop("serviceAccount", "")  # the name of old, which Knative does not know
    if account:
        filled.setdefault("serviceAccountName", account)
    if filled.get("containers"):
        filled["containers"] = [_container(container) for container in filled["containers"]]
    return filled


def _container(container: Object) -> Object:
    filled = {name: value for name, value in container.items() if value is not None}
    if filled.get("ports"):
        filled["ports"] = last_of_each(filled["ports"], "containerPort", "protocol")
    return filled
