"""Reads the supported part of Go's text/template into a tree; `gotemplate` says which part that is and evaluates it.

The tree is data only. Nesting is limited, so that no template can exhaust the stack.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_MAX_DEPTH = 40
_FUNCTION_NAMES = frozenset({"and", "eq", "index", "len", "ne", "not", "or", "print", "printf", "println", "urlquery"})
_KEYWORDS_REFUSED = frozenset({"block", "break", "continue", "define", "range", "template"})


class TemplateError(ValueError):
    """The template cannot be read or rendered; the message says why."""


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | int | bool


@dataclass(frozen=True, slots=True)
class Field:
    """A chain of names from dot, or from the root when written with `$`; no names is dot itself."""

    names: tuple[str, ...]
    from_root: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: "Sequence[Operand]"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands whose results are handed on; never empty."""

    commands: "Sequence[Operand]"


@dataclass(frozen=True, slots=True)
class Branch:
    """An `if`, or a `with` when `rebinds`: dot is then the condition's value inside `then`."""

    condition: Pipeline
    then: "Sequence[Node]"
    otherwise: "Sequence[Node]"
    rebinds: bool


Operand = Literal | Field | Call | Pipeline
Node = Text | Pipeline | Branch

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
      | (?P<number>-?[0-9]+(?![\w.]))
      | (?P<field>(?:\$|(?=\.))(?:\.[A-Za-z_]\w*)*\.?)
      | (?P<word>[A-Za-z_]\w*)
      | (?P<mark>[|()])
    )""",
    re.VERBOSE | re.ASCII,
)
_CLOSE = re.compile(r"(?P<trim>\s-)?\}\}")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class _Action:
    tokens: tuple[_Token, ...]


def parse_nodes(source: str) -> Sequence[Node]:
    """The tree of a whole template; raises TemplateError."""
    parser = _Parser(_split(source))
    nodes = parser.nodes(depth=0)
    parser.expect_end()
    return nodes


def _split(source: str) -> list[Text | _Action]:
    """Cut a template into texts and actions, the trim markers already obeyed."""
    pieces: list[Text | _Action] = []
    position = 0
    trim_next = False
    while True:
        start = source.find("{{", position)
        text = source[position:] if start < 0 else source[position:start]
        if trim_next:
            text = text.lstrip(" \t\r\n")
        if start < 0:
            if text:
                pieces.append(Text(text))
            return pieces
        inside = start + 2
        if source[inside : inside + 1] == "-" and source[inside + 1 : inside + 2] in (" ", "\t", "\r", "\n"):
            inside += 1
            text = text.rstrip(" \t\r\n")
        if text:
            pieces.append(Text(text))
        action, position, trim_next = _action(source, inside)
        if action is not None:
            pieces.append(action)


def _action(source: str, position: int) -> tuple[_Action | None, int, bool]:
    """The action that starts at `position`, where it ends, and whether it trims the text after it."""
    stripped = source[position:].lstrip()
    if stripped.startswith("/*"):
        end = source.find("*/", position)
        close = _CLOSE.match(source, end + 2) if end >= 0 else None
        if close is None:
            raise TemplateError("a comment is not closed")
        return None, close.end(), close["trim"] is not None
    tokens: list[_Token] = []
    while True:
        rest = position
        while source[rest : rest + 1].isspace() and not _CLOSE.match(source, rest):
            rest += 1
        close = _CLOSE.match(source, rest)
        if close is not None:
            return _Action(tuple(tokens)), close.end(), close["trim"] is not None
        found = _TOKEN.match(source, position)
        if found is None or found.end() == position:
            raise TemplateError(_unexpected(source, rest))
        kind = found.lastgroup or ""
        text = found[kind]
        if kind in ("field", "word", "number", "string"):
            following = source[found.end() : found.end() + 1]
            if following and following not in " \t\r\n|()}":
                raise TemplateError(_unexpected(source, found.end()))
            if tokens and not source[position : position + 1].isspace() and tokens[-1].kind != "mark":
                raise TemplateError(_unexpected(source, position))
        tokens.append(_Token(kind, text))
        position = found.end()


def _unexpected(source: str, position: int) -> str:
    if position >= len(source):
        return "an action is not closed with }}"
    return f"unexpected {source[position]!r} at position {position}"


class _Parser:
    def __init__(self, pieces: Sequence[Text | _Action]) -> None:
        self._pieces = pieces
        self._next = 0

    def expect_end(self) -> None:
        if self._next < len(self._pieces):
            raise TemplateError("an {{end}} or {{else}} has nothing to close")

    def nodes(self, depth: int) -> list[Node]:
        """Nodes up to an `else` or `end`, which is left for the caller, or up to the end."""
        if depth > _MAX_DEPTH:
            raise TemplateError("the template is nested too deeply")
        found: list[Node] = []
        while self._next < len(self._pieces):
            piece = self._pieces[self._next]
            if isinstance(piece, Text):
                self._next += 1
                found.append(piece)
                continue
            keyword = piece.tokens[0].text if piece.tokens and piece.tokens[0].kind == "word" else ""
            if keyword in ("else", "end"):
                return found
            self._next += 1
            if keyword in _KEYWORDS_REFUSED:
                raise TemplateError(f"{{{{{keyword}}}}} is not supported here")
            if keyword in ("if", "with"):
                found.append(self._branch(keyword, piece.tokens[1:], depth))
            else:
                found.append(_pipeline(piece.tokens, 0))
        return found

    def _branch(self, keyword: str, condition: Sequence[_Token], depth: int) -> Branch:
        then = self.nodes(depth + 1)
        otherwise: Sequence[Node] = ()
        closing = self._closing(keyword)
        if closing[0].text == "else":
            if len(closing) > 1:
                if closing[1].text not in ("if", "with"):
                    raise TemplateError("{{else}} takes nothing, an if or a with")
                nested = self._branch(closing[1].text, closing[2:], depth + 1)
                return Branch(_pipeline(condition, 0), then, (nested,), keyword == "with")
            otherwise = self.nodes(depth + 1)
            closing = self._closing(keyword)
        if closing[0].text != "end" or len(closing) > 1:
            raise TemplateError(f"{{{{{keyword}}}}} must be closed with {{{{end}}}}")
        return Branch(_pipeline(condition, 0), then, otherwise, keyword == "with")

    def _closing(self, keyword: str) -> tuple[_Token, ...]:
        if self._next >= len(self._pieces):
            raise TemplateError(f"{{{{{keyword}}}}} is not closed with {{{{end}}}}")
        piece = self._pieces[self._next]
        self._next += 1
        if not isinstance(piece, _Action):
            raise TemplateError(f"{{{{{keyword}}}}} is not closed with {{{{end}}}}")
        return piece.tokens


def _pipeline(tokens: Sequence[_Token], depth: int) -> Pipeline:
    if depth > _MAX_DEPTH:
        raise TemplateError("the template is nested too deeply")
    commands: list[Operand] = []
    current: list[Operand | str] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        if token.text == "|" and token.kind == "mark":
            commands.append(_command(current, first=not commands))
            current = []
        elif token.text == "(" and token.kind == "mark":
            end = _matching(tokens, position)
            current.append(_pipeline(tokens[position + 1 : end], depth + 1))
            position = end
        elif token.kind == "mark":
            raise TemplateError("a closing parenthesis has nothing to close")
        else:
            current.append(_term(token))
        position += 1
    commands.append(_command(current, first=not commands))
    return Pipeline(tuple(commands))


def _matching(tokens: Sequence[_Token], start: int) -> int:
    level = 0
    for position in range(start, len(tokens)):
        if tokens[position].kind == "mark":
            level += {"(": 1, ")": -1}.get(tokens[position].text, 0)
            if level == 0:
                return position
    raise TemplateError("a parenthesis is not closed")


def _command(terms: Sequence[Operand | str], *, first: bool) -> Operand:
    if not terms:
        raise TemplateError("a command is empty")
    head, *rest = terms
    arguments: list[Operand] = [Call(term, ()) if isinstance(term, str) else term for term in rest]
    if isinstance(head, str):
        return Call(head, tuple(arguments))
    if rest:
        raise TemplateError("only a function can be given arguments")
    if not first:
        raise TemplateError("only a function can follow a |")
    return head


def _term(token: _Token) -> Operand | str:
    if token.kind == "string":
        return Literal(_unquote(token.text))
    if token.kind == "number":
        return Literal(int(token.text[:20]))
    if token.kind == "field":
        return _field(token.text)
    if token.text in ("true", "false"):
        return Literal(token.text == "true")
    if token.text in _FUNCTION_NAMES:
        return token.text
    raise TemplateError(f"function {token.text} is not known; known are {', '.join(sorted(_FUNCTION_NAMES))}")


def _field(text: str) -> Field:
    from_root = text.startswith("$")
    path = text[1:] if from_root else text
    if path in ("", "."):
        if from_root and path == ".":
            raise TemplateError("a field name is missing after a dot")
        return Field((), from_root)
    names = path.split(".")[1:]
    if not all(names):
        raise TemplateError("a field name is missing after a dot")
    return Field(tuple(names), from_root)


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "'": "'"}


def _unquote(text: str) -> str:
    if text.startswith("`"):
        return text[1:-1]
    out: list[str] = []
    characters = iter(text[1:-1])
    for character in characters:
        if character != "\\":
            out.append(character)
            continue
        escaped = next(characters, "")
        if escaped not in _ESCAPES:
            raise TemplateError(f"the escape \\{escaped} is not supported")
        out.append(_ESCAPES[escaped])
    return "".join(out)
