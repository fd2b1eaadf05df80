"""A service in Standard mode: plain Deployment, Service and autoscaler for each component, and routes to them.

Reads as the documentation of the mode. Each step is a pure function in a module of its own.
"""

from collections.abc import Sequence

from kservectl.api.config import Config
from kservectl.api.inferenceservice import CanarySpec, InferenceServiceSpec
from kservectl.api.kinds import HTTP_ROUTE, OPEN_TELEMETRY_COLLECTOR
from kservectl.clock import parse_time
from kservectl.controllers.inferenceservice import (
    address,
    ca_bundle,
    collector,
    deletion,
    deployment,
    events,
    explain,
    exposure,
    failed,
    image_volume,
    model_config,
    model_status,
    network_policy,
    retiring,
    scaling,
    stop,
    storage,
    third_party,
)
from kservectl.controllers.inferenceservice import service as service_object
from kservectl.controllers.inferenceservice.building import build
from kservectl.controllers.inferenceservice.canary import building, reporting
from kservectl.controllers.inferenceservice.canary.canary import Canary
from kservectl.controllers.inferenceservice.component import Component, components_of
from kservectl.controllers.inferenceservice.component_status import Readiness, has_failed, readiness
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.multinode import deployment as worker_deployment
from kservectl.controllers.inferenceservice.multinode import services as node_services
from kservectl.controllers.inferenceservice.pod_state import pods_of, pods_with
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.inferenceservice.status import COMPONENT_READY, INGRESS_READY, READY, StatusDraft
from kservectl.controllers.inferenceservice.workload import Deployed, Workload
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, SERVICE
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Explanation, Outcome
from kservectl.runtime.view import View

_NEW_DEPLOYMENT_SECONDS = 2.0
_NEW_ROUTE_SECONDS = 10.0
_SILENT_SECONDS = 1.0


def decide(
    service: Object, spec: InferenceServiceSpec, view: View, draft: StatusDraft, config: Config, settings: Settings
) -> Outcome:
    """The outcome, complete unless a component cannot be built; raises CannotDecide or ConfigError for all else."""
    stop.mark_running(draft)
    image_volume.advise(draft, config, settings)
    shared = ca_bundle.copy(metadata.namespace(service), settings.system_namespace, config, view)
    components = components_of(spec)
    draft.keep_components(component.role for component in components)
    parts: list[Deployed] = []
    children: list[Object] = []
    canaries: list[Canary] = []
    for component in components:
        try:
            workload = build(service, component, parts[0].workload if parts else None, view, config)
            if component.role == "predictor" and spec.canary:
                canaries, workload = _canaries(
                    service, spec.canary, components, workload, view, config, settings, children
                )
            front = _front(workload, view, config)
            children += [*model_config.wanted(service, component, view), front, *_run(workload, view, config, settings)]
        except CannotDecide as failure:
            if not parts:
                raise
            _say_model(parts[0], draft, view)
            return failed.outcome_of(draft, failure, component.role, shared=shared, desired=children)
        ready = _readiness(workload, view)
        parts.append(Deployed(workload, front, ready))
        draft.conditions.mark(COMPONENT_READY[component.role], ready.status, ready.reason, ready.message)
        draft.set_component_url(component.role, "")
        draft.set_runtime(workload.runtime)

    children += network_policy.policies(service, parts[0].workload.service_labels, config)
    exposed = exposure.expose(service, parts, view, config.ingress, config.inference_service, canaries)
    reporting.report(draft, canaries, exposed.previews, view)
    for part in parts:
        if part.readiness.is_ready:
            draft.set_component_url(part.role, exposed.component_urls[part.role])
    said = exposed.readiness
    draft.conditions.mark(INGRESS_READY, said.status, said.reason, said.message)
    if exposed.published:
        entry = exposure.entry_of(parts).service
        draft.set_addresses(exposed.url, address.in_cluster_url(entry, settings.cluster_domain))
    _say_model(parts[0], draft, view)
    patience = _patience(parts, exposed.routes, draft, view)
    desired = (*shared, *children, *exposed.routes)
    # What a canary runs that cannot be built now is not known; it takes no traffic.
    known = exposed.complete and all(canary.failure is None for canary in canaries)
    return Outcome(
        desired=desired,
        shared=frozenset(range(len(shared))),
        complete=known and not retiring.is_needed(service, desired, view),
        status=None if patience else draft.to_wire(),
        finalizers=(deletion.FINALIZER,),
        events=events.of_transition(metadata.name(service), draft),
        requeue_after=patience,
        explanations=(*_explanations(parts, draft, exposed, view), *reporting.explanations(canaries, view)),
    )


