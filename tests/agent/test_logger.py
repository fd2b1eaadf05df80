"""The logger: CloudEvents of what went by, sent behind everybody's back; and files of it in a bucket."""

import asyncio
import base64
import csv
import io
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web

from kservectl.agent.events import About
from kservectl.agent.payloads import LogOptions
from kservectl.agent.server import BatchOptions, LoggerOptions
from tests.agent.component import Component, agent, component
from tests.client.certificates import Authority
from tests.fake_clock import eventually

ABOUT = About("pod-1", "iris", "team", "predictor", "default", {"team": "a"})


@dataclass
class Sink:
    """Takes events (POST), and objects of a bucket (PUT)."""

    events: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    status: int = 200
    open: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        await self.open.wait()
        body = await request.read()
        if request.method == "PUT":
            self.objects[request.path] = body
            return web.Response(headers={"ETag": '"1"'})
        self.events.append(({name.lower(): value for name, value in request.headers.items()}, body))
        return web.Response(status=self.status)

    def kinds(self) -> list[str]:
        return [headers["ce-type"].rpartition(".")[2] for headers, _ in self.events]


@asynccontextmanager
async def listening(sink: Sink, tls: ssl.SSLContext | None = None) -> AsyncIterator[Sink]:
    sink.open.set()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", sink.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    sink.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield sink
    finally:
        await runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[Component]:
    async with component() as running:
        yield running


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with listening(Sink()) as running:
        yield running


def logging(server: Component, sink: Sink, options: LogOptions | None = None, **more: Any) -> Any:
    agent_more = {name: more.pop(name) for name in ("batch", "environ") if name in more}
    logger = LoggerOptions(more.pop("url", sink.url), ABOUT, options or LogOptions(), **more)
    return agent(component=server.url, logger=logger, **agent_more)


async def test_request_and_response_are_events_with_the_attributes_of_kserve(server: Component, sink: Sink) -> None:
    headers = {"Ce-Id": "id-1", "X-Team": "ä", "X-Other": "1", "Content-Type": "application/json"}
    async with logging(server, sink, LogOptions(metadata_headers=["x-team", "x-absent"])) as running:
        assert await running.post("/echo", b'{"a":1}', headers=headers) == (200, b'{"a":1}')
        await eventually(lambda: len(sink.events) == 2)
        assert running.metric('kservectl_agent_log_events_total{outcome="sent"} 2.0')

    assert sorted(sink.kinds()) == ["request", "response"]
    for sent, body in sink.events:
        assert body == b'{"a":1}'
        assert sent["ce-specversion"] == "1.0"
        assert sent["ce-id"] == "id-1"
        assert sent["ce-type"].startswith("org.kubeflow.serving.inference.")
        assert sent["ce-source"] == "pod-1"
        assert sent["ce-inferenceservicename"] == "iris"
        assert sent["ce-namespace"] == "team"
        assert sent["ce-component"] == "predictor"
        assert sent["ce-endpoint"] == "default"
        assert json.loads(sent["ce-annotations"]) == {"team": "a"}
        assert json.loads(unquote(sent["ce-metadata"])) == {"x-team": ["ä"]}
        assert sent["ce-time"].endswith("Z")
        assert sent["ce-recordedtime"].endswith("Z")
        assert sent["content-type"] == "application/json"


async def test_an_id_is_made_up_and_told_to_the_server(server: Component, sink: Sink) -> None:
    async with logging(server, sink) as running:
        await running.post("/echo", b"1")
        await eventually(lambda: len(sink.events) == 2)
    ids = {sent["ce-id"] for sent, _ in sink.events}
    assert ids == {server.seen[0][3]["Ce-Id"]}


@pytest.mark.parametrize("mode", ["all", "request", "response"])
async def test_the_mode_says_which_are_logged(server: Component, sink: Sink, mode: Any) -> None:
    async with logging(server, sink, LogOptions(mode=mode)) as running:
        await running.post("/echo", b"1")
    assert sorted(sink.kinds()) == (["request", "response"] if mode == "all" else [mode])


