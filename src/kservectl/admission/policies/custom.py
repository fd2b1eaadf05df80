"""The CEL policies of the key `securityPolicy`, with the meaning that a ValidatingAdmissionPolicy gives them.

A policy whose expression is broken, fails on this object or would take too long concerns itself alone: its `failurePolicy`
says whether that is a violation (`Fail`) or a warning (`Ignore`), and every other policy is looked at as ever.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kservectl.admission.policies.expression import BrokenExpression, Evaluation, EvaluationFailed, compiled
from kservectl.admission.review import AdmissionRequest
from kservectl.api.config_security_policy import Action, Policy, PolicyValidation
from kservectl.objects.metadata import Object

_LONGEST_MESSAGE = 1024


@dataclass(frozen=True, slots=True)
class Violation:
    """What to say, and whether it refuses the object or warns of it."""

    message: str
    action: Action


def violations(
    policies: Sequence[Policy],
    default: Action,
    resource: str,
    request: AdmissionRequest,
    obj: Object,
    old: Object | None,
) -> list[Violation]:
    """What the policies about `resource` find; `default` is the action of those that name none."""
    concerned = [policy for policy in policies if resource in policy.resources]
    if not concerned:
        return []
    evaluation = Evaluation({"object": obj, "oldObject": old, "request": _request(request)})
    return [found for policy in concerned for found in _judged(policy, default, evaluation)]


def _judged(policy: Policy, default: Action, evaluation: Evaluation) -> Iterator[Violation]:
    action = policy.validation_actions[0] if policy.validation_actions else default
    evaluation.forget_variables()
    try:
        if not all(_holds(evaluation, condition.expression) for condition in policy.match_conditions):
            return
        for variable in policy.variables:
            evaluation.define(variable.name, compiled(variable.expression))
    except (BrokenExpression, EvaluationFailed) as problem:
        yield _failure(policy, action, str(problem))
        return
    for validation in policy.validations:
        try:
            held = _holds(evaluation, validation.expression)
        except (BrokenExpression, EvaluationFailed) as problem:
            yield _failure(policy, action, f"expression '{validation.expression[:200]}': {problem}")
            continue
        if not held:
            yield Violation(f'security policy "{policy.name}": {_message(evaluation, validation)}', action)


def _holds(evaluation: Evaluation, source: str) -> bool:
    value = evaluation.value(compiled(source))
    if not isinstance(value, bool):
        raise EvaluationFailed("it must be true or false, and is neither")
    return value


def _message(evaluation: Evaluation, validation: PolicyValidation) -> str:
    fallback = validation.message.strip() or f"failed expression: {validation.expression}"[:_LONGEST_MESSAGE]
    if not validation.message_expression:
        return fallback
    try:
        made = evaluation.value(compiled(validation.message_expression))
    except (BrokenExpression, EvaluationFailed):
        return fallback  # as the API server does: the message is not what the policy is about
    usable = isinstance(made, str) and made.strip() and "\n" not in made
    return made.strip()[:_LONGEST_MESSAGE] if usable else fallback


def _failure(policy: Policy, action: Action, problem: str) -> Violation:
    if policy.failure_policy == "Ignore":
        return Violation(f'security policy "{policy.name}" was not looked at: {problem}', "Warn")
    return Violation(f'security policy "{policy.name}" cannot be decided: {problem}', action)


def _request(request: AdmissionRequest) -> dict[str, Any]:
    """The request as expressions see it."""
    return {
        "operation": request.operation,
        "kind": {"group": request.group, "version": request.version, "kind": request.kind},
        "name": request.name,
        "namespace": request.namespace,
        "dryRun": request.dry_run,
        "userInfo": {"username": request.user},
    }
