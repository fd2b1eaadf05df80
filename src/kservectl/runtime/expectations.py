"""A decision must not be made on a cache that is older than this process's own writes.

After a write the server's answer names the resourceVersion that the write produced. Until the cache has shown that version
of the object (or a later one: versions of one object arrive in order) the key that wrote waits. This is what keeps a
controller from creating twice, or from taking back what it has just done. A lost event cannot block a key for ever: an
expectation ends by itself after `timeout` seconds.

Resource versions are compared for equality only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kservectl.clock import Clock
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import ObjectKey
from kservectl.runtime.outcome import Child


@dataclass(slots=True)
class Write:
    """A write under way. Report its end with `wrote` or `deleted`; a write that failed reports nothing."""

    _expectations: "Expectations"
    _owner: ObjectKey
    _child: Child
    _seen: set[str] = field(default_factory=set)
    _gone: bool = False

    def wrote(self, resource_version: str) -> None:
        """The server answered with this version; wait for it unless the cache has shown it already."""
        if not self._gone and resource_version not in self._seen:
            self._expectations._await(self._owner, self._child, resource_version)

    def deleted(self) -> None:
        """The server accepted the deletion; wait for the next change of the object, whatever it is."""
        if not self._gone and not self._seen:
            self._expectations._await(self._owner, self._child, None)


class Expectations:
    """What the keys of one controller wait for."""

    def __init__(self, clock: Clock, timeout: float = 10.0) -> None:
        self._clock = clock
        self._timeout = timeout
        self._under_way: dict[Child, list[Write]] = {}
        self._owners: dict[Child, dict[ObjectKey, str | None]] = {}
        self._deadlines: dict[ObjectKey, dict[Child, float]] = {}

    @contextmanager
    def writing(self, owner: ObjectKey, kind: Kind, child: ObjectKey) -> Iterator[Write]:
        """Wrap a write, so that an event that overtakes the server's answer is not missed."""
        write = Write(self, owner, (kind, child))
        self._under_way.setdefault((kind, child), []).append(write)
        try:
            yield write
        finally:
            others = [other for other in self._under_way[kind, child] if other is not write]
            if others:
                self._under_way[kind, child] = others
            else:
                del self._under_way[kind, child]

    def observe(self, kind: Kind, child: ObjectKey, resource_version: str | None) -> set[ObjectKey]:
        """The cache now shows this version of an object; None means that it is gone, or that the cache was replaced.

        Answers which owners it is no news to: the version is the one that a write of theirs produced, or the first that shows
        while a write is under way. Writes are conditional on what was observed: either that version is theirs, or they fail, and
        the owner is decided again anyway. A later version is somebody else's.
        """
        authors = set()
        for write in self._under_way.get((kind, child), ()):
            if resource_version is None:
                write._gone = True
            else:
                if write._seen <= {resource_version}:
                    authors.add(write._owner)
                write._seen.add(resource_version)
        owners = self._owners.get((kind, child))
        if not owners:
            return authors
        for owner, awaited in list(owners.items()):
            if resource_version is not None and awaited == resource_version:
                authors.add(owner)
            if resource_version is None or awaited is None or awaited == resource_version:
                self._forget(owner, (kind, child))
        return authors

    def pending(self, owner: ObjectKey) -> bool:
        """Whether the cache is still behind a write of `owner`'s."""
        deadlines = self._deadlines.get(owner)
        if not deadlines:
            return False
        now = self._clock.monotonic()
        for child, deadline in list(deadlines.items()):
            if deadline <= now:
                self._forget(owner, child)
        return owner in self._deadlines

    def deadline(self, owner: ObjectKey) -> float | None:
        """Seconds until the last expectation of `owner` ends by itself; None when it waits for nothing."""
        deadlines = self._deadlines.get(owner)
        return max(deadlines.values()) - self._clock.monotonic() if deadlines else None

    def forget(self, owner: ObjectKey) -> None:
        """`owner` is gone: nothing of it is awaited any more."""
        for child in list(self._deadlines.get(owner, ())):
            self._forget(owner, child)

    def _await(self, owner: ObjectKey, child: Child, resource_version: str | None) -> None:
        self._owners.setdefault(child, {})[owner] = resource_version
        self._deadlines.setdefault(owner, {})[child] = self._clock.monotonic() + self._timeout

    def _forget(self, owner: ObjectKey, child: Child) -> None:
        owners, deadlines = self._owners.get(child, {}), self._deadlines.get(owner, {})
        owners.pop(owner, None)
        deadlines.pop(child, None)
        if not owners:
            self._owners.pop(child, None)
        if not deadlines:
            self._deadlines.pop(owner, None)
