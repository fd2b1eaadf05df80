"""Canaries (`spec.canary`): further predictors that take a share of the stable one's traffic, in Standard mode."""

from collections.abc import Iterator
from dataclasses import replace

from kservectl.admission.inferenceservice.implementations import block, number, predictor_storage_uri, text
from kservectl.admission.inferenceservice.validation.component import component_errors
from kservectl.admission.inferenceservice.validation.subject import DEPLOYMENT_MODE, Component, Subject, at
from kservectl.admission.review import FieldError
from kservectl.api.config_keys import STANDARD, normalise_deployment_mode
from kservectl.objects.metadata import Object

_FIXED = ("scaleTarget", "scaleMetric", "autoScaling")


def canary_errors(subject: Subject) -> Iterator[FieldError]:
    """All rules of the list; none when it is empty."""
    canaries = list(subject.canaries)
    if not canaries:
        return
    if normalise_deployment_mode(subject.annotations.get(DEPLOYMENT_MODE, "")) != STANDARD:
        yield FieldError(
            "spec.canary",
            f"canary is only supported in Standard deployment mode; set {at('metadata.annotations', DEPLOYMENT_MODE)}",
            "FieldValueForbidden",
        )
    stable = subject.predictor
    if not predictor_storage_uri(stable.spec) and block(stable.spec, "model") is None:
        yield FieldError(
            "spec.canary",
            "canary requires a stable predictor with a model (multi-model serving is not supported with canary)",
            "FieldValueForbidden",
        )
    names: set[str] = set()
    for index, entry, predictor in canaries:
        name = text(predictor.spec, "name")
        yield from _name_errors(index, name, names, text(stable.spec, "name"), predictor)
        names.add(name)
        yield from _entry_errors(index, entry, predictor, stable)
    total = sum(number(entry, "trafficPercent") or 0 for _, entry, _ in canaries)
    if total > 100:
        yield FieldError("spec.canary", f"sum of canary trafficPercent values ({total}) must be <= 100")


def _name_errors(index: int, name: str, names: set[str], stable: str, predictor: Component) -> Iterator[FieldError]:
    field = f"{predictor.path}.name"
    if not name:
        yield FieldError(field, f"canary[{index}] predictor.name is required", "FieldValueRequired")
    elif name in names:
        yield FieldError(field, f'canary predictor.name "{name}" is duplicated', "FieldValueDuplicate")
    elif name == stable:
        message = f'canary predictor.name "{name}" conflicts with stable predictor name'
        yield FieldError(field, message, "FieldValueDuplicate")


def _entry_errors(index: int, entry: Object, predictor: Component, stable: Component) -> Iterator[FieldError]:
    name = text(predictor.spec, "name")
    percent = number(entry, "trafficPercent")
    if percent is not None and not 0 <= percent <= 100:
        message = f'canary "{name}" trafficPercent must be between 0 and 100, got {percent}'
        yield FieldError(f"spec.canary[{index}].trafficPercent", message)
    for error in component_errors(predictor):
        yield replace(error, message=f'canary "{name}" predictor: {error.message}')
    if block(predictor.spec, "workerSpec") is not None:
        message = f'canary "{name}" must not set workerSpec (multi-node is not yet supported for canary)'
        yield FieldError(f"{predictor.path}.workerSpec", message, "FieldValueForbidden")
    forbidden = [field for field in _FIXED if predictor.spec.get(field) is not None]
    if (number(predictor.spec, "maxReplicas") or 0) > 0:
        forbidden.insert(0, "maxReplicas")
    for field in forbidden:
        message = f'canary "{name}" must not set {field} (canary uses fixed replicas)'
        yield FieldError(f"{predictor.path}.{field}", message, "FieldValueForbidden")
    least, bound = number(predictor.spec, "minReplicas"), number(stable.spec, "minReplicas")
    bound = 1 if bound is None else bound
    if least is not None and least > bound:
        message = f'canary "{name}" minReplicas ({least}) must not exceed stable predictor minReplicas ({bound})'
        yield FieldError(f"{predictor.path}.minReplicas", message)