async def test_a_response_is_logged_for_status_200_only(server: Component, sink: Sink) -> None:
    async with logging(server, sink) as running:
        await running.post("/teapot", b"1")
    assert sink.kinds() == ["request"]


async def test_probes_are_not_logged(server: Component, sink: Sink) -> None:
    async with logging(server, sink) as running:
        assert (await running.probe())[0] == 200
    assert sink.events == []


async def test_an_answer_does_not_wait_for_the_log_and_what_is_too_much_is_counted(
    server: Component, sink: Sink
) -> None:
    sink.open.clear()
    async with logging(server, sink, LogOptions(mode="request", queue_size=3, workers=2)) as running:
        for number in range(8):
            assert (await running.post("/echo", b"%d" % number))[0] == 200
        assert running.metric('kservectl_agent_log_events_total{outcome="dropped"} 3.0'), "2 in hand, 3 wait"
        sink.open.set()
    assert len(sink.events) == 5


async def test_waiting_bodies_are_bounded_by_their_size(server: Component, sink: Sink) -> None:
    sink.open.clear()
    async with logging(server, sink, LogOptions(mode="request", queue_bytes=1000)) as running:
        await running.post("/echo", b"x" * 900)
        await running.post("/echo", b"x" * 200)
        assert running.metric('kservectl_agent_log_events_total{outcome="dropped"} 1.0')
        sink.open.set()
        await eventually(lambda: len(sink.events) == 1)
        await running.post("/echo", b"x" * 900)
        assert running.metric('kservectl_agent_log_events_total{outcome="dropped"} 1.0'), "there is room again"


async def test_a_body_that_is_too_long_passes_but_is_not_logged(server: Component, sink: Sink) -> None:
    async with logging(server, sink, LogOptions(mode="request", max_bytes=1000)) as running:
        status, body = await running.post("/echo", b"x" * 2000)
        assert (status, len(body)) == (200, 2000)
        assert running.metric('kservectl_agent_log_events_total{outcome="too_large"} 1.0')
    assert sink.events == []


@pytest.mark.parametrize("how", ["down", "refuses"])
async def test_a_sink_that_does_not_take_them_costs_events_alone(server: Component, sink: Sink, how: str) -> None:
    sink.status = 503
    url = "http://127.0.0.1:9" if how == "down" else sink.url
    async with logging(server, sink, url=url) as running:
        assert (await running.post("/echo", b"1"))[0] == 200
        await eventually(lambda: running.metric('kservectl_agent_log_events_total{outcome="failed"} 2.0'))


async def test_headers_that_are_no_text_are_logged_as_far_as_they_are(server: Component, sink: Sink) -> None:
    request = b"POST /echo HTTP/1.1\r\nHost: x\r\nX-Team: \xff\xe4\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1"
    async with logging(server, sink, LogOptions(mode="request", metadata_headers=["X-Team"])) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.agent.port)
        writer.write(request)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
    assert json.loads(unquote(sink.events[0][0]["ce-metadata"])) == {"X-Team": ["\ufffd\ufffd"]}


async def test_what_is_left_is_sent_at_the_end(server: Component, sink: Sink) -> None:
    sink.open.clear()
    async with logging(server, sink) as running:
        await running.post("/echo", b"1")
        asyncio.get_running_loop().call_later(0.3, sink.open.set)
    assert len(sink.events) == 2


async def test_a_batch_is_logged_as_the_server_sees_it(server: Component, sink: Sink) -> None:
    async with logging(server, sink, batch=BatchOptions(2, 30.0)) as running:
        body = b'{"instances": [[1]]}'
        await asyncio.gather(*(running.post("/v1/models/m:predict", body) for _ in range(2)))
    assert sorted(sink.kinds()) == ["request", "response"]
    logged = {sent["ce-type"].rpartition(".")[2]: json.loads(body) for sent, body in sink.events}
    assert logged == {"request": {"instances": [[1], [1]]}, "response": {"predictions": [1, 1]}}


