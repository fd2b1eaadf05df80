"""One process leads: election over a `coordination.k8s.io/v1` Lease, as client-go does it.

Promises: at most one process holds the Lease; a holder that could not renew for `renew_deadline` seconds, for whatever
reason (network, a stopped process), considers itself deposed before any other may take over, and `check` says so at once,
even before the renewing task runs again. It refuses to go on after a loss: a fresh process is the only clean state.
"""

import asyncio
import random
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry, Gauge

from kservectl.client.errors import AlreadyExists, ClientError, Conflict, NotFound
from kservectl.clock import Clock
from kservectl.leader.lease import LeaseRecord, Observation, claimed, released
from kservectl.objects.kind import LEASE, Kind
from kservectl.objects.metadata import Object


class LeadershipLost(Exception):
    """This process led and does not any more; the message says why. The process must end."""


class LeaseClient(Protocol):
    """The three requests that an election makes."""

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object: ...
    async def create(self, kind: Kind, obj: Object) -> Object: ...
    async def update(self, kind: Kind, obj: Object) -> Object: ...


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. A candidate looks, and a holder renews, every `retry`; a holder gives up after `renew_deadline`."""

    lease: int = 15
    renew_deadline: float = 10.0
    retry: float = 2.0

    def __post_init__(self) -> None:
        if not self.lease > self.renew_deadline > _JITTER * self.retry > 0:
            raise ValueError(
                f"leader election needs lease duration > renew deadline > {_JITTER} × retry period > 0, "
                f"not {self.lease} s, {self.renew_deadline} s and {self.retry} s"
            )


_JITTER = 1.2
_RELEASE_SECONDS = 5.0


class ElectionMetrics:
    """`leader_election_master_status`: 1 while this process leads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.status = Gauge(
            "leader_election_master_status", "Whether this process holds the Lease.", ("name",), registry=registry
        )


def new_identity() -> str:
    """A holder identity that no other process has, not even the next one on this machine."""
    return f"{socket.gethostname()}_{uuid.uuid4()}"


