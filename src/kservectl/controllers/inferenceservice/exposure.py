"""How a service in Standard mode is reached: by HTTPRoutes, by an Ingress, or from inside the cluster only.

A route is created once what it leads to is ready, and stays from then on, whatever becomes of that. A kind of route that is
not wanted any more is not desired, and so goes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kservectl.api import networking_choices
from kservectl.api.config_ingress import Ingress
from kservectl.api.config_keys import InferenceServiceDefaults
from kservectl.api.kinds import HTTP_ROUTE
from kservectl.api.networking_choices import NetworkingChoices
from kservectl.controllers.inferenceservice import gateway, ingress
from kservectl.controllers.inferenceservice.component import Role, component_name
from kservectl.controllers.inferenceservice.component_metadata import unblocked
from kservectl.controllers.inferenceservice.component_status import Readiness
from kservectl.controllers.inferenceservice.conditions import FALSE, TRUE
from kservectl.controllers.inferenceservice.domain import InvalidDomain, url_path
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.hosts import Hosts, hosts_of, is_internal
from kservectl.controllers.inferenceservice.httproute import RouteBuilder, RouteMetadata
from kservectl.controllers.inferenceservice.ingress import HostRule
from kservectl.controllers.inferenceservice.route_status import RouteProblem, WantedRoute, first_problem
from kservectl.controllers.inferenceservice.workload import Deployed
from kservectl.objects import metadata
from kservectl.objects.kind import INGRESS
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Explanation
from kservectl.runtime.view import View

_INVALID_CHOICE = "InvalidNetworkingAnnotation"


@dataclass(frozen=True, slots=True)
class Exposure:
    """The routes, what `IngressReady` is to say, and the public URLs.

    `published` says whether URL and address may be told already, `next_step` what a person could do about routes that are
    not ready. `complete` is False where it cannot be known which routes there are: none may be deleted then.
    `explanations` tell what else is worth knowing of the routes.
    """

    routes: Sequence[Object]
    readiness: Readiness
    published: bool
    url: str
    component_urls: Mapping[Role, str]
    next_step: str = ""
    complete: bool = True
    explanations: Sequence[Explanation] = ()


def expose(
    service: Object, parts: Sequence[Deployed], view: View, config: Ingress, copying: InferenceServiceDefaults
) -> Exposure:
    """The exposure of `service`, whose components are `parts`, the predictor first; raises CannotDecide.

    `copying` says which labels and annotations of the service do not go onto routes. What the service chooses for itself
    stands above `config`.
    """
    choices = networking_choices.read(metadata.annotations(service))
    config = choices.over(config)
    invalid = _invalid(choices, config)
    if invalid:
        return _unusable(service, parts, config, invalid)
    if is_internal(_labels(parts), config) or config.disable_ingress_creation:
        hosts = hosts_of(service, _labels(parts), {part.role: part.workload.metadata.name for part in parts}, config)
        return _exposure(hosts, config, (), Readiness(TRUE), published=True)
    if config.enable_gateway_api:
        return _by_gateway(service, parts, view, config, copying, choices)
    return _by_ingress(service, parts, view, config, choices)


def entry_of(parts: Sequence[Deployed]) -> Deployed:
    """The component that requests reach first."""
    return next((part for part in parts if part.role == "transformer"), parts[0])


def _invalid(choices: NetworkingChoices, config: Ingress) -> str:
    """What is wrong with the choices of a service; empty when they can be followed."""
    if choices.problems:
        return "; ".join(f"annotation {problem.annotation}: {problem.message}" for problem in choices.problems)
    if choices.gateway_api and config.gateway is None:
        return (
            f"annotation {networking_choices.GATEWAY_API}: no Gateway is known; name one with the annotation "
            f"{networking_choices.GATEWAY}"
        )
    return ""


def _unusable(service: Object, parts: Sequence[Deployed], config: Ingress, why: str) -> Exposure:
    """Admission was bypassed: what is exposed stays so, and nothing is published anew."""
    hosts = hosts_of(service, _labels(parts), {part.role: part.workload.metadata.name for part in parts}, config)
    step = "Correct or remove the annotation."
    exposure = _exposure(hosts, config, (), Readiness(FALSE, _INVALID_CHOICE, why), published=False, next_step=step)
    return replace(exposure, complete=False)


def _by_ingress(
    service: Object, parts: Sequence[Deployed], view: View, config: Ingress, choices: NetworkingChoices
) -> Exposure:
    key = metadata.key(service)
    services = {part.role: part.workload.metadata.name for part in parts}
    hosts = hosts_of(service, _labels(parts), services, config, choices.additional_hosts)
    entry = entry_of(parts).workload.metadata.name
    rules = [HostRule(host, entry) for host in (hosts.service, *hosts.additional)]
    order: tuple[Role, ...] = ("transformer", "explainer", "predictor")
    rules += [HostRule(hosts.components[role], services[role]) for role in order if role in services]
    built = ingress.build(
        key.name, key.namespace, rules, annotations=metadata.annotations(service), class_name=config.ingress_class_name
    )
    waiting = next((part for part in parts if not part.readiness.is_ready), None)
    if waiting is None:
        return _exposure(hosts, config, (built,), Readiness(TRUE), published=True)
    routes = (built,) if view.get(INGRESS, key.name, key.namespace) is not None else ()
    return _exposure(hosts, config, routes, Readiness(FALSE, f"{waiting.title} ingress not created"), published=False)


def _by_gateway(
    service: Object,
    parts: Sequence[Deployed],
    view: View,
    config: Ingress,
    copying: InferenceServiceDefaults,
    choices: NetworkingChoices,
) -> Exposure:
    name = metadata.name(service)
    # Without the predictor's own name: its host survives the promotion of a canary.
    published = {part.role: component_name(name, part.role) for part in parts}
    hosts = hosts_of(service, _labels(parts), published, config, choices.additional_hosts)
    meta = RouteMetadata(
        service=name,
        namespace=metadata.namespace(service),
        labels=unblocked(_labels(parts), copying.blocked_labels),
        annotations=unblocked(metadata.annotations(service), copying.blocked_annotations),
    )
    builder = RouteBuilder(meta, config, choices.request_timeout)
    planned = _planned_routes(parts, hosts, _path(service, config), builder, meta, config)
    if not view.served(HTTP_ROUTE):
        return _not_served(hosts, config)
    wanted = [(plan, _wanted(plan, view)) for plan in planned]
    routes = [plan.route for plan, state in wanted if state.desired]
    problem = first_problem(state for _, state in wanted)
    if problem is None:
        exposure = _exposure(hosts, config, routes, Readiness(TRUE), published=True)
        return replace(exposure, explanations=_unreached(routes, view))
    message, next_step = _told(problem, view, config)
    said = Readiness(FALSE, problem.reason, message)
    return _exposure(hosts, config, routes, said, published=False, next_step=next_step)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A route that the service should have once `open`."""

    label: str
    route: Object
    open: bool


