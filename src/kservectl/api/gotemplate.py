"""A small, closed part of Go's text/template: what a host or path template of the ConfigMap needs.

Understood: text, `{{ .Field }}`, `{{ .Map.key }}`, `{{ index .Map "any.key" }}`, `$` for the root, literals, pipelines and
parentheses over the functions of `_FUNCTIONS`, `if`/`else if`/`else`/`end`, `with`/`else`/`end`, comments, and the trim
markers `{{-` and `-}}`. Everything else of the language is refused with a sentence; nothing here can loop, call Python or
reach an attribute, so that a template may come from anybody.

An unknown field of the root is an error; a missing key of a map prints `<no value>` by dot and nothing by `index`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote_plus

from kservectl.api.gotemplate_syntax import (
    Branch,
    Call,
    Field,
    Literal,
    Node,
    Operand,
    Pipeline,
    TemplateError,
    Text,
    parse_nodes,
)

__all__ = ["TemplateError", "Value", "parse", "render"]

Value = str | int | bool | Mapping[str, str] | None
"""What a template computes with; None is the absent value."""


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template, ready to be rendered any number of times."""

    nodes: Sequence[Node]


@lru_cache(maxsize=64)
def parse(source: str) -> Template:
    """Read a template; raises TemplateError where Go would refuse it or where it leaves the supported part."""
    return Template(parse_nodes(source))


def render(template: Template, fields: Mapping[str, Value]) -> str:
    """The text of a template over `fields` (the root's fields by their Go names); raises TemplateError."""
    out: list[str] = []
    _render(template.nodes, fields, fields, out)
    return "".join(out)


def _render(nodes: Sequence[Node], root: Mapping[str, Value], dot: object, out: list[str]) -> None:
    for node in nodes:
        if isinstance(node, Text):
            out.append(node.text)
        elif isinstance(node, Branch):
            value = _evaluate(node.condition, root, dot)
            if _truth(value):
                _render(node.then, root, value if node.rebinds else dot, out)
            else:
                _render(node.otherwise, root, dot, out)
        else:
            out.append(_text(_evaluate(node, root, dot)))


def _evaluate(pipeline: Pipeline, root: Mapping[str, Value], dot: object) -> Value:
    piped: list[Value] = []
    for command in pipeline.commands:
        if isinstance(command, Call):
            arguments = [_operand(argument, root, dot) for argument in command.arguments]
            piped = [_FUNCTIONS[command.function](command.function, [*arguments, *piped])]
        elif piped:
            raise TemplateError("a value cannot take the output of a pipeline as an argument; only a function can")
        else:
            piped = [_operand(command, root, dot)]
    return piped[0]


def _operand(operand: Operand, root: Mapping[str, Value], dot: object) -> Value:
    if isinstance(operand, Literal):
        return operand.value
    if isinstance(operand, Pipeline):
        return _evaluate(operand, root, dot)
    if isinstance(operand, Field):
        return _field(operand, root, root if operand.from_root else dot)
    raise TemplateError(f"function {operand.function} needs parentheses to be an argument")


def _field(field: Field, root: Mapping[str, Value], start: object) -> Value:
    value: object = start
    for name in field.names:
        if value is root:
            if name not in root:
                raise TemplateError(f"there is no field {name}; the fields are {', '.join(sorted(root))}")
            value = root[name]
        elif isinstance(value, Mapping):
            value = value.get(name)
        elif value is None:
            raise TemplateError(f"cannot read {name} of a value that is absent")
        else:
            raise TemplateError(f"cannot read {name} of a value that has no fields")
    if value is root:
        raise TemplateError("the root itself is not a value that can be printed; name one of its fields")
    if value is None or isinstance(value, str | int | Mapping):
        return value
    raise TemplateError("a field holds a value of an unexpected type")


def _truth(value: Value) -> bool:
    return bool(value)


