"""Whether an InferenceService may be stored.

Pure. All problems are reported together, each with the path of its field, in the order of KServe's own checks and in its
words where it has any; then whatever does not have the shape of the kind. Warnings never refuse.
"""

from collections.abc import Iterator

from kservectl.admission.inferenceservice.validation.canary import canary_errors
from kservectl.admission.inferenceservice.validation.component import component_errors
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
    predictor_rename_errors,
)
from kservectl.admission.inferenceservice.validation.scaling import scaling_errors, scaling_warnings
from kservectl.admission.inferenceservice.validation.storage import (
    confidential_errors,
    confidential_warnings,
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

    Raises ConfigError when a rule needs a configuration key that cannot be read.
    """
    if metadata.is_deleting(new):
        return Verdict()
    subject = Subject(new)
    found = list(_errors(subject, Subject(old) if old is not None else None, config))
    reported = {error.field for error in found}
    found += [error for error in _shape_errors(new) if error.field not in reported]
    warnings = [*confidential_warnings(subject)]
    for component in subject.components:
        warnings += scaling_warnings(subject, component)
    return Verdict(tuple(dict.fromkeys(found)), tuple(dict.fromkeys(warnings)))


def _errors(subject: Subject, old: Subject | None, config: Config) -> Iterator[FieldError]:
    yield from deployment_mode_errors(subject, old)
    if old is not None:
        yield from predictor_rename_errors(subject, old)
    yield from name_errors(subject)
    yield from autoscaler_class_errors(subject)
    yield from blocked_environment_errors(subject)
    yield from multinode_errors(subject, config)
    yield from collocation_errors(subject)
    yield from framework_name_errors(subject)
    for component in subject.components:
        yield from storage_uris_errors(component)
    for _, _, predictor in subject.canaries:
        yield from storage_uris_errors(predictor)
    yield from confidential_errors(subject)
    for component in subject.components:
        yield from component_errors(component)
        yield from scaling_errors(subject, component)
    yield from canary_errors(subject)


def _shape_errors(obj: Object) -> Iterator[FieldError]:
    """What a structural schema would refuse; some installations have one that accepts everything."""
    try:
        InferenceService.parse(obj)
    except Malformed as malformed:
        for problem in malformed.problems:
            if not problem.field.startswith("status"):  # written by the controller, not by whoever sent this
                yield FieldError(problem.field, problem.message)
