"""When a call is tried again, how often, and who pays."""

import asyncio
import random

import pytest
from multidict import CIMultiDict

from kservectl.router.answer import Answer, StepError
from kservectl.router.call import Call
from kservectl.router.retrying import RetryBudget, RetryingCaller
from tests.fake_clock import FakeClock
from tests.router.routing import NO_LIMIT

UNSENT = StepError("cannot connect", unsent=True, passing=True)
BROKEN = StepError("broke off", passing=True)
HOPELESS = StepError("the answer is too long")
GOOD, BUSY = Answer(200, b"{}"), Answer(503, b"busy")


class Begun:
    begun = True

    async def begin(self, status: int, content_type: str) -> None: ...

    async def write(self, chunk: bytes) -> None: ...


class Service:
    """Gives one result after the other, the last one for ever."""

    def __init__(self, *results: Answer | StepError) -> None:
        self.results = list(results)
        self.calls = 0

    async def __call__(self, call: Call) -> Answer:
        self.calls += 1
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(result, StepError):
            raise result
        return result


async def ask(
    service: Service, retries: int | None = None, *, budget: RetryBudget | None = None, relay: Begun | None = None
) -> tuple[int | str, list[bool], float]:
    """The status or the cause, what was told of retries, and the seconds it took."""
    clock, told = FakeClock(), list[bool]()
    caller = RetryingCaller(
        service, clock=clock, rng=random.Random(1), budget=budget or RetryBudget(), told=told.append
    )
    began = clock.monotonic()
    asking = asyncio.create_task(caller(Call("http://a", b"{}", CIMultiDict(), NO_LIMIT, retries, relay)))
    await clock.settle()
    while not asking.done():
        await clock.advance(clock.next_timer or 0)
    took = clock.monotonic() - began
    error = asking.exception()
    return (str(error) if error else asking.result().status), told, took


async def test_a_call_that_reached_nobody_is_tried_again_twice() -> None:
    service = Service(UNSENT, UNSENT, GOOD)
    assert (await ask(service))[:2] == (200, [True, True])
    service = Service(UNSENT)
    assert (await ask(service))[0] == "cannot connect"
    assert service.calls == 3


@pytest.mark.parametrize("result", [BROKEN, HOPELESS, BUSY])
async def test_a_call_that_may_have_done_something_is_not_repeated_unasked(result: Answer | StepError) -> None:
    service = Service(result, GOOD)
    await ask(service)
    assert service.calls == 1


@pytest.mark.parametrize("result", [UNSENT, BROKEN, BUSY, Answer(502, b""), Answer(504, b"")])
async def test_a_step_that_allows_it_has_its_call_repeated(result: Answer | StepError) -> None:
    service = Service(result, result, result, GOOD)
    assert (await ask(service, retries=3))[0] == 200
    assert service.calls == 4


@pytest.mark.parametrize("result", [HOPELESS, Answer(500, b""), Answer(429, b""), Answer(404, b"")])
async def test_what_would_come_out_the_same_is_not_repeated(result: Answer | StepError) -> None:
    service = Service(result, GOOD)
    await ask(service, retries=3)
    assert service.calls == 1


async def test_the_last_answer_counts_when_all_tries_are_used_up() -> None:
    service = Service(BUSY)
    assert (await ask(service, retries=2))[0] == 503
    assert service.calls == 3


async def test_zero_retries_are_none() -> None:
    service = Service(UNSENT, GOOD)
    assert (await ask(service, retries=0))[0] == "cannot connect"
    assert service.calls == 1


async def test_an_answer_that_is_on_its_way_is_not_begun_anew() -> None:
    service = Service(BROKEN, GOOD)
    assert (await ask(service, retries=3, relay=Begun()))[0] == "broke off"
    assert service.calls == 1


async def test_waits_are_short() -> None:
    _, _, took = await ask(Service(BUSY), retries=8)
    assert 0 < took < 8 * 0.5


async def test_a_service_that_is_down_costs_a_fifth_more_calls_and_no_more() -> None:
    budget, service = RetryBudget(ratio=0.2, reserve=10), Service(UNSENT)
    refused = 0
    for _ in range(100):
        _, told, _ = await ask(service, budget=budget)
        refused += told.count(False)
    assert 100 + 20 <= service.calls <= 100 + 20 + 10
    assert refused > 60


def test_a_budget_is_earned_again() -> None:
    budget = RetryBudget(ratio=0.5, reserve=1)
    assert budget.spend()
    assert not budget.spend()
    budget.earn()
    budget.earn()
    assert budget.spend()
