"""Whether others are at work beside whom this process must not work, though they are not its rivals for a Lease.

As in the election, a Lease that names a holder proves nothing: it stays as it was when its holder died. A holder is alive who
is seen renewing; one who lets the term of the Lease pass is not. So the answer takes a renewal of the holder, or one term.
"""

import asyncio
from collections.abc import Collection
from typing import Protocol

import structlog

from kservectl.client.errors import ClientError, Conflict, NotFound
from kservectl.clock import Clock
from kservectl.leader.assignment import GROUP_LABEL
from kservectl.leader.lease import Observation, released
from kservectl.objects import metadata
from kservectl.objects.kind import LEASE, Kind
from kservectl.objects.metadata import Object

_LOOK_AGAIN_SECONDS = 1.0
_LONGEST_TERM = 60.0
"""Seconds; whoever asks for a longer term than this is given no more time to show a renewal."""
_ANSWER_SECONDS = 10.0


class LeaseReader(Protocol):
    """The one request that it takes to look at a Lease."""

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object: ...


class GroupClient(Protocol):
    """The requests that it takes to look at the Leases of a group, and to clear those of the dead."""

    async def list(self, kind: Kind, namespace: str = "", *, label_selector: str = "") -> Object: ...
    async def update(self, kind: Kind, obj: Object) -> Object: ...


async def renewing_holder(client: LeaseReader, name: str, namespace: str, clock: Clock) -> str:
    """Who was seen renewing the Lease; empty when nobody holds it, or nobody renews it. Raises ClientError.

    For a process that takes no part in the election.
    """
    seen = Observation()
    seen.see(await _read(client, name, namespace), clock.monotonic())
    first, started = seen.written, clock.monotonic()
    if not seen.holder:
        return ""
    log = structlog.get_logger(component="leader", lease=f"{namespace}/{name}")
    log.info("the Lease names a holder; looking whether it is renewed", holder=seen.holder)
    while seen.is_held(clock.monotonic()) and clock.monotonic() - started < _LONGEST_TERM:
        await clock.sleep(_LOOK_AGAIN_SECONDS)
        lease = await _read(client, name, namespace)
        if lease is None:
            return ""
        seen.see(lease, clock.monotonic())
        if not seen.holder:
            return ""
        if seen.written != first:
            return seen.holder
    log.info("the Lease was not renewed for its whole term; its holder is gone", holder=seen.holder)
    return ""


async def until_none_shares(client: GroupClient, group: str, namespace: str, clock: Clock, *, retry: float) -> None:
    """Return once no replica that shares its work holds a Lease of `group`; looks every `retry` seconds.

    For one that leads and shares with nobody: call it after the Lease of the election was taken, since from then on none that
    shares joins (see `Sharing`). It waits as long as they work, and logs who they are; what the dead left, it releases.
    """
    log = structlog.get_logger(component="leader", group=group)
    seen: dict[str, Observation] = {}
    told = ""
    while True:
        try:
            async with clock.timeout(_ANSWER_SECONDS):
                working = await _look_at_group(client, group, namespace, clock, seen)
        except (ClientError, TimeoutError) as error:
            why = f"cannot look whether replicas share the work: {error or 'no answer in time'}"
        else:
            if not working:
                if told:
                    log.info("no replica shares the work any more")
                return
            why = f"replicas that share the work (--sharded) are still at it: {', '.join(sorted(working))}"
        if why != told:
            log.warning("leading, but not working yet", reason=why)
            told = why
        await clock.sleep(retry)


async def _look_at_group(
    client: GroupClient, group: str, namespace: str, clock: Clock, seen: dict[str, Observation]
) -> Collection[str]:
    """Who holds a Lease of the group; raises ClientError. One that vanished while it was held counts for the rest of its term."""
    found = await client.list(LEASE, namespace, label_selector=f"{GROUP_LABEL}={group}")
    leases = {metadata.name(lease): lease for lease in found["items"]}
    now = clock.monotonic()
    for name in leases.keys() | seen.keys():
        seen.setdefault(name, Observation()).see(leases.get(name), now)
    dead = [each.lease for each in seen.values() if each.lease is not None and each.holder and not each.is_held(now)]
    await asyncio.gather(*(_release(client, lease, clock) for lease in dead))
    return [each.holder for each in seen.values() if each.is_held(now)]


async def _release(client: GroupClient, lease: Object, clock: Clock) -> None:
    """Of a holder that is gone: the next that looks need not wait for a term again."""
    try:
        await client.update(LEASE, released(lease, clock.now()))
    except (Conflict, NotFound):
        return  # somebody else was quicker


async def _read(client: LeaseReader, name: str, namespace: str) -> Object | None:
    try:
        return await client.get(LEASE, name, namespace)
    except NotFound:
        return None
