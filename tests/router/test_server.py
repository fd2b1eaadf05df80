"""The router over real connections: with services that answer, hang, break off, say too much, or are not there."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from multidict import CIMultiDict
from prometheus_client import generate_latest

from kservectl.router.call import Call
from kservectl.router.calling import ServiceClient
from kservectl.router.headers import HeaderRules
from kservectl.router.mesh import Mesh
from tests.fake_clock import FakeClock, eventually
from tests.router.routing import NO_LIMIT, Upstream, routing, to


async def test_any_path_and_method_runs_the_graph(upstream: Upstream) -> None:
    async with routing(to(f"{upstream.url}/echo")) as router:
        assert await router.post(b'{"a": 1}', "/v2/x?y=1") == (200, b'{"a": 1}', "application/json")
        async with router.session.put(f"http://127.0.0.1:{router.server.port}/z", data=b"[]") as answer:
            assert answer.status == 200
    assert [(method, path, body) for method, path, body, _ in upstream.seen] == [
        ("POST", "/echo", b'{"a": 1}'),
        ("POST", "/echo", b"[]"),
    ]


async def test_what_a_service_refuses_reaches_the_caller(upstream: Upstream) -> None:
    async with routing(to(f"{upstream.url}/teapot")) as router:
        assert await router.post() == (418, b'{"short": "stout"}', "application/json")


async def test_what_is_no_json_is_left_as_it_is(upstream: Upstream) -> None:
    async with routing(to(f"{upstream.url}/text")) as router:
        assert await router.post() == (200, b"plain words", "text/csv")


async def test_redirects_are_followed_with_the_body(upstream: Upstream) -> None:
    async with routing(to(f"{upstream.url}/moved")) as router:
        assert (await router.post(b"[1]"))[1] == b"[1]"


@pytest.mark.parametrize("code", [301, 302, 303])
async def test_redirects_elsewhere_are_followed_without_it(upstream: Upstream, code: int) -> None:
    async with routing(to(f"{upstream.url}/moved?as={code}")) as router:
        assert (await router.post(b"[1]"))[0] == 200
    assert [(method, path, body) for method, path, body, _ in upstream.seen][1:] == [("GET", "/echo", b"")]


async def test_the_proxy_of_the_environment_is_used(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", upstream.url)
    async with routing(to("http://model.invalid/echo")) as router:
        assert (await router.post(b"[1]"))[:2] == (200, b"[1]")
    assert upstream.seen[0][3]["Host"] == "model.invalid"


async def test_headers_go_on_as_configured(upstream: Upstream) -> None:
    async with routing(to(f"{upstream.url}/echo"), headers=HeaderRules.of_variable("X-Keep,Content-Type")) as router:
        await router.post(headers={"x-keep": "1", "X-Drop": "2", "Content-Type": "application/cloudevents+json"})
    headers = upstream.seen[0][3]
    assert headers["X-Keep"] == "1"
    assert headers["Content-Type"] == "application/cloudevents+json"
    assert "X-Drop" not in headers
    assert headers["Host"] == upstream.url.removeprefix("http://")


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://single-1.default.{$your-domain}/switch", "invalid character in host name"),
        ("", "unsupported protocol scheme"),
        ("ftp://host/x", 'unsupported protocol scheme "ftp"'),
        ("http://", "invalid character in host name"),
        ("http://[::1", "parse"),
        ("http://user:secret@127.0.0.1:PORT/x", "cannot connect to 127.0.0.1"),
    ],
)
async def test_a_url_that_cannot_be_called_is_told(url: str, said: str) -> None:
    async with routing(to(url.replace("PORT", str(closed_port())))) as router:
        status, cause = await router.cause()
    assert status == 500
    assert said in cause
    assert "secret" not in cause


async def test_a_switch_without_a_match_is_not_found() -> None:
    async with routing(to("http://x", condition="a"), type_="Switch") as router:
        assert await router.cause() == (404, "None of the routes matched with the switch condition")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/reset", "Server disconnected"),
        ("/flood", "the answer is longer than 100000 bytes"),
        ("/flood/announced", "the answer is longer than 100000 bytes"),
    ],
)
async def test_a_service_that_breaks_harms_nobody_else(upstream: Upstream, path: str, said: str) -> None:
    bad = {"condition": "bad", **to(upstream.url + path)}
    good = {"condition": "good", **to(f"{upstream.url}/echo")}
    async with routing(bad, good, type_="Switch", max_bytes=100_000) as router:
        bad_ones = [asyncio.create_task(router.cause(b'{"bad":1}')) for _ in range(2)]
        good_ones = await asyncio.gather(*(router.post(b'{"good":1}') for _ in range(5)))
        causes = await asyncio.gather(*bad_ones)
    assert all(status == 500 and said in cause for status, cause in causes)
    assert [answer[0] for answer in good_ones] == [200] * 5


async def test_a_request_that_is_too_long_is_refused(upstream: Upstream) -> None:
    async with routing(to(f"{upstream.url}/echo"), max_bytes=1000) as router:
        assert await router.cause(b"x" * 2000) == (413, "the request is longer than 1000 bytes")
    assert upstream.seen == []


async def test_a_request_that_does_not_arrive_in_time_is_refused(upstream: Upstream) -> None:
    clock, more = FakeClock(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"["
        await more.wait()
        yield b"]"

    spec = {"routerTimeouts": {"serverRead": 5}}
    async with routing(to(f"{upstream.url}/echo"), clock=clock, spec=spec) as router:
        asking = asyncio.create_task(router.cause(slowly()))
        await eventually(lambda: "held_bytes 1.0" in generate_latest(router.registry).decode())
        await clock.advance(5)
        more.set()
        assert await asking == (408, "the request did not arrive within 5 s")
    assert upstream.seen == []


async def test_a_connection_over_which_nothing_is_asked_is_closed(upstream: Upstream) -> None:
    spec = {"routerTimeouts": {"serverIdle": 1}}
    async with routing(to(f"{upstream.url}/echo"), spec=spec) as router:
        reader, writer = await asyncio.open_connection("127.0.0.1", router.server.port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        assert (await reader.readuntil(b"{}")).startswith(b"HTTP/1.1 200")
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


async def test_a_service_that_hangs_is_given_up(upstream: Upstream) -> None:
    spec = {"routerTimeouts": {"serviceClient": 1}}
    async with routing(to(f"{upstream.url}/hang"), spec=spec) as router:
        status, cause = await router.cause()
    assert (status, cause) == (500, f'Post "{upstream.url}/hang": no answer within 1 s')
    await asyncio.wait_for(upstream.gone.wait(), 5)


async def test_a_graph_that_takes_too_long_is_answered_for(upstream: Upstream) -> None:
    clock = FakeClock()
    async with routing(to(f"{upstream.url}/hang"), to(f"{upstream.url}/echo"), clock=clock) as router:
        asking = asyncio.create_task(router.cause())
        await upstream.hanging.wait()
        await clock.advance(59)
        assert not asking.done()
        await clock.advance(2)
        assert await asking == (504, "the graph gave no answer within 60 s")
        await asyncio.wait_for(upstream.gone.wait(), 5)


@pytest.mark.parametrize(
    ("spec", "seconds", "status"),
    [
        ({"routerTimeouts": {"serverWrite": 1}}, 1, 504),
        ({"routerTimeouts": {"serverWrite": 2}}, 1, 200),
        ({"timeout": 1}, 1, 504),
    ],
)
async def test_the_time_of_a_request_is_that_of_all_its_steps(
    upstream: Upstream, spec: dict[str, Any], seconds: int, status: int
) -> None:
    clock = FakeClock()
    async with routing(to(f"{upstream.url}/wait"), to(f"{upstream.url}/echo"), clock=clock, spec=spec) as router:
        asking = asyncio.create_task(router.post(b"{}"))
        await asyncio.wait_for(upstream.arrivals.get(), 5)
        await clock.advance(seconds)
        upstream.more.set()
        assert (await asking)[0] == status


async def test_a_caller_that_leaves_ends_the_calls(upstream: Upstream) -> None:
    async with routing(to(f"{upstream.url}/hang")) as router:
        asking = asyncio.create_task(router.post())
        await upstream.hanging.wait()
        asking.cancel()
        await asyncio.wait_for(upstream.gone.wait(), 5)


async def test_a_router_that_stops_finishes_what_is_under_way(upstream: Upstream) -> None:
    clock = FakeClock()
    async with routing(to(f"{upstream.url}/echo"), clock=clock, drain_seconds=10) as router:
        ready = f"http://127.0.0.1:{router.server.port}/readyz"
        async with router.session.get(ready) as answer:
            assert (answer.status, await answer.read()) == (200, b"")
        router.stop.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        async with router.session.get(ready) as answer:
            assert (answer.status, await answer.text()) == (503, "shutting down")
        assert (await router.post())[0] == 200, "requests are still taken while it drains"


async def test_requests_and_calls_are_counted(upstream: Upstream) -> None:
    async with routing(to(f"{upstream.url}/teapot", name="tea"), to("http://[", name="bad")) as router:
        await router.cause()
        text = generate_latest(router.registry).decode()
    assert 'kservectl_router_requests_total{code="500"} 1.0' in text
    assert 'kservectl_router_step_seconds_count{code="418",node="root",step="tea"} 1.0' in text
    assert 'kservectl_router_step_seconds_count{code="error",node="root",step="bad"} 1.0' in text


async def test_a_mesh_is_looked_for_once(upstream: Upstream) -> None:
    secure = upstream.url.replace("http:", "https:") + "/echo"
    async with ServiceClient(seconds=5, max_bytes=100, mesh=Mesh(f"{upstream.url}/moved")) as client:
        for _ in range(2):
            assert (await client.post(Call(secure, b"[]", CIMultiDict(), NO_LIMIT))).body == b"[]"
    assert [path for method, path, _, _ in upstream.seen if method == "GET"] == ["/moved", "/echo"]


async def test_without_a_mesh_https_stays() -> None:
    async with routing(to(f"https://127.0.0.1:{closed_port()}/")) as router:
        _, cause = await router.cause()
    assert "https://127.0.0.1" in cause


# --- what is held at once ---


async def test_bodies_are_held_until_their_request_is_answered_and_no_longer(upstream: Upstream) -> None:
    async with routing(to(f"{upstream.url}/wait"), max_held_bytes=1500) as router:
        first = asyncio.create_task(router.post(b"x" * 1000))
        await asyncio.wait_for(upstream.arrivals.get(), 5)
        assert "kservectl_router_held_bytes 1000.0" in generate_latest(router.registry).decode()
        status, cause = await router.cause(b"x" * 1000)
        assert status == 503
        assert "the router is overloaded" in cause

        upstream.more.set()
        assert (await first)[0] == 200
        assert (await router.post(b"x" * 1000))[0] == 200
        told = generate_latest(router.registry).decode()
        assert "kservectl_router_held_bytes 0.0" in told
        assert "kservectl_router_overloads_total 1.0" in told
        assert 'kservectl_router_requests_total{code="503"} 1.0' in told


@pytest.mark.parametrize("type_", ["Sequence", "Splitter", "Ensemble", "Switch"])
@pytest.mark.parametrize("path", ["/flood", "/flood/announced"])
async def test_an_answer_that_there_is_no_room_for_is_503_whatever_the_node(
    upstream: Upstream, type_: str, path: str
) -> None:
    step = to(upstream.url + path, weight=100, condition="@this" if type_ == "Switch" else None, dependency="Soft")
    below = {"nodes": {"root": {"routerType": "Sequence", "steps": [{"nodeName": "deep"}]}}}
    below["nodes"]["deep"] = {"routerType": type_, "steps": [step]}
    async with routing(spec=below, max_bytes=1 << 30, max_held_bytes=200_000) as router:
        status, cause = await router.cause()
        assert (status, "overloaded" in cause) == (503, True)
        assert "kservectl_router_held_bytes 0.0" in generate_latest(router.registry).decode()


async def test_a_caller_that_leaves_gives_back_what_was_held(upstream: Upstream) -> None:
    async with routing(to(f"{upstream.url}/hang")) as router:
        asking = asyncio.create_task(router.post(b"x" * 1000))
        await asyncio.wait_for(upstream.arrivals.get(), 5)
        asking.cancel()
        await asyncio.wait_for(upstream.gone.wait(), 5)
        await eventually(lambda: "held_bytes 0.0" in generate_latest(router.registry).decode())


async def test_a_request_whose_body_is_still_coming_is_not_cut_off_by_a_stop(upstream: Upstream) -> None:
    more = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"a"'
        await more.wait()
        yield b":1}"

    async with routing(to(f"{upstream.url}/echo"), finish_seconds=30) as router:
        url = f"http://127.0.0.1:{router.server.port}/"
        asking = asyncio.create_task(router.session.post(url, data=slowly()))
        await eventually(lambda: "held_bytes 4.0" in generate_latest(router.registry).decode())
        router.stop.set()
        await eventually(lambda: closed(router.server.port or 0))
        more.set()
        async with await asking as answer:
            assert (answer.status, await answer.read()) == (200, b'{"a":1}')


def closed(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
