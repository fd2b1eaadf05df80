"""Malformed input, told to people: each of pydantic's complaints becomes a field path and one plain sentence.

The path is written as Kubernetes writes it (`spec.canary[0].trafficPercent`). The sentence says what the field must be and
what it is instead; a value is only quoted when it is short and not a container, so that no whole object lands in an event.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_QUOTED_LENGTH = 60

_EXPECTED = {
    "string_type": "a string",
    "string_sub_type": "a string",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of at most 64 bits",
    "float_type": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "mapping_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


class Problem(NamedTuple):
    """One thing wrong with an object: the path of the field (empty for the object itself) and what to do about it."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class Malformed(ValueError):
    """An object does not have the shape of its kind. `problems` says where and why."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(sentence(problems))
        self.problems = problems


def describe(error: ValidationError, obj: Any) -> list[Problem]:
    """One `Problem` per thing that pydantic found wrong with `obj`, in the order of the model's fields."""
    details = error.errors(include_url=False)
    return list(dict.fromkeys(Problem(_path(detail, obj), _sentence(detail)) for detail in details))


def sentence(problems: Iterable[Problem]) -> str:
    """All problems in one line, for messages that have room for a single text."""
    return "; ".join(str(problem) for problem in problems)


def kind_of_value(value: Any) -> str:
    """What JSON calls the type of `value`, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
    return f"a {type(value).__name__}"


def _path(detail: ErrorDetails, obj: Any) -> str:
    """The location, without the names of union branches and validators that pydantic puts between real fields."""
    path = ""
    here = obj
    last = len(detail["loc"]) - 1
    for position, part in enumerate(detail["loc"]):
        if isinstance(part, int) and isinstance(here, list | tuple) and part < len(here):
            path += f"[{part}]"
            here = here[part]
        elif isinstance(here, Mapping) and part in here:
            path += _step(path, str(part))
            here = here[part]
        elif position == last and detail["type"] == "missing":
            path += _step(path, str(part))
    return path


def _step(path: str, name: str) -> str:
    if "." in name or "/" in name:
        return f"[{name}]"
    return f".{name}" if path else name


def _sentence(detail: ErrorDetails) -> str:
    context = detail.get("ctx") or {}
    given = detail["input"]
    match detail["type"]:
        case "missing":
            return "is required"
        case "value_error":
            return str(context.get("error", detail["msg"]))
        case "extra_forbidden":
            return "is not known here; correct its spelling or remove it"
        case "literal_error" | "enum":
            return f"must be one of {context['expected']}, not {_quote(given)}"
        case "greater_than_equal":
            return f"must be at least {context['ge']}, not {_quote(given)}"
        case "less_than_equal":
            return f"must be at most {context['le']}, not {_quote(given)}"
        case "string_too_short" | "too_short" if context["min_length"] == 1:
            return "must not be empty"
        case "string_too_long":
            return f"must have at most {context['max_length']} characters, not {len(given)}"
        case "string_pattern_mismatch":
            return f"must match {context['pattern']}, which {_quote(given)} does not"
        case type_ if type_ in _EXPECTED:
            return f"must be {_EXPECTED[type_]}, not {_quote(given)}"
    return str(detail["msg"])


def _quote(value: Any) -> str:
    if isinstance(value, str):
        shown = repr(value)
        return shown if len(shown) <= _QUOTED_LENGTH else f"a string of {len(value)} characters"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"
    return kind_of_value(value)
