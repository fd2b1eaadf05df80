"""What can be chosen when the chart is installed, and what each choice of a component is called there."""

from typing import Any

from kservectl.manifests import manager
from kservectl.manifests.chart.template import Condition
from kservectl.manifests.names import IMAGE

CONDITIONS = {
    "cert-manager": Condition("$.Values.certManager.enabled"),
    "high-availability": Condition("$.Values.highAvailability.enabled"),
    "sharding": Condition("$.Values.sharding.enabled"),
    "namespaced": Condition("$.Values.namespaces"),
    "network-policies": Condition("$.Values.networkPolicy.enabled"),
    "service-monitor": Condition("$.Values.serviceMonitor.enabled"),
}
"""When a component is part of a release."""

CREATE_NAMESPACE = Condition("$.Values.createNamespace")
GATEWAY = Condition("and $.Values.gateway.enabled (not $.Values.gateway.tls)")
GATEWAY_WITH_TLS = Condition("and $.Values.gateway.enabled $.Values.gateway.tls")
NODE_AGENT = Condition("$.Values.nodeAgent.enabled")

_SWITCH = {"type": "object", "additionalProperties": False, "properties": {"enabled": {"type": "boolean"}}}

_COMMENTED: tuple[tuple[str, Any, Any, str], ...] = (
    (
        "image",
        dict(zip(("repository", "tag"), IMAGE.rsplit(":", 1), strict=True)),
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: {"type": "string", "minLength": 1} for name in ("repository", "tag")},
        },
        "The image of the manager, of graphs' routers and of node agents.",
    ),
    (
        "imagePullSecrets",
        [],
        {"type": "array", "items": {"type": "object"}},
        "What the manager's image is pulled with.",
    ),
    (
        "replicas",
        None,
        {"type": ["integer", "null"], "minimum": 0},
        "How many managers; unless given 1, 2 with highAvailability, 3 with sharding.",
    ),
    (
        "namespaces",
        [],
        {
            "type": "array",
            "uniqueItems": True,
            "items": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
        },
        "Look at these namespaces only, with Roles there and no ClusterRole for workloads; all unless given.",
    ),
    ("extraArgs", [], {"type": "array", "items": {"type": "string"}}, "Further options of `kservectl run`."),
    (
        "resources",
        manager.deployment()["spec"]["template"]["spec"]["containers"][0]["resources"],
        {"type": "object"},
        "What the manager may use.",
    ),
    ("nodeSelector", {}, {"type": "object"}, "Where the manager may run."),
    (
        "tolerations",
        [],
        {"type": "array", "items": {"type": "object"}},
        "Taints of nodes that the manager puts up with.",
    ),
    ("highAvailability", {"enabled": False}, _SWITCH, "Two replicas on different nodes, of which one leads."),
    ("sharding", {"enabled": False}, _SWITCH, "Three replicas that share the work."),
    ("certManager", {"enabled": False}, _SWITCH, "The webhooks' certificate from cert-manager instead of self-made."),
    (
        "networkPolicy",
        {"enabled": False},
        _SWITCH,
        "Webhooks open to the API server, metrics to namespaces labelled metrics=enabled, nothing else.",
    ),
    ("serviceMonitor", {"enabled": False}, _SWITCH, "Have the Prometheus operator scrape the manager."),
    (
        "gateway",
        {"enabled": False, "tls": False},
        {**_SWITCH, "properties": {name: {"type": "boolean"} for name in ("enabled", "tls")}},
        "The Gateway that the configuration names, for clusters that have none; with HTTPS and gRPC if tls.",
    ),
    ("nodeAgent", {"enabled": False}, _SWITCH, "Keep models on the disks of nodes."),
    ("createNamespace", False, {"type": "boolean"}, "Make the release's namespace part of the release."),
)


def defaults() -> dict[str, Any]:
    """The values of a release of which nothing was said."""
    return {name: value for name, value, _, _ in _COMMENTED}


def comments() -> dict[str, str]:
    """What each value is for."""
    return {name: comment for name, _, _, comment in _COMMENTED}


def schema() -> dict[str, Any]:
    """The JSON schema that helm holds values against; a value that is not known is refused."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "additionalProperties": False,
        "properties": {"global": {"type": "object"}, **{name: kind for name, _, kind, _ in _COMMENTED}},
    }
