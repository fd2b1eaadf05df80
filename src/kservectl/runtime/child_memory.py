"""What is known of one owner's children beyond what the caches show: what the server refused, what it made of an apply, and
how often a child had to be created.

It keeps the same request from being sent again and again. A refused child is not tried anew until the desired object or the
live one has changed, or a time has passed. A field that the server does not keep is not fought over, and what it adds to
something that was applied as one piece is not taken for ours. A child that goes as soon as it is there is created less and less
often. A restart loses all of it, which costs a try each.
"""

import random
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.drift import Difference, compare
from kservectl.runtime.outcome import Child, Failure

LASTING_REFUSAL = 300.0
"""Seconds after which a refused write is tried again although nothing that is watched has changed."""

FIRST_RETRY = 10.0
"""The same at first, doubled each time, where what stands in the way (a name that is taken, a quota) may go unseen."""

_AT_ONCE = 3
"""How often in a row a child is created without a wait: whoever deletes one by hand has it back at once."""

_LIVED = 10.0
"""Seconds after which a child that is gone was not deleted because it had been created."""

_RECREATE_AT_MOST = 60.0


@dataclass(frozen=True, slots=True)
class _Creation:
    """The last one of so many in a row. The next one has to wait."""

    at: float
    in_a_row: int
    wait: float


@dataclass(frozen=True, slots=True)
class _Refusal:
    desired: Object
    live_version: str
    failure: Failure
    wait: float
    until: float


class ChildMemory:
    """The memory of one owner's children, as they are applied by `field_manager`. Moments are in monotonic seconds.

    `rng` spreads waits; owners share it, as each would be 2.5 kB.
    """

    def __init__(self, field_manager: str, rng: random.Random) -> None:
        self._field_manager = field_manager
        self._rng = rng
        self._looked = False
        self._creations: dict[Child, _Creation] = {}
        self._refusals: dict[Child, _Refusal] = {}
        self._unkept: dict[Child, tuple[Object, frozenset[str]]] = {}
        self._additions: dict[Child, frozenset[str]] = {}

    def standing_refusal(self, child: Child, desired: Object, live: Object | None, now: float) -> Failure | None:
        """The refusal that there is no use in asking for again, if there is one."""
        found = self._refusals.get(child)
        if found is None or found.desired != desired or found.live_version != _version(live) or now >= found.until:
            return None
        return found.failure

    def drift(self, child: Child, desired: Object, live: Object, owner: Object) -> Sequence[Difference]:
        """In what `live` differs from `desired`, less what an apply would not change.

        What the first look at an owner finds inside of one piece counts as the server's own, as long as the owner is the
        one that was decided before.
        """
        compared = compare(live, desired, self._field_manager)
        if compared.additions and not self._looked and metadata.has_current_status(owner):
            self._additions[child] = compared.additions
        found = compared.beyond(self._additions.get(child, frozenset()))
        applied, unkept = self._unkept.get(child, (None, frozenset()))
        if found and applied == desired and all(str(difference) in unkept for difference in found):
            return ()
        return found

    def looked(self) -> None:
        """Every child was compared once."""
        self._looked = True

    def retry(self, child: Child, desired: Object) -> float:
        """Forget what was refused of a child that is tried again; the seconds to wait should it be refused anew."""
        before = self._refusals.pop(child, None)
        return (
            min(before.wait * 2, LASTING_REFUSAL) if before is not None and before.desired == desired else FIRST_RETRY
        )

    def refused(self, desired: Object, live: Object | None, failure: Failure, *, wait: float, now: float) -> None:
        """The server said no to `desired` in the place of `live`; that stands for `wait` seconds."""
        self._refusals[failure.kind, failure.key] = _Refusal(desired, _version(live), failure, wait, now + wait)

    def created(self, child: Child, now: float) -> float:
        """The child was created. Answers the seconds for which that is not to be done again, should it be gone.

        That is none for the first _AT_ONCE creations in a row, and then one, doubled each time, up to a minute. Somebody takes it
        away who means it: the garbage collector, when the owner is gone and the cache does not show that yet, or
        another controller.
        """
        before = self._creations.get(child)
        in_a_row = before.in_a_row + 1 if before is not None and now - before.at < before.wait + _LIVED else 1
        beyond = in_a_row - _AT_ONCE
        wait = min(2.0 ** min(beyond, 60), _RECREATE_AT_MOST) * self._rng.uniform(0.9, 1.1) if beyond >= 0 else 0.0
        self._creations[child] = _Creation(now, in_a_row, wait)
        return wait

    def hold(self, child: Child, now: float) -> float:
        """Seconds until the child may be created, should it be missing; 0 as a rule."""
        last = self._creations.get(child)
        return max(last.at + last.wait - now, 0.0) if last is not None else 0.0

    def lift(self, child: Child) -> None:
        """What stood in the way of the child is gone: it is worth another try."""
        self._refusals.pop(child, None)

    def next_try(self, failures: Iterable[Failure]) -> float | None:
        """The first moment at which one of these refusals no longer stands; None when all were lifted meanwhile."""
        standing = (self._refusals.get((failure.kind, failure.key)) for failure in failures)
        return min((refusal.until for refusal in standing if refusal is not None), default=None)

    def applied(self, child: Child, desired: Object, answer: Object) -> Sequence[str]:
        """The server answered an apply with `answer`. The fields that it did not keep (a webhook put them back, say)."""
        compared = compare(answer, desired, self._field_manager)
        if compared.additions:
            self._additions[child] = compared.additions
        else:
            self._additions.pop(child, None)
        unkept = frozenset(map(str, compared.differences))
        if unkept:
            self._unkept[child] = (desired, unkept)
        else:
            self._unkept.pop(child, None)
        return sorted(unkept)

    def keep_only(self, wanted: Container[Child]) -> None:
        """Forget the children that are not `wanted` any more."""
        memories: tuple[dict[Child, Any], ...] = (self._creations, self._refusals, self._unkept, self._additions)
        for memory in memories:
            for child in [child for child in memory if child not in wanted]:
                del memory[child]


def _version(live: Object | None) -> str:
    return metadata.resource_version(live) if live else ""
