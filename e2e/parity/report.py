"""The results as a page of the documentation, a section for each mode.

It gives every score twice: of all fields, and without those that differ on purpose, each of which it lists.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from pathlib import Path

from e2e.parity.comparison import ABSENT, Difference, Score
from e2e.parity.reasons import reason_for

_HEADING = "## Mode "
_INTRODUCTION = """\
# Parity with KServe's manager

Written by `make parity`: the same manifests on a real cluster, compared field by field with recordings of what
KServe's own manager made of them. A field counts when either side has it, so an object that KServe does not make
costs all of its fields. *But for what is on purpose* is the score without the fields that differ for a reason; all of
them are listed with it at the end of each mode, and the pages `differences*.md` say more about the reasons.

Cases with InferenceGraphs stay below 99 % for such reasons alone: graphs have routes, tell whether they are ready, remember
their mode, and do not replace their pods for kubectl's record of them. The recorded TrainedModels have no service, so that
all there is to compare is that they are taken, and go.

Pods are compared wherever a recording has some: 95 pods of 73 cases in each raw mode. Mode `knative` was recorded
without a controller of Knative's, so no pod of a Knative Service ever was: its one pod is that of `sklearn-hpa`, which
asks for Standard mode. What the pod webhook does beside a `queue-proxy` is held against KServe's rules
(`tests/admission/pods`), not against a recording.
"""
_GRAPHS, _MODELS, _SERVICES = "InferenceGraphs", "multi-model servers and TrainedModels", "other InferenceServices"

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


def but_for_reasons(results: Results) -> Score:
    """The score of all cases without the fields that differ for a known reason."""
    whole, told = overall(results), tuple(unexplained(results))
    return Score(whole.equal, whole.total - len(whole.differences) + len(told), told)


def section(results: Results) -> str:
    """Markdown, without a heading: totals, kinds, cases, and every field that differs."""
    whole = overall(results)
    identical = sum(1 for scores in results.values() if not total(scores).differences)
    lines = [
        f"**{_percent(whole)}** of {whole.total} fields are equal, **{_percent(but_for_reasons(results))}** but for what is on "
        f"purpose; {identical} of {len(results)} cases are identical.",
        f"{len(unexplained(results))} of the fields that differ do so for no known reason.",
        "",
        "| Of | Cases | Fields | Equal | But for what is on purpose |",
        "|---|--:|--:|--:|--:|",
        *(_group(name, found) for name, found in sorted(_groups(results).items())),
        "",
        "| Kind | Fields | Equal |",
        "|---|--:|--:|",
        *(f"| {kind} | {score.total} | {_percent(score)} |" for kind, score in sorted(by_kind(results).items())),
        "",
        "| Case | Fields | Equal | Differs in |",
        "|---|--:|--:|---|",
        *(_case(name, scores) for name, scores in sorted(results.items())),
        "",
        "All that differs:",
        "",
        "| Why | Field | Cases |",
        "|---|---|--:|",
        *(f"| {why} | `{path}` | {count} |" for why, path, count in _differing(results)),
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


def _groups(results: Results) -> dict[str, Results]:
    found: dict[str, dict[str, Mapping[str, Score]]] = {}
    for name, scores in results.items():
        found.setdefault(_group_of(name, scores), {})[name] = scores
    return dict(found)


def _group_of(case: str, scores: Mapping[str, Score]) -> str:
    if any(name.startswith("InferenceGraph.") for name in scores):
        return _GRAPHS
    if case.startswith("multimodelserving-") or any(name.startswith("TrainedModel.") for name in scores):
        return _MODELS
    return _SERVICES


def _group(name: str, results: Results) -> str:
    whole = overall(results)
    return f"| {name} | {len(results)} | {whole.total} | {_percent(whole)} | {_percent(but_for_reasons(results))} |"


def _case(name: str, scores: Mapping[str, Score]) -> str:
    whole = total(scores)
    differing = Counter(
        {obj.partition(".")[0]: len(score.differences) for obj, score in scores.items() if score.differences}
    )
    return f"| {name} | {whole.total} | {_percent(whole)} | {', '.join(sorted(differing))} |"


def _differing(results: Results) -> list[tuple[str, str, int]]:
    """Why, kind and path of every field that differs, and the number of cases in which it does; without a reason first."""
    counts: Counter[tuple[str, str]] = Counter()
    for scores in results.values():
        counts.update(set(_told(scores)))
    return sorted((why, path, count) for (why, path), count in counts.items())


def _told(scores: Mapping[str, Score]) -> Iterator[tuple[str, str]]:
    """Why and where one case differs. An object that KServe does not make is told as one."""
    for name, score in scores.items():
        kind = name.partition("/")[0]
        whys = _reasons_of(score.differences, scores)
        if not score.equal and score.total > 1 and all(each.wanted == ABSENT for each in score.differences):
            yield from ((why, f"{kind} (the whole object)") for why in whys)
        else:
            yield from ((why, f"{kind} {each.path}") for each, why in zip(score.differences, whys, strict=True))


def _reasons(scores: Mapping[str, Score]) -> list[tuple[Difference, str]]:
    differences = total(scores).differences
    return list(zip(differences, _reasons_of(differences, scores), strict=True))


def _reasons_of(differences: Sequence[Difference], scores: Mapping[str, Score]) -> list[str]:
    return [reason_for(each, scores.keys()) for each in differences]


def _percent(score: Score) -> str:
    return f"{100 * score.share:.1f} %"
