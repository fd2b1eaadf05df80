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

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import Counter

from kservectl.client.errors import Conflict, NotFound
from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.mergepatch import merge_patch
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.children import Children, Written
from kservectl.runtime.expectations import Expectations
from kservectl.runtime.inheritance import Inheritance
from kservectl.runtime.journal import patched_fields
from kservectl.runtime.outcome import Child, Failure, Outcome
from kservectl.runtime.planning import owner_patch
from kservectl.runtime.view import View
from kservectl.runtime.writes import FIELD_MANAGER, ApplyRetry, WriteLog, Writer

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
        self._expectations = expectations
        self._finalizer = finalizer
        self._on_failure = on_failure
        self._log = WriteLog(operations)
        self._children = Children(
            client,
            kind=kind,
            owns=owns,
            quiet=quiet,
            expectations=expectations,
            monotonic=monotonic,
            log=self._log,
            field_manager=field_manager,
            inheritance=inheritance or Inheritance(),
            rng=rng or random.Random(),  # noqa: S311 - spreads load, guards no secret
        )

    def forget(self, owner: ObjectKey) -> None:
        """The owner is gone."""
        self._children.forget(owner)
        self._expectations.forget(owner)

    def freed(self, child: Child) -> Sequence[ObjectKey]:
        """The child went, or has another controller: who was refused it, and is to be decided anew."""
        return self._children.freed(child)

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
        children = Written()
        if not metadata.is_deleting(owner):
            children = await self._children.write(owner, outcome, view)
        deleted = await self._children.delete(owner, outcome.delete)
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
        self._log.wrote(operation, self._kind, key, patched_fields(body))
        return answer
