"""How a service rolls out new versions: annotations that can be understood, and canaries that can have their share."""

from collections.abc import Iterator
from contextlib import suppress

from kservectl.admission.inferenceservice.implementations import block, number, text
from kservectl.admission.inferenceservice.validation.subject import AUTOSCALER_CLASS, Subject, at
from kservectl.admission.review import FieldError
from kservectl.api import networking_choices, rollout_choices
from kservectl.api.config import Config, ConfigError
from kservectl.api.config_ingress import Ingress
from kservectl.api.config_keys import STANDARD
from kservectl.api.rollout_choices import ROLLOUT_ANNOTATIONS

_SCALED_TO_NOTHING = ("none", "keda")
"""The autoscaler classes that leave a canary of no size without a pod; an HPA keeps one."""


def rollout_errors(subject: Subject) -> Iterator[FieldError]:
    """Choices that cannot be followed, and canaries of what can have none."""
    for problem in rollout_choices.read(subject.annotations).problems:
        yield FieldError(at("metadata.annotations", problem.annotation), problem.message)
    if block(subject.predictor.spec, "workerSpec") is not None and next(subject.canaries, None) is not None:
        yield FieldError(
            "spec.canary",
            "a predictor on several nodes (workerSpec) can have no canary; deploy the new version as an InferenceService"
            " of its own",
            "FieldValueForbidden",
        )


def rollout_warnings(subject: Subject, config: Config) -> Iterator[str]:
    """Choices without effect, and canaries that will not do what they seem to."""
    if subject.mode != STANDARD:
        for annotation in ROLLOUT_ANNOTATIONS:
            if annotation in subject.annotations:
                where = at("metadata.annotations", annotation)
                yield f"{where} has no effect: it is for services in {STANDARD} mode"
        return
    for component in subject.components:
        if number(component.spec, "canaryTrafficPercent") is not None:
            yield (
                f"{component.path}.canaryTrafficPercent has no effect in {STANDARD} mode; give spec.canary a second"
                " predictor with a trafficPercent instead"
            )
    with suppress(ConfigError):  # whoever needs that key says so
        yield from _share_warnings(subject, config.ingress)
    yield from _size_warnings(subject)


def _share_warnings(subject: Subject, configured: Ingress) -> Iterator[str]:
    shared = [
        text(predictor.spec, "name") for _, entry, predictor in subject.canaries if number(entry, "trafficPercent")
    ]
    why = _why_unsplit(subject, configured) if shared else ""
    if why:
        yield (
            f"spec.canary: {', '.join(shared)} will run and take no traffic: {why}. Only the Gateway API can split it; with"
            " anything else, try a canary by its preview URL or its own Service"
        )


def _why_unsplit(subject: Subject, configured: Ingress) -> str:
    ingress = networking_choices.read(subject.annotations).over(configured)
    if ingress.is_internal(subject.labels):
        return "the service is cluster-local"
    if ingress.disable_ingress_creation:
        return "the creation of routes is disabled (disableIngressCreation)"
    if not ingress.enable_gateway_api:
        return "the service is exposed by an Ingress, which knows no shares"
    return ""


def _size_warnings(subject: Subject) -> Iterator[str]:
    if subject.annotations.get(AUTOSCALER_CLASS) not in _SCALED_TO_NOTHING:
        return
    for index, entry, predictor in subject.canaries:
        if number(entry, "trafficPercent") == 0 and number(predictor.spec, "minReplicas") is None:
            yield (
                f"spec.canary[{index}] gets no pods: with trafficPercent 0 its size is its minReplicas, which is not set;"
                " set it to try the canary by its preview URL"
            )
