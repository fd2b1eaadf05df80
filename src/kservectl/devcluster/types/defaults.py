"""Defaults of built-in kinds: what the API server adds to a decoded object before it validates and stores it.

Each function fills a freshly decoded object in place, with its always-present structs already there. What needs the
cluster (a Service's addresses, a Job's generated selector) is the server's own.
"""

import base64
from collections.abc import Callable, Mapping

from kservectl.devcluster.types.pod_defaults import default_pod, default_pod_template
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object


def apply_defaults(kind: Kind, obj: Object) -> None:
    """Fill in the defaults of a built-in kind; kinds without any are left as they are."""
    defaulter = _DEFAULTERS.get((kind.group, kind.kind))
    if defaulter is not None:
        defaulter(obj)


def default_claim_spec(spec: Object) -> None:
    spec.setdefault("volumeMode", "Filesystem")


def _namespace(obj: Object) -> None:
    obj["status"].setdefault("phase", "Active")
    name = obj["metadata"].get("name")
    if name:
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name


def _service(obj: Object) -> None:
    spec = obj["spec"]
    type_ = spec.setdefault("type", "ClusterIP")
    if spec.setdefault("sessionAffinity", "None") == "ClientIP":
        config = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        config.setdefault("timeoutSeconds", 10800)
    else:
        spec.pop("sessionAffinityConfig", None)
    for port in spec.get("ports", ()):
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, 0, "") and "port" in port:
            port["targetPort"] = port["port"]
    if spec.get("clusterIP"):
        spec.setdefault("clusterIPs", [spec["clusterIP"]])
    if type_ == "ExternalName":
        return
    spec.setdefault("internalTrafficPolicy", "Cluster")
    # A headless Service without a selector takes whatever addresses its endpoints have.
    any_family = spec.get("clusterIP") == "None" and not spec.get("selector")
    spec.setdefault("ipFamilies", ["IPv4", "IPv6"] if any_family else ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "RequireDualStack" if any_family else "SingleStack")
    if type_ in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if type_ == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _secret(obj: Object) -> None:
    obj.setdefault("type", "Opaque")
    # Write-only: the texts become data, and nobody ever reads them back.
    for name, text in obj.pop("stringData", {}).items():
        obj.setdefault("data", {})[name] = base64.b64encode(text.encode()).decode()


def _volume(obj: Object) -> None:
    obj["status"].setdefault("phase", "Pending")
    obj["spec"].setdefault("persistentVolumeReclaimPolicy", "Retain")
    obj["spec"].setdefault("volumeMode", "Filesystem")
    if (path := obj["spec"].get("hostPath")) is not None:
        path.setdefault("type", "")


def _claim(obj: Object) -> None:
    obj["status"].setdefault("phase", "Pending")
    default_claim_spec(obj["spec"])


def _limit_range(obj: Object) -> None:
    for item in obj["spec"].get("limits", ()):
        if item.get("type") != "Container":
            continue
        default = {**item.get("max", {}), **item.get("default", {})}
        requests = {**item.get("min", {}), **default, **item.get("defaultRequest", {})}
        if default:
            item["default"] = default
        if requests:
            item["defaultRequest"] = requests


def _endpoints(obj: Object) -> None:
    for subset in obj.get("subsets", ()):
        for port in subset.get("ports", ()):
            port.setdefault("protocol", "TCP")


