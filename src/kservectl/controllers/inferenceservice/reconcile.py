"""Decide what an InferenceService needs: one plain function from the object and the caches to an Outcome.

    deleted? → version → stopped? → configuration → mode → components → exposure → model status

A step that cannot do its part raises CannotDecide; the outcome then says so and changes nothing that runs.
"""

from contextlib import suppress
from dataclasses import replace

from kservectl.api.config import CONFIG_MAP_NAME, Config, ConfigError
from kservectl.api.config_keys import KNATIVE, MODEL_MESH
from kservectl.api.errors import Malformed
from kservectl.api.inferenceservice import InferenceService, InferenceServiceSpec
from kservectl.api.kinds import KNATIVE_SERVICE
from kservectl.controllers.inferenceservice import (
    configuration,
    deletion,
    events,
    explain,
    failed,
    mode,
    model_config,
    predictor,
    standard,
    stop,
)
from kservectl.controllers.inferenceservice.component import Role, components_of
from kservectl.controllers.inferenceservice.failure import INVALID_SPEC, CannotDecide
from kservectl.controllers.inferenceservice.knative import decide as knative
from kservectl.controllers.inferenceservice.knative.platform import NOT_AVAILABLE, NOT_AVAILABLE_REASON
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.inferenceservice.status import PREDICTOR_READY, StatusDraft
from kservectl.controllers.inferenceservice.versions import rollback
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import EventRecord, Explanation, Outcome
from kservectl.runtime.view import View

DISABLE_AUTO_UPDATE = "serving.kserve.io/disable-auto-update"


def reconcile(service: Object, view: View, settings: Settings) -> Outcome:
    """The Outcome for `service`, complete unless a step failed. Never raises for anything that a person wrote."""
    if metadata.is_deleting(service):
        return deletion.outcome_of(service, view)
    return rollback.serve(service, view, lambda version, released: _decide(version, view, settings, released=released))


def _decide(service: Object, view: View, settings: Settings, *, released: bool) -> Outcome:
    """The outcome for one version of the service; `released` lets changes through that `disable-auto-update` holds back."""
    draft = StatusDraft(service, view.now)
    try:
        if stop.is_stopped(metadata.annotations(service)):
            return _stopped(service, view, draft, settings)
        return _running(service, view, draft, settings, released=released)
    except CannotDecide as failure:
        return failed.outcome_of(draft, failure)
    except ConfigError as error:
        return failed.outcome_of(draft, configuration.unusable(error, settings, "services"))


def _running(service: Object, view: View, draft: StatusDraft, settings: Settings, *, released: bool) -> Outcome:
    spec = _spec(service)
    config = configuration.required(view, settings, "services")
    decided = mode.resolve(
        str(draft.before.get("deploymentMode") or ""),
        metadata.annotations(service),
        config.deploy.default_deployment_mode,
    )
    draft.set_mode(decided)
    if decided == MODEL_MESH:
        # The predictor is ModelMesh's own business.
        if spec.transformer is not None:
            failure = CannotDecide(
                "a transformer in front of a predictor of ModelMesh is not supported",
                reason="NotSupported",
                next_step="Serve the model in Standard or Knative mode.",
            )
            return failed.outcome_of(draft, failure, "transformer")
        return Outcome(complete=False, finalizers=(deletion.FINALIZER,), status=draft.to_wire())
    if decided == KNATIVE and not view.served(KNATIVE_SERVICE):
        return _refused_knative(metadata.name(service), draft)
    decide = knative.decide if decided == KNATIVE else standard.decide
    frozen = _is_frozen(service, draft) and not released
    try:
        outcome = decide(service, spec, view, draft, config, settings)
    except (CannotDecide, ConfigError):
        if frozen:
            return Outcome(complete=False)
        raise
    if not frozen:
        return outcome
    return Outcome(complete=False) if outcome.terminal_error else _without_changes(outcome, draft)


def _stopped(service: Object, view: View, draft: StatusDraft, settings: Settings) -> Outcome:
    """Everything is taken away whatever the spec looks like; what can be told about it is told."""
    config = Config.of(view.get(CONFIG_MAP, CONFIG_MAP_NAME, settings.system_namespace))
    try:
        default = config.deploy.default_deployment_mode
    except ConfigError:
        default = ""
    remembered = str(draft.before.get("deploymentMode") or "")
    draft.set_mode(mode.resolve(remembered, metadata.annotations(service), default))
    roles: tuple[Role, ...] = ("predictor",)
    runtime = None
    # A service that cannot be built can be stopped all the same; it says less about itself.
    with suppress(CannotDecide):
        components = components_of(_spec(service))
        roles = tuple(component.role for component in components)
        model = components[0].model
        runtime = predictor.runtime_of(service, components[0], model, view) if model is not None else None
    with_canary = bool((service.get("spec") or {}).get("canary"))
    stop.mark_stopped(draft, roles, runtime, with_canary=with_canary)
    return Outcome(
        desired=tuple(model_config.kept(service, view)),
        status=draft.to_wire(),
        finalizers=(deletion.FINALIZER,),
        events=events.of_transition(metadata.name(service), draft),
        explanations=tuple(explain.conditions(draft.conditions)),
    )


def _spec(service: Object) -> InferenceServiceSpec:
    try:
        return InferenceService.parse({"spec": service.get("spec")}).spec
    except Malformed as error:
        raise CannotDecide(
            f"the spec cannot be read: {error}",
            reason=INVALID_SPEC,
            next_step="Correct the field that the message names (kubectl explain inferenceservice.spec).",
        ) from error


def _is_frozen(service: Object, draft: StatusDraft) -> bool:
    """Whether only a person's own edit may change what runs: asked for, Ready, and decided for this very spec before."""
    asked = metadata.annotations(service).get(DISABLE_AUTO_UPDATE) == "true"
    return asked and draft.was_ready and draft.describes_generation


def _without_changes(outcome: Outcome, draft: StatusDraft) -> Outcome:
    """The status alone, under the name of the runtime that the pods were made from."""
    status = dict(outcome.status or {})
    for field in ("servingRuntimeName", "clusterServingRuntimeName"):
        status.pop(field, None)
        if field in draft.before:
            status[field] = draft.before[field]
    return replace(outcome, desired=(), complete=False, status=status)


def _refused_knative(name: str, draft: StatusDraft) -> Outcome:
    before = draft.conditions.before(PREDICTOR_READY)
    told = before is not None and before.message == NOT_AVAILABLE
    draft.conditions.mark_false(PREDICTOR_READY, NOT_AVAILABLE_REASON, NOT_AVAILABLE)
    return Outcome(
        complete=False,
        finalizers=(deletion.FINALIZER,),
        status=draft.to_wire(),
        events=() if told else (EventRecord("Warning", NOT_AVAILABLE_REASON, NOT_AVAILABLE),),
        terminal_error=f"the resolved deployment mode of InferenceService '{name}' is Knative, but Knative Serving is not "
        "available",
        explanations=(
            Explanation(
                PREDICTOR_READY,
                NOT_AVAILABLE + ".",
                next_step="Install Knative Serving, and the service goes on by itself; or create it anew with the annotation "
                f"{mode.MODE_ANNOTATION}: Standard.",
            ),
        ),
    )
