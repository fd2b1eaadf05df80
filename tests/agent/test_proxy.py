"""Requests through the agent reach the server as they are, and answers the caller; probes are answered for the server."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import aiohttp
import pytest
from yarl import URL

from kservectl.agent.readiness import BadProbe, Probe
from tests.agent.component import Component, agent, component
from tests.fake_clock import FakeClock, eventually


@pytest.fixture
async def server() -> AsyncIterator[Component]:
    async with component() as running:
        yield running


async def test_method_path_query_headers_and_body_are_passed_on(server: Component) -> None:
    async with agent(component=server.url) as running:
        url = URL(running.url("/echo?a=%2Fb&c=1"), encoded=True)
        headers = {
            "X-Team": "a",
            "Content-Type": "text/csv",
            "Connection": "X-Mine",
            "X-Mine": "1",
            "Host": "model.example",
        }
        async with running.session.put(url, data=b"1,2", headers=headers) as answer:
            assert (answer.status, await answer.read()) == (200, b"1,2")
            assert answer.headers["X-Own"] == "1"
    method, path, body, sent = server.seen[0]
    assert (method, path, body) == ("PUT", "/echo?a=%2Fb&c=1", b"1,2")
    assert sent["X-Team"] == "a"
    assert sent["Content-Type"] == "text/csv"
    assert sent["Host"] == "model.example"
    assert sent["X-Forwarded-For"] == "127.0.0.1"
    assert "X-Mine" not in sent, "what belongs to a connection stays with it"


async def test_what_the_server_refuses_or_moves_reaches_the_caller(server: Component) -> None:
    async with agent(component=server.url) as running:
        assert await running.post("/teapot") == (418, b'{"short": "stout"}')
        async with running.session.get(running.url("/moved"), allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (307, "/echo")
        async with running.session.head(running.url("/echo")) as answer:
            assert answer.status == 200
        assert running.metric('kservectl_agent_requests_total{code="418"} 1.0')


async def test_packed_bodies_stay_packed(server: Component) -> None:
    packed = gzip.compress(b"x" * 1000)
    async with agent(component=server.url) as running:
        headers = {"Content-Encoding": "gzip"}
        status, _ = await running.post("/echo", packed, headers=headers)
        assert status == 200
    assert server.seen[0][2] == packed


async def test_pieces_flow_both_ways_as_they_come(server: Component) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def say() -> AsyncIterator[bytes]:
        yield b"one"
        assert await heard.get() == b"ONE", "the answer to the first piece came before the second was sent"
        yield b"two"

    async with (
        agent(component=server.url) as running,
        running.session.post(running.url("/stream"), data=say()) as answer,
    ):
        async for piece in answer.content.iter_any():
            heard.put_nowait(piece)
    assert heard.get_nowait() == b"TWO"


async def test_large_bodies_are_not_held_back(server: Component) -> None:
    async with agent(component=server.url, max_bytes=1000) as running:
        status, body = await running.post("/echo", b"x" * 5_000_000)
    assert (status, len(body)) == (200, 5_000_000)


async def test_websockets_are_bridged_with_their_protocol_and_close_code(server: Component) -> None:
    async with (
        agent(component=server.url) as running,
        running.session.ws_connect(running.url("/ws"), protocols=["v2.infer"]) as socket,
    ):
        await socket.send_str("hello")
        assert await socket.receive_str() == "v2.infer: hello"
        await socket.send_bytes(b"\x00\x01")
        assert await socket.receive_bytes() == b"\x00\x01"
        await socket.send_str("close")
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 4001


async def test_no_server_is_a_502_with_a_sentence() -> None:
    async with agent(component="http://127.0.0.1:9") as running:
        status, body = await running.post("/echo")
        assert status == 502
        assert b"the model server gave no answer: cannot connect to 127.0.0.1:9" in body


async def test_half_an_answer_does_not_look_like_a_whole_one(server: Component) -> None:
    async with agent(component=server.url) as running:
        with pytest.raises(aiohttp.ClientError):
            await running.post("/half")
        assert (await running.post("/echo", b"1"))[0] == 200


async def test_a_caller_that_goes_away_takes_its_request_along(server: Component) -> None:
    async with agent(component=server.url) as running:
        asking = asyncio.create_task(running.post("/hang"))
        await server.hanging.wait()
        asking.cancel()
        await server.gone.wait()


HTTP = '{"httpGet":{"path":"health","port":%d,"scheme":"HTTP"},"timeoutSeconds":1}'
TCP = '{"tcpSocket":{"port":%d}}'


async def test_the_agent_is_ready_when_the_server_answers_its_probe(server: Component) -> None:
    probe = Probe.parse(HTTP % server.port, 8080)
    async with agent(component=server.url, probe=probe) as running:
        assert await running.probe("/health") == (200, "queue")
        server.ready = False
        assert await running.probe() == (503, "the model server answered its probe with 503")
        async with running.session.get(running.url("/"), headers={"User-Agent": "kube-probe/1.34"}) as answer:
            assert answer.status == 503


@pytest.mark.parametrize("text", [HTTP, TCP])
async def test_a_server_that_is_not_there_is_not_ready(text: str) -> None:
    async with agent(probe=Probe.parse(text % 9, 8080)) as running:
        status, why = await running.probe()
        assert status == 503
        assert "cannot be reached" in why


async def test_a_tcp_probe_connects(server: Component) -> None:
    async with agent(component=server.url, probe=Probe.parse(TCP % server.port, 8080)) as running:
        assert await running.probe() == (200, "queue")


async def test_without_a_probe_the_server_counts_as_ready() -> None:
    async with agent() as running:
        assert (await running.probe())[0] == 200


def test_probes_are_read_as_the_webhook_writes_them() -> None:
    assert Probe.parse("", 8080) is None
    assert Probe.parse('{"exec":{"command":["x"]}}', 8080) is None
    assert Probe.parse('{"httpGet":{"port":"http"}}', 8085) == Probe("127.0.0.1", 8085, "http://127.0.0.1:8085/")
    named = Probe.parse(
        '{"httpGet":{"port":1,"host":"::1","scheme":"HTTPS","httpHeaders":[{"name":"A","value":"b"}]}}', 8080
    )
    assert named == Probe("::1", 1, "https://[::1]:1/", {"A": "b"})
    for text in ("{", "[]"):
        with pytest.raises(BadProbe, match="SERVING_READINESS_PROBE"):
            Probe.parse(text, 8080)


async def test_a_stopping_agent_is_not_ready_but_serves_on_for_a_while(server: Component) -> None:
    clock = FakeClock()
    async with agent(clock, component=server.url, drain=10.0) as running:
        running.stop.set()
        await eventually(lambda: clock.next_timer is not None)
        assert await running.probe() == (503, "the agent is shutting down")
        assert await running.post("/echo", b"1") == (200, b"1")
        await clock.advance(10)
        await eventually(lambda: clock.next_timer is None)


async def test_what_is_under_way_is_finished_before_the_end(server: Component) -> None:
    async with agent(component=server.url) as running:
        asking = asyncio.create_task(running.post("/slow", b"1"))
        await server.hanging.wait()
        running.stop.set()
        await asyncio.sleep(0.05)
        server.go_on.set()
        assert await asking == (200, b"1")


async def test_a_body_that_is_still_coming_is_waited_for_too(server: Component) -> None:
    async with agent(component=server.url) as running:
        go_on = asyncio.Event()

        async def say() -> AsyncIterator[bytes]:
            yield b"one"
            await go_on.wait()
            yield b"two"

        asking = asyncio.create_task(running.post("/stream", say()))
        await eventually(lambda: running.metric("kservectl_agent_requests_under_way 1.0"))
        running.stop.set()
        await asyncio.sleep(0.1)
        go_on.set()
        assert await asking == (200, b"ONETWO")


async def test_metrics_are_on_an_address_of_their_own_whose_loss_is_not_fatal(server: Component) -> None:
    async with agent(component=server.url) as running:
        await running.post("/echo")
        assert 'kservectl_agent_requests_total{code="200"} 1.0' in await running.admin("/metrics")
        assert await running.admin("/models") == '{"models":[]}'
        taken = f"127.0.0.1:{running.agent.admin_port}"
        async with agent(component=server.url, admin_bind=taken) as second:
            assert (await second.post("/echo"))[0] == 200
            assert second.agent.admin_port is None
