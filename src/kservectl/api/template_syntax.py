"""Whether a text is a well-formed template in the subset of Go's text/template that KServe's configuration is written in.

Only the form is looked at: delimiters, quotes, known functions, balanced blocks. Whether a field exists shows when the
template is rendered.
"""

import re

_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<mark> := | [|(),=] )
      | (?: (?P<string> "(?:\\.|[^"\\\n])*" | `[^`]*` )
          | (?P<number> [+-]?\d[\w.]* )
          | (?P<field> \$?\w*(?:\.[A-Za-z_]\w*)+ | \. | \$\w* )
          | (?P<word> [A-Za-z_]\w* )
        ) (?= $ | [\s|(),=:] )
    )""",
    re.VERBOSE,
)
_BOOLEAN_FUNCTIONS = ("and", "eq", "ge", "gt", "le", "lt", "ne", "not", "or")
_TEXT_FUNCTIONS = ("call", "html", "index", "js", "len", "print", "printf", "println", "slice", "urlquery")
_FUNCTIONS = frozenset((*_BOOLEAN_FUNCTIONS, *_TEXT_FUNCTIONS))
_LITERALS = frozenset(("true", "false", "nil"))
_OPENERS = frozenset(("if", "range", "with"))


def template_problem(text: str) -> str:
    """Why `text` is not a template, as a clause for people; empty when it is one."""
    depth = 0
    for action in _ACTION.finditer(text):
        words = action.group(1).removeprefix("- ").removesuffix(" -").strip()
        if words.startswith("/*") and words.endswith("*/"):
            continue
        first = words.split(None, 1)[0] if words else ""
        if first == "end":
            depth -= 1
        elif first in _OPENERS:
            depth += 1
        elif first == "else" and depth == 0:
            return "{{else}} outside of a block"
        if depth < 0:
            return "{{end}} without a block to end"
        problem = _action_problem(words)
        if problem:
            return f"{problem} in {action.group(0)}"
    if "{{" in _ACTION.sub("", text):
        return "an action is opened with {{ and not closed"
    return "a block is not closed with {{end}}" if depth else ""


def _action_problem(words: str) -> str:
    if not words:
        return "missing value"
    if words == "end" or words == "else":
        return ""
    if words.startswith("else "):
        words = words.removeprefix("else ").strip()
    keyword, _, rest = words.partition(" ")
    if keyword in _OPENERS:
        words = rest.strip()
        if not words:
            return f"missing value for {keyword}"
    position = depth = 0
    while position < len(words):
        token = _TOKEN.match(words, position)
        if token is None:
            return f"unexpected {words[position:].strip()[:20]!r}"
        word = token["word"]
        if word and word not in _FUNCTIONS | _LITERALS:
            return f"function {word!r} is not defined"
        depth += {"(": 1, ")": -1}.get(token["mark"] or "", 0)
        if depth < 0:
            break
        position = token.end()
        if not words[position:].strip():
            break
    return "unbalanced parentheses" if depth else ""
