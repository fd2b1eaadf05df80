"""The public host names of a service and of its components, and which services have none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kservectl.api.config_ingress import Ingress
from kservectl.controllers.inferenceservice.component import Role
from kservectl.controllers.inferenceservice.domain import InvalidDomain, additional_hosts, domain_name
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.objects import metadata
from kservectl.objects.metadata import Object


@dataclass(frozen=True, slots=True)
class Hosts:
    """`service` is the host of the whole service, `additional` the same under further domains."""

    service: str
    additional: Sequence[str]
    components: Mapping[Role, str]


def hosts_of(
    service: Object,
    labels: Mapping[str, str],
    names: Mapping[Role, str],
    ingress: Ingress,
    chosen: Sequence[str] = (),
) -> Hosts:
    """The hosts of `service` and of the components published under `names`; raises CannotDecide.

    `labels` are those that the domain template may use, `chosen` the further hosts that the service asks for.
    """

    def host(name: str) -> str:
        return domain_name(
            ingress.domain_template,
            name=name,
            namespace=metadata.namespace(service),
            ingress_domain=ingress.ingress_domain,
            labels=labels,
            annotations=metadata.annotations(service),
        )

    try:
        own = host(metadata.name(service))
        components = {role: host(name) for role, name in names.items()}
    except InvalidDomain as error:
        raise CannotDecide(
            f"failed creating host name: {error}",
            next_step="Shorten the name of the service or of its namespace, or correct domainTemplate in the key ingress "
            "of the ConfigMap inferenceservice-config.",
        ) from error
    others = dict.fromkeys(
        (*additional_hosts(own, [ingress.ingress_domain], ingress.additional_ingress_domains), *chosen)
    )
    return Hosts(own, [other for other in others if other != own], components)


def is_internal(labels: Mapping[str, str], ingress: Ingress) -> bool:
    """Whether nothing outside of the cluster may reach the service."""
    return ingress.is_internal(labels)
