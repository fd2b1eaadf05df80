"""The results as a page of the documentation, a section for each mode."""

import os
from collections import Counter
from collections.abc import Mapping
from functools import reduce
from operator import add
from pathlib import Path

from e2e.parity.comparison import Difference, Score
from e2e.parity.reasons import reason_for

_MOST_COMMON = 25
_HEADING = "## Mode "
_INTRODUCTION = """\
# Parity with KServe's manager

Written by `make parity`: the same manifests on a real cluster, compared field by field with recordings of what
KServe's own manager made of them. A field counts when either side has it. `differences.md` lists what differs on
purpose, `e2e/parity/reasons.py` knows the reasons by field.

Pods are compared wherever a recording has some: 95 pods of 73 cases in each raw mode. Mode `knative` was recorded
without a controller of Knative's, so no pod of a Knative Service ever was: its one pod is that of `sklearn-hpa`, which
asks for Standard mode. What the pod webhook does beside a `queue-proxy` is held against KServe's rules
(`tests/admission/pods`), not against a recording.
"""

Results = Mapping[str, Mapping[str, Score]]
"""Case → object → score."""


def total(scores: Mapping[str, Score]) -> Score:
    """The score of several taken together."""
    return reduce(add, scores.values(), Score())


def overall(results: Results) -> Score:
    """The score of all cases."""
    return total({name: total(scores) for name, scores in results.items()})


def by_kind(results: Results) -> dict[str, Score]:
    """The score of each kind over all cases."""
    found: dict[str, Score] = {}
    for scores in results.values():
        for name, score in scores.items():
            kind = name.partition("/")[0]
            found[kind] = found.get(kind, Score()) + score
    return found


def unexplained(results: Results) -> list[Difference]:
    """The differences for which there is no reason."""
    return [each for scores in results.values() for each, why in _reasons(scores) if not why]


def section(results: Results) -> str:
    """Markdown, without a heading: totals, kinds, cases, and the fields that differ most often."""
    whole = overall(results)
    identical = sum(1 for scores in results.values() if not total(scores).differences)
    lines = [
        f"**{_percent(whole)}** of {whole.total} fields are equal; {identical} of {len(results)} cases are identical.",
        f"{len(unexplained(results))} of the fields that differ do so for no known reason.",
        "",
        "| Kind | Fields | Equal |",
        "|---|--:|--:|",
        *(f"| {kind} | {score.total} | {_percent(score)} |" for kind, score in sorted(by_kind(results).items())),
        "",
        "| Case | Fields | Equal | Differs in |",
        "|---|--:|--:|---|",
        *(_case(name, scores) for name, scores in sorted(results.items())),
        "",
        "What differs most often:",
        "",
        "| Field | Cases | Why |",
        "|---|--:|---|",
        *(f"| `{path}` | {count} | {why} |" for path, why, count in _common(results)),
    ]
    return "\n".join(lines) + "\n"


def with_section(page: str, mode: str, text: str) -> str:
    """The page with this as the section of the mode; those of other modes stay, so that one can be measured alone."""
    _, *parts = page.split(_HEADING)
    sections = dict(part.split("\n\n", 1) for part in parts) | {mode: text}
    return _INTRODUCTION + "".join(f"\n{_HEADING}{name}\n\n{sections[name].strip()}\n" for name in sorted(sections))


def page_of(path: Path) -> str:
    """What the page says now; nothing when there is none."""
    return path.read_text() if path.is_file() else ""


def write(text: str, path: Path) -> None:
    """All of it or nothing."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text)
    partial.replace(path)


def _case(name: str, scores: Mapping[str, Score]) -> str:
    whole = total(scores)
    differing = Counter(
        {obj.partition(".")[0]: len(score.differences) for obj, score in scores.items() if score.differences}
    )
    return f"| {name} | {whole.total} | {_percent(whole)} | {', '.join(sorted(differing))} |"


def _common(results: Results) -> list[tuple[str, str, int]]:
    """Kind and path of the fields that differ, why they do, and the number of cases in which they do; the most first."""
    counts: Counter[tuple[str, str]] = Counter()
    for scores in results.values():
        counts.update({(f"{each.obj.partition('/')[0]} {each.path}", why) for each, why in _reasons(scores)})
    common = [(path, why, count) for (path, why), count in counts.most_common(_MOST_COMMON)]
    return sorted(common, key=lambda item: (-item[2], item[0]))


def _reasons(scores: Mapping[str, Score]) -> list[tuple[Difference, str]]:
    return [(each, reason_for(each, scores.keys())) for each in total(scores).differences]


def _percent(score: Score) -> str:
    return f"{100 * score.share:.1f} %"
