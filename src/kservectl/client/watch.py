"""From the bytes of a watch to its events.

A watch is a stream of JSON documents, one a line, of any size. Lines are split here, because a stream reader's own line
reading fails above its buffer limit, and objects over 1 MiB are normal. The last line of a broken connection is dropped:
nothing is lost, since the watch is resumed from the event before it. What cannot be decoded is an error, never skipped.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeGuard

import orjson

from kservectl.client.errors import UndecodableLine, error_from_status
from kservectl.objects.metadata import Object

EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One event. A BOOKMARK's object has only a kind and `metadata.resourceVersion` (and annotations)."""

    type: EventType
    object: Object


class ByteSource(Protocol):
    """Where the bytes come from: an open response."""

    async def read(self) -> bytes:
        """The next bytes, as many as there are; empty at the end. Raises ConnectionFailed, Stalled."""
        ...


class WatchStream:
    """The events of one watch, as an async iterator.

    The iteration ends when the server ends the watch. An ERROR event ends it with the ApiError its Status describes
    (410 Gone is `Expired`); a broken connection with ConnectionFailed; a line that is no event with UndecodableLine, after
    every event before it was handed out.
    """

    def __init__(self, source: ByteSource, *, request: str, complete: Callable[[Object], Object] | None = None) -> None:
        self._source = source
        self._request = request
        self._complete = complete
        self._lines = LineSplitter()
        self._waiting: deque[Line] = deque()

    def __aiter__(self) -> "WatchStream":
        return self

    async def __anext__(self) -> WatchEvent:
        if not await self.wait():
            raise StopAsyncIteration
        return self.pop()

    async def wait(self) -> bool:
        """Return once `pop` has an event to give; False when the watch has ended."""
        while not self._waiting:
            chunk = await self._source.read()
            if not chunk:
                return False
            self._waiting.extend(self._lines.feed(chunk))
        return True

    def __len__(self) -> int:
        """How many events were read already: so often `pop` may be called."""
        return len(self._waiting)

    def pop(self) -> WatchEvent:
        """The next event, at once: for who reads thousands, as those of a streaming list."""
        event = decode_event(self._waiting.popleft(), request=self._request)
        if self._complete is not None and event.type != "BOOKMARK":
            return WatchEvent(event.type, self._complete(event.object))
        return event


@dataclass(frozen=True, slots=True)
class Line:
    """A whole line without its end. `number` counts from 1; `offset` is in bytes from the start of the stream."""

    data: bytes
    number: int
    offset: int


class LineSplitter:
    """Cuts a stream of chunks into lines. Blank lines are counted but not handed out. Linear in the bytes it is fed."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._number = 1
        self._offset = 0

    def feed(self, chunk: bytes) -> list[Line]:
        """The lines that `chunk` completes; what follows its last newline waits for the next chunk."""
        *ends, rest = chunk.split(b"\n")
        lines: list[Line] = []
        for end in ends:
            self._rest.append(end)
            data = b"".join(self._rest)
            self._rest.clear()
            if data and not data.isspace():
                lines.append(Line(data, self._number, self._offset))
            self._number += 1
            self._offset += len(data) + 1
        if rest:
            self._rest.append(rest)
        return lines


def decode_event(line: Line, *, request: str) -> WatchEvent:
    """The event in a line of the answer to `request`; raises UndecodableLine, or ApiError for an ERROR event."""
    try:
        document = orjson.loads(line.data)
    except orjson.JSONDecodeError as error:
        raise _undecodable(line, request, f"is not JSON ({error})") from error
    obj = document.get("object") if isinstance(document, dict) else None
    if not is_object(obj):
        raise _undecodable(line, request, "is JSON but not a watch event")
    match document.get("type"):
        case "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" as type_:
            return WatchEvent(type_, obj)
        case "ERROR":
            code = obj.get("code")
            raise error_from_status(code if isinstance(code, int) else 500, obj, request=request)
        case _:
            raise _undecodable(line, request, "has an unknown event type")


def is_object(value: Any) -> TypeGuard[Object]:
    """Whether decoded JSON has the shape of an object: a map, whose metadata, if any, is a map."""
    return isinstance(value, dict) and isinstance(value.get("metadata") or {}, dict)


def _undecodable(line: Line, request: str, what: str) -> UndecodableLine:
    # The text of the line is left out: it may hold a Secret.
    message = f"{request}: line {line.number} of the watch, {len(line.data)} bytes at offset {line.offset}, {what}"
    return UndecodableLine(message, line=line.number, offset=line.offset)
