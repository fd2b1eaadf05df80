"""What GJSON paths find: the conditions of Switch and Sequence."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.router.gjson import MISSING, exists, get
from kservectl.router.glob import matches

DOCUMENT: dict[str, Any] = {
    "userId": 1,
    "s": "dog",
    "z": None,
    "f": False,
    "t": True,
    "e": [],
    "a.b": 1,
    "instances": [{"modelId": "1", "n": 5}, {"modelId": "2", "n": 7}],
    "nested": {"first": {"x": 1}, "second": {"y": 2, "list": [1, 2, 3]}},
    "words": ["alpha", "beta", "gamma"],
    "friends": [{"nets": ["ig", "fb"], "name": "Ann"}, {"nets": ["tw"], "name": "Bob"}],
}


@pytest.mark.parametrize(
    "path",
    [
        "userId",
        "f",
        "z",
        "e",
        "instances.#",
        "e.#",
        'instances.#(modelId=="2")',
        "instances.#(modelId==2)",
        'instances.#(modelId=="9")#',
        "instances.#(n>5)",
        "instances.#(n!=5)",
        "instances.#(n>=7)",
        "instances.#(n<6)",
        "instances.#(n<=5)",
        'instances.#(modelId%"*2")',
        'instances.#(modelId!%"*2")',
        "instances.#(modelId%?)",
        "instances.#.n",
        "instances.#.missing",
        "instances.1.n",
        "nested.*.y",
        "nested.se?ond.y",
        "a\\.b",
        '[@this].#(s=="dog")',
        "[@this].#(s==dog)",
        "[@this].#(t==true)",
        "[@this].#(f!=true)",
        "[@this].#(userId=1)",
        "@this",
        "@keys",
        "userId|@this",
        "{.userId}",
        "{.missing}",
        "[missing]",
        'words.#(=="beta")',
        "words.#(%g*)",
        'friends.#(nets.#(=="fb"))',
        'friends.#(nets.#(=="fb")).name',
        "friends.#(nets.#>1)",
        "instances.#(n)",
        "instances.#(z==~null)",
        "instances.#(n==~true)",
        "nested.second.list|@reverse|0",
        "friends.#.nets|@flatten|2",
        "instances.#(n>100)#|#",
        "@values.#(==dog)",
    ],
)
def test_finds(path: str) -> None:
    assert exists(DOCUMENT, path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "missing",
        "e.0",
        "instances.5",
        "userId==1",
        'instances.#(modelId=="9")',
        "instances.#(n>=8)",
        "instances.#(missing)",
        "instances.#(n==~false)",
        "instances.x",
        '[@this].#(s=="cat")',
        "[@this].#(z==null)",
        "$.userId",
        "@unknown",
        "userId|@unknown",
        "userId.x",
        "a.b",
        "nested.*.nope",
        "instances.#(n>5",
        "[unclosed",
        "words.#(x==beta)",
        "friends.#(nets>1)",
        "userId.",
        "words.99999999999999999999",
        "words.-1",
    ],
)
def test_finds_nothing(path: str) -> None:
    assert not exists(DOCUMENT, path)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("instances.#", 2),
        ("instances.#.n", [5, 7]),
        ("instances.#(n>5).modelId", "2"),
        ("instances.#(n>1)#.modelId", ["1", "2"]),
        ("friends.#.nets.0", ["ig", "tw"]),
        ("friends.#.nets|0", ["ig", "fb"]),
        ('{"id":userId,s}', {"id": 1, "s": "dog"}),
        ("[userId,missing,s]", [1, "dog"]),
        ("nested.second.@keys", ["y", "list"]),
    ],
)
def test_gives(path: str, value: object) -> None:
    assert get(DOCUMENT, path) == value


def test_a_list_at_the_top_is_looked_into() -> None:
    assert get([{"a": 1}, {"a": 2}], "0.a") == 1
    assert get([{"a": 1}, {"a": 2}], "#(a==2)") == {"a": 2}


def test_a_scalar_holds_nothing_but_itself() -> None:
    assert get(5, "a") is MISSING
    assert get(5, "@this") == 5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab.*", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.text('ab01.|#()[]{}=!<>%~@"\\*?,: this', max_size=14))
def test_no_path_fails(value: Any, path: str) -> None:
    assert exists(value, path) == (get(value, path) is not MISSING)


@pytest.mark.parametrize(
    ("text", "pattern", "fits"),
    [
        ("", "", True),
        ("", "*", True),
        ("abc", "a*c", True),
        ("abc", "a?c", True),
        ("abc", "a*b", False),
        ("a*c", "a\\*c", True),
        ("abc", "a\\*c", False),
        ("my-red-server-1", "*red-server*", True),
        ("ab", "a", False),
        ("a\nb", "a*b", True),
        ("[a]", "[a]", True),
        ("\\", "\\", True),
    ],
)
def test_patterns(text: str, pattern: str, fits: bool) -> None:
    assert matches(text, pattern) is fits


def test_many_wildcards_do_not_take_long() -> None:
    assert not matches("a" * 3000, "*a" * 30 + "b")
