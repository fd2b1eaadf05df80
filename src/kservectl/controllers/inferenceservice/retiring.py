"""Whether what a service does not want any more still gets requests, so that it has to stay a moment longer.

A promoted canary, a dropped transformer or canary: the routes are changed first, and what they led to goes once the gateway
has seen that, and once no transformer or explainer of the version before runs that calls it.
"""

from collections.abc import Collection, Iterator, Sequence

from kservectl.api.kinds import HTTP_ROUTE
from kservectl.controllers.inferenceservice.component import Role, component_name
from kservectl.controllers.inferenceservice.rolled_out import is_rolled_out
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, INGRESS, SERVICE, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

_CALLERS: tuple[Role, ...] = ("transformer", "explainer")


def is_needed(service: Object, desired: Sequence[Object], view: View) -> bool:
    """Whether requests may still reach a Service of `service` that is not among `desired`."""
    wanted = {metadata.name(obj) for obj in _of(SERVICE, desired)}
    leftover = {
        metadata.name(obj)
        for obj in view.owned(SERVICE, metadata.uid(service))
        if metadata.name(obj) not in wanted and not metadata.is_deleting(obj)
    }
    if not leftover:
        return False
    # Those of a canary have never called anything but the canary's predictor.
    callers = {component_name(metadata.name(service), role) for role in _CALLERS}
    routes = _live(HTTP_ROUTE, desired, view)
    ingresses = _live(INGRESS, desired, view)
    return (
        any(_backends(route) & leftover or not _is_seen(route) for route in routes)
        or any(_served(ingress) & leftover for ingress in ingresses)
        or any(
            _may_call(deployment, leftover)
            for deployment in _live(DEPLOYMENT, desired, view)
            if metadata.name(deployment) in callers
        )
    )


def _of(kind: Kind, objects: Sequence[Object]) -> Iterator[Object]:
    return (obj for obj in objects if (obj["apiVersion"], obj["kind"]) == (kind.api_version, kind.kind))


def _live(kind: Kind, desired: Sequence[Object], view: View) -> list[Object]:
    found = (view.get(kind, metadata.name(obj), metadata.namespace(obj)) for obj in _of(kind, desired))
    return [obj for obj in found if obj is not None]


def _backends(route: Object) -> set[str]:
    rules = (route.get("spec") or {}).get("rules") or ()
    return {str(backend.get("name")) for rule in rules for backend in rule.get("backendRefs") or ()}


def _is_seen(route: Object) -> bool:
    """Whether the gateways that know the route know it as it is now; True where they do not say."""
    generation = metadata.generation(route)
    parents = ((route.get("status") or {}).get("parents")) or ()
    references = (route.get("spec") or {}).get("parentRefs") or ()
    names = {reference.get("name") for reference in references}
    return all(
        int(condition.get("observedGeneration") or generation) >= generation
        for parent in parents
        if (parent.get("parentRef") or {}).get("name") in names
        for condition in parent.get("conditions") or ()
    )


def _served(ingress: Object) -> set[str]:
    rules = (ingress.get("spec") or {}).get("rules") or ()
    paths = [path for rule in rules for path in (rule.get("http") or {}).get("paths") or ()]
    return {str(((path.get("backend") or {}).get("service") or {}).get("name")) for path in paths}


def _may_call(deployment: Object, services: Collection[str]) -> bool:
    """Whether pods of this transformer or explainer call one of `services`: by their arguments, or by older ones."""
    containers = deployment["spec"]["template"]["spec"].get("containers") or ()
    arguments = {str(argument) for container in containers for argument in container.get("args") or ()}
    hosts = {f"{name}.{metadata.namespace(deployment)}" for name in services}
    return any(host in argument for host in hosts for argument in arguments) or not is_rolled_out(deployment)
