"""The commands of a page, in the order in which a reader would type them, as one shell script.

Blocks fenced as `sh` are commands; in `console` blocks a line that begins with `$ ` is one, and what follows is what it prints.
A `yaml` or `json` block with a `title` is a file of that name. `<!-- not run: WHY -->` ahead of a block keeps it from being run,
`<!-- ends with 1 -->` says that its last command is to end with that code. What has to be so before a reader gets to a command
is said in a comment, too: `<!-- run: COMMAND -->`.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_FENCE = re.compile(
    r"^(?: *<!-- (?:not run: (?P<why>.*?)|ends with (?P<code>\d+)) -->\n\n)?"
    r"(?P<indent> *)```(?P<language>\w*)(?P<options>.*)\n(?P<body>(?:.*\n)*?)(?P=indent)```$",
    re.MULTILINE,
)
_HIDDEN = re.compile(r"^ *<!-- run:\s(.*?)\s-->$", re.MULTILINE | re.DOTALL)
_PROGRAM = re.compile(r"^ *(?:\$ )?(?:kubectl|kservectl|helm|make|python|pip|pipx|source|export)\b", re.MULTILINE)
_OPTION = re.compile(r'([\w-]+)="([^"]*)"')
_COMMAND = "$ "

_DURATION = re.compile(r"\b(?:\d+(?:\.\d+)?(?:ms|[smhd]))+\b")
_HASH = re.compile(r"-[0-9a-f]{10}\b")


@dataclass(frozen=True, slots=True)
class Step:
    """What is done at one place of a page: `command` is run, prints `output` unless that is None, and ends with `code`.

    `line` is where the page says so; `not_run` is why it is not done, empty for all that is. What is `hidden` no reader sees.
    """

    line: int
    command: str
    output: str | None = None
    not_run: str = ""
    code: int = 0
    hidden: bool = False


def steps(page: str) -> list[Step]:
    """All steps of a page in Markdown, in its order."""
    found = [step for match in _FENCE.finditer(page) for step in _of_block(match, _line(page, match))]
    found += [Step(_line(page, match), match[1].strip(), hidden=True) for match in _HIDDEN.finditer(page)]
    return sorted(found, key=lambda step: step.line)


def overlooked(page: str) -> list[int]:
    """The lines of blocks that look like commands and are fenced as something else, so that nobody runs them."""
    plain = [match for match in _FENCE.finditer(page) if match["language"] in ("", "text", "bash", "shell")]
    return [_line(page, match) for match in plain if _PROGRAM.search(match["body"])]


def script(found: Sequence[Step]) -> str:
    """A bash script that does `found` and ends with the first that fails; `results` reads what it prints."""
    lines = ["set -euo pipefail"]
    for number, step in enumerate(found):
        lines += [f"printf '\\036{number}\\n'", step.command if not step.code else _failing(step)]
    return "\n".join(lines) + "\n"


def results(printed: str) -> dict[int, str]:
    """What each step printed, by its number; the last one is the one that failed, if any did."""
    parts = (part.partition("\n") for part in printed.split("\036")[1:])
    return {int(number): text for number, _, text in parts}


def agree(shown: str, printed: str) -> bool:
    """Whether a page shows what a command prints: `…` stands for anything; space, ages and hashes do not count."""
    pattern = ".*".join(re.escape(part) for part in _essence(shown).split("…"))
    return re.fullmatch(pattern, _essence(printed)) is not None


def _failing(step: Step) -> str:
    return f"set +e\n{step.command}\n[ $? -eq {step.code} ] || exit 99\nset -e"


def _essence(text: str) -> str:
    return "".join(_HASH.sub("-HASH", _DURATION.sub("AGE", text)).split())


def _of_block(match: re.Match[str], line: int) -> Iterator[Step]:
    language, why = match["language"], match["why"] or ""
    options = dict(_OPTION.findall(match["options"]))
    body = re.sub(f"^{match['indent']}", "", match["body"], flags=re.MULTILINE)
    if language == "sh":
        yield Step(line, body.rstrip("\n"), not_run=why, code=int(match["code"] or 0))
    elif language == "console":
        yield from _of_session(body, line, why)
    elif "title" in options:
        yield Step(line, f"cat > {shlex.quote(options['title'])} <<'END-OF-FILE'\n{body}END-OF-FILE", not_run=why)


def _of_session(body: str, line: int, why: str) -> Iterator[Step]:
    command, output, at = "", "", line
    for number, text in enumerate(body.splitlines(), start=line + 1):
        if text.startswith(_COMMAND):
            if command:
                yield Step(at, command, output, why)
            command, output, at = text.removeprefix(_COMMAND), "", number
        else:
            output += text + "\n"
    yield Step(at, command, output, why)


def _line(page: str, match: re.Match[str]) -> int:
    return page.count("\n", 0, match.start()) + 1
