"""How a service in Standard mode is reached: by HTTPRoutes, by an Ingress, or from inside the cluster only.

A route is created once what it leads to is ready, and stays from then on, whatever becomes of that. A kind of route that is
not wanted any more is not desired, and so goes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from kservectl.api import networking_choices, rollout_choices
from kservectl.api.config_ingress import Ingress
from kservectl.api.config_keys import InferenceServiceDefaults
from kservectl.api.kinds import HTTP_ROUTE
from kservectl.api.networking_choices import NetworkingChoices
from kservectl.controllers.inferenceservice import gateway, ingress
from kservectl.controllers.inferenceservice.canary import preview
from kservectl.controllers.inferenceservice.canary.canary import Canary
from kservectl.controllers.inferenceservice.canary.split import Split
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
    `explanations` tell what else is worth knowing of the routes. `previews` are the URLs, by canary, under which those
    canaries can be tried that are ready.
    """

    routes: Sequence[Object]
    readiness: Readiness
    published: bool
    url: str
    component_urls: Mapping[Role, str]
    next_step: str = ""
    complete: bool = True
    explanations: Sequence[Explanation] = ()
    previews: Mapping[str, str] = field(default_factory=dict)


def expose(
    service: Object,
    parts: Sequence[Deployed],
    view: View,
    config: Ingress,
    copying: InferenceServiceDefaults,
    canaries: Sequence[Canary] = (),
) -> Exposure:
    """The exposure of `service`, whose components are `parts`, the predictor first; raises CannotDecide.

    `copying` says which labels and annotations of the service do not go onto routes. What the service chooses for itself
    stands above `config`. HTTPRoutes give each of the `canaries` its share; whatever else there is gives them a preview.
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
        return _by_gateway(service, parts, view, config, copying, choices, canaries)
    return _by_ingress(service, parts, view, config, choices, canaries)


def splits_traffic(service: Object, labels: Mapping[str, str], config: Ingress) -> bool:
    """Whether canaries of `service` can have a share of its traffic: only an HTTPRoute can give them one."""
    config = networking_choices.read(metadata.annotations(service)).over(config)
    return config.enable_gateway_api and not config.disable_ingress_creation and not is_internal(labels, config)


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
    service: Object,
    parts: Sequence[Deployed],
    view: View,
    config: Ingress,
    choices: NetworkingChoices,
    canaries: Sequence[Canary],
) -> Exposure:
    key = metadata.key(service)
    services = {part.role: part.workload.metadata.name for part in parts}
    hosts = hosts_of(service, _labels(parts), services, config, choices.additional_hosts)
    entry = entry_of(parts).workload.metadata.name
    rules = [HostRule(host, entry) for host in (hosts.service, *hosts.additional)]
    order: tuple[Role, ...] = ("transformer", "explainer", "predictor")
    rules += [HostRule(hosts.components[role], services[role]) for role in order if role in services]
    previews = _previews(service, parts, hosts, view, config, canaries)
    rules += [HostRule(host, entry_of(canary.parts).workload.metadata.name) for canary, host in previews]
    built = ingress.build(
        key.name, key.namespace, rules, annotations=metadata.annotations(service), class_name=config.ingress_class_name
    )
    waiting = next((part for part in parts if not part.readiness.is_ready), None)
    if waiting is None:
        return _exposure(hosts, config, (built,), Readiness(TRUE), published=True, previews=previews)
    routes = (built,) if view.get(INGRESS, key.name, key.namespace) is not None else ()
    return _exposure(hosts, config, routes, Readiness(FALSE, f"{waiting.title} ingress not created"), published=False)


def _by_gateway(
    service: Object,
    parts: Sequence[Deployed],
    view: View,
    config: Ingress,
    copying: InferenceServiceDefaults,
    choices: NetworkingChoices,
    canaries: Sequence[Canary],
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
    split = Split(parts, canaries, rollout_choices.read(metadata.annotations(service)).canary_header)
    planned = _planned_routes(parts, hosts, _path(service, config), builder, meta, config, split)
    if not view.served(HTTP_ROUTE):
        return _not_served(hosts, config)
    wanted = [(plan, _wanted(plan, view)) for plan in planned]
    previews = _previews(service, parts, hosts, view, config, canaries)
    routes = [plan.route for plan, state in wanted if state.desired]
    # A preview is nothing that the service would wait for.
    routes += [_preview_route(name, canary, host, parts, builder, split) for canary, host in previews]
    problem = first_problem(state for _, state in wanted)
    if problem is None:
        exposure = _exposure(hosts, config, routes, Readiness(TRUE), published=True, previews=previews)
        return replace(exposure, explanations=_unreached(routes, view))
    message, next_step = _told(problem, view, config)
    said = Readiness(FALSE, problem.reason, message)
    return _exposure(hosts, config, routes, said, published=False, next_step=next_step, previews=previews)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A route that the service should have once `open`."""

    label: str
    route: Object
    open: bool


