"""The batcher: several callers, one request to the server, each its own predictions."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from kservectl.agent.backend import Answer
from kservectl.agent.batching import Batcher
from kservectl.agent.server import BatchOptions
from tests.agent.component import Component, Running, agent, component
from tests.fake_clock import FakeClock, eventually

PATH = "/v1/models/sum:predict"


@pytest.fixture
async def server() -> AsyncIterator[Component]:
    async with component() as running:
        yield running


def batching(server: Component, size: int = 4, seconds: float = 30.0) -> Any:
    return agent(component=server.url, batch=BatchOptions(size, seconds))


async def ask(running: Running, *instances: list[int], path: str = PATH, **more: Any) -> tuple[int, dict[str, Any]]:
    status, body = await running.post(path, json.dumps({"instances": instances, **more}).encode())
    return status, json.loads(body)


def batches(server: Component) -> list[Any]:
    return [json.loads(body)["instances"] for _, _, body, _ in server.seen]


async def test_requests_are_joined_until_the_batch_is_full_and_get_their_own_predictions(server: Component) -> None:
    async with batching(server) as running:
        answers = await asyncio.gather(ask(running, [1, 2], [3]), ask(running, [4]), ask(running, [5]))
        assert running.metric("kservectl_agent_batch_instances_sum 4.0")

    assert len(server.seen) == 1
    assert sorted(batches(server)[0]) == [[1, 2], [3], [4], [5]]
    assert [answer["predictions"] for _, answer in answers] == [[3, 3], [4], [5]]
    assert len({answer["batchId"] for _, answer in answers}) == 1
    assert [set(answer) for _, answer in answers] == [{"message", "batchId", "predictions"}] * 3


async def test_a_batch_that_is_not_full_goes_when_the_first_waited_long_enough(server: Component) -> None:
    async with batching(server, size=100, seconds=0.1) as running:
        answers = await asyncio.gather(ask(running, [1]), ask(running, [2]))
        await ask(running, [3])

    assert [answer["predictions"] for _, answer in answers] == [[1], [2]]
    assert [len(batch) for batch in batches(server)] == [2, 1]


async def test_a_request_that_does_not_fit_any_more_begins_the_next_batch(server: Component) -> None:
    async with batching(server, size=3) as running:
        first = asyncio.create_task(ask(running, [1], [1]))
        await asyncio.sleep(0.1)
        assert await ask(running, [2], [2], [2]) == (
            200,
            {"message": "", "batchId": first_id(), "predictions": [2, 2, 2]},
        )
        await first

    assert sorted(len(batch) for batch in batches(server)) == [2, 3]


class first_id:  # noqa: N801 - reads as a value
    """Equal to any id."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and len(other) == 36

    __hash__ = None  # type: ignore[assignment]  # never a key


async def test_more_instances_than_a_batch_has_go_by_themselves(server: Component) -> None:
    async with batching(server, size=2) as running:
        status, answer = await ask(running, [1], [2], [3])
    assert (status, answer["predictions"]) == (200, [1, 2, 3])


async def test_requests_to_two_paths_or_with_other_parameters_are_not_joined(server: Component) -> None:
    async with batching(server, size=2, seconds=0.2) as running:
        await asyncio.gather(
            ask(running, [1], path="/v1/models/a:predict"),
            ask(running, [2], path="/v1/models/b:predict"),
            ask(running, [3], parameters={"top": 1}),
            ask(running, [4], parameters={"top": 2}),
        )
    assert len(server.seen) == 4
    assert {"top": 1} in [json.loads(body).get("parameters") for _, _, body, _ in server.seen]


@pytest.mark.parametrize(
    ("how", "status", "message"),
    [
        ("error", 503, "out of memory"),
        ("short", 500, "the model server gave 1 predictions for 2 instances"),
        ("text", 500, "what is not JSON"),
        ("none", 500, "without predictions"),
    ],
)
async def test_what_goes_wrong_is_told_to_every_waiting_caller(
    server: Component, how: str, status: int, message: str
) -> None:
    path = f"{PATH}?as={how}"
    async with batching(server, size=2) as running:
        answers = await asyncio.gather(ask(running, [1], path=path), ask(running, [2], path=path))
    assert [found for found, _ in answers] == [status, status]
    assert all(message in answer["message"] for _, answer in answers)


async def test_no_server_is_told_to_every_waiting_caller() -> None:
    async with agent(component="http://127.0.0.1:9", batch=BatchOptions(2, 30)) as running:
        answers = await asyncio.gather(ask(running, [1]), ask(running, [2]))
    assert [status for status, _ in answers] == [502, 502]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"instances": []}', b'{"instances": 3}'])
async def test_a_body_without_instances_is_a_400(server: Component, body: bytes) -> None:
    async with batching(server) as running:
        status, _ = await running.post(PATH, body)
    assert status == 400
    assert server.seen == []


async def test_other_paths_and_methods_pass(server: Component) -> None:
    async with batching(server) as running:
        assert await running.post("/echo", b"no JSON") == (200, b"no JSON")
        async with running.session.get(running.url(PATH)) as answer:
            assert answer.status == 500, "the component got it, and cannot read an empty body"


async def test_a_caller_that_went_away_is_left_out(server: Component) -> None:
    async with batching(server, size=2, seconds=0.5) as running:
        leaving = asyncio.create_task(ask(running, [9]))
        await asyncio.sleep(0.1)
        leaving.cancel()
        await asyncio.wait([leaving])
        await asyncio.sleep(0.1)
        assert (await ask(running, [1]))[1]["predictions"] == [1]
    assert batches(server) == [[[1]]]


async def test_what_waits_is_sent_when_the_agent_stops(server: Component) -> None:
    async with batching(server, size=10, seconds=3600) as running:
        waiting = asyncio.create_task(ask(running, [1]))
        await eventually(lambda: running.metric("kservectl_agent_requests_under_way 1.0"))
        running.stop.set()
        assert (await asyncio.wait_for(waiting, 10))[1]["predictions"] == [1]


async def ones(path: str, body: bytes) -> Answer:
    """A server that predicts 1 for everything."""
    return Answer(200, json.dumps({"predictions": [1 for _ in json.loads(body)["instances"]]}).encode())


def patient() -> Batcher:
    """One whose batches wait for an hour that does not pass."""
    return Batcher(ones, max_size=10, max_seconds=3600, clock=FakeClock(), registry=CollectorRegistry())


async def test_a_batcher_that_ends_sends_what_waits() -> None:
    async with patient() as batcher:
        asking = asyncio.create_task(batcher.predict(PATH, b'{"instances":[[1]]}'))
        await asyncio.sleep(0)
        assert not asking.done()
    assert json.loads((await asking).body)["predictions"] == [1]


async def test_a_batcher_that_is_to_wait_no_longer_sends_everything_as_it_comes() -> None:
    async with patient() as batcher:
        batcher.wait_no_longer()
        for _ in range(2):
            answer = await asyncio.wait_for(batcher.predict(PATH, b'{"instances":[[1]]}'), 5)
            assert answer.status == 200
