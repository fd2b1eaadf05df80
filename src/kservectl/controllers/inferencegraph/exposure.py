"""How a graph is reached: one host, published by an HTTPRoute or an Ingress that leads to its Service.

As for an InferenceService: the route is created once the router is ready and stays from then on; a graph that is visible
inside the cluster only, or whose cluster publishes nothing, has a URL and no route.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kservectl.api.config_ingress import Ingress
from kservectl.api.config_keys import InferenceServiceDefaults
from kservectl.api.inferencegraph import InferenceGraphSpec
from kservectl.api.kinds import GATEWAY, HTTP_ROUTE
from kservectl.controllers.inferenceservice import ingress
from kservectl.controllers.inferenceservice.component_metadata import unblocked
from kservectl.controllers.inferenceservice.component_status import Readiness
from kservectl.controllers.inferenceservice.conditions import FALSE, TRUE
from kservectl.controllers.inferenceservice.hosts import Hosts, hosts_of, is_internal
from kservectl.controllers.inferenceservice.ingress import HostRule
from kservectl.controllers.inferenceservice.route_status import WantedRoute, first_problem
from kservectl.controllers.inferenceservice.service import PUBLIC_PORT
from kservectl.objects import metadata
from kservectl.objects.kind import INGRESS
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

_DEFAULT_TIMEOUT = 60


@dataclass(frozen=True, slots=True)
class Exposure:
    """The routes, whether they carry traffic, and the public URL.

    `complete` is False where it cannot be known which routes there are: none may be deleted then. `unanswered` is the route that
    no gateway has said anything about yet, an empty one while it is not there.
    """

    routes: Sequence[Object]
    readiness: Readiness
    url: str
    next_step: str = ""
    complete: bool = True
    unanswered: Object | None = None


def expose(
    graph: Object,
    spec: InferenceGraphSpec,
    view: View,
    config: Ingress,
    copying: InferenceServiceDefaults,
    *,
    router_ready: bool,
) -> Exposure:
    """The exposure of `graph`; raises CannotDecide for a host name that cannot be made.

    `copying` says which labels and annotations of the graph do not go onto routes.
    """
    key = metadata.key(graph)
    hosts = hosts_of(graph, metadata.labels(graph), {}, config)
    url = f"{config.url_scheme}://{hosts.service}"
    if is_internal(metadata.labels(graph), config) or config.disable_ingress_creation:
        return Exposure((), Readiness(TRUE), url)
    annotations = unblocked(metadata.annotations(graph), copying.blocked_annotations)
    if not config.enable_gateway_api:
        built = ingress.build(
            key.name,
            key.namespace,
            [HostRule(hosts.service, key.name)],
            annotations=annotations,
            class_name=config.ingress_class_name,
        )
        wanted = router_ready or view.get(INGRESS, key.name, key.namespace) is not None
        waiting = Readiness(FALSE, "RouterNotReady", "the Ingress is created once the router is ready")
        return Exposure((built,) if wanted else (), Readiness(TRUE) if router_ready else waiting, url)
    if not view.served(HTTP_ROUTE):
        return Exposure(
            (),
            Readiness(
                FALSE,
                "HTTPRouteNotServed",
                f"The API server does not serve {HTTP_ROUTE.kind} ({HTTP_ROUTE.api_version}), which enableGatewayApi needs",
            ),
            url,
            "Install the CRDs of the Gateway API, or set enableGatewayApi to false in the key ingress of the ConfigMap "
            "inferenceservice-config.",
            complete=False,
        )
    live = view.get(HTTP_ROUTE, key.name, key.namespace)
    wanted_route = WantedRoute("InferenceGraph", live, desired=router_ready or live is not None)
    labels = unblocked(metadata.labels(graph), copying.blocked_labels)
    route = _route(graph, spec, hosts, config, labels, annotations)
    problem = first_problem([wanted_route])
    return Exposure(
        (route,) if wanted_route.desired else (),
        Readiness(TRUE) if problem is None else Readiness(FALSE, problem.reason, problem.message),
        url,
        f"Compare the route's conditions (kubectl describe httproute {key.name}) with the listeners of Gateway "
        f"{config.kserve_ingress_gateway}, and check that its controller runs."
        if problem is not None and problem.stage != "waiting"
        else "",
        unanswered=(live or {}) if wanted_route.desired and not _answers(live) else None,
    )


def _answers(route: Object | None) -> object:
    """What gateways said about it, if any did."""
    return ((route or {}).get("status") or {}).get("parents")


def _route(
    graph: Object,
    spec: InferenceGraphSpec,
    hosts: Hosts,
    config: Ingress,
    labels: dict[str, str],
    annotations: dict[str, str],
) -> Object:
    key = metadata.key(graph)
    own: Object = {"name": key.name, "namespace": key.namespace}
    own |= {"labels": labels} if labels else {}
    own |= {"annotations": annotations} if annotations else {}
    gateway = config.gateway
    parent = {
        "group": GATEWAY.group,
        "kind": GATEWAY.kind,
        "namespace": gateway.namespace if gateway else "",
        "name": gateway.name if gateway else "",
    }
    rule: Object = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"kind": "Service", "name": key.name, "namespace": key.namespace, "port": PUBLIC_PORT}],
    }
    if not config.disable_http_route_timeout:
        rule["timeouts"] = {"request": f"{_DEFAULT_TIMEOUT if spec.timeout is None else spec.timeout}s"}
    return {
        "apiVersion": HTTP_ROUTE.api_version,
        "kind": HTTP_ROUTE.kind,
        "metadata": own,
        "spec": {"hostnames": [hosts.service, *hosts.additional], "parentRefs": [parent], "rules": [rule]},
    }
