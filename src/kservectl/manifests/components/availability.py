"""More than one replica: one that leads and one that stands by, or several that share the work."""

from kservectl.manifests import rbac
from kservectl.manifests.components.component import Component, Patch, append
from kservectl.manifests.manager import ARGUMENTS
from kservectl.manifests.names import MANAGER, MANAGER_LABELS, NAMESPACE, PART_OF
from kservectl.objects.metadata import Object

_STANDBY_REPLICAS = 2
_SHARING_REPLICAS = 3


def high_availability() -> Component:
    """Webhooks are served by both replicas; so a node may go without a request for admission being refused."""
    return Component(
        "high-availability",
        "Two replicas on different nodes, of which one leads; never both are evicted.",
        adds=(_disruption_budget(),),
        patches=(
            Patch(
                "Deployment",
                (
                    _replicas(_STANDBY_REPLICAS),
                    {"op": "add", "path": "/spec/template/spec/topologySpreadConstraints", "value": _spread()},
                ),
                MANAGER,
            ),
        ),
    )


def sharding() -> Component:
    """Goes well with `high_availability`, whose number of replicas gives way to this one's."""
    return Component(
        "sharding",
        "Three replicas that share the work.",
        adds=tuple(rbac.sharding()),
        patches=(Patch("Deployment", (_replicas(_SHARING_REPLICAS), *append(ARGUMENTS, "--sharded")), MANAGER),),
    )


def _replicas(number: int) -> Object:
    return {"op": "replace", "path": "/spec/replicas", "value": number}


def _disruption_budget() -> Object:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": MANAGER, "namespace": NAMESPACE, "labels": {**PART_OF, **MANAGER_LABELS}},
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": dict(MANAGER_LABELS)},
            # A replica that is not ready protects nobody; it must not keep a node from being drained.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def _spread() -> list[Object]:
    """Zones and nodes as far as there are several: a small cluster is no reason not to start."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(MANAGER_LABELS)},
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]
