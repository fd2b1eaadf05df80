"""GJSON paths, in which the conditions of a graph are written: what a path finds in a JSON value.

Covered are dotted paths with wildcards and escapes, array indexes, `#` and queries (`#(…)`, `#(…)#`, nested, with
`== != < <= > >= % !%` and `~`), pipes, multipaths (`[a,b]`, `{a,b}`) and the modifiers of `MODIFIERS`. Values are JSON as
Python has it. A path never raises: what makes no sense finds nothing. The language is that of github.com/tidwall/gjson.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from kservectl.router.glob import matches as glob_matches


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""What a path gives that finds nothing; null is something."""

_OPENING = {"(": ")", "[": "]", "{": "}"}
_OPERATORS = ("==", "!=", "!%", "<=", ">=", "=", "<", ">", "%")


def exists(value: Any, path: str) -> bool:
    """Whether `path` finds anything in `value`."""
    return get(value, path) is not MISSING


def get(value: Any, path: str) -> Any:
    """What `path` finds in `value`, else MISSING."""
    if not path:
        return MISSING
    if path[0] == "@":
        name, rest = _modifier(path)
        if name in MODIFIERS:
            return _go_on(MODIFIERS[name](value), rest)
    if path[0] in "[{":
        end = _closing(path, 0)
        return MISSING if end < 0 else _go_on(_several(value, path[1:end], path[0]), path[end + 1 :])
    if isinstance(value, list):
        return _in_list(value, path)
    return _in_object(value, path) if isinstance(value, dict) else MISSING


def _go_on(found: Any, rest: str) -> Any:
    """`rest` begins with the separator that follows what was found."""
    if not rest:
        return found
    return get(found, rest[1:]) if found is not MISSING and rest[0] in ".|" else MISSING


def _in_object(value: Mapping[str, Any], path: str) -> Any:
    key, is_pattern, rest = _component(path)
    if not is_pattern:
        return _go_on(value.get(_unescaped(key), MISSING), rest)
    for name, member in value.items():
        if glob_matches(name, key) and (found := _go_on(member, rest)) is not MISSING:
            return found
    return MISSING


def _in_list(items: Sequence[Any], path: str) -> Any:
    if path[0] != "#":
        key, _, rest = _component(path)
        if not (key.isascii() and key.isdigit()) or int(key) >= len(items):
            return MISSING
        return _go_on(items[int(key)], rest)
    if path[1:2] in ("(", "["):
        return _queried(items, path)
    rest = path[1:]
    return _of_each(items, rest) if rest.startswith(".") else _go_on(len(items), rest)


def _queried(items: Sequence[Any], path: str) -> Any:
    end = _closing(path, 1)
    if end < 0:
        return MISSING
    query, rest = _Query(path[2:end]), path[end + 1 :]
    found = (item for item in items if query.holds(item))
    if not rest.startswith("#"):
        return _go_on(next(found, MISSING), rest)
    rest = rest[1:]
    return _of_each(list(found), rest) if rest.startswith(".") else _go_on(list(found), rest)


def _of_each(items: Sequence[Any], rest: str) -> Any:
    """`.path` after `#` looks into each item, as far as a pipe, which goes on with all that was found."""
    pipe = next((i for i, char in _outside(rest) if char == "|"), len(rest))
    found = [each for item in items if (each := get(item, rest[1:pipe])) is not MISSING]
    return _go_on(found, rest[pipe:])


class _Query:
    """The inside of `#(…)`: a path, and perhaps an operator with a value."""

    def __init__(self, text: str) -> None:
        at, self._operator = _operator(text)
        self._path = text[:at].strip()
        self._wanted = _literal(text[at + len(self._operator) :].strip())

    def holds(self, item: Any) -> bool:
        scalar = MISSING if self._path else item
        value = get(item, self._path) if isinstance(item, dict | list) else scalar
        wanted = self._wanted
        if self._operator and wanted.startswith("~"):
            value, wanted = _is_kind_of(value, wanted[1:]), "true"
        if value is MISSING:
            return False
        return not self._operator or _compare(value, "==" if self._operator == "=" else self._operator, wanted)


def _operator(text: str) -> tuple[int, str]:
    for at, char in _outside(text):
        if char in "=!<>%":
            found = next((operator for operator in _OPERATORS if text.startswith(operator, at)), "")
            if found:
                return at, found
    return len(text), ""


def _compare(value: Any, operator: str, wanted: str) -> bool:
    """Strings, numbers and booleans compare with the text of a literal; null and containers with nothing."""
    match value:
        case bool():
            return wanted in ("true", "false") and _ordered(value, operator, wanted == "true")
        case int() | float():
            return _ordered(float(value), operator, _number(wanted))
        case str() if operator in ("%", "!%"):
            return glob_matches(value, wanted) is (operator == "%")
        case str():
            return _ordered(value, operator, wanted)
    return False


