"""`kservectl router` as a process: started as a pod starts it, asked, and stopped."""

import asyncio
import json
import os
import random
import signal
import socket
import sys
from collections import Counter

import aiohttp
import pytest
from aiohttp import web
from click.testing import CliRunner

from kservectl.cli.main import root
from kservectl.cli.router import draw_percent


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ('{"nodes": {"root": {"routerType": "Maze"}}}', "nodes.root.routerType: must be one of"),
        ('{"nodes": {}}', "has no node 'root'"),
    ],
)
def test_a_graph_that_cannot_be_read_is_told(text: str, said: str) -> None:
    result = CliRunner().invoke(root, ["router", "--graph-json", text])
    assert result.exit_code == 1
    assert said in result.output


@pytest.mark.parametrize("option", ["--bind", "--metrics-bind"])
def test_an_address_that_is_none_is_wrong_usage(option: str) -> None:
    result = CliRunner().invoke(root, ["router", "--graph-json", "{}", option, "nowhere"])
    assert result.exit_code == 2
    assert "write HOST:PORT or :PORT" in result.output


def test_draws_are_the_numbers_from_0_to_99_about_equally_often() -> None:
    generator = random.Random(7)
    drawn = Counter(draw_percent(generator) for _ in range(20_000))
    assert set(drawn) == set(range(100))
    assert 120 < min(drawn.values()) <= max(drawn.values()) < 280


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def until_ready(session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                async with session.get(f"{url}/readyz") as answer:
                    assert answer.status == 200
                    return
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("command", [["router"], []], ids=["by name", "as the image"])
async def test_a_router_answers_until_it_is_stopped(command: list[str]) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.json_response({"got": await request.json(), "team": request.headers.get("X-Team")})

    app = web.Application()
    app.router.add_post("/", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    step = {"serviceUrl": f"http://127.0.0.1:{runner.addresses[0][1]}/"}
    graph = json.dumps({"nodes": {"root": {"routerType": "Sequence", "steps": [step]}}, "resources": {}})
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kservectl", *command, "--graph-json", graph),
        *("--bind", f"127.0.0.1:{port}", "--drain-seconds", "0"),
        env={**os.environ, "PROPAGATE_HEADERS": "X-Team"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with aiohttp.ClientSession() as session:
            await until_ready(session, f"http://127.0.0.1:{port}")
            async with session.post(f"http://127.0.0.1:{port}/any", json=[1], headers={"x-team": "blue"}) as answer:
                assert (answer.status, await answer.json()) == (200, {"got": [1], "team": "blue"})
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await runner.cleanup()
