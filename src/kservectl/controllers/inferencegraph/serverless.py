"""A graph in Knative mode: its router as a Knative Service, which scales it and gives it a URL (inferencegraph.md, A6)."""

from kservectl.api.config import Config
from kservectl.api.config_keys import KNATIVE
from kservectl.api.inferencegraph import InferenceGraphSpec
from kservectl.controllers.inferencegraph import findings, services, workload
from kservectl.controllers.inferencegraph.findings import Finding
from kservectl.controllers.inferencegraph.status import READY, GraphStatus
from kservectl.controllers.inferencegraph.workload import GRAPH_LABEL
from kservectl.controllers.inferenceservice.component_metadata import unblocked
from kservectl.controllers.inferenceservice.component_status import Readiness
from kservectl.controllers.inferenceservice.conditions import TRUE, UNKNOWN
from kservectl.controllers.inferenceservice.knative import scaling
from kservectl.controllers.inferenceservice.knative.platform import Platform, platform
from kservectl.controllers.inferenceservice.knative.service import MANAGED, knative_service, live_service
from kservectl.controllers.inferenceservice.knative.told import OUT_OF_DATE, conditions_of, is_observed
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import View

_KIND_LABEL = "serving.kserve.io/kind"


def decide(
    graph: Object, spec: InferenceGraphSpec, view: View, status: GraphStatus, config: Config, settings: Settings
) -> Outcome:
    """The outcome; raises CannotDecide or ConfigError."""
    status.set_mode(KNATIVE)
    knative = platform(view, settings)
    resolved = services.resolve(graph["spec"], spec, metadata.namespace(graph), view)
    built = workload.build(graph, spec, resolved.spec, config)
    live = live_service(graph, metadata.name(graph), view)
    router = _router(live)
    told = (live or {}).get("status") or {}
    status.also(condition for condition in conditions_of(told) if condition.type != READY)
    if router.readiness.is_ready:
        status.set_url(str(told.get("url") or ""))
    elif any(condition.type == READY for condition in conditions_of(told)):
        status.set_url("")
    desired = _service(graph, spec, built, config, knative)
    return findings.concluded(status, (router, findings.of_services(resolved.unready)), (desired,))


def _service(graph: Object, spec: InferenceGraphSpec, built: Workload, config: Config, knative: Platform) -> Object:
    labels = metadata.labels(graph)
    annotations = scaling.annotated(built.metadata.annotations, built.component.spec, knative)
    own = {GRAPH_LABEL: metadata.name(graph), _KIND_LABEL: "InferenceGraph"}
    template: Object = {
        "metadata": {
            "labels": {**unblocked(labels, config.inference_service.blocked_labels), **own},
            "annotations": unblocked(annotations, MANAGED),
        },
        "spec": _pod(built.pod) | ({"timeoutSeconds": spec.timeout} if spec.timeout is not None else {}),
    }
    return knative_service(
        name=metadata.name(graph),
        namespace=metadata.namespace(graph),
        labels=labels,
        annotations={key: annotations[key] for key in MANAGED if key in annotations},
        spec={"template": template},
    )


def _pod(pod: Object) -> Object:
    """The router's pod with a container that Knative names."""
    (container,) = pod["containers"]
    return {**pod, "containers": [{field: value for field, value in container.items() if field != "name"}]}


def _router(live: Object | None) -> Finding:
    told = next((found for found in conditions_of((live or {}).get("status") or {}) if found.type == READY), None)
    if told is None:
        step = "If this stays so, check that the controller of Knative Serving runs."
        return Finding("Router", Readiness(UNKNOWN), step)
    if not is_observed(live or {}):
        return Finding("Router", Readiness(UNKNOWN, *OUT_OF_DATE))
    step = "" if told.status == TRUE else f"Look at its revision (kubectl describe ksvc {metadata.name(live or {})})."
    return Finding("Router", Readiness(told.status, told.reason, told.message), step)
