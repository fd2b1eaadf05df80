"""Overload of the server lowers how many requests are under way at once, and its end raises it again, slowly."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry

from kservectl.client.client import Client
from kservectl.client.concurrency import MOST, AdaptiveConcurrency
from kservectl.client.config import ConnectionConfig
from kservectl.client.connection import Connection
from kservectl.client.errors import NotFound, TooManyRequests
from kservectl.client.metrics import ClientMetrics
from kservectl.objects.kind import CONFIG_MAP
from tests.client.scripted_server import ScriptedServer, answer, status
from tests.fake_clock import FakeClock, eventually

OBJ = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}}
REFUSAL = TooManyRequests(429, "TooManyRequests", "too many requests")


class Load:
    """Requests through a limit, each ended by the test."""

    def __init__(self, concurrency: AdaptiveConcurrency) -> None:
        self.concurrency = concurrency
        self.entered: list[asyncio.Future[None]] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def send(self, number: int) -> None:
        self.tasks += [asyncio.create_task(self._one()) for _ in range(number)]
        await self.settle()

    async def end(self, number: int, error: Exception | None = None) -> None:
        """The oldest ones under way end."""
        ending, self.entered = self.entered[:number], self.entered[number:]
        for request in ending:
            if error is None:
                request.set_result(None)
            else:
                request.set_exception(error)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def _one(self) -> None:
        try:
            async with self.concurrency.slot():
                request = asyncio.get_running_loop().create_future()
                self.entered.append(request)
                await request
        except (TooManyRequests, NotFound):
            return


async def test_server_that_takes_everything_is_sent_as_much_as_there_is() -> None:
    load = Load(concurrency := AdaptiveConcurrency(most=10))
    await load.send(12)
    assert len(load.entered) == 10
    await load.end(1)
    assert len(load.entered) == 10
    assert concurrency.limit == 10


async def test_what_can_wait_goes_when_few_requests_are_under_way_and_none_waits() -> None:
    load = Load(concurrency := AdaptiveConcurrency(most=8))
    await asyncio.wait_for(concurrency.calm(), 1)
    await load.send(10)
    waiting = asyncio.create_task(concurrency.calm())
    for _ in range(5):
        await load.end(1)
        assert not waiting.done()
    await load.end(1)
    assert len(load.entered) == 4
    assert waiting.done()


async def test_a_lowered_limit_is_no_calm_while_requests_wait() -> None:
    load = Load(concurrency := AdaptiveConcurrency(most=8))
    await load.send(8)
    await load.end(8, REFUSAL)
    await load.send(6)
    waiting = asyncio.create_task(concurrency.calm())
    await load.settle()
    assert (len(load.entered), waiting.done()) == (4, False)
    await load.end(2)
    assert (len(load.entered), waiting.done()) == (4, True)


async def test_refusal_halves_what_was_under_way() -> None:
    load = Load(concurrency := AdaptiveConcurrency(most=100))
    await load.send(40)
    await load.end(1, REFUSAL)
    assert concurrency.limit == 20


async def test_requests_refused_together_count_once() -> None:
    load = Load(concurrency := AdaptiveConcurrency(most=100))
    await load.send(40)
    await load.end(30, REFUSAL)
    assert concurrency.limit == 20


async def test_refusals_of_later_requests_lower_it_further_but_never_to_nothing() -> None:
    load = Load(concurrency := AdaptiveConcurrency(most=16))
    await load.send(100)
    seen = [concurrency.limit]
    for _ in range(5):
        await load.end(len(load.entered), REFUSAL)
        seen.append(concurrency.limit)
    assert seen == [16, 8, 4, 2, 2, 2]
    assert len(load.entered) == 2


async def test_each_round_that_the_server_takes_raises_it_by_about_one() -> None:
    load = Load(concurrency := AdaptiveConcurrency(most=16))
    await load.send(16)
    await load.end(16, REFUSAL)
    await load.send(1000)
    seen = []
    for _ in range(20):
        await load.end(len(load.entered))
        seen.append(concurrency.limit)
    assert all(0 <= later - earlier <= 1 for earlier, later in itertools.pairwise(seen))
    assert seen[-1] == 16


async def test_it_is_not_raised_by_requests_that_it_did_not_hold_up() -> None:
    load = Load(concurrency := AdaptiveConcurrency(most=100))
    await load.send(16)
    await load.end(16, REFUSAL)
    for _ in range(50):
        await load.send(2)
        await load.end(2)
    assert concurrency.limit == 8


async def test_other_errors_say_nothing_of_load() -> None:
    load = Load(concurrency := AdaptiveConcurrency(most=10))
    await load.send(10)
    await load.end(10, NotFound(404, "NotFound", "not found"))
    assert (concurrency.limit, concurrency.under_way) == (10, 0)


async def test_request_cancelled_while_it_waits_gives_its_turn_to_the_next() -> None:
    load = Load(concurrency := AdaptiveConcurrency(most=1))
    await load.send(3)
    load.tasks[1].cancel()
    await load.end(1)
    assert (len(load.entered), concurrency.under_way) == (1, 1)
    await load.end(1)
    assert concurrency.under_way == 0


async def test_request_cancelled_in_the_moment_of_its_turn_gives_the_slot_back() -> None:
    load = Load(concurrency := AdaptiveConcurrency(most=1))
    await load.send(2)
    load.entered.pop(0).set_result(None)
    await asyncio.sleep(0)
    load.tasks[1].cancel()  # the first has left, the second has its turn and does not know it yet
    await load.settle()
    assert concurrency.under_way == 0
    await load.send(1)
    assert len(load.entered) == 1


async def all_of(clock: FakeClock, requests: list[Callable[[], Awaitable[object]]]) -> None:
    """Their end, while the clock goes on."""
    tasks = [asyncio.ensure_future(request()) for request in requests]
    async with asyncio.timeout(10):
        while not all(task.done() for task in tasks):
            await clock.advance(0.5)
            await asyncio.sleep(0.001)  # for the sockets
    await asyncio.gather(*tasks)


async def test_client_sends_fewer_at_once_after_429_and_loses_none(
    server: ScriptedServer, client: Client, clock: FakeClock, registry: CollectorRegistry
) -> None:
    def limit() -> float | None:
        return registry.get_sample_value("kservectl_request_concurrency_limit", {"host": client.connection.host})

    assert limit() == MOST
    server.answer(*[status(429, "TooManyRequests", retry_after=1) for _ in range(20)], *[answer(OBJ)] * 80)
    await all_of(clock, [lambda: client.create(CONFIG_MAP, OBJ) for _ in range(80)])
    assert len(server.asked) == 100
    assert limit() is not None
    assert 2 <= (limit() or 0) <= 40


async def test_urgent_requests_pass_while_all_slots_are_taken(server: ScriptedServer, clock: FakeClock) -> None:
    async def never(_: object) -> None:
        await asyncio.sleep(3600)

    concurrency = AdaptiveConcurrency(most=1)
    async with Connection(
        ConnectionConfig(server.url), clock=clock, rng=random.Random(1), concurrency=concurrency
    ) as connection:
        client = Client(connection)
        server.answer(never, answer(OBJ))  # type: ignore[arg-type]  # the first never gets as far as to answer
        stuck = asyncio.create_task(client.create(CONFIG_MAP, OBJ))
        await eventually(lambda: len(server.asked) == 1)
        waiting = asyncio.create_task(client.create(CONFIG_MAP, OBJ))
        assert await client.urgent().get(CONFIG_MAP, "a", "n") == OBJ
        assert len(server.asked) == 2
        stuck.cancel()
        waiting.cancel()
        await asyncio.wait([stuck, waiting])


def test_metric_shows_the_limit_as_it_is_now() -> None:
    registry = CollectorRegistry()
    AdaptiveConcurrency(most=7, changed=ClientMetrics(registry).concurrency("h"))
    assert registry.get_sample_value("kservectl_request_concurrency_limit", {"host": "h"}) == 7
