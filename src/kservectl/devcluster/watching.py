"""Watches: a collection's changes as a stream of lines, each encoded once however many clients read it.

A watch holds only its position in the collection's history. One that cannot keep up, or asks for a revision that is gone,
is told so by an ERROR event with 410 and ends; the client lists again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass

import orjson

from kservectl.clock import Clock
from kservectl.devcluster.contract import Cause, ServedKind
from kservectl.devcluster.listing import Lister
from kservectl.devcluster.refusals import expired, invalid_option, status_of, too_large_version
from kservectl.devcluster.registry import Registry, resource_of
from kservectl.devcluster.request import RequestInfo, integer, resource_version
from kservectl.devcluster.selectors import Selector
from kservectl.devcluster.storage import Change, Entry, Follower, Store, TooOld
from kservectl.objects.metadata import Object

Encode = Callable[[Entry], bytes]
"""The JSON of an entry in the form that the client negotiated (the object, a table row, its metadata)."""

_INITIAL_EVENTS_END = "k8s.io/initial-events-end"


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """`version` 0 means to begin with what is there; `initial_events` asks for a streaming list."""

    version: int
    bookmarks: bool
    initial_events: bool
    seconds: float
    namespace: str
    selector: Selector
    identity: tuple[str, str]
    """apiVersion and kind of what is sent, for bookmarks."""


class Watch:
    """One running watch. `cut` breaks it off without a word, as a lost connection does."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self.broken = False
        self.stopped = False

    def cut(self) -> None:
        self.broken = True
        self._follower.wake()

    def stop(self) -> None:
        self.stopped = True
        self._follower.wake()


class Cut(Exception):
    """The watch was broken off on purpose; the connection is to be dropped."""


