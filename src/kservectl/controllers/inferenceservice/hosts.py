"""The public host names of a service and of its components, and which domains count as inside."""

from dataclasses import dataclass

from kservectl.api.config_ingress import Ingress
from kservectl.controllers.inferenceservice.domain import InvalidDomain, additional_hosts, domain_name
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

VISIBILITY_LABEL = "networking.kserve.io/visibility"
CLUSTER_LOCAL = "cluster-local"

_INSIDE = "svc.cluster.local"


@dataclass(frozen=True, slots=True)
class Hosts:
    """`service` is the host of the whole service, `additional` the same under further domains, `component` one part's."""

    service: str
    additional: tuple[str, ...]
    component: str


def hosts_of(service: Object, workload: Workload, route_name: str, ingress: Ingress) -> Hosts:
    """The hosts under which `service` and the component published as `route_name` are reached; raises CannotDecide."""

    def host(name: str) -> str:
        return domain_name(
            ingress.domain_template,
            name=name,
            namespace=metadata.namespace(service),
            ingress_domain=ingress.ingress_domain,
            labels=workload.service_labels,
            annotations=metadata.annotations(service),
        )

    try:
        own = host(metadata.name(service))
        component = host(route_name)
    except InvalidDomain as error:
        raise CannotDecide(
            f"failed creating host name: {error}",
            next_step="Shorten the name of the service or of its namespace, or correct domainTemplate in the key ingress "
            "of the ConfigMap inferenceservice-config.",
        ) from error
    others = additional_hosts(own, [ingress.ingress_domain], ingress.additional_ingress_domains)
    return Hosts(own, tuple(other for other in others if other != own), component)


def is_internal(labels: Object, ingress: Ingress) -> bool:
    """Whether nothing outside of the cluster may reach the service."""
    return labels.get(VISIBILITY_LABEL) == CLUSTER_LOCAL or ingress.ingress_domain == _INSIDE
