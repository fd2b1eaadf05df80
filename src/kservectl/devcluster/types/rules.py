"""Validation rules of CustomResourceDefinitions (`x-kubernetes-validations`), in CEL, compiled once.

A rule sees `self`, and `oldSelf` when it is a transition rule. What the CEL engine here does not know, such as Kubernetes'
own extension functions, makes a `RuleProblem`: the rule is then left out instead of refusing every object.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.types import causes as say
from kservectl.devcluster.types.schema import Check

_BUILTIN_FUNCTIONS = frozenset(
    {
        "all", "bool", "bytes", "contains", "double", "duration", "endsWith", "exists", "exists_one", "filter",
        "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours", "getMilliseconds",
        "getMinutes", "getMonth", "getSeconds", "has", "int", "map", "matches", "max", "min", "size", "startsWith",
        "string", "timestamp", "uint",
    }
)  # fmt: skip
_REASONS = frozenset({"FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate"})


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """A rule that is not checked here, and why."""

    path: str
    rule: str
    reason: str


def compile_rules(source: Mapping[str, Any], path: str, problems: list[RuleProblem]) -> Sequence[Check]:
    """The checks of one schema node's rules; those that cannot be compiled are added to `problems`."""
    found: list[Check] = []
    for rule in source.get("x-kubernetes-validations") or ():
        text = str(rule.get("rule") or "")
        try:
            program = _compile(text)
        except ValueError as error:
            problems.append(RuleProblem(path, text, str(error).splitlines()[0]))
            continue
        unknown = [name for name in program.functions() if name[0].isalpha() and name not in _BUILTIN_FUNCTIONS]
        if unknown:
            problems.append(RuleProblem(path, text, f"unknown functions: {', '.join(sorted(unknown))}"))
        else:
            found.append(_check(program, rule, text))
    return found


def _compile(expression: str) -> Any:
    """A program of the CEL engine, which is slow to import and needed by few definitions."""
    import cel

    return cel.compile(expression)


def _check(program: Any, rule: Mapping[str, Any], text: str) -> Check:
    transition = "oldSelf" in program.variables()
    optional_old = bool(rule.get("optionalOldSelf"))
    explain = _message(rule)

    def check(value: Any, old: Any, path: str) -> Sequence[Cause]:
        context = {"self": value}
        if transition:
            if old is None and not optional_old:
                return ()
            context["oldSelf"] = old
        try:
            holds = program.execute(context)
        except KeyError as error:
            detail = f"no such key: {error.args[0]} evaluating rule: {rule.get('message') or text}"
            return [say.invalid(path, say.json_type(value), detail)]
        except (RuntimeError, TypeError, ValueError) as error:
            detail = f"{error} evaluating rule: {rule.get('message') or text}"
            return [say.invalid(path, say.json_type(value), detail)]
        if holds is True:
            return ()
        return [_cause(rule, path, value, explain(context) or f"failed rule: {text}")]

    return check


def _message(rule: Mapping[str, Any]) -> Any:
    """What to say when the rule does not hold: a text, or an expression that makes one."""
    text = str(rule.get("message") or "").strip()
    expression = str(rule.get("messageExpression") or "")
    if not expression:
        return lambda context: text
    try:
        program = _compile(expression)
    except ValueError:
        return lambda context: text

    def explain(context: Mapping[str, Any]) -> str:
        try:
            made = program.execute(dict(context))
        except (KeyError, RuntimeError, TypeError, ValueError):
            return text
        return made if isinstance(made, str) and made else text

    return explain


def _cause(rule: Mapping[str, Any], path: str, value: Any, message: str) -> Cause:
    where = path + str(rule.get("fieldPath") or "") if path else str(rule.get("fieldPath") or "").lstrip(".")
    match rule.get("reason"):
        case "FieldValueForbidden":
            return say.forbidden(where, message)
        case "FieldValueRequired":
            return say.required(where, message)
        case "FieldValueDuplicate":
            return Cause("FieldValueDuplicate", f"Duplicate value: {say.show(say.json_type(value))}: {message}", where)
        case _:
            return say.invalid(where, say.json_type(value), message)
