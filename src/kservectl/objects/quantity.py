"""Kubernetes resource quantities (`100m`, `1Gi`, `0.5`, `1e3`): their value, their equality, their canonical spelling.

The grammar is that of the Kubernetes API documentation (resource.Quantity): a signed decimal number and one suffix, either
binary (Ki … Ei), decimal (n, u, m, k … E) or a decimal exponent. Values are exact fractions, never floats.
"""

import re
from fractions import Fraction
from functools import lru_cache

_QUANTITY = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d{1,3})?")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_NANO = Fraction(1, 10**9)
_MAX_LENGTH = 64
"""Characters of a quantity; a longer text is nobody's amount, and would take long to compute."""


class InvalidQuantity(ValueError):
    """The text is not a quantity."""

    def __init__(self, value: object) -> None:
        shown = repr(value) if len(str(value)) <= _MAX_LENGTH else "a long text"
        super().__init__(f"{shown} is not a quantity (examples: 500m, 1, 2Gi, 1e3)")


def parse(value: object) -> Fraction:
    """The exact value of a quantity given as text or as a JSON number; raises InvalidQuantity."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidQuantity(value)
    text = str(value)
    if len(text) > _MAX_LENGTH:
        raise InvalidQuantity(value)
    return _parse_text(text)


@lru_cache(maxsize=4096)
def _parse_text(text: str) -> Fraction:
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise InvalidQuantity(text)
    sign, number, suffix = found.groups()
    amount = Fraction(number if number[-1] != "." else number[:-1])
    if suffix is None:
        scale = Fraction(1)
    elif suffix in _DECIMAL:
        scale = Fraction(10) ** _DECIMAL[suffix]
    elif suffix in _BINARY:
        scale = Fraction(1024) ** _BINARY.index(suffix)
    else:
        scale = Fraction(10) ** int(suffix[1:])
    return -amount * scale if sign == "-" else amount * scale


def same(left: object, right: object) -> bool:
    """Whether both are quantities of equal value (`1` and `1000m`); False when either is no quantity."""
    try:
        return parse(left) == parse(right)
    except InvalidQuantity:
        return False


def canonical(value: object) -> str:
    """The spelling that the API server would send back: no fraction, the largest suffix that keeps it whole.

    Fractions below a billionth are rounded up, as the server does. Raises InvalidQuantity.
    """
    text = str(value)
    amount = parse(value)
    nano = amount / _NANO
    if nano.denominator != 1:
        amount = (nano.numerator // nano.denominator + 1) * _NANO
    if amount == 0:
        return "0"
    if text[-1] == "i" and amount.denominator == 1 and abs(amount) >= 1024:
        return _binary(int(amount))
    if "e" in text or ("E" in text and text[-1] != "E"):
        return _scaled(amount, {f"e{exponent}" if exponent else "": exponent for exponent in _DECIMAL.values()})
    return _scaled(amount, _DECIMAL)


def _binary(amount: int) -> str:
    power = 0
    while amount % 1024 == 0 and power < len(_BINARY) - 1:
        amount //= 1024
        power += 1
    return f"{amount}{_BINARY[power]}"


def _scaled(amount: Fraction, suffixes: dict[str, int]) -> str:
    for suffix, exponent in sorted(suffixes.items(), key=lambda item: -item[1]):
        mantissa = amount / Fraction(10) ** exponent
        if mantissa.denominator == 1:
            return f"{mantissa.numerator}{suffix}"
    raise AssertionError("rounding to a billionth leaves a whole number of them")