async def test_the_sink_is_trusted_by_its_ca_or_blindly_or_not_at_all(server: Component, tmp_path: Path) -> None:
    authority = Authority()
    ca_file = tmp_path / "ca.crt"
    ca_file.write_bytes(authority.certificate)
    for more, taken in (
        ({"ca_file": str(ca_file)}, True),
        ({"tls_skip_verify": True}, True),
        ({"ca_file": "service-ca.crt"}, False),
    ):
        async with listening(Sink(), authority.serving(tmp_path, ip="127.0.0.1")) as sink:
            async with logging(server, sink, **more) as running:
                await running.post("/echo", b"1")
            assert bool(sink.events) is taken, more


def stored(server: Component, sink: Sink, options: LogOptions | None = None, **more: Any) -> Any:
    environ = {
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "key",
        "AWS_ENDPOINT_URL": sink.url,
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    settings = {"url": "s3://logs/prefix", "store_path": "/logger", "environ": environ, **more}
    return logging(server, sink, options, **settings)


async def test_with_a_store_path_payloads_are_files_of_a_bucket(server: Component, sink: Sink) -> None:
    async with stored(server, sink) as running:
        headers = {"Ce-Id": "id-1", "Content-Type": "application/json"}
        await running.post("/echo", b'{"a":1}', headers=headers)
    base = "/logs/prefix/team/iris/predictor/logger/id-1"
    assert set(sink.objects) == {f"{base}-request.json", f"{base}-response.json"}
    record = json.loads(sink.objects[f"{base}-request.json"])
    assert base64.b64decode(record["Bytes"]) == b'{"a":1}'
    assert record["ReqType"] == "org.kubeflow.serving.inference.request"
    assert (record["Id"], record["InferenceService"], record["Namespace"]) == ("id-1", "iris", "team")
    assert (record["Url"]["Scheme"], record["Url"]["Host"], record["Url"]["Path"]) == ("s3", "logs", "/prefix")


async def test_records_are_gathered_by_number_and_what_is_left_is_stored_at_the_end(
    server: Component, sink: Sink
) -> None:
    options = LogOptions(mode="request", batch_size=2)
    async with stored(server, sink, options, store_format="csv") as running:
        for number in range(3):
            await running.post("/echo", b"%d" % number, headers={"Ce-Id": f"id-{number}"})
    base = "/logs/prefix/team/iris/predictor/logger/id-"
    assert set(sink.objects) == {f"{base}0-batch.csv", f"{base}2-request.csv"}
    rows = list(csv.DictReader(io.StringIO(sink.objects[f"{base}0-batch.csv"].decode())))
    assert [row["id"] for row in rows] == ["id-0", "id-1"]
    assert [base64.b64decode(row["bytes"]) for row in rows] == [b"0", b"1"]
    assert (rows[0]["url"], rows[0]["tlsSkipVerify"], rows[0]["metadata"]) == ("s3://logs/prefix", "false", "")
    assert json.loads(rows[0]["annotations"]) == {"team": "a"}


async def test_records_are_gathered_for_a_time(server: Component, sink: Sink) -> None:
    async with stored(server, sink, LogOptions(mode="request", batch_size=100, batch_seconds=0.2)) as running:
        for number in range(2):
            await running.post("/echo", b"1", headers={"Ce-Id": f"id-{number}"})
        await eventually(lambda: len(sink.objects) == 1)
        assert len(json.loads(next(iter(sink.objects.values())))) == 2


async def test_a_marshaller_makes_the_files(server: Component, sink: Sink) -> None:
    seen: list[Any] = []

    async def marshal(request: web.Request) -> web.Response:
        seen.append(await request.json())
        return web.Response(body=b"PAR1", headers={"X-Log-Marshal-Extension": "parquet"})

    app = web.Application()
    app.router.add_post("/marshal", marshal)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/marshal"
    async with stored(server, sink, LogOptions(mode="request"), marshaller_url=url) as running:
        await running.post("/echo", b"1", headers={"Ce-Id": "a/../b"})
    await runner.cleanup()

    assert sink.objects == {"/logs/prefix/team/iris/predictor/logger/a___b-request.parquet": b"PAR1"}
    assert [record["Id"] for record in seen[0]] == ["a/../b"]
