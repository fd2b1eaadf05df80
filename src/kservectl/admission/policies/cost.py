"""The most that a CEL expression can cost on an object of a given size, found without evaluating it.

A CEL engine cannot be interrupted, and a rule that is written without care takes minutes on a large object. So an expression
is read as tokens here, and each is counted as often as the loops around it can run at most. What cannot be bounded so is
refused: see `Reading`. One step is about a tenth of a microsecond.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

MAX_LENGTH = 4096
"""Characters of an expression."""

_LOOPS = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter"})
_BUILDING = frozenset({"map", "filter"})
_COMPARING = frozenset({"==", "!=", "in"})
_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*)
      | (?P<text>[rR][bB]?(?:\"\"\"(?s:.*?)\"\"\"|'''(?s:.*?)'''|"[^"\n]*"|'[^'\n]*')
              |[bB]?(?:\"\"\"(?s:\\.|[^\\])*?\"\"\"|'''(?s:\\.|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
      | (?P<number>\d[\w.]*(?:(?<=[eE])[+-]\d+)?)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<sign>==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()\[\]{}])""",
    re.VERBOSE | re.ASCII,
)
_REPEATED = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_CLOSES = {"(": ")", "[": "]", "{": "}"}
_LITERAL_NAMES = frozenset({"true", "false", "null"})

_CLONED = 1.5
_COMPARED = 0.2
_REGEX = 500
_REGEX_REPETITION = 4500


Lookup = Callable[[Sequence[str]], int | None]
"""How many JSON values there are at a path (`object`, `spec`, `name`); None when that is not known."""


class Unbounded(Exception):
    """No bound can be given for the expression; the message says what to write instead."""


class Size(NamedTuple):
    """How large what an expression looks at is: JSON values in it, entries of its longest list or object, characters of
    all its texts."""

    nodes: int
    longest: int
    text: int = 0


class _Token(NamedTuple):
    kind: str
    text: str


class _Loop(NamedTuple):
    """A loop that is being read: its variable, how often it is entered as a whole, how often its body runs in all."""

    variable: str
    entered: float
    runs: float


class _Seen(NamedTuple):
    """What the expression is evaluated on: its size, with what the expression itself may add, and those of its parts."""

    nodes: int
    longest: int
    nodes_at: Lookup


def size_of(value: Any) -> Size:
    """The size of a JSON value; no recursion, since its nesting is somebody else's choice."""
    nodes = longest = text = 0
    left = [value]
    while left:
        found = left.pop()
        nodes += 1
        if isinstance(found, dict):
            longest = max(longest, len(found))
            left.extend(found.values())
        elif isinstance(found, list | tuple):
            longest = max(longest, len(found))
            left.extend(found)
        elif isinstance(found, str):
            text += len(found)
    return Size(nodes, longest, text)


def together(sizes: Sequence[Size]) -> Size:
    """The size of several values as one."""
    nodes, text = sum(size.nodes for size in sizes), sum(size.text for size in sizes)
    return Size(nodes, max((size.longest for size in sizes), default=0), text)


