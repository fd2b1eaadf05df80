"""The children of one controller's objects: making them what an Outcome says, with as few requests as that takes.

Why they are written by server-side apply, on which condition, and when, is in `runtime.apply`.
"""

import random
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from kservectl.client.errors import AlreadyExists, BadRequest, Conflict, Forbidden, Invalid, NotFound
from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.child_memory import LASTING_REFUSAL, ChildMemory
from kservectl.runtime.drift import Difference, applied_fields, differences
from kservectl.runtime.expectations import Expectations
from kservectl.runtime.inheritance import Inheritance, inherited
from kservectl.runtime.outcome import Child, Failure, Outcome, Reference
from kservectl.runtime.planning import child_body, leftovers, stranger
from kservectl.runtime.view import View
from kservectl.runtime.writes import CREATE_ONLY, ApplyRetry, NamespaceGoing, WriteLog, Writer, all_done

_TERMINATING = "NamespaceTerminating"
"""The cause of a refusal to create anything in a namespace that is being deleted."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was done about an owner's children; `telling` are the writes after which the status may say something else.

    `retry_after` is in how many seconds those that were refused or held back are tried anew.
    """

    writes: int = 0
    telling: int = 0
    failures: tuple[Failure, ...] = ()
    retry_after: float | None = None


class Children:
    """Writes them. `owns` and `quiet` are as `apply.Applier` has them; moments are those of `monotonic`."""

    def __init__(
        self,
        client: Writer,
        *,
        kind: Kind,
        owns: Mapping[Kind, bool],
        quiet: Collection[Kind],
        expectations: Expectations,
        monotonic: Callable[[], float],
        log: WriteLog,
        field_manager: str,
        inheritance: Inheritance,
        rng: random.Random,
    ) -> None:
        self._client = client
        self._kind = kind
        self._owns = owns
        self._quiet = frozenset(quiet)
        self._by_name = {(child.api_version, child.kind): child for child in owns}
        self._expectations = expectations
        self._monotonic = monotonic
        self._writes = log
        self._field_manager = field_manager
        self._inheritance = inheritance
        self._rng = rng
        self._memory: dict[ObjectKey, ChildMemory] = {}
        self._refused: dict[Child, set[ObjectKey]] = {}
        self._log = structlog.get_logger()

    def forget(self, owner: ObjectKey) -> None:
        """The owner is gone."""
        self._memory.pop(owner, None)
        for child in [child for child, owners in self._refused.items() if owner in owners]:
            self._withdraw(child, owner)

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

    async def write(self, owner: Object, outcome: Outcome, view: View) -> Written:
        """Create, apply and, in a complete outcome, delete what `view` shows to be otherwise than desired.

        Raises what `Applier.apply` does, once all that could be written was.
        """
        memory = self._memory_of(metadata.key(owner))
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
        failed = await all_done(work)
        failures = (*known, *(failure for failure in failed if failure is not None))
        moment = memory.next_try(failures)
        if moment is not None:
            held.append(max(moment - self._monotonic(), 1.0))
        return Written(len(work), telling, failures, min(held, default=None))

    def _memory_of(self, owner: ObjectKey) -> ChildMemory:
        found = self._memory.get(owner)
        if found is None:
            found = self._memory[owner] = ChildMemory(self._field_manager, self._rng)
        return found

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
                self._writes.wrote("create" if live is None else "apply", kind, key, map(str, drift))
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
        self._writes.wrote("inherit", kind, key)
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
        self._writes.wrote("delete", kind, key)

    async def delete(self, owner: Object, references: Sequence[Reference]) -> int:
        """Delete objects that are named one by one; how many, but none to wait for when the owner itself goes."""

        async def delete(reference: Reference) -> None:
            try:
                await self._client.delete(
                    reference.kind, reference.name, reference.namespace, grace_seconds=reference.grace_seconds
                )
            except NotFound:
                return
            self._writes.wrote("delete", reference.kind, ObjectKey(reference.namespace, reference.name))

        await all_done([delete(reference) for reference in references])
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


def _observed(live: Object) -> Object:
    """What makes a write conditional on `live` being what is there."""
    return {"resourceVersion": metadata.resource_version(live), "uid": metadata.uid(live)}


def _refusal(kind: Kind, key: ObjectKey, message: str) -> str:
    """The server's words, which name the object as a rule; not when a webhook speaks."""
    return message if f'"{key.name}"' in message else f"{kind.kind} {key} was refused by the API server: {message}"
