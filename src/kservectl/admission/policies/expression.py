"""CEL expressions of policies: compiled once, checked before they are used, evaluated within a budget.

`compiled` raises BrokenExpression with a sentence for whoever wrote the expression. `Evaluation` holds what the expressions
of one review see; all of them share its budget, so that no object and no number of policies holds the server up.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from kservectl.admission.policies.cost import Lookup, Reading, Size, Unbounded, size_of, together
from kservectl.objects import quantity

BUDGET = 3_000_000
"""Steps that the expressions of one review may take together: some tenths of a second."""

VARIABLES = ("object", "oldObject", "request", "variables")

_BUILT_IN = frozenset(
    {
        "bool", "bytes", "contains", "double", "duration", "dyn", "endsWith", "exists_one", "getDate", "getDayOfMonth",
        "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours", "getMilliseconds", "getMinutes", "getMonth",
        "getSeconds", "has", "int", "matches", "size", "startsWith", "string", "timestamp", "type", "uint",
    }
)  # fmt: skip
_TYPES = frozenset({"int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type"})
_SHOWN = 200
_COPIED = 20
"""Steps for each JSON value that is handed to the engine."""


class BrokenExpression(Exception):
    """The expression cannot be used, whatever it is asked about."""


class EvaluationFailed(Exception):
    """The expression has no value for this object."""


class Expression:
    """One that can be evaluated."""

    def __init__(self, source: str, program: Any, reading: Reading) -> None:
        self.source = source
        self._program = program
        self._reading = reading

    def cost(self, size: Size, nodes_at: Lookup) -> float:
        """The most steps that it takes on something of this size."""
        return self._reading.cost(size, nodes_at)

    def value(self, context: Any) -> Any:
        """Raises EvaluationFailed."""
        try:
            return self._program.execute(context)
        except KeyError as problem:
            raise EvaluationFailed(f"no such key: {problem.args[0]}") from problem
        except (RuntimeError, TypeError, ValueError, ArithmeticError, LookupError) as problem:
            raise EvaluationFailed(" ".join(str(problem).split())[:_SHOWN]) from problem


def compiled(source: str) -> Expression:
    """`source` as an expression over `VARIABLES`; raises BrokenExpression."""
    found = _remembered(source)
    if isinstance(found, BrokenExpression):
        raise found
    return found


@lru_cache(maxsize=2048)
def _remembered(source: str) -> Expression | BrokenExpression:
    try:
        return _compile(source)
    except BrokenExpression as problem:
        return problem


def _compile(source: str) -> Expression:
    import cel  # slow to import, and needed by few installations

    try:
        reading = Reading.of(source)
        program = cel.compile(source)
        for pattern in dict.fromkeys(reading.patterns):
            cel.evaluate(f"''.matches({pattern})")
    except Unbounded as problem:
        raise BrokenExpression(str(problem)) from problem
    except (ValueError, RuntimeError) as problem:
        raise BrokenExpression(" ".join(str(problem).split())[:_SHOWN]) from problem
    used = program.references()
    unknown = [name for name in used["functions"] if name[0].isalpha() and name not in _BUILT_IN | _FUNCTIONS.keys()]
    if unknown:
        raise BrokenExpression(f"unknown function {', '.join(unknown)}; known are {', '.join(_known())}")
    known = {*VARIABLES, *reading.loop_variables, *_TYPES}
    undefined = [name for name in used["variables"] if name not in known]
    if undefined:
        raise BrokenExpression(f"undeclared reference to {', '.join(undefined)}; known are {', '.join(VARIABLES)}")
    return Expression(source, program, reading)


class Evaluation:
    """What the expressions of one review see. The values are JSON."""

    def __init__(self, values: Mapping[str, Any], budget: float = BUDGET) -> None:
        self._given = together([size_of(value) for value in values.values()])
        self._size = self._given
        self._left = budget
        self._values = dict(values)
        self._known: dict[tuple[str, ...], int] = {}
        self._variables: dict[str, Any] = {}
        self._context = _context(values) if self._given.nodes * _COPIED <= budget else None
        self._show_variables()

    def forget_variables(self) -> None:
        """Before another policy: its variables are its own."""
        self._variables = {}
        self._size = self._given
        self._show_variables()

    def define(self, name: str, expression: Expression) -> None:
        """Let later expressions see the value of this one as `variables.NAME`; raises EvaluationFailed."""
        value = self.value(expression)
        size = size_of(value)
        self._size = together([self._size, size])
        # They are handed over all together, each time that one is added; this one came from the engine, too.
        self._charge((size.nodes + self._size.nodes) * _COPIED)
        self._variables[name] = value
        self._show_variables()

    def value(self, expression: Expression) -> Any:
        """The value of `expression`; raises EvaluationFailed, also where it could take more than is left of the budget."""
        self._charge(expression.cost(self._size, self._nodes_at))
        return expression.value(self._context)

    def _nodes_at(self, path: Sequence[str]) -> int | None:
        key = tuple(path)
        if key not in self._known:
            self._known[key] = size_of(self._value_at(path)).nodes
        return self._known[key]

    def _value_at(self, path: Sequence[str]) -> Any:
        """None where nothing is: then nothing is copied."""
        found: Any = {**self._values, "variables": self._variables}
        for name in path:
            if not isinstance(found, Mapping) or name not in found:
                return None
            found = found[name]
        return found

    def _charge(self, cost: float) -> None:
        if self._context is None or cost > self._left:
            raise EvaluationFailed("it is too costly on an object of this size: it could hold up other reviews")
        self._left -= cost

    def _show_variables(self) -> None:
        self._known = {path: nodes for path, nodes in self._known.items() if path[0] != "variables"}
        if self._context is not None:
            self._context.add_variable("variables", self._variables)


def _context(values: Mapping[str, Any]) -> Any:
    import cel

    return cel.Context(variables=dict(values), functions=dict(_FUNCTIONS))


def _known() -> list[str]:
    return sorted({*_BUILT_IN, *_FUNCTIONS, "all", "exists", "filter", "map"})


def _quantity(text: Any) -> float:
    return float(quantity.parse(text))


def _is_quantity(text: Any) -> bool:
    try:
        quantity.parse(text)
    except quantity.InvalidQuantity:
        return False
    return True


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "quantity": _quantity,
    "isQuantity": _is_quantity,
    "isGreaterThan": lambda left, right: left > right,
    "isLessThan": lambda left, right: left < right,
    "compareTo": lambda left, right: (left > right) - (left < right),
    "lowerAscii": lambda text: str(text).lower(),
    "split": lambda text, separator: str(text).split(separator) if separator else list(str(text)),
    "indexOf": lambda text, part: str(text).find(part),
    "lastIndexOf": lambda text, part: str(text).rfind(part),
    "substring": lambda text, start, end=None: str(text)[start:end],
    "trim": lambda text: str(text).strip(),
}
"""What ValidatingAdmissionPolicies may use beyond the core of CEL, as far as no value grows by it."""
