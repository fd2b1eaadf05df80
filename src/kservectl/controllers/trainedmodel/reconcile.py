"""Decide what a TrainedModel needs: one plain function from the object and the caches to an Outcome.

Its entry in the service's list of models is written by the controller of that list (`modelconfig`), from the same judgement.
"""

from dataclasses import dataclass

from kservectl.api.kinds import INFERENCE_SERVICE, TRAINED_MODEL
from kservectl.clock import parse_time
from kservectl.controllers.inferenceservice import model_config
from kservectl.controllers.inferenceservice.component_metadata import multi_model_config
from kservectl.controllers.inferenceservice.conditions import ConditionSet
from kservectl.controllers.trainedmodel import model_list
from kservectl.controllers.trainedmodel.judgement import (
    MEMORY_AVAILABLE,
    MULTI_MODEL,
    SERVICE_READY,
    Judgement,
    judge,
)
from kservectl.controllers.trainedmodel.siblings import ALLOCATED_LABEL, PARENT_LABEL, parent_name
from kservectl.controllers.trainedmodel.source import Source, known_uri, source_of
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Explanation, Outcome, Reference
from kservectl.runtime.view import View

FINALIZER = "trainedmodel.finalizer"
READY = "Ready"
RESOLVED = "ModelResolved"
LIST_READABLE = "ModelListReadable"

_PATIENCE = 3.0
"""Seconds for which a new model may be ahead of its service: both are applied together, and caches fill in any order."""


@dataclass(frozen=True, slots=True)
class ListProblem:
    """Why the list of models cannot be changed for a model."""

    reason: str
    message: str
    next_step: str


def reconcile(model: Object, view: View) -> Outcome:
    """The Outcome for `model`. Never raises for anything that a person wrote."""
    if metadata.is_deleting(model):
        return _leaving(model, view)
    judgement = judge(model, view)
    if judgement is None:
        return _orphaned(model, view)
    parent = parent_name(model)
    labels: dict[str, str | None] = {PARENT_LABEL: parent}
    if judgement.has_memory:
        labels[ALLOCATED_LABEL] = parent
    source = source_of(model, view)
    problem = _list_problem(model, judgement, view)
    conditions = _conditions(model, judgement, source, problem, view)
    status: Object = {**(model.get("status") or {}), "conditions": conditions}
    if source is None:
        status.pop("registeredModel", None)
    elif source.registered is not None:
        status["registeredModel"] = source.registered
    if judgement.may_be_served and (source is None or source.registered is not None):
        status |= _places(model, judgement)
    if metadata.generation(model):
        status["observedGeneration"] = metadata.generation(model)
    return Outcome(
        complete=False,
        status=status,
        finalizers=(FINALIZER,),
        labels=labels,
        terminal_error=None if problem is None else problem.message,
        explanations=(*_explanations(judgement), *_of_source(source), *_of_list(problem)),
    )


def _conditions(
    model: Object, judgement: Judgement, source: Source | None, problem: ListProblem | None, view: View
) -> list[Object]:
    order = (SERVICE_READY, MULTI_MODEL, MEMORY_AVAILABLE, *(() if source is None else (RESOLVED,)))
    found = ConditionSet(READY, order, (model.get("status") or {}).get("conditions") or (), view.now)
    found.initialise()
    found.clear(LIST_READABLE)
    found.clear(RESOLVED)
    if source is not None:
        found.mark(RESOLVED, source.truth, source.reason, source.message)
    for finding in judgement.findings:
        if finding.holds:
            found.mark_true(finding.condition)
    for finding in judgement.findings:  # the last one that does not hold is what Ready says
        if not finding.holds:
            found.mark_false(finding.condition, finding.reason, finding.message)
    if problem is not None:
        found.mark_false(LIST_READABLE, problem.reason, problem.message)
        if judgement.may_be_served:
            found.mark_false(READY, problem.reason, problem.message)
    return found.to_wire()


def _places(model: Object, judgement: Judgement) -> Object:
    """Where the model is reached, and what serves it."""
    parent, name = judgement.parent, metadata.name(model)
    before = (model.get("status") or {}).get("address") or {}
    found: Object = {"lineage": parent.lineage(multi_model_config(parent_name(model)))}
    if parent.url:
        found["url"] = parent.url + parent.path_of(name)
    if parent.address:
        found["address"] = {**before, "url": parent.address + parent.path_of(name)}
    return found