def _canaries(
    service: Object,
    entries: Sequence[CanarySpec],
    components: Sequence[Component],
    stable: Workload,
    view: View,
    config: Config,
    settings: Settings,
    children: list[Object],
) -> tuple[list[Canary], Workload]:
    """The canaries, their objects put to `children`; and `stable` with the replicas that are left to it beside them."""

    def objects_of(workload: Workload) -> tuple[Object, Sequence[Object]]:
        return _front(workload, view, config), _run(workload, view, config, settings)

    canaries, objects = building.build(service, entries, components, stable, view, config, objects_of)
    children += objects
    if not exposure.splits_traffic(service, stable.service_labels, config.ingress):
        return canaries, stable  # no canary takes anything from it
    return canaries, building.beside(stable, canaries)


def _readiness(workload: Workload, view: View) -> Readiness:
    return readiness(*(view.get(DEPLOYMENT, node.metadata.name, node.metadata.namespace) for node in workload.nodes))


def _front(workload: Workload, view: View, config: Config) -> Object:
    live = view.get(SERVICE, workload.metadata.name, workload.metadata.namespace)
    headless = service_object.is_headless(live, config.service.service_cluster_ip_none)
    return service_object.build(workload, headless=headless)


def _run(workload: Workload, view: View, config: Config, settings: Settings) -> list[Object]:
    """The Deployment, and whatever scales it."""
    workload = storage.stored(workload, view, config, settings)
    rollout = config.deploy.default_rollout
    server = deployment.build(workload, replicas=scaling.replicas(workload, view), rollout=rollout)
    if workload.worker is not None:
        # The nodes that a model is spread over are a fixed number: there is nothing to scale.
        workers = worker_deployment.build(workload.worker, rollout=rollout)
        return [*node_services.build(workload, workload.worker), server, workers]
    children = [server, *scaling.scalers(workload, view, config)]
    names = collector.metric_names(workload.component)
    if names:
        what = "failed to get existing OTel Collector resource"
        third_party.require(OPEN_TELEMETRY_COLLECTOR, what, "Install the OpenTelemetry operator", view)
        children.append(collector.build(workload, names, config))
    return children


def _patience(parts: Sequence[Deployed], routes: Sequence[Object], draft: StatusDraft, view: View) -> float | None:
    """Seconds for which the status may wait because what was just created is about to say something better: a route whether
    it is accepted, at any time; a Deployment that it is available, before the first status. What fails is told at once.

    They do within milliseconds, as a rule, or seconds where many services are created at once, and then there is something
    to tell: one write instead of two or three. A service that has said nothing at all, and has waited for its Deployment
    already, waits for its routes less long.
    """
    if "lastFailureInfo" in draft.model_status:
        return None
    told = bool(draft.before.get("conditions"))
    waits = [
        _youth(live, view, _NEW_ROUTE_SECONDS if told else _SILENT_SECONDS)
        for route in routes
        if route["kind"] == HTTP_ROUTE.kind
        and (live := view.get(HTTP_ROUTE, metadata.name(route), metadata.namespace(route))) is not None
        and not (live.get("status") or {}).get("parents")
    ]
    if not told:
        waits += [
            _youth(live, view, _NEW_DEPLOYMENT_SECONDS)
            for part in parts
            if not part.readiness.is_ready
            for node in part.workload.nodes
            if (live := view.get(DEPLOYMENT, node.metadata.name, node.metadata.namespace)) is not None
            and not has_failed(live)
        ]
    return max((wait for wait in waits if wait > 0), default=None)


def _youth(live: Object, view: View, seconds: float) -> float:
    """How much longer an object counts as just created; not positive when it does no more.

    Nor when it was created in what is the future by more than `seconds`: then a clock is wrong, and who knows for how long.
    """
    created = metadata.metadata(live).get("creationTimestamp")
    left = seconds - (view.now - parse_time(str(created))).total_seconds() if created else 0.0
    return left if left <= 2 * seconds else 0.0


def _say_model(predictor_part: Deployed, draft: StatusDraft, view: View) -> None:
    ready = draft.conditions.is_true(READY)
    draft.model_status = model_status.evaluate(draft.model_status, _pods(predictor_part, view), service_ready=ready)


def _pods(part: Deployed, view: View) -> list[Object]:
    return pods_of(part.workload.metadata.name, part.workload.metadata.namespace, view)


def _explanations(
    parts: Sequence[Deployed], draft: StatusDraft, exposed: exposure.Exposure, view: View
) -> tuple[Explanation, ...]:
    found: list[Explanation] = []
    runtime = parts[0].workload.runtime
    if runtime is not None:
        kind = "ClusterServingRuntime" if runtime.cluster_wide else "ServingRuntime"
        found.append(Explanation(f"{kind}/{runtime.name}", f"{kind} {runtime.name} was chosen.", ok=True))
    found += explain.conditions(draft.conditions, ingress_step=exposed.next_step)
    found += exposed.explanations
    for part in parts:
        if not part.readiness.is_ready:
            for node in part.workload.nodes:
                found += explain.pods(pods_with(node.metadata.selector, node.metadata.namespace, view))
    return tuple(found)
