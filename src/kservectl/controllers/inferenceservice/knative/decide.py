"""A service in Knative mode: a Knative Service for each component, and Istio in front of them.

Reads as the documentation of the mode. Each step is a pure function in a module of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kservectl.api.config import Config
from kservectl.api.inferenceservice import InferenceServiceSpec
from kservectl.controllers.inferenceservice import (
    ca_bundle,
    deletion,
    events,
    explain,
    failed,
    image_volume,
    model_config,
    stop,
    storage,
)
from kservectl.controllers.inferenceservice.building import build
from kservectl.controllers.inferenceservice.component import Component, Role, components_of
from kservectl.controllers.inferenceservice.failure import INVALID_SPEC, CannotDecide
from kservectl.controllers.inferenceservice.knative import (
    component_status,
    exposure,
    model_status,
    recovery,
    traffic,
)
from kservectl.controllers.inferenceservice.knative import service as knative_service
from kservectl.controllers.inferenceservice.knative.component_status import Served
from kservectl.controllers.inferenceservice.knative.platform import Platform, platform
from kservectl.controllers.inferenceservice.knative.virtual_service import Backends
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.inferenceservice.status import INGRESS_READY, READY, StatusDraft
from kservectl.controllers.inferenceservice.versions import history
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import EventRecord, Explanation, Outcome
from kservectl.runtime.view import View


@dataclass(frozen=True, slots=True)
class _Part:
    """A component, the Knative Service that it is to have, and the one that it has."""

    workload: Workload
    desired: Object
    served: Served
    notes: Sequence[Explanation] = field(default=())


def decide(
    service: Object, spec: InferenceServiceSpec, view: View, draft: StatusDraft, config: Config, settings: Settings
) -> Outcome:
    """The outcome, complete unless a component cannot be built; raises CannotDecide or ConfigError for all else."""
    stop.mark_running(draft)
    image_volume.advise(draft, config, settings)
    knative = platform(view, settings)
    _refuse_what_is_standard(spec)
    shared = ca_bundle.copy(metadata.namespace(service), settings.system_namespace, config, view)
    components = components_of(spec)
    roles = [component.role for component in components]
    draft.keep_components(roles)
    component_status.clear_others(draft.conditions, roles)
    parts: list[_Part] = []
    children: list[Object] = []
    for component in components:
        try:
            part = _part(service, component, parts, view, draft, config, settings, knative)
        except CannotDecide as failure:
            if not parts:
                raise
            _say_model(parts[0], draft, view)
            return failed.outcome_of(draft, failure, component.role, shared=shared, desired=children)
        parts.append(part)
        children += [*model_config.wanted(service, component, view), part.desired]
    component_status.mark_all(draft.conditions, roles)

    backends = Backends(
        metadata.key(service),
        {part.served.role: metadata.name(part.desired) for part in parts},
        settings.cluster_domain,
    )
    urls: dict[Role, str] = {role: str(draft.component(role).get("url") or "") for role in roles}
    exposed = exposure.expose(service, backends, components[0].own_name, urls, draft.conditions, view, config, knative)
    said = exposed.readiness
    draft.conditions.mark(INGRESS_READY, said.status, said.reason, said.message)
    if exposed.url:
        draft.set_addresses(exposed.url, exposed.address)
    _say_model(parts[0], draft, view)
    return Outcome(
        desired=(*shared, *children, *exposed.objects),
        shared=frozenset(range(len(shared))),
        complete=exposed.complete,
        status=draft.to_wire(),
        finalizers=(deletion.FINALIZER,),
        events=(*_without_istio(said.reason, draft), *events.of_transition(metadata.name(service), draft)),
        explanations=tuple(_explanations(parts, draft, view)),
    )


def _refuse_what_is_standard(spec: InferenceServiceSpec) -> None:
    """What admission refuses in this mode, for services that did not go through it."""
    if spec.canary:
        raise CannotDecide(
            "spec.canary is for Standard mode only",
            reason=INVALID_SPEC,
            next_step="Use canaryTrafficPercent of the predictor in Knative mode.",
        )
    if spec.predictor.worker_spec is not None:
        raise CannotDecide(
            "spec.predictor.workerSpec is for Standard mode only",
            reason=INVALID_SPEC,
            next_step="Create the service with the annotation serving.kserve.io/deploymentMode: Standard.",
        )


def _part(
    service: Object,
    component: Component,
    before: Sequence[_Part],
    view: View,
    draft: StatusDraft,
    config: Config,
    settings: Settings,
    knative: Platform,
) -> _Part:
    role = component.role
    around = before[0].workload if before else None
    workload = build(service, component, around, view, config)
    served = Served(role, knative_service.live_service(service, workload.metadata.name, view))
    recorded = draft.component(role)
    rollout = traffic.rollout(recorded, served.live)
    notes = []
    first = recovery.first_version(role, service.get("spec") or {}, rollout.latest, history.history_of(service, view))
    percent = component.spec.canary_traffic_percent
    if first is not None:
        workload, percent = build(service, first, around, view, config), None
        said = (
            f"The version that had all the traffic is brought up first; the new one gets its share of the {role} then."
        )
        notes.append(Explanation(role, said, ok=True))
    tagged = workload.metadata.annotations.get(traffic.TAG_ROUTING) == "true"
    desired = knative_service.build(
        storage.stored(workload, view, config, settings),
        traffic.entries(percent, rollout.latest, tagged=tagged),
        knative,
        config.inference_service.blocked_labels,
    )
    draft.set_component(role, component_status.entry(recorded, served, rollout))
    draft.set_runtime(workload.runtime)
    component_status.mark(draft.conditions, served)
    return _Part(workload, desired, served, notes)


def _say_model(part: _Part, draft: StatusDraft, view: View) -> None:
    pods = model_status.pods(part.served, view)
    ready = draft.conditions.is_true(READY)
    draft.model_status = model_status.evaluate(draft.model_status, part.served, pods, service_ready=ready)


def _without_istio(reason: str, draft: StatusDraft) -> Sequence[EventRecord]:
    """That there is no Istio, told when the routes of the service are told to be ready without it."""
    before = draft.conditions.before(INGRESS_READY)
    if reason != exposure.NO_ISTIO_REASON or (before is not None and before.reason == reason):
        return ()
    return (EventRecord("Warning", exposure.NO_ISTIO_REASON, exposure.NO_ISTIO),)


def _explanations(parts: Sequence[_Part], draft: StatusDraft, view: View) -> list[Explanation]:
    found: list[Explanation] = []
    runtime = parts[0].workload.runtime
    if runtime is not None:
        kind = "ClusterServingRuntime" if runtime.cluster_wide else "ServingRuntime"
        found.append(Explanation(f"{kind}/{runtime.name}", f"{kind} {runtime.name} was chosen.", ok=True))
    found += explain.conditions(draft.conditions)
    for part in parts:
        found += part.notes
        name = metadata.name(part.desired)
        if not part.served.status:
            said = f"Knative has yet to say anything of its Service {name}."
            step = "If this stays so, check that the controller of Knative Serving runs."
            found.append(Explanation(f"Service/{name}", said, next_step=step))
        elif not draft.conditions.is_true(READY):
            found += explain.pods(model_status.pods(part.served, view))
    return found
