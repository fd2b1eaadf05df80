"""Addresses to listen on, and the metrics page."""

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from kservectl.runtime.serving import HttpServer, metrics_application, parse_bind


@pytest.mark.parametrize(
    ("bind", "parsed"),
    [
        (":8080", (None, 8080)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:443", ("::1", 443)),
        ("localhost:1", ("localhost", 1)),
    ],
)
def test_bind_addresses_are_read(bind: str, parsed: tuple[str | None, int]) -> None:
    assert parse_bind(bind) == parsed


@pytest.mark.parametrize("bind", ["8080", "", "host:", "host:http", ":99999", ":-1"])
def test_what_is_no_address_is_refused_with_an_example(bind: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_bind(bind)


async def test_metrics_are_text_without_created_series() -> None:
    registry = CollectorRegistry()
    Counter("things_total", "Things.", registry=registry).inc(3)
    server = HttpServer(metrics_application(registry), "127.0.0.1:0")
    assert server.port is None
    await server.start()
    try:
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{server.port}/metrics") as answer:
            assert answer.status == 200
            assert await answer.text() == "# HELP things_total Things.\n# TYPE things_total counter\nthings_total 3.0\n"
    finally:
        await server.stop()


async def test_a_stopped_server_frees_its_port() -> None:
    first = HttpServer(metrics_application(CollectorRegistry()), "127.0.0.1:0")
    await first.start()
    bind = f"127.0.0.1:{first.port}"
    with pytest.raises(OSError, match="cannot listen on"):
        await HttpServer(metrics_application(CollectorRegistry()), bind).start()
    await first.stop()
    again = HttpServer(metrics_application(CollectorRegistry()), bind)
    await again.start()
    await again.stop()
