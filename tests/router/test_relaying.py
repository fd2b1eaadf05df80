"""Answers that come in pieces, from a service through the router to a caller, over real connections."""

import asyncio
import json

import aiohttp
import pytest
from prometheus_client import generate_latest

from tests.fake_clock import FakeClock
from tests.router.routing import Router, Upstream, routing, to


@pytest.fixture
def streaming(upstream: Upstream) -> str:
    """The URL of a service that sends each event when it is told to."""
    return f"{upstream.url}/events"


async def first_event(router: Router, upstream: Upstream) -> tuple[aiohttp.ClientResponse, bytes]:
    asking = asyncio.create_task(router.session.post(f"http://127.0.0.1:{router.server.port}/", data=b"{}"))
    upstream.more.set()
    answer = await asyncio.wait_for(asking, 5)
    return answer, await asyncio.wait_for(answer.content.readany(), 5)


async def test_each_piece_reaches_the_caller_before_the_next_is_made(upstream: Upstream, streaming: str) -> None:
    async with routing(to(f"{upstream.url}/echo"), to(streaming, data="$response")) as router:
        answer, piece = await first_event(router, upstream)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
        assert piece == b"data: 1\n\n"
        for number in (2, 3):
            upstream.more.set()
            assert await asyncio.wait_for(answer.content.readany(), 5) == b"data: %d\n\n" % number
        upstream.done = True
        upstream.more.set()
        assert await answer.content.readany() == b""
        text = generate_latest(router.registry).decode()
        assert 'kservectl_router_requests_total{code="200"} 1.0' in text
        assert 'kservectl_router_step_seconds_count{code="200",node="root",step="1"} 1.0' in text


@pytest.mark.parametrize("type_", ["Splitter", "Switch"])
async def test_the_chosen_step_may_answer_in_pieces(upstream: Upstream, streaming: str, type_: str) -> None:
    async with routing(to(streaming, weight=100, condition="@this"), type_=type_) as router:
        answer, piece = await first_event(router, upstream)
        assert piece == b"data: 1\n\n"
        answer.close()


async def test_an_answer_that_another_step_needs_is_read_whole(upstream: Upstream, streaming: str) -> None:
    upstream.done = True
    upstream.more.set()
    async with routing(to(streaming), to(f"{upstream.url}/echo", data="$response")) as router:
        assert (await router.post())[:2] == (200, b"data: 1\n\n")


async def test_a_member_of_an_ensemble_is_read_whole(upstream: Upstream, streaming: str) -> None:
    upstream.done = True
    upstream.more.set()
    async with routing(to(streaming, name="told"), type_="Ensemble") as router:
        status, cause = await router.cause()
        assert (status, "the answer of step 'told' of the Ensemble 'root' is not JSON" in cause) == (500, True)


async def test_what_does_not_come_in_pieces_on_purpose_is_read_whole(upstream: Upstream) -> None:
    async with routing(to(f"{upstream.url}/flood"), max_bytes=100_000) as router:
        status, cause = await router.cause()
        assert (status, "longer than 100000 bytes" in cause) == (500, True)


async def test_an_answer_that_breaks_off_does_not_look_whole(upstream: Upstream, streaming: str) -> None:
    async with routing(to(streaming + "/broken")) as router:
        answer, _ = await first_event(router, upstream)
        upstream.more.set()
        with pytest.raises(aiohttp.ClientPayloadError):
            while await asyncio.wait_for(answer.content.readany(), 5):
                pass
        text = generate_latest(router.registry).decode()
        assert 'kservectl_router_requests_total{code="aborted"} 1.0' in text


async def test_an_answer_that_takes_too_long_is_broken_off(upstream: Upstream, streaming: str) -> None:
    clock = FakeClock()
    async with routing(to(streaming), clock=clock) as router:
        answer, _ = await first_event(router, upstream)
        await clock.advance(61)
        with pytest.raises(aiohttp.ClientPayloadError):
            while await asyncio.wait_for(answer.content.readany(), 5):
                pass
        await asyncio.wait_for(upstream.gone.wait(), 5)


async def test_a_caller_that_leaves_ends_the_stream(upstream: Upstream, streaming: str) -> None:
    async with routing(to(streaming)) as router:
        answer, _ = await first_event(router, upstream)
        answer.close()
        upstream.more.set()
        await asyncio.wait_for(upstream.gone.wait(), 5)


async def test_an_error_is_no_stream(upstream: Upstream, streaming: str) -> None:
    async with routing(to(streaming + "/refused")) as router:
        status, body, kind = await router.post()
        assert (status, kind, json.loads(body)) == (503, "application/json", {"busy": True})
