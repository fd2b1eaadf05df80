"""Decide what an InferenceGraph needs: one plain function from the object and the caches to an Outcome.

    stopped? → configuration → mode → services of the steps → router → exposure → Ready

A step that cannot do its part raises CannotDecide; the outcome then says so and changes nothing that runs.
"""

from dataclasses import replace
from datetime import timedelta

from kservectl.api.config import Config, ConfigError
from kservectl.api.config_keys import STANDARD
from kservectl.api.errors import Malformed
from kservectl.api.inferencegraph import InferenceGraph, InferenceGraphSpec
from kservectl.api.kinds import KNATIVE_SERVICE
from kservectl.clock import parse_time
from kservectl.controllers.inferencegraph import exposure, findings, serverless, services, workload
from kservectl.controllers.inferencegraph.findings import Finding
from kservectl.controllers.inferencegraph.status import GraphStatus
from kservectl.controllers.inferenceservice import configuration, deployment, mode, scaling, stop
from kservectl.controllers.inferenceservice import service as service_object
from kservectl.controllers.inferenceservice.component_status import Readiness, readiness
from kservectl.controllers.inferenceservice.conditions import FALSE, TRUE
from kservectl.controllers.inferenceservice.failure import INVALID_SPEC, CannotDecide
from kservectl.controllers.inferenceservice.knative.platform import NOT_AVAILABLE, NOT_AVAILABLE_REASON
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, SERVICE
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import EventRecord, Explanation, Outcome
from kservectl.runtime.view import View

_FIRST_ANSWER_SECONDS = 60.0
"""How long a gateway may take to say something about a route that is new to it."""
_NEW_ROUTE = Readiness(TRUE, "", "it is new, and no gateway has said anything about it yet")

_OF_A_SERVICE = ("ServiceNotFound", "ServiceNotReady")


def reconcile(graph: Object, view: View, settings: Settings) -> Outcome:
    """The Outcome for `graph`, complete unless a step failed. Never raises for anything that a person wrote."""
    if metadata.is_deleting(graph):
        return Outcome(complete=False)  # what it owns is collected by the API server
    status = GraphStatus(graph, view.now)
    if stop.is_stopped(metadata.annotations(graph)):
        return _stopped(status)
    try:
        config = configuration.required(view, settings, "graphs")
        asked = mode.resolve(
            str(status.before.get("deploymentMode") or ""),
            metadata.annotations(graph),
            config.deploy.default_deployment_mode,
        )
        if asked != STANDARD:
            if not view.served(KNATIVE_SERVICE):
                return _refused_knative(graph, status)
            return serverless.decide(graph, _spec(graph), view, status, config, settings)
        status.set_mode(asked)
        return _running(graph, _spec(graph), view, status, config)
    except CannotDecide as failure:
        return _failed(status, failure)
    except ConfigError as error:
        return _failed(status, configuration.unusable(error, settings, "graphs"))


def _running(graph: Object, spec: InferenceGraphSpec, view: View, status: GraphStatus, config: Config) -> Outcome:
    resolved = services.resolve(graph["spec"], spec, metadata.namespace(graph), view)
    built = workload.build(graph, spec, resolved.spec, config)
    children = [_front(built, view, config), *_run(built, view, config)]
    router = readiness(view.get(DEPLOYMENT, built.metadata.name, built.metadata.namespace))
    exposed = exposure.expose(graph, spec, view, config.ingress, config.inference_service, router_ready=router.is_ready)
    status.set_url(exposed.url)
    is_new = status.was_ready and _is_new(exposed.unanswered, view)
    found = (
        Finding("Router", _named(router, "RouterNotReady", "the router's Deployment is not available yet")),
        Finding("Route", _NEW_ROUTE, "") if is_new else Finding("Route", exposed.readiness, exposed.next_step),
        findings.of_services(resolved.unready),
    )
    outcome = findings.concluded(status, found, (*children, *exposed.routes), complete=exposed.complete)
    return replace(outcome, requeue_after=_FIRST_ANSWER_SECONDS) if is_new else outcome