class LeaderElector:
    """One candidate. Call `acquire`, then run `hold` until the end of the work, then `release`.

    `labels` and `annotations`, asked for at each renewal, are put on the Lease.
    """

    def __init__(
        self,
        client: LeaseClient,
        *,
        name: str,
        namespace: str,
        clock: Clock,
        identity: str | None = None,
        timing: Timing | None = None,
        metrics: ElectionMetrics | None = None,
        rng: random.Random | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.identity = identity or new_identity()
        self._client = client
        self._name = name
        self._namespace = namespace
        self._clock = clock
        self._timing = timing or Timing()
        self._rng = rng or random.Random()  # noqa: S311 - spreads requests, guards no secret
        self._seen = Observation()
        self._renewed_at: float | None = None
        self._gauge = metrics.status.labels(name) if metrics else None
        self._log = structlog.get_logger(component="leader", lease=f"{namespace}/{name}", identity=self.identity)
        self._last_problem = ""
        self._labels = labels or {}
        self._annotations = annotations
        self._hurry = asyncio.Event()
        self._looked = asyncio.Condition()
        self._has_looked = False

    @property
    def is_leader(self) -> bool:
        """Whether this process led at its last renewal, and that is recent enough to act on."""
        return self._renewed_at is not None and self._remaining() > 0

    @property
    def holder(self) -> str:
        """Who held the Lease when this process last looked; empty when nobody did."""
        return self._seen.holder

    async def look(self) -> str:
        """Who holds the Lease by the server's word now; empty for nobody. Raises ClientError, and TimeoutError."""
        async with self._clock.timeout(self._timing.renew_deadline):
            try:
                return LeaseRecord.of(await self._client.get(LEASE, self._name, self._namespace)).holder
            except NotFound:
                return ""

    async def until_holder(self, suits: Callable[[str], bool]) -> None:
        """Return once `acquire` or `hold` has looked at the Lease and `suits` of its holder ("" for nobody)."""
        async with self._looked:
            await self._looked.wait_for(lambda: self._has_looked and suits(self.holder))

    def check(self) -> None:
        """Return if a write may be made now; raise LeadershipLost otherwise. Costs no request."""
        if not self.is_leader:
            raise LeadershipLost(f"the Lease {self._namespace}/{self._name} is not held, or was not renewed in time")

    async def acquire(self) -> None:
        """Return once this process leads; wait and look again as long as another one does."""
        while True:
            try:
                async with self._clock.timeout(self._timing.renew_deadline):
                    leads = await self._try_to_lead()
                await self._tell()
                if leads:
                    self._set_gauge(1)
                    self._log.info("became the leader")
                    return
                self._report(f"the Lease is held by {self._seen.holder}" if self._seen.holder else "")
            except (ClientError, TimeoutError) as error:
                self._report(f"cannot take the Lease: {error or 'no answer in time'}")
            await self._clock.sleep(self._timing.retry * self._rng.uniform(1 / _JITTER, 1.0))

    async def hold(self) -> None:
        """Renew for ever; raises LeadershipLost as soon as leadership is lost or cannot be proved any more."""
        try:
            while True:
                await self._pause(min(self._timing.retry, self._remaining()))
                await self._renew()
                await self._tell()
        except LeadershipLost as loss:
            self._renewed_at = None
            self._set_gauge(0)
            self._log.error("leadership lost", reason=str(loss))
            raise

    def renew_soon(self) -> None:
        """Have `hold` renew now: the annotations say something new."""
        self._hurry.set()

    async def release(self) -> None:
        """Give the Lease back, if this process holds it, so that a standby need not wait for its expiry.

        Call it after all work has ended. A failure is logged and otherwise harmless: the Lease then expires. One who may
        not write any more (a process that was suspended) writes this neither.
        """
        led = self.is_leader
        self._renewed_at = None
        self._set_gauge(0)
        if not led:
            return
        try:
            async with self._clock.timeout(_RELEASE_SECONDS):
                await self._release_observed()
        except (ClientError, TimeoutError) as error:
            self._log.warning("could not release the Lease; it will expire", error=str(error) or "no answer in time")

    async def _release_observed(self) -> None:
        for last in (False, True):
            lease = await self._client.get(LEASE, self._name, self._namespace)
            self._seen.see(lease, self._clock.monotonic())
            if self._seen.holder != self.identity:
                return
            try:
                await self._client.update(LEASE, released(lease, self._clock.now()))
            except Conflict:  # a renewal that was cut off may still have arrived
                if last:
                    raise
            else:
                self._log.info("released the Lease")
                return

    async def _try_to_lead(self) -> bool:
        try:
            lease = await self._client.get(LEASE, self._name, self._namespace)
        except NotFound:
            lease = None
        self._seen.see(lease, self._clock.monotonic())
        if not self._seen.may_take(self.identity, self._clock.monotonic()):
            return False
        return await self._claim()

    async def _tell(self) -> None:
        self._has_looked = True
        async with self._looked:
            self._looked.notify_all()

    async def _pause(self, seconds: float) -> None:
        try:
            async with self._clock.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            return
        self._hurry.clear()

    async def _renew(self) -> None:
        """One attempt to renew, which ends before the deadline does; quiet about what another attempt may mend."""
        if self._remaining() <= 0:
            raise LeadershipLost(f"no renewal succeeded for {self._timing.renew_deadline:g} s")
        try:
            # Half the deadline at most: a connection that hangs must leave time for a second attempt on another one.
            async with self._clock.timeout(min(self._remaining(), self._timing.renew_deadline / 2)):
                if await self._claim():
                    self._report("")
                    return
                # Refused: somebody wrote or deleted the Lease. Who holds it now decides.
                if await self._try_to_lead():
                    return
        except (ClientError, TimeoutError) as error:
            self._report(f"cannot renew the Lease: {error or 'no answer in time'}")
            return
        if self._seen.holder != self.identity:
            raise LeadershipLost(f"the Lease was taken by {self._seen.holder or 'nobody known'}")

    async def _claim(self) -> bool:
        """Write this process into the Lease as it was last seen; False when it has changed since."""
        started = self._clock.monotonic()
        seen = self._seen.lease
        wanted = claimed(
            seen,
            name=self._name,
            namespace=self._namespace,
            identity=self.identity,
            duration=self._timing.lease,
            now=self._clock.now(),
            labels=self._labels,
            annotations=self._annotations(),
        )
        try:
            written = await (self._client.create(LEASE, wanted) if seen is None else self._client.update(LEASE, wanted))
        except (Conflict, AlreadyExists, NotFound):
            return False
        self._seen.see(written, self._clock.monotonic())
        self._renewed_at = started  # when it was asked for: others count from when they see it, which is later
        return True

    def _remaining(self) -> float:
        """Seconds for which the last renewal still entitles to act."""
        if self._renewed_at is None:
            return 0.0
        return self._renewed_at + self._timing.renew_deadline - self._clock.monotonic()

    def _set_gauge(self, value: int) -> None:
        if self._gauge is not None:
            self._gauge.set(value)

    def _report(self, problem: str) -> None:
        """Log what stands in the way once, not at every attempt."""
        if problem and problem != self._last_problem:
            self._log.warning("leader election waits", reason=problem)
        self._last_problem = problem