def _planned_routes(
    parts: Sequence[Deployed],
    hosts: Hosts,
    path: str,
    builder: RouteBuilder,
    meta: RouteMetadata,
    config: Ingress,
    split: Split,
) -> list[_Plan]:
    """A route for each component, and one for the service, which waits for all of them."""
    planned = [
        _Plan(
            part.title,
            builder.route(
                component_name(meta.service, part.role),
                [hosts.components[part.role]],
                split.of(builder.everything_to(part)),
            ),
            open=part.readiness.is_ready,
        )
        for part in parts
    ]
    all_ready = all(part.readiness.is_ready for part in parts)
    rules = split.of(_rules_of_service(parts, builder))
    own = builder.route(meta.service, [hosts.service, *hosts.additional], rules)
    planned.append(_Plan("InferenceService", own, open=all_ready))
    if path:
        explain = [builder.explanations_below_path(path, part) for part in parts if part.role == "explainer"]
        rules = split.of([*explain, builder.below_path(path, entry_of(parts))])
        below = builder.route(f"{meta.service}-path", [config.ingress_domain], rules)
        planned.append(_Plan("Path", below, open=all_ready))
    return planned


def _rules_of_service(parts: Sequence[Deployed], builder: RouteBuilder) -> list[Object]:
    explain = [builder.explanations_to(part) for part in parts if part.role == "explainer"]
    return [*explain, *builder.everything_to(entry_of(parts))]


def _previews(
    service: Object, parts: Sequence[Deployed], hosts: Hosts, view: View, config: Ingress, canaries: Sequence[Canary]
) -> list[tuple[Canary, str]]:
    """The canaries that can be tried, each with its host: those that are ready, or were when they got a route."""
    taken = {hosts.service, *hosts.additional, *hosts.components.values()}
    key = metadata.key(service)
    shown = [
        canary
        for canary in canaries
        if canary.ready
        or (canary.parts and view.get(HTTP_ROUTE, preview.route_name(key.name, canary), key.namespace) is not None)
    ]
    found = [(canary, preview.host(service, _labels(parts), canary, taken, config)) for canary in shown]
    return [(canary, host) for canary, host in found if host is not None]


def _preview_route(
    service: str, canary: Canary, host: str, parts: Sequence[Deployed], builder: RouteBuilder, split: Split
) -> Object:
    rules = split.only(canary, _rules_of_service(parts, builder))
    return builder.route(preview.route_name(service, canary), [host], rules)


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
    previews: Sequence[tuple[Canary, str]] = (),
) -> Exposure:
    return Exposure(
        routes=routes,
        readiness=readiness,
        published=published,
        url=f"{config.url_scheme}://{hosts.service}",
        component_urls={role: f"{config.url_scheme}://{host}" for role, host in hosts.components.items()},
        next_step=next_step,
        previews={canary.name: f"{config.url_scheme}://{host}" for canary, host in previews},
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