@dataclass(frozen=True, slots=True)
class Reading:
    """An expression as tokens. Raises Unbounded when it is made, if

    - it is too long, or holds what is no CEL,
    - a pattern of `matches` is no literal,
    - the body of `map` builds something (with `+`, a list, an object, another loop that builds), or looks beyond its variable.
    """

    tokens: Sequence[_Token]
    closing: Mapping[int, int]
    opening: Mapping[int, int]

    @classmethod
    def of(cls, source: str) -> "Reading":
        if len(source) > MAX_LENGTH:
            raise Unbounded(f"it has {len(source)} characters; at most {MAX_LENGTH} are allowed")
        tokens = tuple(_tokens(source))
        closing = _closing(tokens)
        reading = cls(tokens, closing, {closed: opened for opened, closed in closing.items()})
        reading._check()
        return reading

    @property
    def loop_variables(self) -> frozenset[str]:
        return frozenset(self.tokens[at + 3].text for at in self._loops(0, len(self.tokens)))

    @property
    def patterns(self) -> Sequence[str]:
        """The literals given to `matches`, as they are written."""
        return [self.tokens[at + 2].text for at, token in enumerate(self.tokens) if token == ("name", "matches")]

    def cost(self, size: Size, nodes_at: Lookup = lambda path: None) -> float:
        """The most steps that one evaluation takes on something of this size; `nodes_at` knows the sizes of its parts."""
        if ("name", "split") in self.tokens:  # makes a list of a text
            size = Size(size.nodes + size.text, max(size.longest, size.text), size.text)
        grown = 1 + sum(self._grows(at) for at in range(len(self.tokens)))
        seen = _Seen(size.nodes * grown, max(size.longest * grown, 1), nodes_at)
        # The engine copies what an expression sees before it begins.
        return size.nodes + self._cost(0, len(self.tokens), 1, (), seen)

    def _cost(self, start: int, end: int, times: float, loops: tuple[_Loop, ...], seen: _Seen) -> float:
        total = 0.0
        at = start
        while at < end:
            total += times * self._step(at, seen) + self._copied(at, times, loops, seen)
            if self._is_loop(at):
                name, closing = self.tokens[at + 1].text, self.closing[at + 2]
                runs = self._runs(at, times, loops, seen)
                inner = _Loop(self.tokens[at + 3].text, times, max(runs, 1))
                total += self._cost(at + 4, closing, runs, (*loops, inner), seen)
                if name in _BUILDING:
                    total += runs * seen.nodes * _CLONED
                at = closing
            else:
                at += 1
        return total

    def _runs(self, at: int, times: float, loops: tuple[_Loop, ...], seen: _Seen) -> float:
        """How often the body of the loop at `at` runs in all. Over parts of what the loop around it runs over, no more
        often than that has parts, unless `map` may have put the same part there twice."""
        runs = times * seen.longest
        if not loops or self._root(at) != loops[-1].variable or ("name", "map") in self.tokens:
            return runs
        return min(runs, loops[-1].entered * seen.nodes)

    def _copied(self, at: int, times: float, loops: tuple[_Loop, ...], seen: _Seen) -> float:
        """Steps for the value that is named at `at`: the engine copies it, with all that is in it."""
        if not self._names_value(at) or self.tokens[at].text in _LITERAL_NAMES:
            return 0.0
        path = self._path(at)
        loop = next((each for each in reversed(loops) if each.variable == path[0]), None)
        if loop is None:
            known = seen.nodes_at(path)
            return times * (seen.nodes if known is None else known) * _CLONED
        # Entries are different parts of one list: copying each of them once is copying the list.
        once = seen.nodes if ("name", "map") not in self.tokens else seen.nodes * seen.longest
        return min(times, times / loop.runs * loop.entered) * once * _CLONED

    def _path(self, at: int) -> Sequence[str]:
        """The names by which a value is reached: `object.spec.name` without the method that may be called on it."""
        path = [self.tokens[at].text]
        after = [token.text for token in self.tokens[at + 1 : at + 4]]
        while len(after) >= 2 and after[0] == "." and self.tokens[at + 2].kind == "name" and after[2:] != ["("]:
            path.append(after[1])
            at += 2
            after = [token.text for token in self.tokens[at + 1 : at + 4]]
        return path

    def _step(self, at: int, seen: _Seen) -> float:
        token = self.tokens[at]
        if token == ("name", "matches"):
            # A pattern is compiled anew each time; repetitions with a count are unrolled.
            counts = [int(high or low) for low, high in _REPEATED.findall(self.tokens[at + 2].text)]
            return _REGEX + (_REGEX_REPETITION * prod(max(count, 1) for count in counts) if counts else 0)
        if token.text in _COMPARING and token.kind != "text" and not self._beside_literal(at):
            return 1 + seen.nodes * _COMPARED
        if token == ("sign", "+") and not self._beside_literal(at):
            return 1 + seen.nodes * _CLONED
        return 1

    def _beside_literal(self, at: int) -> bool:
        """Whether one of the two sides is written down here, so that it is compared or added in no time."""
        return any(
            0 <= beside < len(self.tokens)
            and (self.tokens[beside].kind in ("text", "number") or self.tokens[beside].text in _LITERAL_NAMES)
            for beside in (at - 1, at + 1)
        )

    def _check(self) -> None:
        for at, token in enumerate(self.tokens):
            if token == ("name", "matches") and not self._matches_literal(at):
                raise Unbounded("the pattern of matches must be a literal, as in name.matches('^[a-z]+$')")
        for at in self._loops(0, len(self.tokens)):
            if self.tokens[at + 3].kind != "name" or self.tokens[at + 4].text != ",":
                raise Unbounded(
                    f"{self.tokens[at + 1].text} needs a variable and an expression, as in list.all(x, x > 0)"
                )
            if self.tokens[at + 1].text == "map":
                self._check_map(at)

    def _check_map(self, at: int) -> None:
        start, end = at + 3, self.closing[at + 2]
        allowed = {"in", *_LITERAL_NAMES, self.tokens[start].text}
        allowed |= {self.tokens[inner + 3].text for inner in self._loops(start, end)}
        for here in range(start + 1, end):
            name = self.tokens[here].text
            if self._is_loop(here) and self.tokens[here + 1].text in _BUILDING:
                raise Unbounded("map and filter cannot be used inside map")
            if self._grows(here):
                raise Unbounded("what map makes of an entry must be a part of it: + and lists cannot be used there")
            if self._names_value(here) and name not in allowed:
                raise Unbounded(f"what map makes of an entry must be a part of it: {name} cannot be used there")

    def _grows(self, at: int) -> bool:
        """Whether something larger is made here of what there is: a sum, a list, an object."""
        token, before = self.tokens[at], self.tokens[at - 1] if at else _Token("sign", "")
        if token.kind != "sign" or token.text not in ("+", "[", "{"):
            return False
        indexes = (before.kind == "name" and before.text != "in") or before.text in (")", "]")
        return token.text == "+" or not indexes

    def _names_value(self, at: int) -> bool:
        """Whether the token is the name of a value: not of a member, nor of a function."""
        called = at + 1 < len(self.tokens) and self.tokens[at + 1].text == "("
        return self.tokens[at].kind == "name" and self.tokens[at - 1].text != "." and not called

    def _matches_literal(self, at: int) -> bool:
        after = [token.text for token in self.tokens[at + 1 : at + 4]]
        method = at > 0 and self.tokens[at - 1].text == "."
        return method and len(after) == 3 and after[0] == "(" and self.tokens[at + 2].kind == "text" and after[2] == ")"

    def _loops(self, start: int, end: int) -> Iterator[int]:
        return (at for at in range(start, end) if self._is_loop(at))

    def _is_loop(self, at: int) -> bool:
        if self.tokens[at] != ("sign", ".") or at + 4 >= len(self.tokens):
            return False
        return self.tokens[at + 1].text in _LOOPS and self.tokens[at + 2].text == "("

    def _root(self, at: int) -> str:
        """The name that the receiver of the loop at `at` begins with; "" if it begins with something else."""
        here = at - 1
        while here >= 0:
            while here in self.opening:
                here = self.opening[here] - 1
            if here < 0 or self.tokens[here].kind != "name":
                return ""
            if here == 0 or self.tokens[here - 1].text != ".":
                return self.tokens[here].text
            here -= 2
        return ""


def _tokens(source: str) -> Iterator[_Token]:
    at = 0
    while at < len(source):
        found = _TOKEN.match(source, at)
        if found is None:
            raise Unbounded(f"it cannot be read from character {at + 1} on: {source[at : at + 20]!r}")
        if found.lastgroup != "blank":
            yield _Token(str(found.lastgroup), found.group())
        at = found.end()


def _closing(tokens: Sequence[_Token]) -> Mapping[int, int]:
    """Where each opening bracket is closed."""
    closing: dict[int, int] = {}
    opened: list[int] = []
    for at, token in enumerate(tokens):
        if token.kind != "sign":
            continue
        if token.text in _CLOSES:
            opened.append(at)
        elif token.text in _CLOSES.values():
            if not opened or _CLOSES[tokens[opened[-1]].text] != token.text:
                raise Unbounded(f"a {token.text} closes nothing")
            closing[opened.pop()] = at
    if opened:
        raise Unbounded(f"a {tokens[opened[-1]].text} is never closed")
    return closing
