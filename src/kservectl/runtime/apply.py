"""Make the cluster what an Outcome says, with as few requests as that takes.

Children are written by server-side apply under one field manager, all of them concurrently. A child that already is as
desired costs nothing. Every write is conditional on what was observed: an update carries uid and resourceVersion, a
creation the resourceVersion "1", which no stored object can have, so that it succeeds only where there is nothing (apply
with a resourceVersion is an exact create-only on kube-apiserver). A process that lost its leadership without knowing
cannot overwrite its successor, and an object of somebody else under the wanted name stays untouched.

Order: finalizer and annotations of the owner, children and deletions, status, removal of the finalizer. When children were
written, the status waits for the next decision, which sees them: it would be out of date before it arrived. Not so for
children of quiet kinds, of which no status tells. One that holds what the children follow (`Outcome.status_first`) is written
before them.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import structlog
from prometheus_client import Counter

from kservectl.client.errors import AlreadyExists, BadRequest, Conflict, Forbidden, Invalid, NotFound
from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.mergepatch import merge_patch
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.child_memory import LASTING_REFUSAL, ChildMemory
from kservectl.runtime.drift import Difference, applied_fields, differences
from kservectl.runtime.expectations import Expectations
from kservectl.runtime.inheritance import Inheritance, inherited
from kservectl.runtime.journal import patched_fields, tell
from kservectl.runtime.outcome import Child, Failure, Outcome, Reference
from kservectl.runtime.planning import child_body, leftovers, owner_patch, stranger
from kservectl.runtime.view import View

T = TypeVar("T")

FIELD_MANAGER = "kservectl"
CREATE_ONLY = "1"
"""The resourceVersion with which an apply creates, and refuses to touch what is there."""
_TERMINATING = "NamespaceTerminating"
"""The cause of a refusal to create anything in a namespace that is being deleted."""


class Writer(Protocol):
    """The part of a client that `apply` needs."""

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object: ...

    async def apply(self, kind: Kind, obj: Object, *, force: bool = True) -> Object: ...

    async def patch(self, kind: Kind, name: str, namespace: str, body: Any, *, subresource: str = "") -> Object: ...

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        resource_version: str = "",
        grace_seconds: int | None = None,
    ) -> None: ...


class ApplyRetry(Exception):
    """What was observed is no longer so; decide again once the cache shows it. Not an error."""


class NamespaceGoing(Exception):
    """The owner's namespace is being deleted, and the owner with it: nothing is left to be made. Not an error."""


OnFailure = Callable[[Object, Outcome, Sequence[Failure], View], Outcome]
"""Turns refused writes into the outcome that tells of them (status, events); pure."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did. `outcome` is the one carried out (amended when writes were refused)."""

    outcome: Outcome
    writes: int = 0
    status_written: bool = False
    deferred: bool = False
    """Children were written, so what else is to be told is left to the next decision, which is sure to come."""
    failures: tuple[Failure, ...] = ()
    retry_after: float | None = None
    """Seconds after which to decide again because writes that were refused, or held back, are then tried anew."""


@dataclass(frozen=True, slots=True)
class _Children:
    """What was done about them; `telling` are the writes after which the status may say something else."""

    writes: int = 0
    telling: int = 0
    failures: tuple[Failure, ...] = ()
    retry_after: float | None = None


