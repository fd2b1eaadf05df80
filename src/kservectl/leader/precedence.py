"""Whether somebody works under a Lease, for a process that takes no part in the election and must not work beside them.

As in the election, a Lease that names a holder proves nothing: it stays as it was when its holder died. A holder is alive who
is seen renewing; one who lets the term of the Lease pass is not. So the answer takes a renewal of the holder, or one term.
"""

from typing import Protocol

import structlog

from kservectl.client.errors import NotFound
from kservectl.clock import Clock
from kservectl.leader.lease import Observation
from kservectl.objects.kind import LEASE, Kind
from kservectl.objects.metadata import Object

_LOOK_AGAIN_SECONDS = 1.0
_LONGEST_TERM = 60.0
"""Seconds; whoever asks for a longer term than this is given no more time to show a renewal."""


class LeaseReader(Protocol):
    """The one request that it takes."""

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object: ...


async def renewing_holder(client: LeaseReader, name: str, namespace: str, clock: Clock) -> str:
    """Who was seen renewing the Lease; empty when nobody holds it, or nobody renews it. Raises ClientError."""
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


async def _read(client: LeaseReader, name: str, namespace: str) -> Object | None:
    try:
        return await client.get(LEASE, name, namespace)
    except NotFound:
        return None
