"""A manager of some namespaces: Roles in each of them, and no ClusterRole for what services are made of.

What has no namespace it may still read (cluster-wide runtimes, storage containers, definitions of kinds). Model caches concern
every namespace, so such a manager does not run their controllers and has no rights for them.
"""

from collections.abc import Sequence

from kservectl.manifests import rbac
from kservectl.manifests.components.component import Component, Patch, append
from kservectl.manifests.manager import ARGUMENTS
from kservectl.manifests.names import MANAGER
from kservectl.objects.metadata import Object


def namespaced(namespaces: Sequence[str]) -> Component:
    roles = [obj for each in namespaces for obj in _roles(each)]
    arguments = append(ARGUMENTS, *(f"--namespace={each}" for each in namespaces))
    return Component(
        "namespaced",
        f"Only {', '.join(namespaces)}: Roles there instead of a ClusterRole, and no model caches.",
        adds=(*rbac.configuration(), *roles),
        patches=(Patch("Deployment", arguments, MANAGER),),
        removes=tuple(
            (kind, name) for name in (rbac.WORKLOADS, rbac.CACHES) for kind in ("ClusterRole", "ClusterRoleBinding")
        ),
    )


def _roles(namespace: str) -> list[Object]:
    return rbac.in_namespace(namespace, rbac.WORKLOADS, rbac.workloads())
