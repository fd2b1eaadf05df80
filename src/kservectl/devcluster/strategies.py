"""What the server itself writes into objects: which part of an object a request may change, generation, first status.

Pure functions over plain objects. What needs the cluster's state (addresses of Services) comes in as an argument.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kservectl.devcluster.contract import ServedKind
from kservectl.objects.kind import CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT
from kservectl.objects.metadata import Object

CRD_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"

_KEEPS_STATUS_ON_CREATE = {"nodes"}
_GENERATED_GROUPS = {
    "apps",
    "batch",
    "policy",
    "networking.k8s.io",
    "apiextensions.k8s.io",
    "admissionregistration.k8s.io",
}
_CREATED_BY_UPDATE = {
    "endpoints",
    "events",
    "events.events.k8s.io",
    "leases.coordination.k8s.io",
    "limitranges",
    "services",
    *(f"{name}.rbac.authorization.k8s.io" for name in ("clusterrolebindings", "clusterroles", "rolebindings", "roles")),
}
_CONDITIONAL_ONLY = {
    "leases.coordination.k8s.io",
    "customresourcedefinitions.apiextensions.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
    "poddisruptionbudgets.policy",
}
_LABELS_FIXED_IN_STATUS = {"apps", "batch"}
_REVISION = "deployment.kubernetes.io/revision"


def allows_unconditional_update(served: ServedKind) -> bool:
    """Whether an update without resourceVersion overwrites whatever is there."""
    return not served.custom and served.kind.resource not in _CONDITIONAL_ONLY


def allows_create_on_update(served: ServedKind) -> bool:
    return served.kind.resource in _CREATED_BY_UPDATE


def has_generation(served: ServedKind) -> bool:
    return served.custom or served.kind.group in _GENERATED_GROUPS or served.kind.resource == "pods"


def on_create(served: ServedKind, obj: Object, *, addressed: Callable[[Object], Object]) -> Object:
    """A new object, its uid and name already set, as it is first stored; `addressed` gives a Service its addresses."""
    kind = served.kind
    if served.status and kind.resource not in _KEEPS_STATUS_ON_CREATE:
        obj = without_status(obj) if served.custom else {**obj, "status": {}}
    match kind.resource:
        case "namespaces":
            return _new_namespace(obj)
        case "pods":
            return _new_pod(obj)
        case "services":
            return {**addressed(obj), "status": {"loadBalancer": {}}}
        case "ingresses.networking.k8s.io":
            return {**obj, "status": {"loadBalancer": {}}}
        case "jobs.batch":
            return _new_job(obj)
        case "persistentvolumeclaims" | "persistentvolumes":
            return {**obj, "status": {"phase": "Pending"}}
        case _ if kind == CUSTOM_RESOURCE_DEFINITION:
            return _with_finalizer(without_status(obj), CRD_FINALIZER)
        case _:
            return obj


def on_update(served: ServedKind, new: Object, old: Object, subresource: str) -> Object:
    """The part of `new` that a write to this (sub)resource may change, over `old` for the rest; with the generation."""
    if subresource == "status":
        return _status_over(served, new, old)
    if subresource == "finalize":
        return {**old, "metadata": new["metadata"], "spec": _finalized_spec(new, old)}
    if served.status and subresource != "binding":
        new = _with_status_of(new, old)
    match served.kind.resource:
        case "namespaces":
            new = _kept_namespace(new, old)
        case "services":
            new = _kept_addresses(new, old)
        case _:
            pass
    if has_generation(served) and _content(served, new) != _content(served, old):
        generation = int(old["metadata"].get("generation") or 0) + 1
        new = {**new, "metadata": {**new["metadata"], "generation": generation}}
    return new


def without_status(obj: Object) -> Object:
    return {field: value for field, value in obj.items() if field != "status"}


def _with_status_of(new: Object, old: Object) -> Object:
    if "status" in old:
        return new if new.get("status") == old["status"] else {**new, "status": old["status"]}
    return without_status(new) if "status" in new else new


def _status_over(served: ServedKind, new: Object, old: Object) -> Object:
    metadata = new["metadata"]
    if served.custom:  # a custom object's status endpoint changes nothing of metadata but who owns what
        metadata = {**old["metadata"], "managedFields": metadata.get("managedFields")}
    elif served.kind.group in _LABELS_FIXED_IN_STATUS:
        metadata = {**metadata, "labels": old["metadata"].get("labels")}
    metadata = {field: value for field, value in metadata.items() if value is not None}
    merged = {**without_status(old), "metadata": metadata}
    return {**merged, "status": new["status"]} if new.get("status") is not None else merged


def _content(served: ServedKind, obj: Object) -> Mapping[str, Any]:
    """What makes a new generation when it changes: of Deployments annotations do, too."""
    ignored = {"apiVersion", "kind", "metadata"}
    if served.status or not served.custom:
        ignored.add("status")
    found = {field: value for field, value in obj.items() if field not in ignored}
    if served.kind == DEPLOYMENT:
        annotations = (obj["metadata"].get("annotations") or {}).items()
        # Its controller writes the revision; kube-controller-manager does so through the status, which counts as no change.
        found["annotations"] = {name: value for name, value in annotations if name != _REVISION}
    return found


def _with_finalizer(obj: Object, finalizer: str) -> Object:
    metadata = obj["metadata"]
    finalizers = list(metadata.get("finalizers") or ())
    if finalizer in finalizers:
        return obj
    return {**obj, "metadata": {**metadata, "finalizers": [*finalizers, finalizer]}}


def _new_namespace(obj: Object) -> Object:
    metadata = obj["metadata"]
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata.get("name", "")}
    return {
        **obj,
        "metadata": {**metadata, "labels": labels},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def _kept_namespace(new: Object, old: Object) -> Object:
    metadata = new["metadata"]
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
    spec = {**(new.get("spec") or {}), "finalizers": (old.get("spec") or {}).get("finalizers")}
    spec = {field: value for field, value in spec.items() if value is not None}
    return {**new, "metadata": {**metadata, "labels": labels}, "spec": spec}


def _finalized_spec(new: Object, old: Object) -> Object:
    """A namespace's spec with the finalizers of the update, none when it has none."""
    kept = {field: value for field, value in (old.get("spec") or {}).items() if field != "finalizers"}
    finalizers = (new.get("spec") or {}).get("finalizers")
    return {**kept, "finalizers": finalizers} if finalizers else kept


