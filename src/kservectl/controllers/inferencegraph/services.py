"""The InferenceServices that a graph's steps name: where each answers, and whether it is ready."""

from dataclasses import dataclass

from kservectl.api.errors import Malformed
from kservectl.api.inferencegraph import InferenceGraphSpec
from kservectl.api.inferenceservice import InferenceService
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.controllers.inferencegraph.endpoint import model_endpoint
from kservectl.controllers.inferenceservice.failure import INVALID_SPEC, CannotDecide
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View


@dataclass(frozen=True, slots=True)
class Resolved:
    """The graph's spec with a URL in every step that names a service, and which of the services are not ready."""

    spec: Object
    unready: tuple[str, ...]


def resolve(raw: Object, spec: InferenceGraphSpec, namespace: str, view: View) -> Resolved:
    """`raw` is the stored form of `spec`; it is not changed. Raises CannotDecide for a service that cannot be called."""
    urls: dict[str, str] = {}
    unready: list[str] = []
    for name in spec.service_names():
        service = view.get(INFERENCE_SERVICE, name, namespace)
        if service is None:
            raise CannotDecide(
                f"Failed to find graph service {name}",
                reason="ServiceNotFound",
                next_step=f"Create the InferenceService {name} in namespace {namespace}, or correct the step that names it.",
            )
        try:
            urls[name] = model_endpoint(service, InferenceService.parse({"spec": service.get("spec")}).spec, view)
        except Malformed as error:
            raise CannotDecide(f"InferenceService {name} cannot be read: {error}", reason=INVALID_SPEC) from error
        if not _is_ready(service):
            unready.append(name)
    nodes = {
        name: {**node, "steps": [_with_url(step, urls) for step in node.get("steps") or ()]}
        for name, node in (raw.get("nodes") or {}).items()
    }
    return Resolved({**raw, "nodes": nodes}, tuple(unready))


def _with_url(step: Object, urls: dict[str, str]) -> Object:
    name = step.get("serviceName")
    return {**step, "serviceUrl": urls[name]} if name and not step.get("serviceUrl") else step


def _is_ready(service: Object) -> bool:
    conditions = (service.get("status") or {}).get("conditions") or ()
    return any(entry.get("type") == "Ready" and entry.get("status") == "True" for entry in conditions)
