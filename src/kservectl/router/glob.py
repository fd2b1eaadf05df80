"""Patterns with `*` (anything) and `?` (one character); a backslash takes the meaning from what follows it.

Takes time in proportion to the lengths of text and pattern at worst multiplied: texts come from requests.
"""


def matches(text: str, pattern: str) -> bool:
    """Whether all of `text` fits `pattern`."""
    wanted = _tokens(pattern)
    here = there = 0
    star, kept = -1, 0
    while here < len(text):
        if there < len(wanted) and wanted[there] == ("*", True):
            star, kept = there, here
            there += 1
        elif there < len(wanted) and (wanted[there] == ("?", True) or wanted[there] == (text[here], False)):
            here += 1
            there += 1
        elif star >= 0:
            kept += 1
            here, there = kept, star + 1
        else:
            return False
    return all(token == ("*", True) for token in wanted[there:])


def _tokens(pattern: str) -> list[tuple[str, bool]]:
    """Each character with whether it is a wildcard."""
    found: list[tuple[str, bool]] = []
    position = 0
    while position < len(pattern):
        escaped = pattern[position] == "\\" and position + 1 < len(pattern)
        position += escaped
        char = pattern[position]
        found.append((char, not escaped and char in "*?"))
        position += 1
    return found
