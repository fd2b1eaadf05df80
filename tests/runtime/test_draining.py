"""A server that is told to stop, over real connections: what it says, how long it takes requests, and what it waits for."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from kservectl.runtime.draining import DrainingServer
from tests.fake_clock import FakeClock, eventually

DRAIN, FINISH = 10.0, 15.0


class Served:
    """A server that says whether it drains, and answers `/slow` once `go_on` is set."""

    def __init__(self, clock: FakeClock, bind: str = "127.0.0.1:0") -> None:
        self.clock = clock
        self.server = DrainingServer("thing", bind, drain_seconds=DRAIN, finish_seconds=FINISH, clock=clock)
        self.stop, self.come, self.go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.app = web.Application()
        self.app.router.add_get("/{path:.*}", self.handle)
        self.closed: Callable[[], object] = lambda: None
        self.running = asyncio.create_task(self.server.run(self.app, self.stop, closed=self.on_closed))

    async def handle(self, request: web.Request) -> web.Response:
        with self.server.under_way.request():
            if request.path == "/slow":
                self.come.set()
                await self.go_on.wait()
            return web.Response(text="draining" if self.server.draining else "serving")

    def on_closed(self) -> None:
        self.closed()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def end(self) -> None:
        """Tell it to stop, and let it drain."""
        self.stop.set()
        await eventually(lambda: self.clock.next_timer is not None)
        await self.clock.advance(DRAIN)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Served, aiohttp.ClientSession]]:
    served = Served(FakeClock())
    await served.server.started.wait()
    async with aiohttp.ClientSession() as session:
        yield served, session
    served.running.cancel()
    await asyncio.wait([served.running])


async def text(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(url) as answer:
        return await answer.text()


async def test_it_says_that_it_drains_and_takes_requests_until_it_has() -> None:
    async with serving() as (served, session):
        assert await text(session, served.url) == "serving"
        served.stop.set()
        await eventually(lambda: served.clock.next_timer is not None)
        await served.clock.advance(DRAIN - 1)
        assert await text(session, served.url) == "draining"
        await served.clock.advance(1)
        await asyncio.wait_for(served.running, 5)
        with pytest.raises(aiohttp.ClientConnectorError):
            await text(session, served.url)


async def test_what_is_under_way_is_answered_when_nothing_new_is_taken() -> None:
    async with serving() as (served, session):
        asking = asyncio.create_task(text(session, f"{served.url}/slow"))
        await served.come.wait()
        await served.end()
        await eventually(lambda: not listens(served.server.port or 0))
        assert not served.running.done()
        served.go_on.set()
        assert await asking == "draining"
        await asyncio.wait_for(served.running, 5)


async def test_what_waits_for_others_is_told_that_none_will_come() -> None:
    async with serving() as (served, session):
        asking = asyncio.create_task(text(session, f"{served.url}/slow"))
        await served.come.wait()
        listened: list[bool] = []

        def closed() -> None:
            listened.append(listens(served.server.port or 0))
            served.go_on.set()

        served.closed = closed
        await served.end()
        assert await asking == "draining"
        assert listened == [False]


async def test_what_takes_too_long_is_cut_off() -> None:
    async with serving() as (served, session):
        asking = asyncio.create_task(text(session, f"{served.url}/slow"))
        await served.come.wait()
        await served.end()
        await eventually(lambda: not listens(served.server.port or 0))
        await served.clock.advance(FINISH)
        await asyncio.wait_for(served.running, 5)
        with pytest.raises(aiohttp.ClientConnectionError):
            await asking


async def test_a_handler_ends_with_its_caller() -> None:
    async with serving() as (served, session):
        asking = asyncio.create_task(text(session, f"{served.url}/slow"))
        await served.come.wait()
        asking.cancel()
        await eventually(lambda: served.server.under_way.count == 0)


async def test_an_address_that_is_taken_is_an_error_that_leaves_nothing_open() -> None:
    async with serving() as (served, _):
        second = Served(FakeClock(), f"127.0.0.1:{served.server.port}")
        with pytest.raises(OSError, match="in use"):
            await second.running
        assert (second.server.port, second.server.started.is_set()) == (None, False)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
