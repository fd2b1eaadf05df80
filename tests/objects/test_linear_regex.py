"""Regular expressions as Go has them: RE2's syntax, linear time."""

import time

import pytest

from kservectl.objects.linear_regex import InvalidPattern, search


@pytest.mark.parametrize(
    "pattern, text, found",
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        (r"https://(.+?)\.blob\.core\.windows\.net/(.+)", "https://a.blob.core.windows.net/m", True),
        (r"^(?i)HF://", "hf://x", True),
        (r"\d+$", "v12", True),
        ("", "x", True),
    ],
)
def test_a_pattern_is_searched_for(pattern: str, text: str, found: bool) -> None:
    assert search(pattern, text) is found


def test_no_pattern_takes_long_on_a_long_text() -> None:
    started = time.process_time()
    assert not search("^(a+)+$", "a" * 50_000 + "!")
    assert not search("(x+x+)+y", "x" * 50_000)
    assert time.process_time() - started < 5  # the engine of Python needs longer than the universe has


@pytest.mark.parametrize("pattern", ["(", "[", "*a", r"(?=look)", r"(a)\1", r"\w{1000}{1000}"])
def test_what_is_no_pattern_is_said_to_be_none(pattern: str) -> None:
    with pytest.raises(InvalidPattern, match=r"\w"):
        search(pattern, "text")