def _planned_routes(
    parts: Sequence[Deployed], hosts: Hosts, path: str, builder: RouteBuilder, meta: RouteMetadata, config: Ingress
) -> list[_Plan]:
    """A route for each component, and one for the service, which waits for all of them."""
    planned = [
        _Plan(
            part.title,
            builder.route(
                component_name(meta.service, part.role), [hosts.components[part.role]], builder.everything_to(part)
            ),
            open=part.readiness.is_ready,
        )
        for part in parts
    ]
    entry = entry_of(parts)
    explain = [builder.explanations_to(part) for part in parts if part.role == "explainer"]
    rules = [*explain, *builder.everything_to(entry)]
    all_ready = all(part.readiness.is_ready for part in parts)
    own = builder.route(meta.service, [hosts.service, *hosts.additional], rules)
    planned.append(_Plan("InferenceService", own, open=all_ready))
    if path:
        below = builder.route(f"{meta.service}-path", [config.ingress_domain], [builder.below_path(path, entry)])
        planned.append(_Plan("Path", below, open=all_ready))
    return planned


def _wanted(plan: _Plan, view: View) -> WantedRoute:
    key = metadata.key(plan.route)
    live = view.get(HTTP_ROUTE, key.name, key.namespace)
    return WantedRoute(plan.label, live, desired=plan.open or live is not None)


def _told(problem: RouteProblem, view: View, config: Ingress) -> tuple[str, str]:
    """The message of the condition, and what a person could do.

    What a gateway says of a route is told in its words; where it says nothing, or names no rule, its listeners are compared.
    """
    if problem.stage == "waiting":
        return problem.message, ""
    key = config.kserve_ingress_gateway
    if problem.stage == "unresolved":
        return (
            problem.message,
            f"Compare the route's backends with the Services that exist; Gateway {key} cannot use them.",
        )
    found = gateway.obstacle(problem.route, view) if problem.route is not None else None
    if problem.stage == "unclaimed":
        if found is None:
            return problem.message, f"If this stays so, check that Gateway {key} exists and that its controller runs."
        return f"{problem.message}: {found.message}", found.next_step
    if found is None:
        return problem.message, f"Compare the route (kubectl describe httproute) with the listeners of Gateway {key}."
    return problem.message, f"{found.message[0].upper()}{found.message[1:]}. {found.next_step}"


def _unreached(routes: Sequence[Object], view: View) -> list[Explanation]:
    """Hosts that no listener serves, which hinders no route."""
    found = []
    for route in routes:
        obstacle = gateway.unreached_hosts(route, view)
        if obstacle is not None:
            about = f"{HTTP_ROUTE.kind}/{metadata.name(route)}"
            found.append(Explanation(about, obstacle.message, ok=True, next_step=obstacle.next_step))
    return found


def _not_served(hosts: Hosts, config: Ingress) -> Exposure:
    exposure = _exposure(
        hosts,
        config,
        (),
        Readiness(
            FALSE,
            "HTTPRouteNotServed",
            f"The API server does not serve {HTTP_ROUTE.kind} ({HTTP_ROUTE.api_version}), which enableGatewayApi needs",
        ),
        published=False,
        next_step="Install the CRDs of the Gateway API, or set enableGatewayApi to false in the key ingress of the "
        "ConfigMap inferenceservice-config.",
    )
    return replace(exposure, complete=False)


def _exposure(
    hosts: Hosts,
    config: Ingress,
    routes: Sequence[Object],
    readiness: Readiness,
    *,
    published: bool,
    next_step: str = "",
) -> Exposure:
    return Exposure(
        routes=routes,
        readiness=readiness,
        published=published,
        url=f"{config.url_scheme}://{hosts.service}",
        component_urls={role: f"{config.url_scheme}://{host}" for role, host in hosts.components.items()},
        next_step=next_step,
    )


def _labels(parts: Sequence[Deployed]) -> Mapping[str, str]:
    """The service's labels, with those that the predictor's runtime added."""
    return parts[0].workload.service_labels


def _path(service: Object, config: Ingress) -> str:
    try:
        path = url_path(config.path_template, name=metadata.name(service), namespace=metadata.namespace(service))
    except InvalidDomain as error:
        raise CannotDecide(
            f"failed to generate URL from pathTemplate: {error}",
            next_step="Correct pathTemplate in the key ingress of the ConfigMap inferenceservice-config.",
        ) from error
    return path.rstrip("/")
