"""CEL expressions: what they may use, what is said of broken ones, what they answer."""

import pytest

from kservectl.admission.policies.expression import BrokenExpression, Evaluation, EvaluationFailed, compiled

OBJECT = {
    "metadata": {"name": "iris", "labels": {"team": "a"}},
    "spec": {"containers": [{"name": "c", "image": "ghcr.io/acme/server:1", "memory": "2Gi"}]},
}


def value(source: str) -> object:
    return Evaluation({"object": OBJECT, "oldObject": None, "request": {"namespace": "default"}}).value(
        compiled(source)
    )


@pytest.mark.parametrize(
    "source",
    [
        "object.metadata.name == 'iris'",
        "has(object.metadata.labels) && object.metadata.labels['team'] in ['a', 'b']",
        "!has(object.metadata.annotations)",
        "object.spec.containers.all(c, c.image.startsWith('ghcr.io/acme/'))",
        "object.spec.containers.exists(c, c.image.contains(':'))",
        "object.spec.containers.exists_one(c, c.name == 'c')",
        "object.spec.containers.map(c, c.name) == ['c']",
        "object.spec.containers.filter(c, c.name == 'd').size() == 0",
        "object.metadata.labels.all(key, key.matches('^[a-z]+$'))",
        "quantity(object.spec.containers[0].memory).isLessThan(quantity('4Gi'))",
        "quantity('2Gi').compareTo(quantity('2048Mi')) == 0 && quantity('3').isGreaterThan(quantity('2'))",
        "isQuantity('1Gi') && !isQuantity('much')",
        "'A,B'.lowerAscii().split(',') == ['a', 'b']",
        "'a/b/c'.substring('a/b/c'.lastIndexOf('/') + 1) == 'c' && 'abc'.indexOf('c') == 2",
        "' a '.trim() == 'a'",
        "oldObject == null && request.namespace == 'default'",
        "int('5') + 1 == 6 && string(5) == '5' && type(5) == int",
    ],
)
def test_the_language_is_that_of_validating_admission_policies(source: str) -> None:
    assert value(source) is True


@pytest.mark.parametrize(
    "source, told",
    [
        ("object.a ==", "Syntax error"),
        ("objekt.metadata.name == 'x'", "undeclared reference to objekt"),
        ("object.metadata.name.nosuch()", "unknown function nosuch"),
        ("'a'.matches('(')", "not a valid regex"),
        ("object.list.all(x)", "needs a variable"),
        ("", "Syntax error|parse"),
    ],
)
def test_a_broken_expression_says_what_is_wrong(source: str, told: str) -> None:
    for _ in range(2):  # remembered, and still broken
        with pytest.raises(BrokenExpression, match=told):
            compiled(source)


@pytest.mark.parametrize(
    "source, told",
    [
        ("object.metadata.annotations['x'] == ''", "no such key: annotations"),
        ("object.spec.containers[7].name == ''", "out of bounds"),
        ("object.metadata.name > 1", "overload"),
        ("1 / (size(object.metadata.name) - 4) > 0", "zero"),
        ("9223372036854775807 + size(object.metadata.name) > 0", "overflow"),
        ("quantity(object.metadata.name) > 1.0", "not a quantity"),
        ("int(object.metadata.name) > 1", "int"),
    ],
)
def test_an_expression_that_has_no_value_here_says_why(source: str, told: str) -> None:
    with pytest.raises(EvaluationFailed, match=told):
        value(source)


def test_variables_are_seen_by_later_expressions_and_forgotten_by_the_next_policy() -> None:
    evaluation = Evaluation({"object": OBJECT})
    evaluation.define("images", compiled("object.spec.containers.map(c, c.image)"))
    evaluation.define("first", compiled("variables.images[0]"))
    assert evaluation.value(compiled("variables.first.endsWith(':1')")) is True
    evaluation.forget_variables()
    with pytest.raises(EvaluationFailed, match="first"):
        evaluation.value(compiled("variables.first == ''"))


def test_variables_that_double_each_other_end_at_the_budget() -> None:
    evaluation = Evaluation({"object": OBJECT})
    evaluation.define("v0", compiled("object.spec.containers"))
    with pytest.raises(EvaluationFailed, match="too costly"):
        for number in range(40):
            evaluation.define(f"v{number + 1}", compiled(f"variables.v{number} + variables.v{number}"))
