"""What a service's annotations say about its rollouts."""

import pytest

from kservectl.api.config_keys import BLOCKED_ANNOTATIONS
from kservectl.api.rollout_choices import (
    CANARY_HEADER,
    DEFAULT_DEADLINE,
    PROGRESS_DEADLINE,
    ROLLBACK,
    ROLLBACK_POLICY,
    ROLLOUT_ANNOTATIONS,
    RolloutChoices,
    read,
)


def test_without_annotations_nothing_is_chosen() -> None:
    assert read({"team": "blue"}) == RolloutChoices(None, False, DEFAULT_DEADLINE, "")


@pytest.mark.parametrize(("value", "meant"), [("last", "last"), ("true", "last"), ("3", 3), ("false", None)])
def test_rollback_is_the_last_version_or_a_revision(value: str, meant: object) -> None:
    assert read({ROLLBACK: value}).rollback == meant


def test_every_choice_is_read() -> None:
    found = read({ROLLBACK_POLICY: "automatic", PROGRESS_DEADLINE: "90", CANARY_HEADER: "X-Canary"})

    assert (found.automatic, found.deadline, found.canary_header, found.problems) == (True, 90, "X-Canary", ())


def test_a_value_that_cannot_be_used_is_reported_and_not_in_force() -> None:
    found = read({ROLLBACK: "x", ROLLBACK_POLICY: "on", PROGRESS_DEADLINE: "soon", CANARY_HEADER: "a b"})

    assert (found.rollback, found.automatic, found.deadline, found.canary_header) == (None, False, DEFAULT_DEADLINE, "")
    assert [problem.annotation for problem in found.problems] == list(ROLLOUT_ANNOTATIONS)


def test_none_of_them_is_ever_copied_to_what_is_generated() -> None:
    assert set(ROLLOUT_ANNOTATIONS) <= set(BLOCKED_ANNOTATIONS)
