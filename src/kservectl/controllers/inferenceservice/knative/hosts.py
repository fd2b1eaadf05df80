"""Where a service in Knative mode is reached (networking.md, 7.6).

All of it follows from the URL that Knative gave the component in front.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from kservectl.api.config_ingress import CLUSTER_LOCAL, Ingress
from kservectl.controllers.inferenceservice.component import Role, in_cluster_host
from kservectl.controllers.inferenceservice.domain import InvalidDomain, additional_hosts, url_path
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.knative.platform import Platform
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

VISIBILITY_LABEL = "networking.knative.dev/visibility"


@dataclass(frozen=True, slots=True)
class Hosts:
    """`inside` is the service's DNS name in the cluster, `outside` its public host and `additional` the same under further
    domains; those two are empty where nothing outside may reach it. `path` is where it is found below the shared domain.
    `url` is what users are told."""

    inside: str
    outside: str
    additional: tuple[str, ...]
    path: str
    url: str


def hosts(
    service: Object, entry: Role, own_name: str, component_url: str, config: Ingress, platform: Platform, domain: str
) -> Hosts:
    """The hosts of `service`, whose component `entry` Knative serves under `component_url`; raises CannotDecide.

    `own_name` is the name that the component has beside the service's, `domain` the cluster's.
    """
    name, namespace = metadata.name(service), metadata.namespace(service)
    inside = in_cluster_host(name, namespace, domain)
    found = urlsplit(component_url)
    host = _without_component(found.netloc, entry, own_name)
    internal = metadata.labels(service).get(VISIBILITY_LABEL) == CLUSTER_LOCAL or host == inside
    others = [] if internal else additional_hosts(host, platform.domains, config.additional_ingress_domains)
    path = _path(service, config)
    shown = found.netloc if config.disable_istio_virtual_host else host
    url = urlunsplit((config.url_scheme, shown, found.path, found.query, ""))
    if path:
        url = f"{config.url_scheme}://{config.ingress_domain}{path}"
    return Hosts(
        inside=inside,
        outside="" if internal else host,
        additional=tuple(other for other in others if other not in (host, inside)),
        path="" if internal else path.rstrip("/"),
        url=url,
    )


def entry_role(roles: Mapping[Role, object]) -> Role:
    """The component that requests reach first."""
    return "transformer" if "transformer" in roles else "predictor"


def _without_component(host: str, role: Role, own_name: str) -> str:
    """The host of a component less the component, which leaves the service's."""
    own = f"-{own_name}" if own_name else ""
    for part in (f"{own}-{role}-default", f"{own}-{role}"):
        if part in host:
            return host.replace(part, "", 1)
    return host


def _path(service: Object, config: Ingress) -> str:
    try:
        return url_path(config.path_template, name=metadata.name(service), namespace=metadata.namespace(service))
    except InvalidDomain as error:
        raise CannotDecide(
            f"failed to generate URL from pathTemplate: {error}",
            next_step="Correct pathTemplate in the key ingress of the ConfigMap inferenceservice-config.",
        ) from error
