"""The most that an expression can cost is known before it runs."""

import time

import pytest

from kservectl.admission.policies.cost import MAX_LENGTH, Reading, Size, Unbounded, size_of
from kservectl.admission.policies.expression import BUDGET, BrokenExpression, Evaluation, EvaluationFailed, compiled

LARGE = {
    "words": [f"word{number}" for number in range(1000)],
    "numbers": list(range(1000)),
    "rows": [{"cells": list(range(40))} for _ in range(100)],
    "text": "a," * 100_000,
}
COSTLY = [
    "object.words.all(x, object.words.all(y, size(object.rows) > 0))",
    "object.words.all(x, object.words.all(y, object.words.all(z, x != y || y != z)))",
    "object.words.all(x, object.words.exists(y, x == y && object.words.filter(z, z == y).size() == 1))",
    "object.rows.all(x, object.rows.all(y, object.rows == object.rows && x != y))",
    r"object.words.all(x, x.matches('\\w{60}') || true)",
    r"object.words.all(x, x.matches('(\\w{8}){8}') || true)",
    "object.words.filter(x, x != '').filter(x, object.words.filter(y, y != x).size() > 0).size() > 0",
    "object.rows.map(x, x).map(x, x.cells).all(x, object.rows.map(y, y).size() > 0)",
    "object.text.split(',').all(x, object.text.split(',').all(y, x == y))",
    "(object.numbers + object.numbers + object.numbers).all(x, object.numbers.all(y, object.numbers.all(z, x + y >= z)))",
]


@pytest.mark.parametrize("source", COSTLY)
def test_what_would_hold_up_others_is_not_begun(source: str) -> None:
    started = time.process_time()
    with pytest.raises(EvaluationFailed, match="too costly"):
        Evaluation({"object": LARGE}).value(compiled(source))
    assert time.process_time() - started < 2  # they take minutes to hours


@pytest.mark.parametrize(
    "source",
    [
        "['a'].map(x, x + x).map(x, x + x) == ['aaaa']",
        "[1].map(x, [x, x]).map(x, [x, x]) == []",
        "object.numbers.map(x, object.numbers) == []",
        "object.numbers.map(x, object.numbers.map(y, y)) == []",
    ],
)
def test_values_cannot_grow_in_a_loop(source: str) -> None:
    with pytest.raises(BrokenExpression, match="map"):
        compiled(source)


def test_a_pattern_must_be_known_beforehand() -> None:
    with pytest.raises(BrokenExpression, match="literal"):
        compiled("object.words.all(x, x.matches(object.text))")


def test_an_endless_text_is_no_expression() -> None:
    with pytest.raises(Unbounded, match=f"at most {MAX_LENGTH}"):
        Reading.of("1" + "+1" * MAX_LENGTH)


@pytest.mark.parametrize("source", ["(", "a]", "[(])", "'open", "a ? `b` : c", "#"])
def test_what_is_no_cel_is_said_to_be_none(source: str) -> None:
    with pytest.raises(Unbounded):
        Reading.of(source)


@pytest.mark.parametrize("opening, closing", [("(", ")"), ("[", "]"), ("!", ""), ("-", "")])
def test_deep_nesting_is_refused_or_evaluated_but_kills_nobody(opening: str, closing: str) -> None:
    source = opening * 1500 + "true" + closing * 1500
    try:
        value = Evaluation({}).value(compiled(source))
    except (BrokenExpression, EvaluationFailed):
        return
    assert value is True


def test_loops_over_parts_of_an_entry_cost_no_more_than_there_are_parts() -> None:
    size = Size(nodes=2000, longest=100)
    own = Reading.of("object.c.all(c, c.env.all(e, e.name != 'X'))").cost(size)
    crossed = Reading.of("object.c.all(c, object.c.all(e, e.name != 'X'))").cost(size)
    assert own < crossed


def test_a_small_part_of_a_large_object_costs_little_wherever_it_is_named() -> None:
    rule = Reading.of("object.spec.containers.all(c, c.name != object.metadata.name)")
    size = Size(nodes=2000, longest=100)
    assert rule.cost(size, lambda path: 1) < rule.cost(size) / 2


def test_every_loop_counts_with_the_longest_list() -> None:
    source = Reading.of("object.c.exists(x, x > 1)")
    assert source.cost(Size(10, 1000)) > 50 * source.cost(Size(10, 1))


def test_brackets_and_words_in_texts_and_comments_are_no_code() -> None:
    reading = Reading.of("""object.a == '([{' && r"\\" != ".all(x," // .map(y, (\n && true""")
    assert reading.loop_variables == frozenset()


def test_the_size_of_a_value_is_counted_without_recursion() -> None:
    deep: object = "end"
    for _ in range(100_000):
        deep = [deep]
    assert size_of({"deep": deep, "list": [1, 2, 3]}) == Size(nodes=100_006, longest=3, text=3)


@pytest.mark.parametrize(
    "source",
    [
        "object.words.all(x, x.startsWith('word'))",
        "object.words.all(x, x.matches('^word[0-9]+$'))",
        "object.rows.all(r, r.cells.all(c, c >= 0))",
        "object.numbers.exists(x, x == 999) && 5 in object.numbers",
        "object.rows.filter(r, r.cells.size() == 40).size() == 20",
    ],
)
def test_ordinary_rules_are_evaluated_on_large_objects(source: str) -> None:
    rows = [{"cells": list(range(40))} for _ in range(20)]
    large = {"words": LARGE["words"], "numbers": LARGE["numbers"]} if "rows" not in source else {"rows": rows}
    assert Evaluation({"object": large}).value(compiled(source)) is True


def test_all_expressions_of_a_review_share_one_budget() -> None:
    evaluation = Evaluation({"object": {"words": LARGE["words"]}}, budget=BUDGET)
    rule = compiled("object.words.all(x, x.matches('^word'))")
    with pytest.raises(EvaluationFailed, match="too costly"):
        for _ in range(100):
            evaluation.value(rule)


def test_an_object_too_large_to_be_looked_at_is_not() -> None:
    with pytest.raises(EvaluationFailed, match="too costly"):
        Evaluation({"object": {"l": list(range(400_000))}}).value(compiled("true"))