def _text(value: Value) -> str:
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{key}:{value[key]}" for key in sorted(value)) + "]"
    return str(value)


def _require(name: str, arguments: Sequence[Value], least: int, most: int | None = None) -> None:
    if len(arguments) < least or (most is not None and len(arguments) > most):
        expected = str(least) if most == least else f"at least {least}" if most is None else f"{least} to {most}"
        raise TemplateError(f"function {name} takes {expected} arguments, not {len(arguments)}")


def _index(name: str, arguments: Sequence[Value]) -> Value:
    _require(name, arguments, 1, 2)
    value = arguments[0]
    if len(arguments) == 1:
        return value
    key = arguments[1]
    if value is None:
        raise TemplateError("index of a value that is absent")
    if not isinstance(value, Mapping) or not isinstance(key, str):
        raise TemplateError("index takes a map and a text")
    return value.get(key, "")


def _and(name: str, arguments: Sequence[Value]) -> Value:
    _require(name, arguments, 1)
    return next((argument for argument in arguments if not _truth(argument)), arguments[-1])


def _or(name: str, arguments: Sequence[Value]) -> Value:
    _require(name, arguments, 1)
    return next((argument for argument in arguments if _truth(argument)), arguments[-1])


def _not(name: str, arguments: Sequence[Value]) -> Value:
    _require(name, arguments, 1, 1)
    return not _truth(arguments[0])


def _equal(name: str, arguments: Sequence[Value]) -> Value:
    _require(name, arguments, 2)
    first = arguments[0]
    return any(type(first) is type(other) and first == other for other in arguments[1:])


def _differ(name: str, arguments: Sequence[Value]) -> Value:
    _require(name, arguments, 2, 2)
    return not _equal(name, arguments)


def _length(name: str, arguments: Sequence[Value]) -> Value:
    _require(name, arguments, 1, 1)
    value = arguments[0]
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Mapping):
        return len(value)
    raise TemplateError("len takes a text or a map")


def _print(name: str, arguments: Sequence[Value]) -> Value:
    text = ""
    for position, argument in enumerate(arguments):
        both_not_text = position > 0 and not isinstance(argument, str) and not isinstance(arguments[position - 1], str)
        text += (" " if both_not_text else "") + _text(argument)
    return text


def _print_line(name: str, arguments: Sequence[Value]) -> Value:
    return " ".join(map(_text, arguments)) + "\n"


def _print_formatted(name: str, arguments: Sequence[Value]) -> Value:
    """The verbs s, v, d, q and %% without flags or widths: a width could make a text of any size."""
    _require(name, arguments, 1)
    if not isinstance(arguments[0], str):
        raise TemplateError("printf takes a text as its format")
    rest = list(arguments[1:])
    pieces = arguments[0].split("%")
    out = [pieces[0]]
    skip = False
    for piece in pieces[1:]:
        if skip:  # the second half of %%
            out.append(piece)
            skip = False
            continue
        if not piece:
            out.append("%")
            skip = True
            continue
        if piece[0] not in "svdq":
            raise TemplateError(f"printf knows %s, %v, %d, %q and %%, not %{piece[0]}")
        if not rest:
            raise TemplateError(f"printf has no argument for %{piece[0]}")
        text = _text(rest.pop(0))
        out.append(_quoted(text) if piece[0] == "q" else text)
        out.append(piece[1:])
    if rest:
        raise TemplateError("printf has more arguments than its format uses")
    return "".join(out)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escape_query(name: str, arguments: Sequence[Value]) -> Value:
    return quote_plus(str(_print(name, arguments)))


_FUNCTIONS: Mapping[str, Callable[[str, Sequence[Value]], Value]] = {
    "and": _and,
    "eq": _equal,
    "index": _index,
    "len": _length,
    "ne": _differ,
    "not": _not,
    "or": _or,
    "print": _print,
    "printf": _print_formatted,
    "println": _print_line,
    "urlquery": _escape_query,
}
