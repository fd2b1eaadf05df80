"""Whether a ServingRuntime or ClusterServingRuntime may be stored.

Pure. All problems are reported together, each with the path of its field, in KServe's words where it has any. A disabled
runtime is not looked at: it does nothing until it is enabled, and then it is. Neither is one that is being deleted.
"""

from collections.abc import Iterator, Sequence

from kservectl.admission.inferenceservice.implementations import block, blocks, text
from kservectl.admission.review import FieldError, Verdict
from kservectl.admission.runtimes.priorities import conflicts, own_conflicts
from kservectl.admission.runtimes.workers import empty_worker_errors, removal_errors, worker_errors
from kservectl.api.config import Config
from kservectl.api.errors import Malformed
from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME, SERVING_RUNTIME
from kservectl.api.servingruntime import ClusterServingRuntime, ServingRuntime
from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

_MODELS = {SERVING_RUNTIME: ServingRuntime, CLUSTER_SERVING_RUNTIME: ClusterServingRuntime}
_BLOCKED = frozenset({"PYTHONPATH"})


def validate(kind: Kind, new: Object, old: Object | None, stored: Sequence[Object], config: Config) -> Verdict:
    """The verdict on `new`, which replaces `old` (None on creation) among the runtimes `stored` in its scope.

    Rules that KServe does not have are not held against what `old` broke already: a runtime that KServe took stays
    changeable. Raises ConfigError when a rule needs a configuration key that cannot be read.
    """
    spec = block(new, "spec") or {}
    if metadata.is_deleting(new) or spec.get("disabled") is True:
        return Verdict()
    found = list(_errors(kind, new, old, stored, config))
    known = set(_further_errors(kind, old)) if old is not None else set()
    reported = {error.field for error in found}
    found += [error for error in _further_errors(kind, new) if error not in known and error.field not in reported]
    return Verdict(tuple(dict.fromkeys(found)))


def _errors(
    kind: Kind, new: Object, old: Object | None, stored: Sequence[Object], config: Config
) -> Iterator[FieldError]:
    spec = block(new, "spec") or {}
    where = f" in namespace {metadata.namespace(new)}" if kind.namespaced else ""
    invalid = f"the {kind.kind} {metadata.name(new)} is invalid: "
    yield from conflicts(new, stored, kind.kind.lower(), where)
    yield from removal_errors(spec, block(old, "spec") or {}, invalid)
    yield from worker_errors(spec, config, invalid)
    yield from _blocked_environment(kind, new, "containers")


def _further_errors(kind: Kind, runtime: Object) -> Iterator[FieldError]:
    """Rules that KServe does not have, or does not always hold; then what a structural schema would refuse."""
    yield from own_conflicts(runtime, kind.kind.lower())
    yield from empty_worker_errors(block(runtime, "spec") or {})
    yield from _blocked_environment(kind, runtime, "initContainers")
    try:
        _MODELS[kind].parse(runtime)
    except Malformed as malformed:
        for problem in malformed.problems:
            yield FieldError(problem.field, problem.message)


def _blocked_environment(kind: Kind, runtime: Object, field: str) -> Iterator[FieldError]:
    """PYTHONPATH decides which code a server loads."""
    spec = block(runtime, "spec") or {}
    for path, parent in (("spec", spec), ("spec.workerSpec", block(spec, "workerSpec"))):
        for index, container in enumerate(blocks(parent, field)):
            for position, entry in enumerate(blocks(container, "env")):
                if entry.get("name") in _BLOCKED:
                    yield FieldError(
                        f"{path}.{field}[{index}].env[{position}].name",
                        f'the {kind.kind} "{metadata.name(runtime)}" is invalid: setting {entry["name"]} in container'
                        f' "{text(container, "name")}" is not allowed for security reasons',
                        "FieldValueForbidden",
                    )
