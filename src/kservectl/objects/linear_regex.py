"""Regular expressions in RE2's syntax, matched in time linear in the text, as the Go programs that they are written for do it.

Python's own engine backtracks: `(a+)+$` from an administrator and a long URI from a user would stop the event loop for hours.
"""

from functools import cache
from typing import Any


class InvalidPattern(ValueError):
    """The text is no regular expression."""


def search(pattern: str, text: str) -> bool:
    """Whether `pattern` matches somewhere in `text`; raises InvalidPattern."""
    try:
        return bool(_program().execute({"text": text, "pattern": pattern}))
    except RuntimeError as problem:
        told = str(problem).partition("not a valid regex:")[2].partition(". Check function arguments")[0]
        raise InvalidPattern(" ".join(told.split()) or "it is not a valid regular expression") from problem


@cache
def _program() -> Any:
    import cel  # slow to import, and not needed by every command

    return cel.compile("text.matches(pattern)")
