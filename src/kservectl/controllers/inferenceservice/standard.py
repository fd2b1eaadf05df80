"""A service in Standard mode: plain Deployment, Service and autoscaler for each component, and routes to them.

Reads as the documentation of the mode. Each step is a pure function in a module of its own.
"""

from kservectl.api.config import Config
from kservectl.api.inferenceservice import InferenceServiceSpec
from kservectl.api.kinds import OPEN_TELEMETRY_COLLECTOR, SCALED_OBJECT
from kservectl.controllers.inferenceservice import (
    address,
    autoscaler,
    collector,
    deletion,
    deployment,
    events,
    explain,
    exposure,
    model_status,
    predictor,
    runtime_selection,
    scaledobject,
    stop,
    supported,
)
from kservectl.controllers.inferenceservice import (
    service as service_object,
)
from kservectl.controllers.inferenceservice.component import Component, predictor_component
from kservectl.controllers.inferenceservice.component_status import Readiness, readiness
from kservectl.controllers.inferenceservice.failure import CannotDecide, ModelFailure
from kservectl.controllers.inferenceservice.pod_state import pods_of
from kservectl.controllers.inferenceservice.runtime_selection import Runtime
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.inferenceservice.status import INGRESS_READY, PREDICTOR_READY, READY, StatusDraft
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Explanation, Outcome
from kservectl.runtime.view import View


def decide(
    service: Object, spec: InferenceServiceSpec, view: View, draft: StatusDraft, config: Config, settings: Settings
) -> Outcome:
    """The complete outcome; raises CannotDecide or ConfigError when a part cannot be built."""
    supported.check(spec)
    workload = predictor.build(service, predictor_component(spec.predictor), view, config)
    scaled_by = autoscaler.class_of(workload.metadata.annotations)
    front = service_object.build(workload, headless=config.service.service_cluster_ip_none)
    children = [front, *_run(workload, scaled_by, view, config)]
    draft.set_runtime(workload.runtime)

    ready = readiness(view.get(DEPLOYMENT, workload.metadata.name, workload.metadata.namespace))
    entry = exposure.Entry(workload, front, ready.is_ready)
    exposed = exposure.expose(service, entry, view, config.ingress, config.inference_service)

    _say(draft, PREDICTOR_READY, ready)
    draft.set_component_url("predictor", exposed.component_url if ready.is_ready else "")
    stop.mark_running(draft)
    _say(draft, INGRESS_READY, exposed.readiness)
    if exposed.published:
        draft.set_addresses(exposed.url, address.in_cluster_url(front, settings.cluster_domain))
    pods = pods_of(workload.metadata.name, workload.metadata.namespace, view)
    draft.model_status = model_status.evaluate(draft.model_status, pods, service_ready=draft.conditions.is_true(READY))
    return Outcome(
        desired=(*children, *exposed.routes),
        status=draft.to_wire(),
        finalizers=(deletion.FINALIZER,),
        events=events.of_transition(metadata.name(service), draft),
        explanations=_explanations(workload, draft, exposed, () if ready.is_ready else pods),
    )


def runtime_of(service: Object, component: Component, view: View) -> Runtime | None:
    """The runtime that `component` would be served by; None for a custom one; raises CannotDecide."""
    if component.model is None:
        return None
    return runtime_selection.select(component.model, metadata.namespace(service), view)


def invalid_model(before: Object, failure: ModelFailure) -> Object:
    """`modelStatus` of a service whose model cannot be served as specified."""
    return model_status.invalid(before, failure)


def _run(workload: Workload, scaled_by: autoscaler.AutoscalerClass, view: View, config: Config) -> list[Object]:
    replicas = autoscaler.fixed_replicas(workload.component, scaled_by)
    children = [deployment.build(workload, replicas=replicas, rollout=config.deploy.default_rollout)]
    if scaled_by == "hpa":
        children.append(autoscaler.build_hpa(workload))
    elif scaled_by == "keda":
        _require(SCALED_OBJECT, "failed to get existing KEDA autoscaler", "Install KEDA", view)
        children.append(scaledobject.build(workload, config))
    names = collector.metric_names(workload.component)
    if names:
        what = "failed to get existing OTel Collector resource"
        _require(OPEN_TELEMETRY_COLLECTOR, what, "Install the OpenTelemetry operator", view)
        children.append(collector.build(workload, names, config))
    return children


def _require(kind: Kind, what: str, next_step: str, view: View) -> None:
    """Refuse a service that needs a kind of a third party which is not there."""
    if not view.served(kind):
        raise CannotDecide(
            f"{what}: the API server does not serve {kind.kind} ({kind.api_version})",
            next_step=f"{next_step}, or scale the service in another way; it goes on by itself once the kind is served.",
        )


def _say(draft: StatusDraft, condition: str, found: Readiness) -> None:
    draft.conditions.mark(condition, found.status, found.reason, found.message)


def _explanations(
    workload: Workload, draft: StatusDraft, exposed: exposure.Exposure, pods: tuple[Object, ...] | list[Object]
) -> tuple[Explanation, ...]:
    found = []
    if workload.runtime is not None:
        kind = "ClusterServingRuntime" if workload.runtime.cluster_wide else "ServingRuntime"
        found.append(
            Explanation(f"{kind}/{workload.runtime.name}", f"{kind} {workload.runtime.name} was chosen.", ok=True)
        )
    found += explain.conditions(draft.conditions)
    found += explain.pods(pods)
    if exposed.next_step:
        found.append(Explanation(INGRESS_READY, exposed.readiness.message, next_step=exposed.next_step))
    return tuple(found)
