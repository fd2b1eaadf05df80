"""A real Kubernetes control plane on loopback ports, with no containers and no root.

etcd, kube-apiserver, kube-controller-manager, kube-scheduler and KWOK run as plain processes; KWOK plays the nodes, the
pods and the gateway. For development::

    python -m e2e.cluster up        # prints how to use it; the first time, it builds the programs
    python -m e2e.cluster status
    python -m e2e.cluster down

For tests::

    with start_cluster() as cluster:
        ...                                         # cluster.kubeconfig
        cluster.component("kube-apiserver").kill()  # and .start(), .wait_ready(), .stop(), .restart()

A pod turns Ready by itself, and an HTTPRoute is accepted, unless its annotation ``kservectl.dev/fault`` asks for
something else: see ``stages/`` and ``objects/``.
"""

from e2e.cluster.cluster import RunningCluster, bring_up, start_cluster
from e2e.cluster.component import Component
from e2e.cluster.errors import BuildError, ClusterError, ComponentError, RequestError
from e2e.cluster.thirdparty import third_party_crds

__all__ = [
    "BuildError",
    "ClusterError",
    "Component",
    "ComponentError",
    "RequestError",
    "RunningCluster",
    "bring_up",
    "start_cluster",
    "third_party_crds",
]
