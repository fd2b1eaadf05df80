from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.objects.quantity import InvalidQuantity, canonical, parse, same


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("500m", Fraction(1, 2)),
        (".5", Fraction(1, 2)),
        ("1.", 1),
        ("2Gi", 2 * 1024**3),
        ("1e3", 1000),
        ("3E", 3 * 10**18),
        ("-1k", -1000),
    ],
)
def test_value(text: str, value: Fraction) -> None:
    assert parse(text) == value


@pytest.mark.parametrize("value", ["", "1Gb", "x", "1 Gi", "--1", None, True, [], "1e", "0x10", "9" * 10_000])
def test_what_is_no_quantity_is_refused(value: object) -> None:
    with pytest.raises(InvalidQuantity):
        parse(value)


def test_equal_values_are_the_same_in_any_spelling() -> None:
    assert same("1", "1000m")
    assert same(1, "1")
    assert same("1024Mi", "1Gi")
    assert not same("1", "1Ki")
    assert not same("one", "one")


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1024Mi", "1Gi"),
        ("2000", "2k"),
        ("1500m", "1500m"),
        ("0", "0"),
        ("0.5Gi", "512Mi"),
        ("12e3", "12e3"),
        ("1536", "1536"),
        ("0.0000000001", "1n"),
    ],
)
def test_canonical_spelling(text: str, spelling: str) -> None:
    assert canonical(text) == spelling


@given(st.integers(-(10**12), 10**12), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi", "u", "e3"]))
def test_the_canonical_spelling_keeps_the_value(number: int, suffix: str) -> None:
    text = f"{number}{suffix}"
    assert same(text, canonical(text))
