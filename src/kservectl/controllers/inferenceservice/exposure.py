"""How a service in Standard mode is reached: by HTTPRoutes, by an Ingress, or from inside the cluster only.

A route is created once what it leads to is ready, and stays from then on, whatever becomes of that. A kind of route that is
not wanted any more is not desired, and so goes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kservectl.api.config_ingress import Ingress
from kservectl.api.config_keys import InferenceServiceDefaults
from kservectl.api.kinds import HTTP_ROUTE
from kservectl.controllers.inferenceservice import ingress
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
from kservectl.runtime.view import View


@dataclass(frozen=True, slots=True)
class Exposure:
    """The routes, what `IngressReady` is to say, and the public URLs.

    `published` says whether URL and address may be told already, `next_step` what a person could do about routes that are
    not ready. `complete` is False where it cannot be known which routes there are: none may be deleted then.
    """

    routes: Sequence[Object]
    readiness: Readiness
    published: bool
    url: str
    component_urls: Mapping[Role, str]
    next_step: str = ""
    complete: bool = True


def expose(
    service: Object, parts: Sequence[Deployed], view: View, config: Ingress, copying: InferenceServiceDefaults
) -> Exposure:
    """The exposure of `service`, whose components are `parts`, the predictor first; raises CannotDecide.

    `copying` says which labels and annotations of the service do not go onto routes.
    """
    if is_internal(_labels(parts), config) or config.disable_ingress_creation:
        hosts = hosts_of(service, _labels(parts), {part.role: part.workload.metadata.name for part in parts}, config)
        return _exposure(hosts, config, (), Readiness(TRUE), published=True)
    if config.enable_gateway_api:
        return _by_gateway(service, parts, view, config, copying)
    return _by_ingress(service, parts, view, config)


def entry_of(parts: Sequence[Deployed]) -> Deployed:
    """The component that requests reach first."""
    return next((part for part in parts if part.role == "transformer"), parts[0])


def _by_ingress(service: Object, parts: Sequence[Deployed], view: View, config: Ingress) -> Exposure:
    key = metadata.key(service)
    hosts = hosts_of(service, _labels(parts), {part.role: part.workload.metadata.name for part in parts}, config)
    services = {part.role: part.workload.metadata.name for part in parts}
    rules = [HostRule(hosts.service, entry_of(parts).workload.metadata.name)]
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
    service: Object, parts: Sequence[Deployed], view: View, config: Ingress, copying: InferenceServiceDefaults
) -> Exposure:
    name = metadata.name(service)
    # Without the predictor's own name: its host survives the promotion of a canary.
    hosts = hosts_of(service, _labels(parts), {part.role: component_name(name, part.role) for part in parts}, config)
    meta = RouteMetadata(
        service=name,
        namespace=metadata.namespace(service),
        labels=unblocked(_labels(parts), copying.blocked_labels),
        annotations=unblocked(metadata.annotations(service), copying.blocked_annotations),
    )
    planned = _planned_routes(parts, hosts, _path(service, config), RouteBuilder(meta, config), meta, config)
    if not view.served(HTTP_ROUTE):
        return _not_served(hosts, config)
    wanted = [(plan, _wanted(plan, view)) for plan in planned]
    problem = first_problem(state for _, state in wanted)
    return _exposure(
        hosts,
        config,
        [plan.route for plan, state in wanted if state.desired],
        Readiness(TRUE) if problem is None else Readiness(FALSE, problem.reason, problem.message),
        published=problem is None,
        next_step=_next_step(problem, config),
    )


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


def _next_step(problem: RouteProblem | None, config: Ingress) -> str:
    if problem is None or problem.stage == "waiting":
        return ""
    gateway = config.kserve_ingress_gateway
    if problem.stage == "unclaimed":
        return f"If this stays so, check that Gateway {gateway} exists and that its controller runs."
    return f"Compare the route's conditions (kubectl describe httproute) with the listeners of Gateway {gateway}."


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
