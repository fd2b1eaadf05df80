"""How many copies a canary has, and how many the stable version keeps beside it."""

from collections.abc import Iterable

from kservectl.api.inferenceservice import CanarySpec


def canary_replicas(canary: CanarySpec, stable_minimum: int | None) -> int:
    """The canary's own `minReplicas`, else its share of the stable minimum (1 when that is not set), rounded up."""
    own = canary.predictor.min_replicas
    return own if own is not None else share(stable_minimum, canary.traffic_percent)


def companion_replicas(minimum: int | None, percent: int, predictor_replicas: int) -> int:
    """Copies of a canary's transformer or explainer: its share of the stable one's minimum, one at least while it runs."""
    return max(1, share(minimum, percent)) if predictor_replicas else 0


def share(minimum: int | None, percent: int) -> int:
    """`percent` of `minimum` copies, rounded up."""
    least = 1 if minimum is None else minimum
    return -(-least * percent // 100)


def reduced_minimum(minimum: int | None, taking_over: Iterable[int]) -> int | None:
    """The stable `minReplicas` less the copies of canaries that serve in its place, one at least; None stays None.

    Only canaries that are ready serve in its place, so that the capacity of the whole never dips.
    """
    taken = sum(taking_over)
    if minimum is None or taken == 0:
        return minimum
    return max(min(minimum, 1), minimum - taken)
