"""Whether an InferenceService may be stored.

Pure. All problems are reported together, each with the path of its field, in the order of KServe's own checks and in its
words where it has any; then whatever does not have the shape of the kind. Warnings never refuse.
"""

from collections.abc import Iterator

from kservectl.admission.inferenceservice.validation.canary import canary_errors
from kservectl.admission.inferenceservice.validation.component import component_errors, traffic_errors
from kservectl.admission.inferenceservice.validation.environment import (
    blocked_environment_errors,
    collocation_errors,
    framework_name_errors,
)
from kservectl.admission.inferenceservice.validation.multinode import multinode_errors
from kservectl.admission.inferenceservice.validation.naming import (
    autoscaler_class_errors,
    deployment_mode_errors,
    name_errors,
    name_length_errors,
    predictor_rename_errors,
    unknown_mode_errors,
)
from kservectl.admission.inferenceservice.validation.networking import networking_errors, networking_warnings
from kservectl.admission.inferenceservice.validation.resources import memory_floor_errors, resource_errors
from kservectl.admission.inferenceservice.validation.rollout import rollout_errors, rollout_warnings
from kservectl.admission.inferenceservice.validation.scaling import (
    default_scaling_errors,
    default_scaling_warnings,
    scaling_errors,
)
from kservectl.admission.inferenceservice.validation.storage import (
    confidential_errors,
    confidential_warnings,
    download_path_errors,
    storage_uris_errors,
)
from kservectl.admission.inferenceservice.validation.subject import Subject
from kservectl.admission.review import FieldError, Verdict
from kservectl.api.config import Config
from kservectl.api.errors import Malformed
from kservectl.api.inferenceservice import InferenceService
from kservectl.objects import metadata
from kservectl.objects.metadata import Object


def validate(new: Object, old: Object | None, config: Config) -> Verdict:
    """The verdict on `new`, which replaces `old` (None on creation). An object that is being deleted is always allowed.

    Rules that KServe does not have are not held against what `old` broke already: a service that KServe took stays
    changeable. Raises ConfigError when a rule needs a configuration key that cannot be read.
    """
    if metadata.is_deleting(new):
        return Verdict()
    subject, before = Subject(new), Subject(old) if old is not None else None
    found = [*_update_errors(subject, before), *_errors(subject, config)]
    known = set(_further_errors(before, config)) if before is not None else set()
    reported = {error.field for error in found}
    found += [error for error in _further_errors(subject, config) if error not in known and error.field not in reported]
    return Verdict(tuple(dict.fromkeys(found)), tuple(dict.fromkeys(_warnings(subject, config))))


def _update_errors(subject: Subject, old: Subject | None) -> Iterator[FieldError]:
    if old is not None:
        yield from deployment_mode_errors(subject, old)
        yield from predictor_rename_errors(subject, old)


def _errors(subject: Subject, config: Config) -> Iterator[FieldError]:
    """KServe's own rules."""
    yield from name_errors(subject)
    yield from autoscaler_class_errors(subject)
    for component in subject.components:
        yield from blocked_environment_errors(subject, component)
    yield from multinode_errors(subject, config)
    yield from collocation_errors(subject.predictor)
    yield from framework_name_errors(subject.predictor)
    for component in subject.components:
        yield from storage_uris_errors(component)
    yield from confidential_errors(subject.predictor)
    for component in subject.components:
        yield from component_errors(component)
        yield from scaling_errors(subject, component)
    yield from canary_errors(subject)


def _further_errors(subject: Subject, config: Config) -> Iterator[FieldError]:
    """Rules that KServe does not have, or not for canaries; then what a structural schema would refuse (some
    installations have one that accepts everything)."""
    yield from name_length_errors(subject)
    yield from unknown_mode_errors(subject)
    yield from networking_errors(subject, config)
    yield from rollout_errors(subject)
    for component in subject.components:
        yield from download_path_errors(component)
        yield from traffic_errors(component)
        yield from default_scaling_errors(subject, component)
    for _, _, predictor in subject.canaries:
        yield from blocked_environment_errors(subject, predictor)
        yield from collocation_errors(predictor)
        yield from framework_name_errors(predictor)
        yield from storage_uris_errors(predictor)
        yield from download_path_errors(predictor)
        yield from confidential_errors(predictor)
        yield from traffic_errors(predictor)
    yield from resource_errors(subject)
    yield from memory_floor_errors(subject, config)
    yield from _shape_errors(subject.obj)


def _warnings(subject: Subject, config: Config) -> Iterator[str]:
    yield from confidential_warnings(subject)
    yield from networking_warnings(subject, config)
    yield from rollout_warnings(subject, config)
    for component in subject.components:
        yield from default_scaling_warnings(subject, component)


def _shape_errors(obj: Object) -> Iterator[FieldError]:
    try:
        InferenceService.parse(obj)
    except Malformed as malformed:
        for problem in malformed.problems:
            if not problem.field.startswith("status"):  # written by the controller, not by whoever sent this
                yield FieldError(problem.field, problem.message)