class Watcher:
    """Serves watches. `bookmark_seconds` is how often a quiet watch that allows it is told the revision."""

    def __init__(
        self, store: Store, registry: Registry, lister: Lister, *, clock: Clock, bookmark_seconds: float = 60.0
    ) -> None:
        self._store = store
        self._registry = registry
        self._lister = lister
        self._clock = clock
        self._bookmark_seconds = bookmark_seconds
        self._running: set[Watch] = set()
        self.delay_seconds = 0.0
        """How long every delivery is held back: what a slow network does to caches."""

    @property
    def running(self) -> int:
        return len(self._running)

    def options(
        self, served: ServedKind, info: RequestInfo, default_seconds: float, identity: tuple[str, str]
    ) -> WatchOptions:
        initial = info.query.get("sendInitialEvents", "")
        match = info.query.get("resourceVersionMatch", "")
        field = "resourceVersionMatch"
        if initial and match != "NotOlderThan":
            said = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            raise invalid_option("ListOptions", [Cause("FieldValueForbidden", said, field)])
        if match and not initial:
            said = "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            raise invalid_option("ListOptions", [Cause("FieldValueForbidden", said, field)])
        version = resource_version(info.query.get("resourceVersion", ""))
        streaming = initial.lower() in {"true", "1"}
        if streaming and version > self._store.revision:
            raise too_large_version(version, self._store.revision)
        return WatchOptions(
            version,
            info.flag("allowWatchBookmarks"),
            streaming,
            float(integer(info, "timeoutSeconds", 0) or default_seconds),
            info.namespace,
            self._lister.selector(served, info),
            identity,
        )

    def cut_all(self) -> None:
        """Break every running watch off."""
        for watch in self._running:
            watch.cut()

    def stop_all(self) -> None:
        """End every running watch properly."""
        for watch in self._running:
            watch.stop()

    async def stream(self, served: ServedKind, options: WatchOptions, encode: Encode) -> AsyncIterator[bytes]:
        """Chunks of whole lines until the watch's time is over, or it is ended; raises Cut when broken off."""
        view = _View(served, options, self._registry)
        start = options.version if options.version and not options.initial_events else self._store.revision
        try:
            follower = self._store.collection(resource_of(served.kind)).follow(start)
        except TooOld as error:
            yield _line(b"ERROR", orjson.dumps(status_of(expired(str(error)))))
            return
        watch = Watch(follower)
        self._running.add(watch)
        try:
            if not options.version or options.initial_events:
                yield self._initial(served, options, encode)
            async for chunk in self._follow(watch, follower, view, encode):
                yield chunk
        finally:
            self._running.discard(watch)
            follower.close()

    def _initial(self, served: ServedKind, options: WatchOptions, encode: Encode) -> bytes:
        entries = self._lister.matching(served, options.namespace, options.selector)
        lines = [_line(b"ADDED", encode(entry)) for entry in entries]
        if options.initial_events and options.bookmarks:
            mark = self._bookmark(options, {_INITIAL_EVENTS_END: "true"})
            lines.append(mark)
        return b"".join(lines)

    async def _follow(self, watch: Watch, follower: Follower, view: "_View", encode: Encode) -> AsyncIterator[bytes]:
        options = view.options
        until = self._clock.monotonic() + options.seconds
        next_bookmark = self._clock.monotonic() + self._bookmark_seconds
        while not watch.stopped and not follower.ended:
            wake_at = min(until, next_bookmark) if options.bookmarks else until
            try:
                async with self._clock.timeout(wake_at - self._clock.monotonic()):
                    await follower.wait()
            except TimeoutError:
                if self._clock.monotonic() >= until:
                    break
            if self.delay_seconds:
                await self._clock.sleep(self.delay_seconds)
            if watch.broken:
                raise Cut
            try:
                changes = follower.pending()
            except TooOld as error:
                yield _line(b"ERROR", orjson.dumps(status_of(expired(str(error)))))
                return
            if changes:
                if chunk := b"".join(view.lines(changes, encode)):
                    yield chunk
                if len(changes) > _YIELD_ABOVE:
                    await asyncio.sleep(0)
            due = options.bookmarks and self._clock.monotonic() >= next_bookmark
            if due and not follower.behind:  # changes may have come while the chunk was being sent
                next_bookmark = self._clock.monotonic() + self._bookmark_seconds
                yield self._bookmark(options)
        if options.bookmarks and not follower.ended and not follower.behind:
            yield self._bookmark(options)

    def _bookmark(self, options: WatchOptions, annotations: Object | None = None) -> bytes:
        metadata: Object = {"resourceVersion": str(self._store.revision), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        api_version, kind = options.identity
        mark = {"kind": kind, "apiVersion": api_version, "metadata": metadata}
        return _line(b"BOOKMARK", orjson.dumps(mark))


_YIELD_ABOVE = 64


class _View:
    """What one watch sees of its collection's changes."""

    def __init__(self, served: ServedKind, options: WatchOptions, registry: Registry) -> None:
        self.served = served
        self.options = options
        self._registry = registry

    def lines(self, changes: Sequence[Change], encode: Encode) -> Iterable[bytes]:
        namespace, after = self.options.namespace, self.options.version
        for change in changes:
            if namespace and change.entry.key.namespace != namespace:
                continue
            if change.revision <= after:  # the client knows a revision that this server has yet to reach
                continue
            seen = self._seen(change)
            if seen is not None:
                yield _line(seen[0], encode(seen[1]))

    def _seen(self, change: Change) -> tuple[bytes, Entry] | None:
        """The event that a change is to this watch: entering and leaving the selection are ADDED and DELETED."""
        selector = self.options.selector
        if selector.empty:
            return change.type.encode(), change.entry
        now = change.type != "DELETED" and self._matches(change.entry)
        before = change.previous is not None and self._matches(change.previous)
        if change.type == "DELETED":
            return (b"DELETED", change.entry) if before else None
        if now:
            return (b"MODIFIED" if before else b"ADDED"), change.entry
        return (b"DELETED", change.departed()) if before else None

    def _matches(self, entry: Entry) -> bool:
        return self.options.selector.matches(entry.as_kind(self.served.kind, self._registry.convert))


def _line(type_: bytes, encoded: bytes) -> bytes:
    return b'{"type":"' + type_ + b'","object":' + encoded + b"}\n"
