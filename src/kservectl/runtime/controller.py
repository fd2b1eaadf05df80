"""A controller, as data: which kind it reconciles, by which function, and whose changes make it look again.

The function is `reconcile(object, view) -> Outcome`: synchronous, without requests, with no clock but `view.now`. A Manager
runs it; nothing here does.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kservectl.informers import Change
from kservectl.informers.shaping import Transform
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.apply import OnFailure
from kservectl.runtime.lookup import LookedUp
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.predicates import Predicate
from kservectl.runtime.view import View

Reconcile = Callable[[Object, View], Outcome]

Observe = Callable[[Object, View], Awaitable[View]]
"""Looks at what no cache shows (a disk, a Secret) and answers the view to decide by: the given one, with that laid over it."""

CarryOut = Callable[[Sequence[Any]], Awaitable[None]]
"""Makes the effects of an outcome true, in their order. Doing it twice is doing it once."""

ToKeys = Callable[[Change, View], Iterable[ObjectKey]]
"""The keys of the reconciled objects that a change of something else concerns."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A kind of children. A change of one makes its owner be decided again, by the controller ownerReference.

    label_selector, field_selector
        What all children carry; only objects with it are cached.
    optional
        Whether the kind may be absent from the API server.
    adopts
        Whether an object of the wanted name without any controller may be taken over.
    predicate
        Which changes of a child make its owner be decided again; None for all. A change of what was applied has to be
        among them, or a hand edit would stay.
    shared_by
        Who is decided again, beside the owner, for a change of a child: those that desire it together and of whom none
        owns it (`Outcome.shared`), and those that decide by it.
    quiet
        Whether a status says the same before and after a child of this kind was written: then the status need not wait until
        the cache shows the child, and the news of it asks for no decision. Of all informers of a kind, or of none.
    """

    kind: Kind
    label_selector: str = ""
    field_selector: str = ""
    optional: bool = False
    adopts: bool = False
    predicate: Predicate | None = None
    shared_by: ToKeys | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Watched:
    """Another kind that decisions look at; `to_keys` says whose. The selectors, namespace and `transform` bound the cache.

    An object that an `Owned` shows too is read from that one's cache, which may be behind this one: whom its changes concern has
    to be said there, by `shared_by`.

    gather
        Seconds for which further changes are waited for before a key is decided: for a kind of which many objects change at
        a time and concern the same key.
    """

    kind: Kind
    to_keys: ToKeys
    label_selector: str = ""
    field_selector: str = ""
    namespace: str = ""
    optional: bool = False
    metadata_only: bool = False
    transform: Transform | None = None
    gather: float = 0.0


@dataclass(frozen=True, slots=True)
class Controller:
    """What a Manager runs.

    finalizer
        The finalizer that outcomes of this controller may name; empty for none.
    looks_up
        Facts from outside of the API server that decisions look at; an object is decided again when one of its own changes.
    predicate
        Which changes of the reconciled kind count; None for all.
    on_failure
        Turns writes that the server refused into the outcome that tells of them; None leaves that to log and metrics.
    workers
        How many keys are dealt with at the same time.
    optional
        Whether the reconciled kind may be absent from the API server.
    field_selector, transform
        Which objects of the kind are looked at (empty for all), and what of them is kept.
    observe, carry_out
        For a controller whose world is more than the API server: what is looked at just before a decision, and who makes
        `Outcome.effects` true after its writes. A failure of either is retried like any other.
    """

    name: str
    kind: Kind
    reconcile: Reconcile
    finalizer: str = ""
    owns: Sequence[Owned] = ()
    watches: Sequence[Watched] = ()
    looks_up: Sequence[LookedUp] = ()
    predicate: Predicate | None = None
    on_failure: OnFailure | None = None
    workers: int = 8
    optional: bool = False
    field_selector: str = ""
    transform: Transform | None = None
    observe: Observe | None = None
    carry_out: CarryOut | None = None
