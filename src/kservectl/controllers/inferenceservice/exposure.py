"""How a service in Standard mode is reached: by HTTPRoutes, by an Ingress, or from inside the cluster only.

A route is created once its component is ready and stays from then on, whatever the component does. A kind of route that is
not wanted any more is not desired, and so goes.
"""

from dataclasses import dataclass, field

from kservectl.api.config_ingress import Ingress
from kservectl.api.config_keys import InferenceServiceDefaults
from kservectl.api.kinds import HTTP_ROUTE
from kservectl.controllers.inferenceservice import httproute, ingress
from kservectl.controllers.inferenceservice.component import component_name
from kservectl.controllers.inferenceservice.component_metadata import unblocked
from kservectl.controllers.inferenceservice.component_status import Readiness
from kservectl.controllers.inferenceservice.conditions import FALSE, TRUE
from kservectl.controllers.inferenceservice.domain import InvalidDomain, url_path
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.hosts import hosts_of, is_internal
from kservectl.controllers.inferenceservice.httproute import Backend, RouteMetadata
from kservectl.controllers.inferenceservice.ingress import HostRule
from kservectl.controllers.inferenceservice.route_status import WantedRoute, first_problem
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects import metadata
from kservectl.objects.kind import INGRESS
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

PREDICTOR_NOT_CREATED = "Predictor ingress not created"


@dataclass(frozen=True, slots=True)
class Exposure:
    """The routes, what `IngressReady` is to say, and the public URLs.

    `published` says whether URL and address may be told already; `component_url` is the predictor's own.
    """

    routes: tuple[Object, ...]
    readiness: Readiness
    published: bool
    url: str
    component_url: str
    next_step: str = field(default="")


@dataclass(frozen=True, slots=True)
class Entry:
    """What routes lead to: the predictor's objects, and whether it is ready."""

    workload: Workload
    service: Object
    ready: bool


def expose(service: Object, entry: Entry, view: View, config: Ingress, copying: InferenceServiceDefaults) -> Exposure:
    """The exposure of `service` through `entry`; raises CannotDecide when a host name cannot be made.

    `copying` says which labels and annotations of the service do not go onto routes.
    """
    if is_internal(dict(entry.workload.service_labels), config) or config.disable_ingress_creation:
        return _inside(service, entry, config)
    if not config.enable_gateway_api:
        return _by_ingress(service, entry, view, config)
    return _by_gateway(service, entry, view, config, copying)


def _inside(service: Object, entry: Entry, config: Ingress) -> Exposure:
    hosts = hosts_of(service, entry.workload, entry.workload.metadata.name, config)
    return Exposure(
        routes=(),
        readiness=Readiness(TRUE),
        published=True,
        url=f"{config.url_scheme}://{hosts.service}",
        component_url=f"{config.url_scheme}://{hosts.component}",
    )


def _by_ingress(service: Object, entry: Entry, view: View, config: Ingress) -> Exposure:
    name, namespace = metadata.key(service).name, metadata.namespace(service)
    hosts = hosts_of(service, entry.workload, entry.workload.metadata.name, config)
    backend = entry.workload.metadata.name
    wanted = entry.ready or view.get(INGRESS, name, namespace) is not None
    rules = [HostRule(hosts.service, backend), HostRule(hosts.component, backend)]
    built = ingress.build(
        name, namespace, rules, annotations=metadata.annotations(service), class_name=config.ingress_class_name
    )
    return Exposure(
        routes=(built,) if wanted else (),
        readiness=Readiness(TRUE) if entry.ready else Readiness(FALSE, PREDICTOR_NOT_CREATED),
        published=entry.ready,
        url=f"{config.url_scheme}://{hosts.service}",
        component_url=f"{config.url_scheme}://{hosts.component}",
    )


def _by_gateway(
    service: Object, entry: Entry, view: View, config: Ingress, copying: InferenceServiceDefaults
) -> Exposure:
    name, namespace = metadata.name(service), metadata.namespace(service)
    # Without the predictor's own name: its host survives the promotion of a canary.
    predictor_route = component_name(name, "predictor")
    hosts = hosts_of(service, entry.workload, predictor_route, config)
    meta = RouteMetadata(
        service=name,
        namespace=namespace,
        labels=unblocked(entry.workload.service_labels, copying.blocked_labels),
        annotations=unblocked(metadata.annotations(service), copying.blocked_annotations),
    )
    backend = Backend(
        service=entry.workload.metadata.name,
        ports=(entry.service.get("spec") or {}).get("ports") or (),
        timeout=entry.workload.component.spec.timeout,
    )
    built = [
        ("Predictor", httproute.build(predictor_route, [hosts.component], backend, meta, config)),
        ("InferenceService", httproute.build(name, [hosts.service, *hosts.additional], backend, meta, config)),
    ]
    path = _path(service, config)
    if path:
        built.append(("Path", httproute.build_path(f"{name}-path", path, backend, meta, config)))
    url = f"{config.url_scheme}://{hosts.service}"
    component_url = f"{config.url_scheme}://{hosts.component}"
    if not view.served(HTTP_ROUTE):
        return Exposure(
            routes=(),
            readiness=Readiness(
                FALSE,
                "HTTPRouteNotServed",
                f"The API server does not serve {HTTP_ROUTE.kind} ({HTTP_ROUTE.api_version}), which enableGatewayApi needs",
            ),
            published=False,
            url=url,
            component_url=component_url,
            next_step="Install the CRDs of the Gateway API, or set enableGatewayApi to false in the key ingress of the "
            "ConfigMap inferenceservice-config.",
        )
    wanted = [
        (route, WantedRoute(label, live, desired=entry.ready or live is not None))
        for label, route in built
        for live in (view.get(HTTP_ROUTE, metadata.name(route), namespace),)
    ]
    problem = first_problem(state for _, state in wanted)
    return Exposure(
        routes=tuple(route for route, state in wanted if state.desired),
        readiness=Readiness(TRUE) if problem is None else Readiness(FALSE, problem.reason, problem.message),
        published=problem is None,
        url=url,
        component_url=component_url,
    )


def _path(service: Object, config: Ingress) -> str:
    try:
        path = url_path(config.path_template, name=metadata.name(service), namespace=metadata.namespace(service))
    except InvalidDomain as error:
        raise CannotDecide(
            f"failed to generate URL from pathTemplate: {error}",
            next_step="Correct pathTemplate in the key ingress of the ConfigMap inferenceservice-config.",
        ) from error
    return path.rstrip("/")