def _ordered(left: Any, operator: str, right: Any) -> bool:
    answers = {
        "==": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }
    return bool(answers.get(operator, False))


def _number(text: str) -> float:
    """What is no number counts as 0, as it does for GJSON."""
    try:
        return float(text) if "_" not in text else 0.0
    except ValueError:
        return 0.0


def _is_kind_of(value: Any, kind: str) -> Any:
    """`~true`, `~false`, `~null` and `~*`: whether a value is as good as that; MISSING for another word."""
    text = value.lower() if isinstance(value, str) else ""
    match kind:
        case "*":
            return value is not MISSING
        case "null":
            return value is MISSING or value is None
        case "true":
            return text in ("1", "t", "true") if isinstance(value, str) else value not in (MISSING, None, False, 0)
        case "false":
            return text in ("0", "f", "false") if isinstance(value, str) else value in (MISSING, None, False, 0)
    return MISSING


def _several(value: Any, inside: str, bracket: str) -> Any:
    """A multipath: what each of its parts finds, in a list or by name."""
    found = {name: each for name, path in _parts(inside) if (each := get(value, path)) is not MISSING}
    return list(found.values()) if bracket == "[" else {name.partition(":")[2]: each for name, each in found.items()}


def _parts(inside: str) -> Iterator[tuple[str, str]]:
    """Each part of a multipath with a name: the one given, else the last of its path; numbered, to keep them apart."""
    commas = [i for i, char in _outside(inside) if char == ","]
    for number, (start, end) in enumerate(zip([-1, *commas], [*commas, len(inside)], strict=True)):
        part = inside[start + 1 : end].strip()
        colon = next((i for i, char in _outside(part) if char == ":"), -1)
        if part.startswith('"') and colon > 0:
            yield f"{number}:{_literal(part[:colon])}", part[colon + 1 :]
        else:
            yield f"{number}:{part.rpartition('.')[2]}", part


def _modifier(path: str) -> tuple[str, str]:
    """The name of a modifier without its argument, and what follows."""
    end = next((i for i, char in _outside(path) if char in ".|"), len(path))
    return path[1:end].partition(":")[0], path[end:]


def _component(path: str) -> tuple[str, bool, str]:
    """The first part of a path (escapes still in it), whether it is a pattern, and the rest with its separator."""
    position, is_pattern = 0, False
    while position < len(path) and path[position] not in ".|":
        is_pattern = is_pattern or path[position] in "*?"
        position += 2 if path[position] == "\\" else 1
    return path[:position], is_pattern, path[position:]


def _unescaped(key: str) -> str:
    if "\\" not in key:
        return key
    kept, position = [], 0
    while position < len(key):
        position += key[position] == "\\"
        kept.append(key[position : position + 1])
        position += 1
    return "".join(kept)


def _literal(text: str) -> str:
    """The value of a query: a JSON string without its quotes, else the text as it is."""
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text))
    except ValueError:
        return text.strip('"')


def _closing(text: str, start: int) -> int:
    """Where the bracket that opens at `start` is closed; -1 where it is not."""
    return next((i for i, char in _outside(text, start + 1) if char == _OPENING[text[start]]), -1)


def _outside(text: str, start: int = 0) -> Iterator[tuple[int, str]]:
    """Positions and characters that are neither quoted nor escaped nor inside of brackets that open after `start`."""
    expected: list[str] = []
    position, quoted = start, False
    while position < len(text):
        char = text[position]
        if char == "\\":
            position += 2
            continue
        if char == '"':
            quoted = not quoted
        elif not quoted and expected and char == expected[-1]:
            expected.pop()
        elif not quoted:
            if not expected:
                yield position, char
            if char in _OPENING:
                expected.append(_OPENING[char])
        position += 1


def _keys(value: Any) -> Any:
    return list(value) if isinstance(value, dict) else [None] * len(value) if isinstance(value, list) else [None]


def _values(value: Any) -> Any:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else [value]


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(reversed(value.items()))
    return value[::-1] if isinstance(value, list) else value


def _flattened(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [inner for item in value for inner in (item if isinstance(item, list) else [item])]


def _from_text(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else MISSING
    except ValueError:
        return MISSING


MODIFIERS: Mapping[str, Callable[[Any], Any]] = {
    "this": lambda value: value,
    "valid": lambda value: value,
    "pretty": lambda value: value,
    "ugly": lambda value: value,
    "keys": _keys,
    "values": _values,
    "reverse": _reversed,
    "flatten": _flattened,
    "tostr": json.dumps,
    "fromstr": _from_text,
}
"""Every modifier by its name; another one finds nothing."""
