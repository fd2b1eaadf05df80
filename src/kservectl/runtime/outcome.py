"""The answer of a reconcile, as data.

`reconcile(obj, view) -> Outcome` decides and nothing else; `apply` makes the cluster so. An outcome can be printed,
compared, and tested with no server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey

Child = tuple[Kind, ObjectKey]
"""Which object it is that an owner has, or is to have."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event about the reconciled object. `reason` is CamelCase; `message` is for people and holds no secret."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    action: str = "Reconcile"


@dataclass(frozen=True, slots=True)
class Explanation:
    """One step of a decision in a sentence, for `kservectl why` and debug logs.

    `about` names what it is about (a condition type, a field, a child as `Kind/name`); `ok` says whether this stands in
    the way of Ready; `next_step` is what a person could do about it; `reason` is that of the condition, if there is one.
    """

    about: str
    message: str
    ok: bool = False
    next_step: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """An object by kind and name, for deletions that ownership does not cover.

    `grace_seconds` is how long a pod may take to end; None leaves it to the server.
    """

    kind: Kind
    namespace: str
    name: str
    grace_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that should be true on behalf of one object.

    desired
        Every child that should exist. `apply` sets the controller ownerReference, except on those named in `shared`.
    complete
        Whether `desired` is the whole set. Only then are owned objects that are not in it deleted: a decision that
        failed half-way knows too little to delete anything.
    shared
        Positions in `desired` that are written without ownerReference and never pruned (a ConfigMap that several
        owners use).
    status
        The whole desired `status`, or None to leave it as it is.
    status_first
        Write the status before everything in `desired`, not after it: it holds a decision that the children follow, and
        that could not be made again from what they leave behind.
    finalizers
        The finalizers of this controller that the object should carry: missing ones are added, ones of
        `Controller.finalizer` not listed are removed (last, after every other write). None leaves them alone.
    delete
        Objects to delete although this object does not own them.
    events
        Sent after the status write succeeded.
    requeue_after
        Seconds until the same decision is worth making again *because of time itself*; None otherwise.
    terminal_error
        Set when the decision failed for a reason that no retry mends, only a change of this object or of something
        watched. Counted and logged, not retried.
    effects
        What is to be done outside of the API server (`Controller.carry_out`), after the status was written.
    explanations
        Why the object is or is not Ready, in the order in which the decision found out.
    """

    desired: tuple[Object, ...] = ()
    complete: bool = True
    shared: frozenset[int] = frozenset()
    status: Object | None = None
    status_first: bool = False
    finalizers: tuple[str, ...] | None = None
    delete: tuple[Reference, ...] = ()
    events: tuple[EventRecord, ...] = ()
    requeue_after: float | None = None
    terminal_error: str | None = None
    effects: tuple[Any, ...] = ()
    explanations: tuple[Explanation, ...] = ()
    annotations: Mapping[str, str | None] = field(default_factory=dict)
    """Annotations of the object itself to set (or, with None, to remove); empty almost always."""
    labels: Mapping[str, str | None] = field(default_factory=dict)
    """Labels of the object itself to set (or, with None, to remove); empty almost always."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A desired child that the server refused, or that belongs to somebody else. Trying again would not help."""

    kind: Kind
    key: ObjectKey
    message: str
