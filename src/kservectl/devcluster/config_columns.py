"""The columns of kinds that run nothing themselves: configuration, network, storage, cluster, events."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kservectl.devcluster.columns import (
    AGE,
    CREATED_AT,
    NONE,
    TableColumn,
    count_cell,
    field_cell,
    joined,
    number_column,
    selector_cell,
    text_column,
)
from kservectl.devcluster.duration import UNKNOWN, age
from kservectl.objects.metadata import Object


def _ports(service: Object, now: datetime) -> str:
    shown = []
    for port in service.get("spec", {}).get("ports") or ():
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        shown.append(f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}")
    return joined(shown)


def _load_balancers(obj: Object) -> str:
    ingress = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return ",".join(str(one.get("ip") or one.get("hostname") or "") for one in ingress)


def _external_ip(service: Object, now: datetime) -> str:
    spec = service.get("spec", {})
    given = ",".join(spec.get("externalIPs") or ())
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName") or NONE)
    if spec.get("type") == "LoadBalancer":
        return ",".join(filter(None, (_load_balancers(service), given))) or "<pending>"
    return given or NONE


def _hosts(ingress: Object, now: datetime) -> str:
    hosts = [str(rule["host"]) for rule in ingress.get("spec", {}).get("rules") or () if rule.get("host")]
    more = f" + {len(hosts) - 3} more..." if len(hosts) > 3 else ""
    return (",".join(hosts[:3]) + more) or "*"


def _node_status(node: Object, now: datetime) -> str:
    ready = [one for one in node.get("status", {}).get("conditions") or () if one.get("type") == "Ready"]
    word = ("Ready" if ready[0].get("status") == "True" else "NotReady") if ready else "Unknown"
    return f"{word},SchedulingDisabled" if node.get("spec", {}).get("unschedulable") else word


def _node_roles(node: Object, now: datetime) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = node["metadata"].get("labels") or {}
    return joined(sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix)))


def _metric(spec: dict[str, Any], current: dict[str, Any]) -> str:
    source = next((value for key, value in spec.items() if key != "type"), None) or {}
    found = next((value for key, value in current.items() if key != "type"), None) or {}
    target, live = source.get("target") or {}, found.get("current") or {}
    name = f"{source['name']}: " if source.get("name") else ""
    if target.get("averageUtilization") is not None:
        now = live.get("averageUtilization")
        return f"{name}{'<unknown>' if now is None else f'{now}%'}/{target['averageUtilization']}%"
    wanted = target.get("averageValue") or target.get("value") or UNKNOWN
    return f"{name}{live.get('averageValue') or live.get('value') or '<unknown>'}/{wanted}"


def _targets(scaler: Object, now: datetime) -> str:
    metrics = scaler.get("spec", {}).get("metrics") or ()
    current = (scaler.get("status") or {}).get("currentMetrics") or ()
    shown = [_metric(spec, current[at] if at < len(current) else {}) for at, spec in enumerate(metrics)]
    more = f" + {len(shown) - 2} more..." if len(shown) > 2 else ""
    return (", ".join(shown[:2]) + more) or NONE


def _reference(scaler: Object, now: datetime) -> str:
    target = scaler.get("spec", {}).get("scaleTargetRef") or {}
    return f"{target.get('kind', '')}/{target.get('name', '')}"


def _role(binding: Object, now: datetime) -> str:
    role = binding.get("roleRef") or {}
    return f"{role.get('kind', '')}/{role.get('name', '')}"


def _about(event: Object) -> dict[str, Any]:
    return event.get("involvedObject") or event.get("regarding") or {}


def _object(event: Object, now: datetime) -> str:
    about = _about(event)
    return f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"


def _last_seen(event: Object, now: datetime) -> str:
    series = event.get("series") or {}
    last = event.get("lastTimestamp") or event.get("deprecatedLastTimestamp")
    moment = series.get("lastObservedTime") or last or event.get("eventTime")
    return age(moment, now)


def _first_seen(event: Object, now: datetime) -> str:
    first = event.get("firstTimestamp") or event.get("deprecatedFirstTimestamp") or event.get("eventTime")
    return age(first, now)


def _event_count(event: Object, now: datetime) -> int:
    series = event.get("series") or {}
    return int(series.get("count") or event.get("count") or event.get("deprecatedCount") or 1)


def _event_source(event: Object, now: datetime) -> str:
    source = event.get("source") or event.get("deprecatedSource") or {}
    component = source.get("component") or event.get("reportingComponent") or event.get("reportingController") or ""
    return ", ".join(filter(None, (component, source.get("host"))))


_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def _access_modes(obj: Object, now: datetime) -> str:
    modes = (obj.get("status") or {}).get("accessModes") or obj.get("spec", {}).get("accessModes") or ()
    return ",".join(_MODES.get(mode, mode) for mode in modes)


def _claim(volume: Object, now: datetime) -> str:
    claim = volume.get("spec", {}).get("claimRef") or {}
    return f"{claim['namespace']}/{claim['name']}" if claim.get("name") else ""


def _addresses(kind: str) -> TableColumn:
    def cell(node: Object, now: datetime) -> str:
        found = node.get("status", {}).get("addresses") or ()
        return next((str(one["address"]) for one in found if one.get("type") == kind), NONE)

    return TableColumn("Internal-IP" if kind == "InternalIP" else "External-IP", cell, priority=1)


def _phase(obj: Object, now: datetime) -> str:
    return (
        "Terminating" if obj["metadata"].get("deletionTimestamp") else str((obj.get("status") or {}).get("phase", ""))
    )


_EVENT = (
    TableColumn("Last Seen", _last_seen),
    text_column("Type", "type"),
    text_column("Reason", "reason"),
    TableColumn("Object", _object),
    TableColumn("Subobject", lambda obj, now: _about(obj).get("fieldPath", ""), priority=1),
    TableColumn("Source", _event_source, priority=1),
    TableColumn("Message", lambda obj, now: str(obj.get("message") or obj.get("note") or "").strip()),
    TableColumn("First Seen", _first_seen, priority=1),
    TableColumn("Count", _event_count, type="integer", priority=1),
    TableColumn("Name", lambda obj, now: obj["metadata"]["name"], priority=1),
)
_WEBHOOKS = (TableColumn("Webhooks", count_cell("webhooks"), type="integer"), AGE)

CONFIG_COLUMNS: Mapping[str, Sequence[TableColumn]] = {
    "configmaps": (
        TableColumn("Data", lambda obj, now: len(obj.get("data") or ()) + len(obj.get("binaryData") or ())),
        AGE,
    ),
    "secrets": (text_column("Type", "type"), TableColumn("Data", count_cell("data"), type="integer"), AGE),
    "serviceaccounts": (TableColumn("Secrets", count_cell("secrets"), type="integer"), AGE),
    "namespaces": (text_column("Status", "status.phase"), AGE),
    "nodes": (
        TableColumn("Status", _node_status),
        TableColumn("Roles", _node_roles),
        AGE,
        text_column("Version", "status.nodeInfo.kubeletVersion"),
        _addresses("InternalIP"),
        _addresses("ExternalIP"),
        text_column("OS-Image", "status.nodeInfo.osImage", UNKNOWN, priority=1),
        text_column("Kernel-Version", "status.nodeInfo.kernelVersion", UNKNOWN, priority=1),
        text_column("Container-Runtime", "status.nodeInfo.containerRuntimeVersion", UNKNOWN, priority=1),
    ),
    "services": (
        text_column("Type", "spec.type"),
        text_column("Cluster-IP", "spec.clusterIP", NONE),
        TableColumn("External-IP", _external_ip),
        TableColumn("Port(s)", _ports),
        AGE,
        TableColumn("Selector", selector_cell("spec.selector"), priority=1),
    ),
    "ingresses.networking.k8s.io": (
        text_column("Class", "spec.ingressClassName", NONE),
        TableColumn("Hosts", _hosts),
        TableColumn("Address", lambda obj, now: _load_balancers(obj)),
        TableColumn("Ports", lambda obj, now: "80, 443" if obj.get("spec", {}).get("tls") else "80"),
        AGE,
    ),
    "networkpolicies.networking.k8s.io": (TableColumn("Pod-Selector", selector_cell("spec.podSelector")), AGE),
    "horizontalpodautoscalers.autoscaling": (
        TableColumn("Reference", _reference),
        TableColumn("Targets", _targets),
        text_column("MinPods", "spec.minReplicas", "<unset>"),
        number_column("MaxPods", "spec.maxReplicas"),
        number_column("Replicas", "status.currentReplicas"),
        AGE,
    ),
    "poddisruptionbudgets.policy": (
        text_column("Min Available", "spec.minAvailable", "N/A"),
        text_column("Max Unavailable", "spec.maxUnavailable", "N/A"),
        number_column("Allowed Disruptions", "status.disruptionsAllowed"),
        AGE,
    ),
    "persistentvolumeclaims": (
        TableColumn("Status", _phase),
        text_column("Volume", "spec.volumeName"),
        text_column("Capacity", "status.capacity.storage"),
        TableColumn("Access Modes", _access_modes),
        text_column("StorageClass", "spec.storageClassName"),
        text_column("VolumeAttributesClass", "spec.volumeAttributesClassName", "<unset>"),
        AGE,
        text_column("VolumeMode", "spec.volumeMode", "<unset>", priority=1),
    ),
    "persistentvolumes": (
        text_column("Capacity", "spec.capacity.storage"),
        TableColumn("Access Modes", _access_modes),
        text_column("Reclaim Policy", "spec.persistentVolumeReclaimPolicy"),
        TableColumn("Status", _phase),
        TableColumn("Claim", _claim),
        text_column("StorageClass", "spec.storageClassName"),
        text_column("VolumeAttributesClass", "spec.volumeAttributesClassName", "<unset>"),
        text_column("Reason", "status.reason"),
        AGE,
        text_column("VolumeMode", "spec.volumeMode", "<unset>", priority=1),
    ),
    "storageclasses.storage.k8s.io": (
        text_column("Provisioner", "provisioner"),
        text_column("ReclaimPolicy", "reclaimPolicy"),
        text_column("VolumeBindingMode", "volumeBindingMode"),
        TableColumn("AllowVolumeExpansion", field_cell("allowVolumeExpansion", False), type="boolean"),
        AGE,
    ),
    "leases.coordination.k8s.io": (text_column("Holder", "spec.holderIdentity"), AGE),
    "events": _EVENT,
    "events.events.k8s.io": _EVENT,
    "endpointslices.discovery.k8s.io": (
        text_column("AddressType", "addressType"),
        TableColumn("Ports", lambda obj, now: joined(str(port.get("port")) for port in obj.get("ports") or ())),
        TableColumn(
            "Endpoints",
            lambda obj, now: joined(one for end in obj.get("endpoints") or () for one in end.get("addresses") or ()),
        ),
        AGE,
    ),
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": _WEBHOOKS,
    "validatingwebhookconfigurations.admissionregistration.k8s.io": _WEBHOOKS,
    "roles.rbac.authorization.k8s.io": (CREATED_AT,),
    "clusterroles.rbac.authorization.k8s.io": (CREATED_AT,),
    "rolebindings.rbac.authorization.k8s.io": (TableColumn("Role", _role), AGE),
    "clusterrolebindings.rbac.authorization.k8s.io": (TableColumn("Role", _role), AGE),
    "customresourcedefinitions.apiextensions.k8s.io": (CREATED_AT,),
    "priorityclasses.scheduling.k8s.io": (
        number_column("Value", "value"),
        TableColumn("Global-Default", field_cell("globalDefault", False), type="boolean"),
        AGE,
    ),
}
