"""Reading a watch in a test: events one by one, each with a deadline."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

Event = dict[str, Any]


class Watched:
    """A running watch."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._buffer = b""

    async def next(self) -> Event | None:
        """The next event, None when the stream ended; raises ClientError when it broke off."""
        async with asyncio.timeout(5):
            while b"\n" not in self._buffer:
                chunk = await self._response.content.readany()
                if not chunk:
                    return None
                self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        event: Event = json.loads(line)
        return event

    async def seen(self, count: int) -> list[tuple[str, str]]:
        """Type and name of the next events."""
        found = []
        for _ in range(count):
            event = await self.next()
            assert event is not None
            found.append((event["type"], event["object"]["metadata"].get("name", "")))
        return found


@asynccontextmanager
async def watching(http: aiohttp.ClientSession, path: str, **query: str) -> AsyncIterator[Watched]:
    async with http.get(path, params={"watch": "true", **query}) as response:
        assert response.status == 200, await response.text()
        yield Watched(response)