def _endpoint_slice(obj: Object) -> None:
    for port in obj.get("ports", ()):
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def _deployment(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("replicas", 1)
    strategy = spec["strategy"]
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    default_pod_template(spec["template"])


def _written_zeros(obj: Object, *fields: str) -> None:
    """Counters of the status that are written even when they are 0."""
    for field in fields:
        obj["status"].setdefault(field, 0)


def _replica_set(obj: Object) -> None:
    _written_zeros(obj, "replicas")
    obj["spec"].setdefault("replicas", 1)
    default_pod_template(obj["spec"]["template"])


def _stateful_set(obj: Object) -> None:
    _written_zeros(obj, "replicas", "availableReplicas")
    spec = obj["spec"]
    spec.setdefault("replicas", 1)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    for event in ("whenDeleted", "whenScaled"):
        spec["persistentVolumeClaimRetentionPolicy"].setdefault(event, "Retain")
    strategy = spec["updateStrategy"]
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    for claim in spec.get("volumeClaimTemplates", ()):
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")
        _claim(claim)
    default_pod_template(spec["template"])


def _daemon_set(obj: Object) -> None:
    counters = ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady")
    _written_zeros(obj, *counters)
    spec = obj["spec"]
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec["updateStrategy"]
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    default_pod_template(spec["template"])


def _job(obj: Object) -> None:
    spec = obj["spec"]
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 2**31 - 1 if "backoffLimitPerIndex" in spec else 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")
    default_pod_template(spec["template"])


def _cron_job(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    default_pod_template(spec["jobTemplate"]["spec"]["template"])


def _percent_policy() -> Object:
    return {"type": "Percent", "value": 100, "periodSeconds": 15}


def _autoscaler(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("minReplicas", 1)
    if obj.get("apiVersion") == "autoscaling/v1":
        spec.setdefault("targetCPUUtilizationPercentage", 80)
        _written_zeros(obj, "currentReplicas", "desiredReplicas")
        return
    _written_zeros(obj, "desiredReplicas")
    obj["status"].setdefault("currentMetrics", None)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    if (behavior := spec.get("behavior")) is None:
        return
    up = behavior.setdefault("scaleUp", {})
    up.setdefault("stabilizationWindowSeconds", 0)
    up.setdefault("selectPolicy", "Max")
    if not up.get("policies"):
        up["policies"] = [{"type": "Pods", "value": 4, "periodSeconds": 15}, _percent_policy()]
    down = behavior.setdefault("scaleDown", {})
    down.setdefault("selectPolicy", "Max")
    if not down.get("policies"):
        down["policies"] = [_percent_policy()]


def _disruption_budget(obj: Object) -> None:
    _written_zeros(obj, "currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")


def _event(obj: Object) -> None:
    if obj.get("apiVersion") == "v1":
        obj.setdefault("eventTime", None)


def _ingress_class(obj: Object) -> None:
    if (parameters := obj["spec"].get("parameters")) is not None:
        parameters.setdefault("scope", "Cluster")


def _network_policy(obj: Object) -> None:
    spec = obj["spec"]
    for direction in ("ingress", "egress"):
        for rule in spec.get(direction, ()):
            for port in rule.get("ports", ()):
                port.setdefault("protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


_RBAC = "rbac.authorization.k8s.io"


def _binding(obj: Object) -> None:
    obj["roleRef"].setdefault("apiGroup", _RBAC)
    for subject in obj.get("subjects", ()):
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", _RBAC)


def _priority_class(obj: Object) -> None:
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


def _storage_class(obj: Object) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def _webhooks(obj: Object) -> None:
    for webhook in obj.get("webhooks", ()):
        webhook.setdefault("failurePolicy", "Fail")
        webhook.setdefault("matchPolicy", "Equivalent")
        webhook.setdefault("namespaceSelector", {})
        webhook.setdefault("objectSelector", {})
        webhook.setdefault("timeoutSeconds", 10)
        if obj.get("kind") == "MutatingWebhookConfiguration":
            webhook.setdefault("reinvocationPolicy", "Never")
        for rule in webhook.get("rules", ()):
            rule.setdefault("scope", "*")
        _service_port(webhook["clientConfig"])


def _service_port(client_config: Object) -> None:
    if (service := client_config.get("service")) is not None:
        service.setdefault("port", 443)


def _definition(obj: Object) -> None:
    spec = obj["spec"]
    names = spec["names"]
    kind = names.get("kind", "")
    if kind:
        names.setdefault("singular", kind.lower())
        names.setdefault("listKind", f"{kind}List")
    conversion = spec.setdefault("conversion", {})
    conversion.setdefault("strategy", "None")
    if (webhook := conversion.get("webhook")) is not None:
        _service_port(webhook.get("clientConfig", {}))


def _api_service(obj: Object) -> None:
    _service_port(obj["spec"])


_DEFAULTERS: Mapping[tuple[str, str], Callable[[Object], None]] = {
    ("", "Namespace"): _namespace,
    ("", "Pod"): default_pod,
    ("", "Service"): _service,
    ("", "Secret"): _secret,
    ("", "PersistentVolume"): _volume,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Endpoints"): _endpoints,
    ("", "LimitRange"): _limit_range,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
    ("batch", "CronJob"): _cron_job,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("policy", "PodDisruptionBudget"): _disruption_budget,
    ("", "Event"): _event,
    ("networking.k8s.io", "IngressClass"): _ingress_class,
    ("networking.k8s.io", "NetworkPolicy"): _network_policy,
    ("discovery.k8s.io", "EndpointSlice"): _endpoint_slice,
    (_RBAC, "RoleBinding"): _binding,
    (_RBAC, "ClusterRoleBinding"): _binding,
    ("scheduling.k8s.io", "PriorityClass"): _priority_class,
    ("storage.k8s.io", "StorageClass"): _storage_class,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): _webhooks,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): _webhooks,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io", "APIService"): _api_service,
}
