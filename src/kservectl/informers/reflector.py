"""List, then watch, for ever: one kind (in one namespace or in all) kept in step with the API server.

What is promised: every change arrives, in the server's order, none twice and none skipped in silence. A broken or stalled
watch is resumed from the last version that was delivered; when that version is too old, or a line cannot be read, everything
is listed again, and only the difference is delivered. Until then what is known stays in place. Versions are compared for
equality and never otherwise.
"""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from kservectl.client.client import Client
from kservectl.client.errors import ClientError, Expired
from kservectl.client.watch import WatchEvent, WatchStream
from kservectl.clock import Clock
from kservectl.informers.backoff import Backoff
from kservectl.informers.recovery import Recovery, recovery_from
from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey

PAGE_SIZE: Final = 500
_WATCH_SECONDS: Final = (300, 600)
_LIVED: Final = 1.0
"""A watch that lived longer than this many seconds was worth having, even without an event."""
_INITIAL_SILENCE: Final = 10.0
"""Seconds without anything after which a server is taken to have ignored `sendInitialEvents`."""
_INITIAL_END: Final = "k8s.io/initial-events-end"

_ANY_VERSION: Final = "0"
"""Asks for whatever the server's cache holds: good enough to start from."""

_ENDED: Final = Recovery("ended", "", at_once=True)


