"""The promises of the probes and of the loop's watchdog."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import structlog
from prometheus_client import CollectorRegistry

from kservectl.runtime.health import Health, LoopWatchdog
from kservectl.runtime.metrics import RuntimeMetrics
from kservectl.runtime.serving import HttpServer
from tests.fake_clock import FakeClock


@asynccontextmanager
async def serving(health: Health) -> AsyncIterator[aiohttp.ClientSession]:
    server = HttpServer(health.application(), "127.0.0.1:0")
    await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as http:
            yield http
    finally:
        await server.stop()


async def ask(http: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with http.get(path) as answer:
        return answer.status, await answer.text()


async def test_all_well_is_a_short_answer() -> None:
    async with serving(Health()) as http:
        for path in ("/healthz", "/livez", "/readyz"):
            assert await ask(http, path) == (200, "ok")


async def test_verbose_gives_a_line_a_check() -> None:
    health = Health()
    health.add_live("event-loop", lambda: "")
    health.add_ready("caches", lambda: "")
    async with serving(health) as http:
        assert await ask(http, "/healthz?verbose") == (200, "[+]ping ok\n[+]event-loop ok\nhealthz check passed\n")
        assert await ask(http, "/readyz?verbose") == (
            200,
            "[+]ping ok\n[+]event-loop ok\n[+]caches ok\nreadyz check passed\n",
        )


async def test_a_check_that_fails_is_named_with_its_reason() -> None:
    health = Health()
    health.add_ready("caches", lambda: "ConfigMap: the first list has not come yet")
    async with serving(health) as http:
        assert await ask(http, "/healthz") == (200, "ok")
        status, text = await ask(http, "/readyz")
        assert status == 500
        assert "[-]caches failed: ConfigMap: the first list has not come yet\n" in text
        assert text.endswith("readyz check failed\n")
    assert health.live
    assert not health.ready


async def test_a_check_that_raises_is_a_check_that_fails() -> None:
    def broken() -> str:
        raise ZeroDivisionError("division by zero")

    health = Health()
    health.add_live("sums", broken)
    async with serving(health) as http:
        status, text = await ask(http, "/healthz")
    assert status == 500
    assert "[-]sums failed: ZeroDivisionError: division by zero" in text


async def test_the_watchdog_notices_a_blocked_loop_and_its_recovery() -> None:
    clock, registry = FakeClock(), CollectorRegistry()
    watchdog = LoopWatchdog(clock=clock, gauge=RuntimeMetrics(registry).loop_lag)
    task = asyncio.create_task(watchdog.run())
    with structlog.testing.capture_logs() as logs:
        await clock.advance(10)
        assert watchdog.check() == ""
        assert registry.get_sample_value("kservectl_event_loop_lag_seconds") == 0
        clock.suspend(4)  # something computes for four seconds
        assert "late" in watchdog.check()
        await clock.advance(0.1)
        assert watchdog.check() != ""
        assert (registry.get_sample_value("kservectl_event_loop_lag_seconds") or 0) > 3
        await clock.advance(1)
        assert watchdog.check() == ""
    assert [entry["event"] for entry in logs] == ["the event loop was blocked"]
    task.cancel()


async def test_a_short_hiccup_is_no_failure() -> None:
    clock = FakeClock()
    watchdog = LoopWatchdog(clock=clock)
    task = asyncio.create_task(watchdog.run())
    await clock.advance(1)
    clock.suspend(0.9)
    await clock.settle()
    assert watchdog.check() == ""
    task.cancel()