def _list_problem(model: Object, judgement: Judgement, view: View) -> ListProblem | None:
    """Why the list of models cannot take this one (mostly: no reason)."""
    service = view.get(INFERENCE_SERVICE, parent_name(model), metadata.namespace(model))
    live = model_config.found(service, view) if service is not None else None
    config_map, uri = multi_model_config(parent_name(model)), known_uri(model)
    told = (
        f"Can not add or update a model {metadata.name(model)} from config because of error while updating {config_map}"
    )
    if live is None and judgement.may_be_served:
        step = f"The InferenceService makes it. If it does not, ask why: kservectl why inferenceservice/{parent_name(model)}."
        return ListProblem("ModelConfigMissing", f"{told} err {parent_name(model)} has no such ConfigMap", step)
    try:
        entries = model_list.read((live or {}).get("data"))
    except model_list.UnreadableList as error:
        step = f"Correct {model_list.KEY} in the ConfigMap {config_map}, or delete the ConfigMap."
        return ListProblem("ModelConfigUnreadable", f"{told} err {error}", step)
    if uri and not model_list.has_room(entries, model_list.entry_of(model, uri)):
        step = "Delete models, or serve some of them by another InferenceService."
        return ListProblem("ModelConfigFull", f"{told} err it has no room for another model", step)
    return None


def _orphaned(model: Object, view: View) -> Outcome:
    """A model goes with its service. A new one may be a little ahead of it."""
    created = metadata.metadata(model).get("creationTimestamp")
    age = (view.now - parse_time(str(created))).total_seconds() if created else _PATIENCE
    was_served = bool((model.get("status") or {}).get("conditions"))
    why = Explanation(
        SERVICE_READY,
        f"There is no InferenceService {parent_name(model)} in namespace {metadata.namespace(model)}; "
        "a model without its service is deleted.",
        next_step=f"Create the InferenceService {parent_name(model)} first.",
    )
    if age < _PATIENCE and not was_served:
        return Outcome(complete=False, requeue_after=_PATIENCE - age, explanations=(why,))
    key = metadata.key(model)
    return Outcome(
        complete=False, finalizers=(), delete=(Reference(TRAINED_MODEL, key.namespace, key.name),), explanations=(why,)
    )


def _leaving(model: Object, view: View) -> Outcome:
    """Let the model go once its service's list does not name it any more; without list or service at once."""
    service = view.get(INFERENCE_SERVICE, parent_name(model), metadata.namespace(model))
    live = model_config.found(service, view) if service is not None and not metadata.is_deleting(service) else None
    try:
        named = any(
            model_list.name_of(entry) == metadata.name(model) for entry in model_list.read((live or {}).get("data"))
        )
    except model_list.UnreadableList as error:
        why = f"Can not remove model {metadata.name(model)} from config because of error {error}"
        step = f"Correct the ConfigMap {multi_model_config(parent_name(model))}, or delete it."
        return Outcome(
            complete=False, terminal_error=why, explanations=(Explanation(READY, why + ".", next_step=step),)
        )
    return Outcome(complete=False, finalizers=(FINALIZER,) if named else ())


def _explanations(judgement: Judgement) -> tuple[Explanation, ...]:
    return tuple(
        Explanation(finding.condition, f"{finding.condition} is True.", ok=True)
        if finding.holds
        else Explanation(finding.condition, finding.error + ".", next_step=finding.next_step, reason=finding.reason)
        for finding in judgement.findings
    )


def _of_source(source: Source | None) -> tuple[Explanation, ...]:
    if source is None:
        return ()
    if source.message:
        return (Explanation(RESOLVED, source.message + ".", source.registered is not None, next_step=source.next_step),)
    return (Explanation(RESOLVED, f"{source.reference} is {(source.registered or {})['storageUri']}.", ok=True),)


def _of_list(problem: ListProblem | None) -> tuple[Explanation, ...]:
    if problem is None:
        return ()
    return (Explanation(LIST_READABLE, problem.message + ".", next_step=problem.next_step),)