class Sink(Protocol):
    """Where a reflector delivers. Every call is one step without an await, so that nobody sees half of it."""

    def replaced(self, objects: Mapping[ObjectKey, Object]) -> None:
        """This is everything there is."""
        ...

    def changed(self, obj: Object) -> None:
        """This is new, or new in this version."""
        ...

    def deleted(self, obj: Object) -> None:
        """This was the last state of an object."""
        ...

    def restarted(self, reason: str) -> None:
        """A list or watch ended and goes on; `reason` is one word."""
        ...

    def state_changed(self) -> None:
        """`listed`, `served`, `refused` or `problem` of the reflector may have changed."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """What to list and watch. An empty `namespace` means all of them."""

    kind: Kind
    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    metadata_only: bool = False
    streaming: bool = True
    """Whether to ask for the first list as a watch (KEP-3157) before falling back to pages."""


class Reflector:
    """The loop for one Target.

    `shape` is applied to every decoded object. `until_served` is awaited after the server said that it does not know the kind,
    with the back-off's delay; by default it sleeps that long.
    """

    def __init__(
        self,
        client: Client,
        target: Target,
        sink: Sink,
        *,
        shape: Callable[[Object], Object],
        clock: Clock,
        rng: random.Random,
        until_served: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        self.listed = False
        """Whether what was delivered is everything there is (as of some moment)."""
        self.served = True
        """False while the server does not know the kind."""
        self.refused = False
        """Whether the server refuses this process now."""
        self.problem = ""
        """What stands in the way now, as a sentence."""
        self.heard_at = clock.monotonic()
        """When the server last sent something, by the monotonic clock."""
        self._client = client
        self._target = target
        self._sink = sink
        self._shape = shape
        self._clock = clock
        self._rng = rng
        self._until_served = until_served or clock.sleep
        self._backoff = Backoff(clock=clock, rng=rng)
        self._streaming = target.streaming
        self._version = _ANY_VERSION
        """The last one delivered: where to watch from, and what a list must not be older than. Empty for the newest there is."""
        self._needs_list = True
        self._progressed = False
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Reflect until cancelled."""
        while True:
            try:
                if self._needs_list and not self._streaming:
                    await self._list()
                await self._watch()
                await self._recover(_ENDED)
            except ClientError as error:
                await self._recover(recovery_from(error, self._target.kind))

    async def _list(self) -> None:
        """Fetch everything in pages and deliver it at once."""
        # Together with any other version a limit would mean that very version, not one that is at least as new.
        limit = PAGE_SIZE if self._version in ("", _ANY_VERSION) else None
        try:
            objects, version = await self._pages(self._version, limit)
        except Expired:
            # The pages took too long. The continue token that comes with the error leads to a mixture of two moments, which no
            # version to watch from belongs to; so everything is fetched in one piece, once.
            objects, version = await self._pages("", None)
        self._deliver_all(objects, version)

    async def _pages(self, version: str, limit: int | None) -> tuple[dict[ObjectKey, Object], str]:
        objects: dict[ObjectKey, Object] = {}
        continue_ = ""
        while True:
            page = await self._client.list(
                self._target.kind,
                self._target.namespace,
                label_selector=self._target.label_selector,
                field_selector=self._target.field_selector,
                limit=limit,
                continue_=continue_,
                resource_version="" if continue_ else version,
                metadata_only=self._target.metadata_only,
                retry=False,
            )
            self._heard()
            for item in page["items"]:
                obj = self._shape(item)
                objects[metadata.key(obj)] = obj
            continue_ = str(metadata.metadata(page).get("continue") or "")
            if not continue_:
                return objects, metadata.resource_version(page)

    async def _watch(self) -> None:
        """Deliver events until the server ends the watch; the first ones are the list when there is none yet."""
        initial = self._needs_list
        opened_at = self._clock.monotonic()
        async with self._client.watch(
            self._target.kind,
            self._target.namespace,
            # A streaming list has no use for "any version": it starts with the newest one.
            resource_version="" if initial and self._version == _ANY_VERSION else self._version,
            label_selector=self._target.label_selector,
            field_selector=self._target.field_selector,
            timeout_seconds=self._rng.randint(*_WATCH_SECONDS),
            send_initial_events=initial,
            metadata_only=self._target.metadata_only,
        ) as stream:
            self._heard()
            if initial and not await self._receive_list(stream):
                self._streaming = False
                self._progressed = True
                return
            self._set_state()
            async for event in stream:
                self._heard()
                self._progressed = True
                self._deliver(event)
        if self._clock.monotonic() - opened_at > _LIVED:
            self._progressed = True

    async def _receive_list(self, stream: WatchStream) -> bool:
        """Collect the initial events of a streaming list; False when the server does not send them as such."""
        objects: dict[ObjectKey, Object] = {}
        while True:
            if not len(stream):
                try:
                    async with self._clock.timeout(_INITIAL_SILENCE):
                        goes_on = await stream.wait()
                except TimeoutError:
                    goes_on = False
                if not goes_on:
                    return False
                self._heard()
            event = stream.pop()
            if event.type == "BOOKMARK":
                if metadata.annotations(event.object).get(_INITIAL_END) == "true":
                    self._deliver_all(objects, metadata.resource_version(event.object))
                    return True
                continue
            obj = self._shape(event.object)
            if event.type == "DELETED":
                objects.pop(metadata.key(obj), None)
            else:
                objects[metadata.key(obj)] = obj

    def _deliver_all(self, objects: Mapping[ObjectKey, Object], version: str) -> None:
        self._sink.replaced(objects)
        self._version = version
        self._needs_list = False
        self.listed = True
        self._progressed = False
        self._set_state()

    def _deliver(self, event: WatchEvent) -> None:
        version = metadata.resource_version(event.object)
        if event.type == "DELETED":
            self._sink.deleted(self._shape(event.object))
        elif event.type != "BOOKMARK":
            self._sink.changed(self._shape(event.object))
        if version:
            self._version = version

    async def _recover(self, recovery: Recovery) -> None:
        """Do what `recovery` says: forget the version, report, wait."""
        if self._needs_list and self._streaming and recovery.reason == "rejected":
            # An API server from before streaming lists; it is asked for pages, without a wait.
            self._streaming = False
            return
        self._needs_list = self._needs_list or recovery.relist
        if recovery.newest:
            self._version = ""
        self._sink.restarted(recovery.reason)
        if recovery.problem:
            if recovery.problem != self.problem:
                # That a kind is not served is the usual case for the optional ones; who requires it says so itself.
                log = self._log.warning if recovery.served else self._log.info
                log("informer interrupted", reason=recovery.reason, problem=recovery.problem)
            self.listed = self.listed and recovery.served
            self._set_state(recovery.problem, served=recovery.served, refused=recovery.refused)
        if recovery.at_once and self._progressed:
            self._progressed = False
            return
        self._progressed = False
        delay = recovery.wait if recovery.wait is not None else self._backoff.next()
        await (self._clock.sleep(delay) if recovery.served else self._until_served(delay))

    def _set_state(self, problem: str = "", *, served: bool = True, refused: bool = False) -> None:
        self.problem, self.served, self.refused = problem, served, refused
        self._sink.state_changed()

    def _heard(self) -> None:
        self.heard_at = self._clock.monotonic()
