"""What the client tries again, when, and what it leaves to its caller."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import pytest
from prometheus_client import CollectorRegistry

from kservectl.client.client import JSON_PATCH, Client
from kservectl.client.config import ConnectionConfig
from kservectl.client.connection import Connection, Deadlines
from kservectl.client.errors import (
    ApiError,
    ClientError,
    ConnectionFailed,
    NotFound,
    ServerError,
    Stalled,
    TooManyRequests,
    Unreachable,
)
from kservectl.client.rate_limit import RateLimit
from kservectl.client.retry import RetryPolicy, parse_retry_after
from kservectl.objects.kind import CONFIG_MAP
from tests.client.scripted_server import Feed, ScriptedServer, answer, chunks, drop, event, status
from tests.fake_clock import FakeClock, eventually

OBJ = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}}
T = TypeVar("T")


async def passing(clock: FakeClock, work: Awaitable[T], step: float = 0.5) -> T:
    """The result of `work`, while the clock goes on."""
    task = asyncio.ensure_future(work)
    async with asyncio.timeout(5):
        while not task.done():
            await clock.advance(step)
            await asyncio.sleep(0.001)  # for the sockets
    return task.result()


@pytest.mark.parametrize("verb", ["get", "update", "apply", "delete", "merge patch"])
async def test_idempotent_requests_survive_trouble_of_the_server(
    server: ScriptedServer, client: Client, clock: FakeClock, verb: str
) -> None:
    server.answer(status(500, "InternalError"), status(503, "ServiceUnavailable", retry_after=1), answer(OBJ))
    requests: dict[str, Callable[[], Awaitable[object]]] = {
        "get": lambda: client.get(CONFIG_MAP, "a", "n"),
        "update": lambda: client.update(CONFIG_MAP, OBJ),
        "apply": lambda: client.apply(CONFIG_MAP, OBJ),
        "delete": lambda: client.delete(CONFIG_MAP, "a", "n"),
        "merge patch": lambda: client.patch(CONFIG_MAP, "a", "n", {}),
    }
    await passing(clock, requests[verb]())
    assert len(server.asked) == 3


async def test_what_must_not_happen_twice_is_not_repeated(
    server: ScriptedServer, client: Client, clock: FakeClock
) -> None:
    for request in (
        lambda: client.create(CONFIG_MAP, OBJ),
        lambda: client.patch(CONFIG_MAP, "a", "n", [], content_type=JSON_PATCH),
        lambda: client.raw("POST", "/x"),
    ):
        for trouble, expected in ((status(500, "InternalError"), ServerError), (drop(), ConnectionFailed)):
            server.asked.clear()
            server.answer(trouble)
            with pytest.raises(expected):
                await passing(clock, request())
            assert len(server.asked) == 1


async def test_write_waits_as_long_as_the_server_asks(server: ScriptedServer, client: Client, clock: FakeClock) -> None:
    server.answer(status(429, "TooManyRequests", retry_after=9), answer(OBJ))
    creation = asyncio.create_task(client.create(CONFIG_MAP, OBJ))
    await eventually(lambda: 9 <= (clock.next_timer or 0) <= 9.25)
    await clock.advance(8.9)
    assert len(server.asked) == 1
    await clock.advance(0.4)
    assert await creation == OBJ
    assert len(server.asked) == 2


async def test_server_that_asks_for_too_much_patience_is_left_to_the_caller(
    server: ScriptedServer, client: Client
) -> None:
    server.answer(status(429, "TooManyRequests", retry_after=600))
    with pytest.raises(TooManyRequests) as raised:
        await client.get(CONFIG_MAP, "a", "n")
    assert raised.value.retry_after == 600


async def test_attempts_are_limited_and_the_last_error_is_told(
    server: ScriptedServer, client: Client, clock: FakeClock
) -> None:
    server.answer(*[status(500, "InternalError", f"trouble {number}") for number in range(1, 10)])
    with pytest.raises(ServerError, match="trouble 5"):
        await passing(clock, client.get(CONFIG_MAP, "a", "n"))
    assert len(server.asked) == 5


async def test_refusals_are_not_repeated(server: ScriptedServer, client: Client) -> None:
    server.answer(status(404, "NotFound"))
    with pytest.raises(NotFound):
        await client.get(CONFIG_MAP, "a", "n")
    assert len(server.asked) == 1


async def test_guard_is_asked_again_before_every_attempt(
    server: ScriptedServer, client: Client, clock: FakeClock
) -> None:
    class Stale(Exception):
        pass

    fresh = [True]

    def guard() -> None:
        if not fresh.pop():
            raise Stale

    fresh[:] = [False, True]
    server.answer(status(503, "ServiceUnavailable"))
    with pytest.raises(Stale):
        await passing(clock, client.guarded_by(guard).apply(CONFIG_MAP, OBJ))
    assert len(server.asked) == 1


async def test_server_that_is_not_there_is_unreachable(clock: FakeClock) -> None:
    async with Connection(ConnectionConfig("http://127.0.0.1:1"), clock=clock, rng=random.Random(1)) as connection:
        with pytest.raises(Unreachable, match=r"POST .*/configmaps: 127\.0\.0\.1:1 cannot be reached"):
            await passing(clock, Client(connection).create(CONFIG_MAP, OBJ))


async def test_closed_connection_stays_closed(server: ScriptedServer, client: Client) -> None:
    await client.close()
    with pytest.raises(ConnectionFailed, match="closed by this process"):
        await client.create(CONFIG_MAP, OBJ)
    assert server.asked == []


async def test_server_that_does_not_answer_is_left(server: ScriptedServer, client: Client, clock: FakeClock) -> None:
    async def never(_: object) -> None:
        await asyncio.sleep(3600)

    server.answer(never)  # type: ignore[arg-type]  # it never gets as far as to answer
    creation = asyncio.create_task(client.create(CONFIG_MAP, OBJ))
    await eventually(lambda: len(server.asked) == 1)
    await clock.advance(Deadlines().answer)
    with pytest.raises(Stalled, match="did not answer within 65 s"):
        await creation


async def test_body_that_stops_halfway_is_left(server: ScriptedServer, client: Client, clock: FakeClock) -> None:
    feed = Feed()
    server.answer(feed)
    feed.send(b'{"half":')
    creation = asyncio.create_task(client.create(CONFIG_MAP, OBJ))
    await eventually(lambda: clock.next_timer == Deadlines().silence)
    await clock.advance(Deadlines().silence)
    with pytest.raises(Stalled, match="no byte in 30 s"):
        await creation


async def test_body_that_is_cut_is_not_taken_for_whole(server: ScriptedServer, client: Client) -> None:
    server.answer(chunks(b'{"a": 1}', cut=True))
    with pytest.raises(ConnectionFailed, match="cut short"):
        await client.create(CONFIG_MAP, OBJ)


async def test_watch_is_not_retried_and_its_refusal_has_the_usual_error(server: ScriptedServer, client: Client) -> None:
    server.watch(status(429, "TooManyRequests", retry_after=3))
    with pytest.raises(TooManyRequests) as raised:
        async with client.watch(CONFIG_MAP, resource_version="1"):
            pass
    assert raised.value.retry_after == 3
    assert len(server.asked) == 1


async def test_watch_ends_with_its_block(server: ScriptedServer, client: Client) -> None:
    server.watch(feed := Feed())
    feed.send(event("ADDED", OBJ))
    async with client.watch(CONFIG_MAP, "n", resource_version="7", timeout_seconds=33) as stream:
        assert (await anext(stream)).object == OBJ
    assert server.asked[0].path == "/api/v1/namespaces/n/configmaps"
    assert server.asked[0].query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "7",
        "timeoutSeconds": "33",
    }


async def test_requests_and_retries_are_counted_under_client_gos_names(
    server: ScriptedServer, client: Client, clock: FakeClock, registry: CollectorRegistry
) -> None:
    server.answer(status(500, "InternalError"), answer(OBJ), drop())
    await passing(clock, client.update(CONFIG_MAP, OBJ))
    with pytest.raises(ConnectionFailed):
        await client.create(CONFIG_MAP, OBJ)
    host = server.url.removeprefix("http://")

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"host": host, **labels})

    assert value("rest_client_requests_total", code="500", method="PUT") == 1
    assert value("rest_client_requests_total", code="200", method="PUT") == 1
    assert value("rest_client_requests_total", code="<error>", method="POST") == 1
    assert value("rest_client_request_retries_total", code="500", verb="PUT") == 1
    assert value("rest_client_request_duration_seconds_count", verb="PUT") == 2
    assert value("rest_client_request_duration_seconds_bucket", verb="PUT", le="0.005") is not None


async def test_rate_limit_spreads_requests_once_the_burst_is_spent(clock: FakeClock) -> None:
    limit = RateLimit(2, 3, clock=clock)
    times: list[float] = []

    async def take() -> None:
        await limit.acquire()
        times.append(clock.monotonic() - 1000)

    takers = [asyncio.create_task(take()) for _ in range(6)]
    await clock.advance(10)
    assert times == [0, 0, 0, 0.5, 1.0, 1.5]
    await asyncio.gather(*takers)
    await asyncio.gather(take(), take(), take())
    assert times[6:] == [10, 10, 10], "the burst has come back"


async def test_connection_obeys_its_rate_limit(server: ScriptedServer, clock: FakeClock) -> None:
    server.answer(answer(OBJ), answer(OBJ))
    config = ConnectionConfig(server.url)
    async with Connection(config, clock=clock, rng=random.Random(1), limit=RateLimit(1, 1, clock=clock)) as connection:
        client = Client(connection)
        await client.get(CONFIG_MAP, "a", "n")
        second = asyncio.create_task(client.get(CONFIG_MAP, "a", "n"))
        await clock.settle()
        assert len(server.asked) == 1
        await clock.advance(1)
        await second


def test_rate_limit_refuses_nonsense(clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="qps"):
        RateLimit(0, 1, clock=clock)


@pytest.mark.parametrize(
    ("error", "idempotent", "repeated"),
    [
        (TooManyRequests(429, "", ""), False, True),
        (Unreachable(""), False, True),
        (ConnectionFailed(""), False, False),
        (ConnectionFailed(""), True, True),
        (Stalled(""), True, True),
        (ServerError(503, "", ""), False, False),
        (ServerError(503, "", ""), True, True),
        (ApiError(418, "", ""), True, False),
    ],
)
def test_only_what_cannot_run_twice_is_repeated(error: ClientError, idempotent: bool, repeated: bool) -> None:
    delay = RetryPolicy().delay(error, attempt=1, idempotent=idempotent, rng=random.Random(1))
    assert (delay is not None) == repeated


def test_delays_grow_to_a_cap() -> None:
    policy, error = RetryPolicy(attempts=100), ServerError(500, "", "")
    for attempt, ceiling in ((1, 0.25), (2, 0.5), (3, 1.0), (5, 4.0), (6, 5.0), (50, 5.0)):
        draws = [policy.delay(error, attempt=attempt, idempotent=True, rng=random.Random(n)) or 0 for n in range(300)]
        assert 0.9 * ceiling < max(draws) <= ceiling


def test_requests_refused_together_do_not_come_back_together() -> None:
    policy, rng = RetryPolicy(base=0.25, cap=5), random.Random(1)
    refused = TooManyRequests(429, "TooManyRequests", "busy", retry_after=1)
    first = [policy.delay(refused, attempt=1, idempotent=False, rng=rng) or 0 for _ in range(100)]
    third = [policy.delay(refused, attempt=3, idempotent=False, rng=rng) or 0 for _ in range(100)]
    assert len(set(first)) == 100
    assert min(first) >= 1
    assert 1.2 < max(first) <= 1.25
    assert 1.75 < max(third) <= 2  # the longer it goes on, the further apart


def test_retry_after_is_a_number_or_a_date() -> None:
    now = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
    assert parse_retry_after("7", now) == 7
    assert parse_retry_after("-7", now) is None
    assert parse_retry_after("nan", now) is None
    assert parse_retry_after("Thu, 01 Jan 2026 12:00:30 GMT", now) == 30
    assert parse_retry_after("Thu, 01 Jan 2026 11:00:00 GMT", now) == 0
    assert parse_retry_after("soon", now) is None
    assert parse_retry_after("", now) is None
