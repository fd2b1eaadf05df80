"""Looking up what is outside of the cluster: names are wanted, asked about, told of, asked about again, and forgotten."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.lookup import Lookup, LookupFailed, LookupTiming
from tests.fake_clock import FakeClock

FACT = Kind("outside.example.com", "v1", "Fact", "facts", namespaced=False)
ROSE, LILY = ("models", ObjectKey("ml", "rose")), ("models", ObjectKey("ml", "lily"))


class Outside:
    """Answers by name, an exception by raising it; counts what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0
        self.answering: asyncio.Event | None = None

    async def ask(self, name: str) -> Object:
        self.asked.append(name)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.answering is not None:
                await self.answering.wait()
            answer = self.answers[name]
        finally:
            self.at_once -= 1
        if isinstance(answer, Exception):
            raise answer
        return {"is": answer}


class Looking:
    def __init__(self, lookup: Lookup, clock: FakeClock) -> None:
        self.lookup, self.clock = lookup, clock
        self.told: list[str] = []
        lookup.listen("models", lambda key: self.told.append(key.name))

    def status(self, name: str) -> Any:
        found = self.lookup.store.get(ObjectKey("", name))
        return None if found is None else found["status"]


@asynccontextmanager
async def looking(outside: Outside, **options: Any) -> AsyncIterator[Looking]:
    clock = FakeClock()
    timing = LookupTiming(refresh=100, retry_least=1, retry_most=8, deadline=10)
    lookup = Lookup(FACT, outside.ask, clock=clock, rng=random.Random(1), timing=timing, **options)
    found = Looking(lookup, clock)
    running = asyncio.create_task(lookup.run())
    await clock.settle()
    yield found
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_wanted_name_is_looked_up_and_its_holders_are_told() -> None:
    async with looking(Outside(a=1)) as here:
        here.lookup.want(ROSE, ["a"])
        here.lookup.want(LILY, ["a"])
        await here.clock.settle()
        assert here.status("a") == {"is": 1}
        assert here.told == ["lily", "rose"]
        fact = here.lookup.store.get(ObjectKey("", "a"))
        assert fact is not None
        assert (fact["apiVersion"], fact["kind"]) == ("outside.example.com/v1", "Fact")


async def test_names_wanted_before_the_start_are_looked_up_too() -> None:
    outside, clock = Outside(a=1), FakeClock()
    lookup = Lookup(FACT, outside.ask, clock=clock, rng=random.Random(1))
    lookup.want(ROSE, ["a"])
    running = asyncio.create_task(lookup.run())
    await clock.settle()
    assert outside.asked == ["a"]
    running.cancel()


async def test_an_answer_is_asked_for_again_and_told_only_when_it_differs() -> None:
    outside = Outside(a=1)
    async with looking(outside) as here:
        here.lookup.want(ROSE, ["a"])
        await here.clock.advance(130)
        assert outside.asked == ["a", "a"]
        assert here.told == ["rose"]
        outside.answers["a"] = 2
        await here.clock.advance(130)
        assert here.status("a") == {"is": 2}
        assert here.told == ["rose", "rose"]


async def test_a_failed_question_keeps_the_last_answer_and_is_asked_again_ever_less_often() -> None:
    outside = Outside(a=1)
    async with looking(outside) as here:
        here.lookup.want(ROSE, ["a"])
        await here.clock.settle()
        outside.answers["a"] = LookupFailed("Unreachable", "nobody there")
        await here.clock.advance(1000)
        assert here.status("a") == {"is": 1, "problem": {"reason": "Unreachable", "message": "nobody there"}}
        assert here.told == ["rose", "rose"], "the same failure is told once"
        assert 100 < len(outside.asked) < 900, "never more than once a second, never less than once in nine"
        outside.answers["a"] = 1
        await here.clock.advance(10)
        assert here.status("a") == {"is": 1}


async def test_a_question_without_an_answer_ends_at_its_deadline() -> None:
    outside = Outside(a=1)
    outside.answering = asyncio.Event()
    async with looking(outside) as here:
        here.lookup.want(ROSE, ["a"])
        await here.clock.advance(11)
        assert here.status("a") == {"problem": {"reason": "Unreachable", "message": "there was no answer within 10 s"}}
        assert outside.at_once <= 1


async def test_only_so_many_questions_are_asked_at_once() -> None:
    outside = Outside(**{f"n{number}": number for number in range(10)})
    outside.answering = asyncio.Event()
    async with looking(outside, at_once=3) as here:
        here.lookup.want(ROSE, outside.answers)
        await here.clock.settle()
        assert outside.at_once == 3
        outside.answering.set()
        await here.clock.settle()
        assert outside.most_at_once == 3
        assert len(here.lookup.store) == 10


async def test_what_nobody_wants_any_more_is_forgotten() -> None:
    outside = Outside(a=1, b=2)
    async with looking(outside) as here:
        here.lookup.want(ROSE, ["a"])
        here.lookup.want(LILY, ["a"])
        await here.clock.settle()
        here.lookup.want(ROSE, ["b"])
        await here.clock.settle()
        assert (here.status("a"), here.status("b")) == ({"is": 1}, {"is": 2})
        here.lookup.want(LILY, [])
        await here.clock.settle()
        assert here.status("a") is None
        await here.clock.advance(1000)
        assert outside.asked.count("a") == 1


async def test_everything_is_asked_again_when_how_one_asks_has_changed() -> None:
    outside = Outside(a=LookupFailed("NotConfigured", "no address"))
    async with looking(outside) as here:
        here.lookup.want(ROSE, ["a"])
        await here.clock.settle()
        outside.answers["a"] = 1
        here.lookup.ask_again()
        await here.clock.settle()
        assert here.status("a") == {"is": 1}


async def test_a_fault_in_asking_about_one_name_leaves_the_others_alone() -> None:
    async with looking(Outside(a=ZeroDivisionError("secret words"), b=1)) as here:
        here.lookup.want(ROSE, ["a", "b"])
        await here.clock.settle()
        assert here.status("a")["problem"]["reason"] == "InternalError"
        assert "secret" not in here.status("a")["problem"]["message"]
        assert here.status("b") == {"is": 1}
