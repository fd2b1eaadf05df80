"""What one InferenceService may choose about its rollouts, by annotations `kservectl.dev/…`. KServe knows none of them.

They say how versions follow each other and nothing about what runs, so they are never copied to anything generated: setting
one restarts no pod. A value that cannot be used is reported with its annotation and is not in force.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ROLLBACK = "kservectl.dev/rollback"
ROLLBACK_POLICY = "kservectl.dev/rollback-policy"
PROGRESS_DEADLINE = "kservectl.dev/progress-deadline-seconds"
CANARY_HEADER = "kservectl.dev/canary-header"

ROLLOUT_ANNOTATIONS = (ROLLBACK, ROLLBACK_POLICY, PROGRESS_DEADLINE, CANARY_HEADER)

LAST = "last"
"""The value of `rollback` that asks for the last version that was Ready; a number asks for that revision."""

DEFAULT_DEADLINE = 600
"""Seconds, as Deployments have it."""

_LONGEST_DEADLINE = 7 * 24 * 3600
_REVISION = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,6}", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """An annotation whose value cannot be used, and why, in a sentence that says what would be accepted."""

    annotation: str
    message: str


@dataclass(frozen=True, slots=True)
class RolloutChoices:
    """What the annotations of one service say.

    `rollback` is LAST, the number of a revision, or None; `automatic` is whether a version that does not become Ready within
    `deadline` seconds is taken back; `canary_header` names the request header that picks a canary, empty for none.
    """

    rollback: int | Literal["last"] | None = None
    automatic: bool = False
    deadline: int = DEFAULT_DEADLINE
    canary_header: str = ""
    problems: tuple[Problem, ...] = ()


def read(annotations: Mapping[str, str]) -> RolloutChoices:
    """The choices of a service with these annotations."""
    problems = tuple(
        Problem(annotation, f'"{value[:80]}" {problem}')
        for annotation, check in _CHECKS.items()
        if (value := annotations.get(annotation)) is not None and (problem := check(value))
    )
    wrong = {problem.annotation for problem in problems}
    usable = {name: value for name, value in annotations.items() if name in _CHECKS and name not in wrong}
    return RolloutChoices(
        rollback=_rollback(usable.get(ROLLBACK, "false")),
        automatic=usable.get(ROLLBACK_POLICY) == "automatic",
        deadline=int(usable.get(PROGRESS_DEADLINE, DEFAULT_DEADLINE)),
        canary_header=usable.get(CANARY_HEADER, ""),
        problems=problems,
    )


def _rollback(value: str) -> int | Literal["last"] | None:
    if value == "false":
        return None
    return "last" if value in (LAST, "true") else int(value)


def _rollback_problem(value: str) -> str:
    known = value in (LAST, "true", "false") or _REVISION.fullmatch(value)
    return "" if known else f'is neither "{LAST}" nor the number of a revision (kubectl get controllerrevisions)'


def _policy_problem(value: str) -> str:
    return "" if value in ("automatic", "manual") else 'is neither "automatic" nor "manual"'


def _deadline_problem(value: str) -> str:
    valid = _SECONDS.fullmatch(value) and 1 <= int(value) <= _LONGEST_DEADLINE
    return "" if valid else f"is not a number of seconds from 1 to {_LONGEST_DEADLINE}"


def _header_problem(value: str) -> str:
    return "" if _HEADER.fullmatch(value) else "is not the name of an HTTP header"


_CHECKS = {
    ROLLBACK: _rollback_problem,
    ROLLBACK_POLICY: _policy_problem,
    PROGRESS_DEADLINE: _deadline_problem,
    CANARY_HEADER: _header_problem,
}
