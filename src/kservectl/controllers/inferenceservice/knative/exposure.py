"""How a service in Knative mode is reached: by an Istio VirtualService and a Service named like it, or by Knative alone.

The Service inside the cluster is there from the start. The VirtualService is created once everything that it leads to is
ready, and stays from then on, whatever becomes of that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kservectl.api.config import Config
from kservectl.api.kinds import VIRTUAL_SERVICE
from kservectl.controllers.inferenceservice.component import Role, in_cluster_host
from kservectl.controllers.inferenceservice.component_metadata import unblocked
from kservectl.controllers.inferenceservice.component_status import Readiness
from kservectl.controllers.inferenceservice.conditions import FALSE, TRUE, UNKNOWN, ConditionSet
from kservectl.controllers.inferenceservice.knative.hosts import Hosts, entry_role, hosts
from kservectl.controllers.inferenceservice.knative.platform import Platform
from kservectl.controllers.inferenceservice.knative.virtual_service import Backends, build, external_name
from kservectl.controllers.inferenceservice.status import COMPONENT_READY
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

NO_ISTIO_REASON = "VirtualServiceCRDNotFound"
NO_ISTIO = (
    "Istio VirtualService CRD not present; VirtualService reconciliation skipped. If you do not use Istio, set "
    "ingress.disableIstioVirtualHost=true."
)


@dataclass(frozen=True, slots=True)
class Exposure:
    """The objects, what `IngressReady` is to say, and where the service is reached; the two URLs are empty until that is
    known. `complete` is False where it cannot be known which objects there are: none may be deleted then."""

    objects: Sequence[Object]
    readiness: Readiness
    url: str = ""
    address: str = ""
    complete: bool = True


def expose(
    service: Object,
    backends: Backends,
    own_name: str,
    component_urls: Mapping[Role, str],
    conditions: ConditionSet,
    view: View,
    config: Config,
    platform: Platform,
) -> Exposure:
    """The exposure of `service`; raises CannotDecide, or ConfigError.

    `own_name` is the predictor's name beside the service's; `component_urls` are those that Knative gave, as far as known.
    """
    ingress, entry, key = config.ingress, entry_role(backends.names), backends.key
    url = component_urls.get(entry, "")
    name = own_name if entry == "predictor" else ""
    found = hosts(service, entry, name, url, ingress, platform, backends.domain) if url else None
    waiting = _waiting(backends, conditions)
    without_istio = ingress.disable_istio_virtual_host
    objects = [] if without_istio else [external_name(key, ingress)]
    complete = True
    if not without_istio and view.served(VIRTUAL_SERVICE):
        exists = view.get(VIRTUAL_SERVICE, key.name, key.namespace) is not None
        if found is not None and (waiting is None or exists):
            objects.append(_virtual_service(service, backends, found, config))
        complete = found is not None or not exists
    if waiting is not None or found is None:
        not_yet = waiting or Readiness(UNKNOWN, _not_created(entry))
        return Exposure(objects, not_yet, complete=complete)
    prefix = backends.names[entry] if without_istio else key.name
    address = f"http://{in_cluster_host(prefix, key.namespace, backends.domain)}"
    ready = Readiness(TRUE)
    if not without_istio and not view.served(VIRTUAL_SERVICE):
        ready = Readiness(TRUE, NO_ISTIO_REASON, NO_ISTIO)
    return Exposure(objects, ready, found.url, address, complete)


def _virtual_service(service: Object, backends: Backends, found: Hosts, config: Config) -> Object:
    annotations = unblocked(metadata.annotations(service), config.inference_service.blocked_annotations)
    return build(backends, found, config.ingress, metadata.labels(service), annotations)


def _waiting(backends: Backends, conditions: ConditionSet) -> Readiness | None:
    """What a component that is not ready means for the routes; None when all are."""
    for role in backends.names:
        found = conditions.get(COMPONENT_READY[role])
        if found is None or found.status != TRUE:
            unknown = found is None or found.status == UNKNOWN
            return Readiness(UNKNOWN if unknown else FALSE, _not_created(role))
    return None


def _not_created(role: Role) -> str:
    return f"{role.capitalize()} ingress not created"