def _new_pod(obj: Object) -> Object:
    spec = obj.get("spec") or {}
    account = spec.get("serviceAccountName") or "default"
    spec = {**spec, "serviceAccountName": account, "serviceAccount": account}
    return {**obj, "spec": spec, "status": {"phase": "Pending", "qosClass": quality_of_service(spec)}}


def quality_of_service(spec: Mapping[str, Any]) -> str:
    """A pod's QoS class: Guaranteed when every container limits cpu and memory to what it requests."""
    resources = [container.get("resources") or {} for container in spec.get("containers") or ()]
    resources += [container.get("resources") or {} for container in spec.get("initContainers") or ()]
    names = ("cpu", "memory")
    claims = [one.get(part) or {} for one in resources for part in ("requests", "limits")]
    if not any(name in claim for claim in claims for name in names):
        return "BestEffort"
    for one in resources:
        limits = one.get("limits") or {}
        requests = {**limits, **(one.get("requests") or {})}
        if any(name not in limits or requests[name] != limits[name] for name in names):
            return "Burstable"
    return "Guaranteed"


def _new_job(obj: Object) -> Object:
    """The selector and pod labels that tie a Job's pods to it, unless it brings a selector of its own."""
    spec = obj.get("spec") or {}
    if spec.get("manualSelector"):
        return obj
    metadata = obj["metadata"]
    tie = {"batch.kubernetes.io/controller-uid": metadata["uid"]}
    marks = {**tie, "batch.kubernetes.io/job-name": metadata.get("name", "")}
    marks |= {"controller-uid": metadata["uid"], "job-name": metadata.get("name", "")}
    template = spec.get("template") or {}
    template_metadata = template.get("metadata") or {}
    labels = {**(template_metadata.get("labels") or {}), **marks}
    template = {**template, "metadata": {**template_metadata, "labels": labels}}
    return {**obj, "spec": {**spec, "selector": {"matchLabels": tie}, "template": template}}


_ADDRESS_FIELDS = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort")


def _kept_addresses(new: Object, old: Object) -> Object:
    """A Service update that does not mention its addresses keeps them."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    if before.get("type") == "ExternalName":
        return new
    if spec.get("type") == "ExternalName":
        if spec.get("clusterIP") != before.get("clusterIP"):
            return new
        # Whoever changes the type alone need not know what was allocated.
        return {**new, "spec": {field: value for field, value in spec.items() if field not in _ADDRESS_FIELDS}}
    kept = {field: before[field] for field in _ADDRESS_FIELDS if field in before and not spec.get(field)}
    node_ports = {
        (port.get("port"), port.get("protocol")): port["nodePort"]
        for port in before.get("ports") or ()
        if port.get("nodePort")
    }
    ports = spec.get("ports")
    if node_ports and ports and spec.get("type") in {"NodePort", "LoadBalancer"}:
        kept["ports"] = [
            {"nodePort": node_ports[(port.get("port"), port.get("protocol"))], **port}
            if (port.get("port"), port.get("protocol")) in node_ports
            else port
            for port in ports
        ]
    return {**new, "spec": {**spec, **kept}} if kept else new
