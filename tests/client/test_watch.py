"""From chunks of bytes to events, however the network cuts them."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kservectl.client.errors import Expired, ServerError, UndecodableLine
from kservectl.client.watch import LineSplitter, WatchEvent, WatchStream


class Pieces:
    """A source that hands out prepared pieces."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    async def read(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


async def events(*pieces: bytes) -> list[WatchEvent]:
    return [event async for event in WatchStream(Pieces(pieces), request="WATCH /x")]


def line(type_: str, obj: Any) -> bytes:
    return json.dumps({"type": type_, "object": obj}).encode() + b"\n"


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


OBJECTS = st.dictionaries(st.text(max_size=5), st.text(max_size=40), max_size=4)
EVENTS = st.lists(st.tuples(st.sampled_from(("ADDED", "MODIFIED", "DELETED", "BOOKMARK")), OBJECTS), max_size=8)


@given(EVENTS, st.lists(st.integers(0, 5000), max_size=30), st.integers(0, 200))
async def test_events_do_not_depend_on_how_the_stream_is_cut(
    sent: list[tuple[str, dict[str, str]]], places: list[int], lost: int
) -> None:
    data = b"".join(line(type_, obj) for type_, obj in sent)
    # The connection breaks `lost` bytes early: the whole lines that arrived are all that is handed out.
    arrived = data[: max(len(data) - lost, 0)]
    whole = arrived.count(b"\n")
    got = await events(*cut(arrived, places))
    assert [(event.type, event.object) for event in got] == sent[:whole]


@settings(max_examples=20)
@given(st.lists(st.integers(0, 6 * 2**20), max_size=40))
async def test_a_line_of_five_mebibytes_is_one_event(places: list[int]) -> None:
    big = {"data": "x" * 5 * 2**20}
    data = line("ADDED", big) + line("MODIFIED", {"a": 1})
    assert await events(*cut(data, places)) == [WatchEvent("ADDED", big), WatchEvent("MODIFIED", {"a": 1})]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=10))
def test_lines_know_their_number_and_place(data: bytes, places: list[int]) -> None:
    splitter = LineSplitter()
    lines = [found for piece in cut(data, places) for found in splitter.feed(piece)]
    for found in lines:
        assert data[found.offset : found.offset + len(found.data) + 1] == found.data + b"\n"
        assert data[: found.offset].count(b"\n") == found.number - 1
    texts = data.split(b"\n")[:-1]
    assert [found.data for found in lines] == [text for text in texts if text and not text.isspace()]


async def test_error_event_ends_the_stream_with_its_status() -> None:
    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version: 1 (9)"}
    with pytest.raises(Expired, match="too old resource version"):
        await events(line("ADDED", {}), line("ERROR", gone))
    with pytest.raises(ServerError):
        await events(line("ERROR", {"kind": "Status"}))


@pytest.mark.parametrize(
    "bad",
    [
        b"garbage",
        b"{",
        b"[1, 2]",
        b'"ADDED"',
        b'{"type": "ADDED"}',
        b'{"type": "ADDED", "object": [1]}',
        b'{"type": "ADDED", "object": {"metadata": 5}}',
        b'{"type": "RENAMED", "object": {}}',
        b'{"type": ["ADDED"], "object": {}}',
        b'{"type": "ADDED", "object": {"\xff": 1}}',
        b"[" * 100_000,
    ],
)
async def test_line_that_is_no_event_is_an_error_with_its_position(bad: bytes) -> None:
    first = line("ADDED", {"a": "b"})
    stream = WatchStream(Pieces([first + b"\n" + bad + b"\n" + first]), request="WATCH /x")
    assert await anext(stream) == WatchEvent("ADDED", {"a": "b"})
    with pytest.raises(UndecodableLine) as raised:
        await anext(stream)
    assert (raised.value.line, raised.value.offset) == (3, len(first) + 1)
    assert "WATCH /x: line 3" in str(raised.value)


async def test_undecodable_line_is_not_quoted() -> None:
    with pytest.raises(UndecodableLine) as raised:
        await events(b'{"type": "ADDED", "object": {"password": "hunter2"}\n')
    assert "hunter2" not in str(raised.value)
