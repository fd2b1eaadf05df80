"""How many copies canaries have, and how many the stable version keeps."""

import pytest

from kservectl.api.inferenceservice import CanarySpec
from kservectl.controllers.inferenceservice.canary.replicas import (
    canary_replicas,
    companion_replicas,
    reduced_minimum,
)


def _canary(percent: int, minimum: int | None = None) -> CanarySpec:
    own = {} if minimum is None else {"minReplicas": minimum}
    return CanarySpec.parse({"predictor": {"name": "v2", **own}, "trafficPercent": percent})


@pytest.mark.parametrize(
    ("stable", "percent", "expected"),
    [(4, 25, 1), (4, 50, 2), (4, 26, 2), (None, 20, 1), (None, 100, 1), (10, 33, 4), (4, 0, 0), (0, 50, 0)],
)
def test_a_canary_has_its_share_of_the_stable_minimum_rounded_up(
    stable: int | None, percent: int, expected: int
) -> None:
    assert canary_replicas(_canary(percent), stable) == expected


@pytest.mark.parametrize("own", [0, 1, 3])
def test_the_canarys_own_minimum_stands_above_its_share(own: int) -> None:
    assert canary_replicas(_canary(50, own), 4) == own


def test_components_around_a_canary_have_one_copy_at_least_while_it_runs() -> None:
    assert companion_replicas(4, 50, 2) == 2
    assert companion_replicas(1, 10, 1) == 1
    assert companion_replicas(4, 0, 1) == 1
    assert companion_replicas(4, 0, 0) == 0


@pytest.mark.parametrize(
    ("minimum", "ready", "expected"),
    [
        (4, [], 4),
        (4, [1], 3),
        (4, [1, 1], 2),
        (4, [2, 2], 1),
        (2, [5], 1),
        (1, [1], 1),
        (0, [1], 0),
        (None, [2], None),
    ],
    ids=["no canary", "one", "two", "all", "floor 1", "one of one", "scaled to zero", "not set"],
)
def test_stable_reduction(minimum: int | None, ready: list[int], expected: int | None) -> None:
    assert reduced_minimum(minimum, ready) == expected
