"""The host under which one canary can be tried, whatever share of the traffic it has."""

from collections.abc import Collection, Mapping

from kservectl.api.config_ingress import Ingress
from kservectl.controllers.inferenceservice.canary.canary import Canary
from kservectl.controllers.inferenceservice.component import component_name
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.hosts import hosts_of
from kservectl.objects import metadata
from kservectl.objects.metadata import Object


def route_name(service: str, canary: Canary) -> str:
    """The name of the preview's route: that of the canary's predictor."""
    return component_name(service, "predictor", canary.name)


def host(
    service: Object, labels: Mapping[str, str], canary: Canary, taken: Collection[str], ingress: Ingress
) -> str | None:
    """The domain template applied to the name of the canary's predictor.

    None where that makes no host of its own: too long a name, or a template without the name, whose host is `taken`. A
    canary is worth more than its preview, so that is no failure.
    """
    try:
        found = hosts_of(service, labels, {"predictor": route_name(metadata.name(service), canary)}, ingress)
    except CannotDecide:
        return None
    own = found.components["predictor"]
    return None if own in taken else own
