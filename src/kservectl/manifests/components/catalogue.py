"""All components, in the order in which they are applied."""

from collections.abc import Sequence

from kservectl.manifests.components.availability import high_availability, sharding
from kservectl.manifests.components.cert_manager import cert_manager
from kservectl.manifests.components.component import Component
from kservectl.manifests.components.namespaced import namespaced
from kservectl.manifests.components.network_policies import network_policies
from kservectl.manifests.components.service_monitor import service_monitor

EXAMPLE_NAMESPACES = ("default",)
"""What the component `namespaced` is about unless somebody says otherwise."""


def components(namespaces: Sequence[str] = EXAMPLE_NAMESPACES) -> dict[str, Component]:
    """By name; `namespaces` are those of the component `namespaced`."""
    found = (
        cert_manager(),
        high_availability(),
        sharding(),
        namespaced(namespaces),
        network_policies(),
        service_monitor(),
    )
    return {component.name: component for component in found}