class Applier:
    """Carries out the outcomes of one controller.

    `owns` maps each kind of child to whether a same-named object *without* a controller may be taken over; `quiet` are those
    of them that make no difference to the status.
    `field_manager` must be the one that `client` writes as.
    """

    def __init__(
        self,
        client: Writer,
        *,
        kind: Kind,
        owns: Mapping[Kind, bool],
        quiet: Collection[Kind] = (),
        expectations: Expectations,
        monotonic: Callable[[], float],
        finalizer: str = "",
        on_failure: OnFailure | None = None,
        operations: Counter | None = None,
        field_manager: str = FIELD_MANAGER,
        inheritance: Inheritance | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._client = client
        self._kind = kind
        self._owns = owns
        self._quiet = frozenset(quiet)
        self._by_name = {(child.api_version, child.kind): child for child in owns}
        self._expectations = expectations
        self._monotonic = monotonic
        self._finalizer = finalizer
        self._on_failure = on_failure
        self._operations = operations
        self._field_manager = field_manager
        self._inheritance = inheritance or Inheritance()
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards no secret
        self._memory: dict[ObjectKey, ChildMemory] = {}
        self._refused: dict[Child, set[ObjectKey]] = {}
        self._log = structlog.get_logger()

    def forget(self, owner: ObjectKey) -> None:
        """The owner is gone."""
        self._memory.pop(owner, None)
        for child in [child for child, owners in self._refused.items() if owner in owners]:
            self._withdraw(child, owner)
        self._expectations.forget(owner)

    def freed(self, child: Child) -> Sequence[ObjectKey]:
        """The child went, or has another controller: who was refused it, and is to be decided anew."""
        owners = tuple(self._refused.pop(child, ()))
        for owner in owners:
            self._memory[owner].lift(child)
        return owners

    def _withdraw(self, child: Child, owner: ObjectKey) -> None:
        self._refused[child].discard(owner)
        if not self._refused[child]:
            del self._refused[child]

    async def apply(self, owner: Object, outcome: Outcome, view: View) -> Applied:
        """Carry out `outcome` on behalf of `owner`.

        Raises ApplyRetry when something changed since it was observed, NamespaceGoing, and ApiError or ConnectionFailed
        when the server could not do its part; what was written until then stays, and a new decision goes on from there.
        """
        own_writes = 0
        if (body := owner_patch(owner, outcome)) is not None:
            owner = await self._patch_owner(owner, body, "")
            own_writes = 1
        status_written = False
        if outcome.status_first:
            owner, status_written = await self._write_status(owner, outcome)
        children = _Children()
        if not metadata.is_deleting(owner):
            children = await self._write_children(owner, outcome, view)
        deleted = await self._delete_references(owner, outcome.delete)
        child_writes, failures = children.writes + deleted, children.failures
        if failures and self._on_failure is not None:
            outcome = self._on_failure(owner, outcome, failures, view)
        if (children.telling or deleted) and not failures:
            writes = own_writes + child_writes + status_written
            return Applied(outcome, writes, status_written=status_written, deferred=True)
        owner, written = await self._write_status(owner, outcome)
        status_written = status_written or written
        if self._must_release(owner, outcome):
            kept = [name for name in metadata.metadata(owner).get("finalizers") or () if name != self._finalizer]
            await self._patch_owner(owner, {"metadata": {"finalizers": kept}}, "")
            own_writes += 1
        return Applied(
            outcome,
            own_writes + child_writes + status_written,
            status_written=status_written,
            failures=failures,
            retry_after=children.retry_after,
        )

    # --- the owner itself ---

    def _must_release(self, owner: Object, outcome: Outcome) -> bool:
        return (
            bool(self._finalizer)
            and outcome.finalizers is not None
            and self._finalizer not in outcome.finalizers
            and self._finalizer in (metadata.metadata(owner).get("finalizers") or ())
        )

    async def _write_status(self, owner: Object, outcome: Outcome) -> tuple[Object, bool]:
        """The owner as it is then, and whether that took a write."""
        before = owner.get("status") or {}
        if outcome.status is None or before == outcome.status:
            return owner, False
        return await self._patch_owner(owner, {"status": merge_patch(before, outcome.status)}, "status"), True

    async def _patch_owner(self, owner: Object, body: Object, subresource: str) -> Object:
        key = metadata.key(owner)
        body = {**body, "metadata": {**body.get("metadata", {}), "resourceVersion": metadata.resource_version(owner)}}
        with self._expectations.writing(key, self._kind, key) as write:
            try:
                answer = await self._client.patch(self._kind, key.name, key.namespace, body, subresource=subresource)
            except (Conflict, NotFound) as error:
                raise ApplyRetry(str(error)) from error
            if metadata.is_deleting(owner) and not metadata.metadata(answer).get("finalizers"):
                write.deleted()  # the answer shows the version that it was, which no event names
            elif metadata.resource_version(answer) != metadata.resource_version(owner):
                write.wrote(metadata.resource_version(answer))
        operation = "patch_status" if subresource == "status" else "patch"
        self._tell(operation, self._kind, key, patched_fields(body))
        return answer

    # --- the children ---

    async def _write_children(self, owner: Object, outcome: Outcome, view: View) -> _Children:
        memory = self._memory.setdefault(metadata.key(owner), ChildMemory(self._field_manager, self._rng))
        wanted: set[Child] = set()
        work: list[Coroutine[Any, Any, Failure | None]] = []
        telling = 0
        known: list[Failure] = []
        held: list[float] = []
        for position, desired in enumerate(outcome.desired):
            kind = self._kind_of(desired)
            body = child_body(owner, desired, kind, shared=position in outcome.shared)
            child = (kind, metadata.key(body))
            wanted.add(child)
            live = view.get(kind, child[1].name, child[1].namespace)
            refusal = memory.standing_refusal(child, body, live, self._monotonic())
            if refusal is not None:
                known.append(refusal)
            elif live is None and (hold := memory.hold(child, self._monotonic())):
                held.append(hold)
            elif live is None or (drift := memory.drift(child, body, live, owner)):
                work.append(self._write_child(owner, body, child, live, memory, drift if live else ()))
                telling += kind not in self._quiet
        memory.looked()
        if outcome.complete:
            pruned = [
                self._prune(owner, kind, leftover) for kind, leftover in leftovers(owner, self._owns, wanted, view)
            ]
            work += pruned
            telling += len(pruned)
            memory.keep_only(wanted)
        failed = await _all(work)
        failures = (*known, *(failure for failure in failed if failure is not None))
        moment = memory.next_try(failures)
        if moment is not None:
            held.append(max(moment - self._monotonic(), 1.0))
        return _Children(len(work), telling, failures, min(held, default=None))

    def _kind_of(self, desired: Object) -> Kind:
        kind = self._by_name.get((str(desired.get("apiVersion")), str(desired.get("kind"))))
        if kind is None:
            raise ValueError(f"{metadata.describe(desired)} is desired, but its kind is not among the owned ones")
        return kind

    async def _write_child(
        self,
        owner: Object,
        body: Object,
        child: Child,
        live: Object | None,
        memory: ChildMemory,
        drift: Sequence[Difference] = (),
    ) -> Failure | None:
        kind, key = child
        wait = memory.retry(child, body)
        try:
            failure = self._stranger(owner, body, kind, live) if live is not None else None
            if failure is None:
                failure = await self._put(owner, body, child, live, memory, drift)
        except (Invalid, Forbidden, BadRequest, NotFound) as error:  # not found is the namespace, or the kind
            if error.has_cause(_TERMINATING) and key.namespace == metadata.namespace(owner):
                raise NamespaceGoing(error.message) from error
            failure = Failure(kind, key, _refusal(kind, key, error.message))
            if isinstance(error, Invalid | BadRequest):
                wait = LASTING_REFUSAL
        if failure is not None:
            memory.refused(body, live, failure, wait=wait, now=self._monotonic())
            self._refused.setdefault(child, set()).add(metadata.key(owner))
        elif child in self._refused:
            self._withdraw(child, metadata.key(owner))
        return failure

    async def _put(
        self,
        owner: Object,
        body: Object,
        child: Child,
        live: Object | None,
        memory: ChildMemory,
        drift: Sequence[Difference],
    ) -> Failure | None:
        kind, key = child
        observed = metadata.resource_version(live) if live is not None else ""
        with self._expectations.writing(metadata.key(owner), kind, key) as write:
            try:
                if live is not None:
                    live = await self._inherit(kind, key, live, body)
                condition = _observed(live) if live is not None else {"resourceVersion": CREATE_ONLY}
                answer = await self._client.apply(kind, {**body, "metadata": {**body["metadata"], **condition}})
            except (AlreadyExists, Conflict) as error:  # the former from a server that was creating it that very moment
                if live is not None:
                    raise ApplyRetry(str(error)) from error
            else:
                if metadata.resource_version(answer) != observed:  # else it changed nothing, and no event tells of it
                    write.wrote(metadata.resource_version(answer))
                self._tell_unkept(child, memory.applied(child, body, answer))
                self._tell("create" if live is None else "apply", kind, key, map(str, drift))
                if live is None:
                    self._tell_recreated(child, memory.created(child, self._monotonic()))
                return None
        return await self._put_over_unseen(owner, body, child, memory)

    async def _inherit(self, kind: Kind, key: ObjectKey, live: Object, desired: Object) -> Object:
        """Make the fields that a predecessor set ours, once: the apply that follows then removes what is not desired."""
        if applied_fields(live, self._field_manager) is not None:
            return live
        entries = inherited(live, kind.api_version, self._field_manager, self._inheritance, desired)
        if entries is None:
            return live
        body = {"metadata": {**_observed(live), "managedFields": entries}}
        answer = await self._client.patch(kind, key.name, key.namespace, body)
        self._tell("inherit", kind, key)
        return answer

    async def _put_over_unseen(self, owner: Object, body: Object, child: Child, memory: ChildMemory) -> Failure | None:
        """The name is taken by an object that the cache does not show: not yet, or because it lacks our labels."""
        kind, key = child
        try:
            found = await self._client.get(kind, key.name, key.namespace)
        except NotFound as error:
            raise ApplyRetry(str(error)) from error
        if stranger := self._stranger(owner, body, kind, found):
            return stranger
        drift = differences(found, body, self._field_manager)
        if not drift:
            raise ApplyRetry(f"the cache does not show {kind.kind} {key} yet")
        return await self._put(owner, body, child, found, memory, drift)

    def _stranger(self, owner: Object, body: Object, kind: Kind, live: Object) -> Failure | None:
        why = stranger(owner, body, kind, live, adopts=self._owns[kind])
        return Failure(kind, metadata.key(live), why) if why else None

    # --- what should not be ---

    async def _prune(self, owner: Object, kind: Kind, leftover: Object) -> None:
        key = metadata.key(leftover)
        with self._expectations.writing(metadata.key(owner), kind, key) as write:
            try:
                await self._client.delete(
                    kind,
                    key.name,
                    key.namespace,
                    uid=metadata.uid(leftover),
                    resource_version=metadata.resource_version(leftover),
                )
            except NotFound:
                pass  # gone already is what was wanted
            except Conflict as error:
                raise ApplyRetry(str(error)) from error
            write.deleted()
        self._tell("delete", kind, key)

    async def _delete_references(self, owner: Object, references: Sequence[Reference]) -> int:
        async def delete(reference: Reference) -> None:
            try:
                await self._client.delete(
                    reference.kind, reference.name, reference.namespace, grace_seconds=reference.grace_seconds
                )
            except NotFound:
                return
            self._tell("delete", reference.kind, ObjectKey(reference.namespace, reference.name))

        await _all([delete(reference) for reference in references])
        return 0 if metadata.is_deleting(owner) else len(references)

    def _tell_unkept(self, child: Child, fields: Sequence[str]) -> None:
        if fields:
            self._log.warning(
                "the API server did not keep every applied field",
                object=f"{child[0].kind} {child[1]}",
                fields=fields[:10],
            )

    def _tell_recreated(self, child: Child, wait: float) -> None:
        if wait:
            self._log.warning(
                "an object is deleted as soon as it was created; it is created less often",
                object=f"{child[0].kind} {child[1]}",
                next_try=round(wait, 1),
            )

    def _tell(self, operation: str, kind: Kind, key: ObjectKey, fields: Iterable[str] = ()) -> None:
        tell(self._log, operation, kind, key, fields)
        if self._operations is not None:
            self._operations.labels(kind.kind, operation).inc()


def _observed(live: Object) -> Object:
    """What makes a write conditional on `live` being what is there."""
    return {"resourceVersion": metadata.resource_version(live), "uid": metadata.uid(live)}


def _refusal(kind: Kind, key: ObjectKey, message: str) -> str:
    """The server's words, which name the object as a rule; not when a webhook speaks."""
    return message if f'"{key.name}"' in message else f"{kind.kind} {key} was refused by the API server: {message}"


async def _all(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all to their end, then raise what matters most: trouble with the server before a mere retry."""
    results = await asyncio.gather(*work, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in sorted(errors, key=lambda error: isinstance(error, ApplyRetry)):
        raise error
    return [result for result in results if not isinstance(result, BaseException)]