def _is_new(unanswered: Object | None, view: View) -> bool:
    """Whether a route that no gateway has said anything about is so new that this says nothing.

    A graph that was Ready without it (KServe's manager makes none) stays so until then.
    """
    if unanswered is None:
        return False
    created = metadata.metadata(unanswered).get("creationTimestamp")
    return created is None or view.now - parse_time(created) < timedelta(seconds=_FIRST_ANSWER_SECONDS)


def _front(built: Workload, view: View, config: Config) -> Object:
    live = view.get(SERVICE, built.metadata.name, built.metadata.namespace)
    headless = service_object.is_headless(live, config.service.service_cluster_ip_none)
    return service_object.build(built, headless=headless)


def _run(built: Workload, view: View, config: Config) -> list[Object]:
    """The Deployment, and whatever scales it."""
    replicas = scaling.replicas(built, view)
    router = deployment.build(built, replicas=replicas, rollout=config.deploy.default_rollout)
    return [router, *scaling.scalers(built, view, config)]


def _named(found: Readiness, reason: str, message: str) -> Readiness:
    """`found` with words where a Deployment that is not ready has none yet."""
    if found.is_ready or found.reason or found.message:
        return found
    return Readiness(found.status, reason, message)


def _stopped(status: GraphStatus) -> Outcome:
    """Everything is taken away, whatever the spec or its services look like."""
    status.say_stopped()
    step = f"Remove the annotation {stop.STOP_ANNOTATION} to start it again."
    said = f"The graph is stopped by the annotation {stop.STOP_ANNOTATION}."
    return Outcome(
        status=status.to_wire(),
        events=status.transition(),
        explanations=(Explanation("Stopped", said, next_step=step),),
    )


def _spec(graph: Object) -> InferenceGraphSpec:
    try:
        return InferenceGraph.parse({"spec": graph.get("spec")}).spec
    except Malformed as error:
        raise CannotDecide(
            f"the spec cannot be read: {error}",
            reason=INVALID_SPEC,
            next_step="Correct the field that the message names (kubectl explain inferencegraph.spec).",
        ) from error


def _refused_knative(graph: Object, status: GraphStatus) -> Outcome:
    name = metadata.name(graph)
    told = status.ready.message == NOT_AVAILABLE
    status.say(FALSE, NOT_AVAILABLE_REASON, NOT_AVAILABLE)
    return Outcome(
        complete=False,
        status=status.to_wire(),
        events=() if told else (EventRecord("Warning", NOT_AVAILABLE_REASON, NOT_AVAILABLE),),
        terminal_error=f"the resolved deployment mode of InferenceGraph '{name}' is Knative, but Knative Serving is not "
        "available",
        explanations=(
            Explanation(
                "Ready",
                NOT_AVAILABLE + ".",
                next_step="Install Knative Serving, and the graph goes on by itself; or give it the annotation "
                f"{mode.MODE_ANNOTATION}: Standard.",
            ),
        ),
    )


def _failed(status: GraphStatus, failure: CannotDecide) -> Outcome:
    """Tell of `failure` and leave alone what runs. A graph that serves is called broken only for its services' sake."""
    of_a_service = failure.reason in _OF_A_SERVICE
    if not (status.was_ready and status.describes_generation) or of_a_service:
        told = status.ready.message == failure.message
        status.say(FALSE, failure.reason, failure.message)
        events = () if told else (EventRecord("Warning", "InternalError", failure.message),)
    else:
        events = ()
    return Outcome(
        complete=False,
        status=status.to_wire(),
        events=(*status.transition(), *events),
        terminal_error=None if of_a_service else failure.message,
        explanations=(Explanation("Ready", failure.message, next_step=failure.next_step, reason=failure.reason),),
    )
