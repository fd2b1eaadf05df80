"""Services that hang, reset, fail or say too much, in every type of node: a clear error, others unharmed, nothing left behind."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from tests.fake_clock import FakeClock
from tests.router.routing import Router, Upstream, routing, to

TYPES = ("Sequence", "Splitter", "Ensemble", "Switch")
SAID = {
    "/hang": "step 'it' of node 'faulty' gave no answer within 5 s",
    "/reset": "Server disconnected",
    "/flood": "the answer is longer than 1000000 bytes",
    "/flood/announced": "the answer is longer than 1000000 bytes",
}
AT_ONCE, ROUNDS = 8, 12


def graph(upstream: Upstream, fault: str, type_: str, **fields: Any) -> dict[str, Any]:
    """A request with `bad` goes to the node under test, one with `good` to a service that works."""
    chosen = {"condition": "@this"} if type_ == "Switch" else {"weight": 100}
    faulty = to(upstream.url + fault, name="it", **chosen, **fields)
    to_fault = {"nodeName": "faulty", "condition": "bad"}
    works = to(f"{upstream.url}/echo", condition="good")
    return {
        "nodes": {
            "root": {"routerType": "Switch", "steps": [to_fault, works]},
            "faulty": {"routerType": type_, "steps": [faulty]},
        }
    }


async def one_round(
    router: Router, upstream: Upstream, clock: FakeClock, *, hangs: bool
) -> list[tuple[int, bytes, str]]:
    """Bad and good requests side by side; answers the bad ones' answers once the good ones are checked."""
    bad = [asyncio.create_task(router.post(b'{"bad":1}')) for _ in range(AT_ONCE)]
    good = await asyncio.gather(*(router.post(b'{"good":1}') for _ in range(AT_ONCE)))
    assert [(status, body) for status, body, _ in good] == [(200, b'{"good":1}')] * AT_ONCE
    if hangs:
        for _ in bad:
            await asyncio.wait_for(upstream.arrivals.get(), 10)
        await clock.advance(5)
    return list(await asyncio.gather(*bad))


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("fault", SAID)
async def test_a_fault_is_a_clear_error_that_harms_nobody(upstream: Upstream, fault: str, type_: str) -> None:
    clock = FakeClock()
    spec = graph(upstream, fault, type_, timeout=5)
    async with routing(spec=spec, clock=clock, max_bytes=1_000_000) as router:
        for status, body, kind in await one_round(router, upstream, clock, hangs=fault == "/hang"):
            assert (status, kind) == (500, "application/json")
            told = json.loads(body)
            assert list(told) == ["error", "cause"]
            assert SAID[fault] in told["cause"]


@pytest.mark.parametrize(
    ("type_", "status", "body"),
    [(each, 500, b'{"detail": "out of memory"}') for each in TYPES if each != "Ensemble"]
    + [("Ensemble", 200, b'{"it":{"detail": "out of memory"}}')],
)
async def test_a_service_that_answers_500_has_answered(
    upstream: Upstream, type_: str, status: int, body: bytes
) -> None:
    clock = FakeClock()
    async with routing(spec=graph(upstream, "/broken", type_), clock=clock) as router:
        for answer in await one_round(router, upstream, clock, hangs=False):
            assert answer == (status, body, "application/json")


@pytest.mark.parametrize("fault", SAID)
async def test_faults_leave_no_task_no_connection_and_no_bytes_behind(upstream: Upstream, fault: str) -> None:
    clock = FakeClock()
    before = in_use()
    async with routing(spec=graph(upstream, fault, "Ensemble", timeout=5), clock=clock, max_bytes=1_000_000) as router:
        for _ in range(ROUNDS):
            await one_round(router, upstream, clock, hangs=fault == "/hang")
        # Connections may be kept, as many as there were requests at a time: to the router and to the service, each with
        # a task of the server's and a socket at both ends. One left behind by each fault would be more.
        tasks, files = in_use()
        assert tasks <= before[0] + 4 * AT_ONCE + 4 < before[0] + ROUNDS * AT_ONCE
        assert files <= before[1] + 8 * AT_ONCE + 8 < before[1] + ROUNDS * AT_ONCE
        assert "kservectl_router_held_bytes 0.0" in generate_latest(router.registry).decode()


def in_use() -> tuple[int, int]:
    """Tasks, and open files."""
    return len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir()))
